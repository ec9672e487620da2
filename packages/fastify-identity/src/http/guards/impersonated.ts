import type { ActiveSession } from "@org/db-models";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { setCookie, stateOf } from "../requests.js";

/** Whether administrators may act for users here. */
export const hasImpersonation = ({ settings: { admin } }: Service): boolean =>
  admin !== false && admin.impersonation !== false;

/** Whether users are told why somebody acts for them. */
export const tellsReasons = ({ settings: { admin } }: Service): boolean =>
  admin !== false && admin.impersonation !== false && admin.impersonation.showReason;

/**
 * Makes the routes of a scope the plugin's own: an impersonated session may use those alone that say so. A route that nobody
 * has decided on is refused.
 */
export function refuseImpersonated(scope: FastifyInstance, service: Service): void {
  if (!hasImpersonation(service)) return;
  scope.addHook("onRoute", (route) => {
    route.config = { ...route.config, impersonated: route.config?.impersonated === true };
  });
}

/**
 * The one place that decides what an administrator who acts for a user may use: every route of the application that does not
 * refuse it, and of the plugin's own those that allow it.
 *
 * @throws IdentityProblem `IMPERSONATED`; `SESSION_INVALID` where administrators may not act for users.
 */
export function admitImpersonated(
  service: Service,
  request: FastifyRequest,
  session: Pick<ActiveSession, "actor" | "userId" | "absoluteExpiresAt">,
): void {
  if (!session.actor) return;
  if (!hasImpersonation(service)) throw new IdentityProblem("SESSION_INVALID", { reason: "revoked" });
  stateOf(request).impersonation = { ...session, actor: session.actor };
  refuseUnlessAllowed(request);
}

/** The same for an access token that was given to who acts for a user. */
export function admitActor(
  service: Service,
  request: FastifyRequest,
  actor: Types.ObjectId | undefined,
): void {
  if (!actor) return;
  if (!hasImpersonation(service)) throw new IdentityProblem("ACCESS_TOKEN_INVALID", { reason: "revoked" });
  refuseUnlessAllowed(request);
}

function refuseUnlessAllowed({ routeOptions: { config } }: FastifyRequest): void {
  if (config.impersonated === false) throw new IdentityProblem("IMPERSONATED");
}

/**
 * {@link admitImpersonated} for a route of the plugin's that takes no session: in a browser where somebody acts for a user it
 * would sign in, reset or link in between; and a page that is allowed says whom they act for.
 */
export async function guardPublic(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const token = service.cookies.readImpersonation(request.headers.cookie);
  if (token === undefined) return;
  const check = await service.identity.sessions.validate(token, { touch: false });
  if (check.ok) admitImpersonated(service, request, check.session);
  else setCookie(reply, service.cookies.endImpersonation());
}
