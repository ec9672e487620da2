import {
  type AccountFactors,
  type Administrator,
  type ConsentSummary,
  type ErasureReport,
  type FoundUsers,
  normaliseIdentifier,
  type PublicUser,
  type SecurityEventDocument,
  type SessionSummary,
  type UserSearch,
  type UserStatus,
} from "@org/db-models";
import { queries, type ReadSession, readSession, runQuery, writePagePosition } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { sendResetToken } from "../../flows/account/accounts.js";
import { IdentityProblem, toProblem } from "../../flows/problems.js";
import { requesterFrom } from "../../flows/requester.js";
import { recoveredAlert } from "../../flows/sign-in/alerts.js";
import { type Acting, noteRead, protect, recorded } from "../acting.js";
import { erasure, withApproval } from "../approvals.js";

type Page = Parameters<typeof queries.newestUsers>[0];

/** What a list shows of a user. */
export type ListedUser = Pick<
  PublicUser,
  | "_id"
  | "email"
  | "emailVerifiedAt"
  | "username"
  | "profile"
  | "status"
  | "roles"
  | "createdAt"
  | "lastActiveAt"
>;

/** A page of users, the newest first. */
export interface UserPage {
  readonly users: readonly ListedUser[];
  readonly next: string | undefined;
}

/** Fields of a user that a list shows. */
const listed = {
  email: 1,
  emailVerifiedAt: 1,
  username: 1,
  "profile.displayName": 1,
  status: 1,
  roles: 1,
  createdAt: 1,
  lastActiveAt: 1,
} as const;

/** By when accounts were made, or by when their owners were last active: then only those who ever were. */
type UserOrder = "created" | "active";

/** Which users to list: of a status or a role, or all. Those of a role come by when their accounts were made. */
export interface UserFilter {
  readonly status?: UserStatus | undefined;
  readonly role?: string | undefined;
  readonly sort: UserOrder;
}

/** A page of users. */
export async function listUsers(
  acting: Acting,
  { page, ...filter }: UserFilter & { readonly page: Page & object },
): Promise<UserPage> {
  const { models } = acting.service.identity;
  const { query, by } = listOf(filter, page);
  const users: ListedUser[] = await runQuery(models, query, listed);
  const last = users.length === query.limit ? users.at(-1) : undefined;
  const at = last?.[by];
  await noteRead(acting, { action: "admin.users_listed", details: { found: String(users.length) } });
  return { users, next: last && at && writePagePosition({ at, id: last._id }) };
}

/** The named query of a list of users, and the date that it is ordered by. */
export function listOf({ status, role, sort }: UserFilter, page: Page & object) {
  if (role) return { query: queries.usersByRole(role, page), by: "createdAt" } as const;
  if (sort === "active") {
    const everActive = { since: new Date(0), ...page };
    const query = status
      ? queries.activeUsersByStatus(status, everActive)
      : queries.recentlyActiveUsers(everActive);
    return { query, by: "lastActiveAt" } as const;
  }
  return {
    query: status ? queries.usersByStatus(status, page) : queries.newestUsers(page),
    by: "createdAt",
  } as const;
}

/** Finds users by anything. What was searched for is not recorded: it would outlive the person. */
export async function findUsers(acting: Acting, search: UserSearch): Promise<FoundUsers> {
  const found = await acting.service.identity.users.search(search);
  const details = { by: found.by, found: String(found.users.length) };
  await noteRead(acting, { action: "admin.users_searched", details });
  return found;
}

/** A user with what an administrator has to see at a glance. */
export interface UserDetail {
  readonly user: PublicUser;
  readonly administrator: Administrator | undefined;
  readonly hasPassword: boolean;
  readonly linked: ReadonlyArray<{ readonly provider: string; readonly linkedAt: Date }>;
  readonly factors: AccountFactors;
  readonly sessions: readonly SessionSummary[];
  readonly consents: readonly ConsentSummary[];
  /** The newest. */
  readonly events: readonly SecurityEventDocument[];
}

const shownEvents = 20;

/** @throws IdentityError `USER_NOT_FOUND`. */
export async function readUser(acting: Acting, userId: Types.ObjectId): Promise<UserDetail> {
  const { users, administrators, externalIdentities, factors, sessions, oauth, securityEvents } =
    acting.service.identity;
  const [user, administrator, external, known, live, consents, events] = await Promise.all([
    users.read(userId),
    administrators.read({ userId }),
    externalIdentities.list({ userId }),
    factors.read({ userId }),
    sessions.list({ userId }),
    oauth.listConsents({ userId }),
    securityEvents.list({ userId, page: { limit: shownEvents } }),
  ]);
  await noteRead(acting, { action: "admin.user_read", subjectId: userId });
  const { linked, hasPassword } = external;
  return { user, administrator, hasPassword, linked, factors: known, sessions: live, consents, events };
}

