import type { ActiveSession, AdministratorRole, AuditInput } from "@org/db-models";
import { namesAny } from "@org/db-models/core";
import type { FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { requireAssurance } from "../flows/account/assurance.js";
import { audit } from "../flows/audit.js";
import type { Notice } from "../flows/notices/notice.js";
import { notifyLater } from "../flows/notices/notify-later.js";
import { IdentityProblem } from "../flows/problems.js";
import type { Requester } from "../flows/requester.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { requesterOf } from "../http/requests.js";
import type { Service } from "../service.js";
import type { HealthChecks } from "./database-health.js";
import type { LiveStreams } from "./live-streams.js";
import type { AdminSettings } from "./options.js";
import { type Permission, permissionsFor } from "./permissions.js";

/** An administrator who does something, by a request or by a job in the background. */
export interface Acting {
  readonly service: Service;
  readonly settings: AdminSettings;
  readonly requester: Requester;
  readonly userId: Types.ObjectId;
  readonly roles: readonly AdministratorRole[];
  readonly permissions: ReadonlySet<Permission>;
  /** The bulk job that acts for them, which every event names. */
  readonly jobId?: string;
  /** Tells somebody what was done; a job waits until it is handed over. */
  tell(notice: Notice): Promise<void>;
}

/** An administrator who makes a request. */
export interface ActingNow extends Acting {
  readonly session: ActiveSession;
}

/** What a request takes. */
export interface Needed {
  readonly permission: Permission;
  /** Whether it changes something: then two factors must have been proved lately. */
  readonly writes: boolean;
}

/** What works on bulk jobs in the background. */
export interface JobTaker {
  /** Takes up what is due. */
  takeUp(): Promise<void>;
}

/** The admin area of one plugin. */
export interface AdminContext {
  readonly service: Service;
  readonly settings: AdminSettings;
  readonly streams: LiveStreams;
  readonly jobs: JobTaker;
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
): Promise<ActingNow> {
  const session = sessionOf(request);
  const requester = requesterOf(service, request);
  const { userId } = session;
  const roles = (await service.identity.administrators.read({ userId }))?.roles ?? [];
  const permissions = permissionsFor(roles, settings);
  await requirePermission({ service, requester, userId, permissions }, permission);
  const maxAgeMs = writes ? service.recentAuthenticationMs : settings.signInMs;
  await requireAssurance(service, session, { acr: 2, maxAgeMs });
  const tell = async (notice: Notice) => notifyLater(service, requester, notice);
  return { service, settings, requester, session, userId, roles, permissions, tell };
}

/**
 * Refuses who lacks a permission, which the audit trail notes.
 *
 * @throws IdentityProblem `INSUFFICIENT_ROLE`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function requirePermission(
  {
    service,
    requester,
    userId,
    permissions,
  }: Pick<Acting, "service" | "requester" | "userId" | "permissions">,
  permission: Permission,
): Promise<void> {
  if (permissions.has(permission)) return;
  const event = { action: "admin.refused", outcome: "denied", actorId: userId } as const;
  await audit(service, requester, { ...event, details: { permission } });
  throw new IdentityProblem("INSUFFICIENT_ROLE", { permission });
}

/** What an administrator did, as the audit trail keeps it. */
export type AdminEvent = Pick<AuditInput, "subjectId" | "targetType" | "targetId" | "details"> & {
  readonly action: `admin.${string}`;
};

/** Records that an administrator saw something. */
export async function noteRead(acting: Acting, event: AdminEvent): Promise<void> {
  const { service, requester, userId } = acting;
  refuseIds(acting, event);
  await audit(service, requester, { ...withJob(acting, event), outcome: "success", actorId: userId });
}

/**
 * Does something that an administrator asks for. It is recorded first: what the trail can't take is not done. What fails is
 * recorded as failed too.
 *
 * @throws IdentityProblem `INVALID_INPUT` for a reason or a target that names who it is about; IdentityError `AUDIT_NOT_WRITTEN`,
 * and what `act` throws.
 */
export async function recorded<T>(
  acting: Acting,
  event: AdminEvent & { readonly reason: string },
  act: () => Promise<T>,
): Promise<T> {
  const { service, requester, userId } = acting;
  const { reason, ...rest } = event;
  refuseIds(acting, event);
  const whole = withJob(acting, { ...rest, actorId: userId, details: { ...rest.details, reason } });
  await audit(service, requester, { ...whole, outcome: "success" });
  try {
    return await act();
  } catch (error) {
    await audit(service, requester, { ...whole, outcome: "failure" });
    throw error;
  }
}

/** The trail takes no event that names its people beside their own fields: target and details outlive them. */
function refuseIds({ userId }: Acting, event: AdminEvent & { readonly reason?: string }): void {
  const { subjectId, targetId = "", details = {}, reason = "" } = event;
  const target = [targetId, ...Object.entries(details).flat()].join("\n");
  const people = [userId, subjectId];
  const issues = [
    ...(namesAny(reason, people)
      ? [{ path: "body/reason", message: "must not name the account by its id" }]
      : []),
    ...(namesAny(target, people) ? [{ path: "", message: "must not be the id of an account" }] : []),
  ];
  if (issues.length > 0) throw new IdentityProblem("INVALID_INPUT", { issues });
}

function withJob<E extends Pick<AuditInput, "details">>({ jobId }: Acting, event: E): E {
  return jobId === undefined ? event : { ...event, details: { ...event.details, job: jobId } };
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
