import type { AdminApprovalDocument, ImpersonationRefusal, ImpersonationSummary } from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import type { Types } from "mongoose";
import type { ProblemCode } from "../../flows/problems.js";
import { IdentityProblem } from "../../flows/problems.js";
import { impersonationAlert } from "../../flows/sign-in/alerts.js";
import { type Acting, type ActingNow, noteRead, recorded } from "../acting.js";
import { accountsOf } from "../acts/administrators.js";
import { impersonation, withApproval } from "../approvals.js";
import type { ImpersonationRules } from "../options.js";

interface AboutUser {
  readonly userId: Types.ObjectId;
  readonly reason: string;
}

/**
 * Asks another administrator to approve that the acting one acts for a user.
 *
 * @throws IdentityProblem `PROTECTED_ACCOUNT`, `USER_NOT_ACTIVE`; IdentityError `USER_NOT_FOUND`.
 */
export async function requestImpersonation(
  acting: Acting,
  { userId, reason }: AboutUser,
): Promise<AdminApprovalDocument> {
  await requireActable(acting, userId);
  const event = { action: "admin.approval_requested", subjectId: userId, reason } as const;
  return recorded(acting, { ...event, details: { for: impersonation } }, () =>
    acting.service.identity.administrators.requestApproval({
      action: impersonation,
      subjectId: userId,
      reason,
      requestedBy: acting.userId,
    }),
  );
}

/** Whether somebody may act for a user at all: of one who may not be acted for, nothing is asked or approved. */
export async function isActable(
  { service, settings, userId: actor }: Acting,
  { _id, roles, status }: { _id: Types.ObjectId; roles: readonly string[]; status: string },
): Promise<boolean> {
  const protectedRoles: readonly string[] = settings.impersonation
    ? settings.impersonation.protectedRoles
    : [];
  if (status !== "active" || _id.equals(actor) || roles.some((role) => protectedRoles.includes(role)))
    return false;
  return (await service.identity.administrators.read({ userId: _id })) === undefined;
}

async function requireActable(acting: Acting, userId: Types.ObjectId): Promise<void> {
  const user = await acting.service.identity.users.read(userId);
  if (await isActable(acting, user)) return;
  throw new IdentityProblem(user.status === "active" ? "PROTECTED_ACCOUNT" : "USER_NOT_ACTIVE");
}

/** A session in which an administrator acts for a user from now on. */
export interface StartedImpersonation {
  readonly id: Types.ObjectId;
  readonly token: string;
  readonly expiresAt: Date;
}

const refusals = {
  not_allowed: "INSUFFICIENT_ROLE",
  protected: "PROTECTED_ACCOUNT",
  in_progress: "IMPERSONATION_IN_PROGRESS",
} as const satisfies Record<ImpersonationRefusal, ProblemCode>;

/**
 * Begins to act for a user, for the reason that another administrator has approved. The user is told by mail.
 *
 * @throws IdentityProblem `APPROVAL_REQUIRED`, `PROTECTED_ACCOUNT`, `INSUFFICIENT_ROLE`, `IMPERSONATION_IN_PROGRESS`,
 * `USER_NOT_ACTIVE`; IdentityError `USER_NOT_FOUND`, `SESSIONS_REVOKED`.
 */
export async function startImpersonation(
  acting: ActingNow,
  { lifetimeMs, protectedRoles, showReason }: ImpersonationRules,
  { userId, approvalId }: { readonly userId: Types.ObjectId; readonly approvalId: Types.ObjectId },
): Promise<StartedImpersonation> {
  const { identity } = acting.service;
  await requireActable(acting, userId);
  const live = await identity.sessions.list({ userId });
  // Before the trail says that it began.
  if (live.some((session) => session.impersonation)) throw new IdentityProblem(refusals.in_progress);
  const { reason = "" } = (await identity.administrators.readApproval({ id: approvalId })) ?? {};
  const target = { targetType: "approval", targetId: approvalId.toHexString() };
  const event = { action: "admin.impersonation_started", subjectId: userId, ...target, reason } as const;
  const begin = async () => {
    const who = { userId, actor: acting.userId, actorSession: acting.session.id };
    const result = await identity.impersonations.start({ ...who, reason, lifetimeMs, protectedRoles });
    if (!result.ok) throw new IdentityProblem(refusals[result.reason]);
    return result;
  };
  const approved = { action: impersonation, subjectId: userId, id: approvalId };
  const started = await withApproval(acting, approved, () => recorded(acting, event, begin));
  const { email } = await identity.users.read(userId);
  const { id, token, expiresAt } = started;
  await acting.tell(impersonationAlert({ expiresAt, reason: showReason ? reason : undefined }, email));
  return { id, token, expiresAt };
}

/** An impersonation with the addresses of the two; without one once the account is gone. */
export type KnownImpersonation = ImpersonationSummary & {
  readonly actorEmail: string | undefined;
  readonly userEmail: string | undefined;
};

export interface ImpersonationPage {
  readonly impersonations: readonly KnownImpersonation[];
  readonly next: string | undefined;
}

type Page = NonNullable<Parameters<Acting["service"]["identity"]["impersonations"]["list"]>[0]["page"]>;

/** Impersonations, the newest first: of an administrator, or of all. */
export async function listImpersonations(
  acting: Acting,
  { actor, page }: { actor?: Types.ObjectId | undefined; page: Page & { limit: number } },
): Promise<ImpersonationPage> {
  const found = await acting.service.identity.impersonations.list({ page, ...(actor && { actor }) });
  const accounts = await accountsOf(
    acting,
    found.flatMap(({ actor: who, userId }) => [who, userId]),
  );
  const details = { found: String(found.length) };
  await noteRead(acting, { action: "admin.impersonations_listed", details });
  const emailOf = (id: Types.ObjectId) => accounts.get(id.toHexString())?.email;
  const last = found.length === page.limit ? found.at(-1) : undefined;
  return {
    impersonations: found.map((one) => ({
      ...one,
      actorEmail: emailOf(one.actor),
      userEmail: emailOf(one.userId),
    })),
    next: last && writePagePosition({ at: last.startedAt, id: last.id }),
  };
}