/** A session, live or ended. */
export type PastSession = Pick<
  ReadSession,
  | "_id"
  | "device"
  | "ip"
  | "location"
  | "risk"
  | "createdAt"
  | "lastSeenAt"
  | "revokedAt"
  | "revocationReason"
  | "idleExpiresAt"
  | "absoluteExpiresAt"
  | "impersonation"
>;

const past = {
  impersonation: 1,
  userAgent: 1,
  ip: 1,
  location: 1,
  risk: 1,
  createdAt: 1,
  lastSeenAt: 1,
  revokedAt: 1,
  revocationReason: 1,
  idleExpiresAt: 1,
  absoluteLifetimeMs: 1,
} as const;

/** The sessions of a user, the newest first, with why each ended. */
export async function listSessions(
  acting: Acting,
  userId: Types.ObjectId,
  page: Page & object,
): Promise<{ sessions: readonly PastSession[]; next: string | undefined }> {
  const { models } = acting.service.identity;
  const query = queries.sessionHistoryOfUser(userId, page);
  const sessions = (await runQuery(models, query, past)).map(readSession);
  await noteRead(acting, { action: "admin.sessions_read", subjectId: userId });
  const last = sessions.length === query.limit ? sessions.at(-1) : undefined;
  return { sessions, next: last && writePagePosition({ at: last.createdAt, id: last._id }) };
}

/** Whom an act is about, and why it is done. */
export interface AboutUser {
  readonly userId: Types.ObjectId;
  readonly reason: string;
}

/** @throws IdentityProblem `PROTECTED_ACCOUNT`, `SESSION_NOT_FOUND`. */
export async function endSession(
  acting: Acting,
  { userId, reason, sessionId }: AboutUser & { readonly sessionId: Types.ObjectId },
): Promise<void> {
  await protect(acting, userId);
  const target = { targetType: "session", targetId: sessionId.toHexString() };
  const event = { action: "admin.session_ended", subjectId: userId, reason, ...target } as const;
  await recorded(acting, event, async () => {
    const { sessions } = acting.service.identity;
    const ended = await sessions.revoke({ userId, sessionId, reason: "administrator" });
    if (!ended) throw new IdentityProblem("SESSION_NOT_FOUND");
  });
}

/**
 * @returns how many were ended.
 * @throws IdentityProblem `PROTECTED_ACCOUNT`; IdentityError `USER_NOT_FOUND`.
 */
export async function endSessions(acting: Acting, { userId, reason }: AboutUser): Promise<number> {
  await protect(acting, userId);
  const event = { action: "admin.sessions_ended", subjectId: userId, reason } as const;
  return recorded(acting, event, () =>
    acting.service.identity.sessions.revokeAll({ userId, reason: "administrator" }),
  );
}

/** @throws IdentityProblem `PROTECTED_ACCOUNT`; IdentityError `USER_NOT_FOUND`, `LAST_ADMINISTRATOR`. */
export async function lockUser(acting: Acting, { userId, reason }: AboutUser): Promise<void> {
  await protect(acting, userId);
  await setStatus(acting, { userId, reason }, "suspended", "admin.user_locked");
}

/** @throws IdentityProblem `PROTECTED_ACCOUNT`, `USER_NOT_ACTIVE` for one that was not locked. */
export async function unlockUser(acting: Acting, { userId, reason }: AboutUser): Promise<void> {
  await protect(acting, userId);
  const { status } = await acting.service.identity.users.read(userId);
  // An address that nobody has verified, and an account that is going, are not brought back by this.
  if (status !== "suspended" && status !== "active") throw new IdentityProblem("USER_NOT_ACTIVE");
  const event = { action: "admin.user_unlocked", subjectId: userId, reason } as const;
  await recorded(acting, event, () => acting.service.identity.users.endSuspension({ userId }));
}

function setStatus(
  acting: Acting,
  { userId, reason }: AboutUser,
  status: UserStatus,
  action: `admin.${string}`,
): Promise<void> {
  return recorded(acting, { action, subjectId: userId, reason }, () =>
    acting.service.identity.users.setStatus({ userId, status }),
  );
}

