import type { ActiveSession } from "@org/db-models";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { stateOf } from "../requests.js";
import { type Credential, credentialOf, schemeOf } from "./credentials.js";

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

/** A session that was checked. */
type Checked = Pick<ActiveSession, "actor" | "actorSession" | "userId" | "absoluteExpiresAt">;

/**
 * The one place that decides whose a request is where an administrator acts for a user, and what it may use: every route of
 * the application that does not refuse it, and of the plugin's own those that allow it. By its cookie it counts beside the
 * cookie of the session from which it was begun alone; and while a browser has that cookie, no other session counts.
 *
 * @returns whether the session counts; at once where nobody acts.
 * @throws IdentityProblem `IMPERSONATED`
 */
export function admitSession(
  service: Service,
  request: FastifyRequest,
  session: Checked,
  by: Credential["by"],
): Promise<boolean> | true {
  const byCookie = by === "cookie";
  const isActing = byCookie && service.cookies.readImpersonation(request.headers.cookie) !== undefined;
  return session.actor || isActing ? admitImpersonated(service, request, session, byCookie) : true;
}

async function admitImpersonated(
  service: Service,
  request: FastifyRequest,
  session: Checked,
  byCookie: boolean,
): Promise<boolean> {
  const { actor } = session;
  if (!actor || !hasImpersonation(service)) return false;
  if (byCookie && !(await isBesideOwn(service, request, session))) return false;
  stateOf(request).impersonation = { ...session, actor };
  refuseUnlessAllowed(request);
  return true;
}

/** Whether the browser has the session of the administrator's from which the impersonation was begun. */
async function isBesideOwn(
  { cookies, identity }: Service,
  { headers: { cookie } }: FastifyRequest,
  { actorSession }: Checked,
): Promise<boolean> {
  const own = await identity.sessions.validate(cookies.readOwnSession(cookie), { touch: false });
  return own.ok && actorSession !== undefined && own.session.id.equals(actorSession);
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

/** Refuses a request that a guard let through, in which an administrator acts for the user. */
export function refuseActor({ identity }: FastifyRequest): void {
  if (identity && "actor" in identity && identity.actor) throw new IdentityProblem("IMPERSONATED");
}

/**
 * The same for a route that takes no session: in a browser where somebody acts for a user it would sign in, reset or link in
 * between; and a page that is allowed says whom they act for. One that is over is nobody's there, so that people can sign in again.
 */
export async function guardPublic(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const credential = hasImpersonation(service) ? credentialOf(service, request) : undefined;
  if (credential?.kind === "session") return guardPublicSession(service, request, credential);
  if (credential?.kind !== "access_token" || request.routeOptions.config.impersonated !== false) return;
  const presented = { value: credential.value, scheme: schemeOf(credential) };
  const check = await service.accessTokens(request, reply, presented);
  if (check.ok) admitActor(service, request, check.token.facts.actor);
}

async function guardPublicSession(
  service: Service,
  request: FastifyRequest,
  { value, by }: Credential,
): Promise<void> {
  // Nobody acts by a cookie of their own.
  if (by === "cookie" && service.cookies.readImpersonation(request.headers.cookie) === undefined) return;
  const check = await service.identity.sessions.validate(value, { touch: false });
  if (check.ok) await admitSession(service, request, check.session, by);
}
