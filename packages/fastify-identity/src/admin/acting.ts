import type { ActiveSession, AdministratorRole, AuditInput } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { requireAssurance } from "../flows/account/assurance.js";
import { audit } from "../flows/audit.js";
import { IdentityProblem } from "../flows/problems.js";
import type { Requester } from "../flows/requester.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { requesterOf } from "../http/requests.js";
import type { Service } from "../service.js";
import type { HealthChecks } from "./database-health.js";
import type { LiveStreams } from "./live-streams.js";
import type { AdminSettings } from "./options.js";
import { type Permission, permissionsFor } from "./permissions.js";

/** An administrator who makes a request. */
export interface Acting {
  readonly service: Service;
  readonly settings: AdminSettings;
  readonly requester: Requester;
  readonly session: ActiveSession;
  readonly userId: Types.ObjectId;
  readonly roles: readonly AdministratorRole[];
  readonly permissions: ReadonlySet<Permission>;
}

/** What a request takes. */
export interface Needed {
  readonly permission: Permission;
  /** Whether it changes something: then two factors must have been proved lately. */
  readonly writes: boolean;
}

/** The admin area of one plugin. */
export interface AdminContext {
  readonly service: Service;
  readonly settings: AdminSettings;
  readonly streams: LiveStreams;
  /** Absent where no health check was given. */
  readonly health: HealthChecks | undefined;
}

/**
 * The administrator behind a request of a session, whose roles are read again: taken away, they are gone at the next request.
 * Refusals are in the audit trail (ASVS 16.3.2).
 *
 * @throws IdentityProblem `INSUFFICIENT_ROLE`, `RECENT_AUTHENTICATION_REQUIRED`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function actingFor(
  { service, settings }: AdminContext,
  request: FastifyRequest,
  { permission, writes }: Needed,
): Promise<Acting> {
  const session = sessionOf(request);
  const requester = requesterOf(service, request);
  const { userId } = session;
  const roles = (await service.identity.administrators.read({ userId }))?.roles ?? [];
  const permissions = permissionsFor(roles);
  if (!permissions.has(permission)) {
    const event = { action: "admin.refused", outcome: "denied", actorId: userId } as const;
    await audit(service, requester, { ...event, details: { permission } });
    throw new IdentityProblem("INSUFFICIENT_ROLE", { permission });
  }
  const maxAgeMs = writes ? service.recentAuthenticationMs : settings.signInMs;
  await requireAssurance(service, session, { acr: 2, maxAgeMs });
  return { service, settings, requester, session, userId, roles, permissions };
}

/** What an administrator did, as the audit trail keeps it. */
export type AdminEvent = Pick<AuditInput, "subjectId" | "targetType" | "targetId" | "details"> & {
  readonly action: `admin.${string}`;
};

/** Records that an administrator saw something. */
export async function noteRead({ service, requester, userId }: Acting, event: AdminEvent): Promise<void> {
  await audit(service, requester, { ...event, outcome: "success", actorId: userId });
}

/**
 * Does something that an administrator asks for. It is recorded first: what the trail can't take is not done. What fails is
 * recorded as failed too.
 *
 * @throws IdentityError `AUDIT_NOT_WRITTEN`, and what `act` throws.
 */
export async function recorded<T>(
  { service, requester, userId }: Acting,
  event: AdminEvent & { readonly reason: string },
  act: () => Promise<T>,
): Promise<T> {
  const { reason, ...rest } = event;
  const whole = { ...rest, actorId: userId, details: { ...rest.details, reason } };
  await audit(service, requester, { ...whole, outcome: "success" });
  try {
    return await act();
  } catch (error) {
    await audit(service, requester, { ...whole, outcome: "failure" });
    throw error;
  }
}

/**
 * Keeps administrators from acting on themselves, and others than who manages administrators from acting on one.
 *
 * @throws IdentityProblem `PROTECTED_ACCOUNT`
 */
export async function protect(
  { service, userId, permissions }: Acting,
  target: Types.ObjectId,
): Promise<void> {
  if (target.equals(userId)) throw new IdentityProblem("PROTECTED_ACCOUNT");
  if (permissions.has("administrators:write")) return;
  const other = await service.identity.administrators.read({ userId: target });
  if (other) throw new IdentityProblem("PROTECTED_ACCOUNT");
}