/** @throws IdentityProblem `PROTECTED_ACCOUNT`, `EMAIL_ALREADY_VERIFIED` for what is none to verify. */
export async function verifyEmail(
  acting: Acting,
  { userId, reason, email }: AboutUser & { readonly email: string },
): Promise<void> {
  await protect(acting, userId);
  const event = { action: "admin.email_verified", subjectId: userId, reason } as const;
  await recorded(acting, event, async () => {
    const verified = await acting.service.identity.users.markEmailVerified({ userId, email });
    if (!verified) throw new IdentityProblem("EMAIL_ALREADY_VERIFIED");
  });
}

/**
 * Sends the account's address a token with which its owner chooses a password; nobody else ever does.
 *
 * @throws IdentityProblem `PROTECTED_ACCOUNT`, `USER_NOT_ACTIVE`, `NO_PASSWORD`, `MESSAGE_LIMIT`, `NOTICE_NOT_SENT`;
 * IdentityError `USER_NOT_FOUND`.
 */
export async function sendPasswordReset(acting: Acting, { userId, reason }: AboutUser): Promise<void> {
  await protect(acting, userId);
  const { service } = acting;
  const { email } = await service.identity.users.read(userId);
  const event = { action: "admin.password_reset_sent", subjectId: userId, reason } as const;
  await recorded(acting, event, async () => {
    // Whence the administrator asks says nothing to the owner.
    const requester = requesterFrom({ log: acting.requester.log });
    const asked = await sendResetToken(service, requester, email).catch(notSent);
    if (!asked.ok) throw new IdentityProblem(unsent[asked.reason]);
  });
}

const unsent = {
  unknown: "USER_NOT_FOUND",
  not_active: "USER_NOT_ACTIVE",
  no_password: "NO_PASSWORD",
  too_many_messages: "MESSAGE_LIMIT",
} as const;

function notSent(cause: unknown): never {
  if (toProblem(cause).code !== "INTERNAL") throw cause;
  throw new IdentityProblem("NOTICE_NOT_SENT", {}, { cause });
}

/**
 * Removes every second factor of somebody who has lost them, and ends their sessions. The password stays, and they hear of
 * it by mail.
 *
 * @throws IdentityProblem `PROTECTED_ACCOUNT`; IdentityError `USER_NOT_FOUND`.
 */
export async function resetFactors(
  acting: Acting,
  { userId, reason }: AboutUser,
): Promise<{ ended: number }> {
  await protect(acting, userId);
  const { service, userId: actorId } = acting;
  const event = { action: "admin.factors_reset", subjectId: userId, reason } as const;
  const { removed, ended } = await recorded(acting, event, () =>
    service.identity.factors.reset({ userId, actorId }),
  );
  if (removed) {
    const { email } = await service.identity.users.read(userId);
    await acting.tell(recoveredAlert(email, { device: "the staff of the service" }));
  }
  return { ended };
}

/** What erasing a user takes. */
export interface ErasureOrder extends AboutUser {
  /** Typed once more, so that the right account goes. */
  readonly email: string;
  readonly approvalId: Types.ObjectId | undefined;
}

/**
 * Erases a user for good.
 *
 * @throws IdentityProblem `PROTECTED_ACCOUNT`, `INVALID_INPUT` for another address, `APPROVAL_REQUIRED`; IdentityError
 * `USER_NOT_FOUND`, `LAST_ADMINISTRATOR`.
 */
export async function eraseUser(
  acting: Acting,
  { userId, reason, email, approvalId }: ErasureOrder,
): Promise<ErasureReport> {
  await protect(acting, userId);
  const { identity } = acting.service;
  const user = await identity.users.read(userId);
  if (normaliseIdentifier(email) !== user.email) {
    const issues = [{ path: "body/email", message: "must be the address of the account" }];
    throw new IdentityProblem("INVALID_INPUT", { issues });
  }
  const approved = { action: erasure, subjectId: userId, id: approvalId };
  return withApproval(acting, approved, () => eraseApproved(acting, { userId, reason }));
}

/** Erases a user, which a second administrator has approved where that is needed. */
export async function eraseApproved(acting: Acting, { userId, reason }: AboutUser): Promise<ErasureReport> {
  await protect(acting, userId);
  const event = { action: "admin.user_erased", subjectId: userId, reason } as const;
  const { identity, auditTrail } = acting.service;
  return recorded(acting, event, () => identity.privacy.erase({ userId, record: auditTrail }));
}
