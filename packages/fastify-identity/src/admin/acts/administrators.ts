import type { AdminApprovalDocument, Administrator, AdministratorRole, PublicUser } from "@org/db-models";
import type { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import { type Acting, noteRead, recorded } from "../acting.js";
import { erasure } from "../approvals.js";

/** An administrator with the account. */
export interface KnownAdministrator extends Administrator {
  readonly email: string;
  readonly displayName: string | undefined;
}

/** Everybody with a role of the admin area. */
export async function listAdministrators(acting: Acting): Promise<KnownAdministrator[]> {
  const { identity } = acting.service;
  const members = await identity.administrators.list();
  const known = await accountsOf(
    acting,
    members.map(({ userId }) => userId),
  );
  await noteRead(acting, { action: "admin.administrators_listed" });
  return members.flatMap((member) => {
    const user = known.get(member.userId.toHexString());
    return user ? [{ ...member, email: user.email, displayName: user.profile.displayName }] : [];
  });
}

/** Accounts by their ids; those that are gone are left out. */
export async function accountsOf(
  { service }: Acting,
  ids: readonly Types.ObjectId[],
): Promise<ReadonlyMap<string, Pick<PublicUser, "_id" | "email" | "profile">>> {
  const { models } = service.identity;
  const users = await models.User.find({ _id: { $in: [...ids] } }, { email: 1, profile: 1 }).lean();
  return new Map(users.map((user) => [user._id.toHexString(), user]));
}

/**
 * Gives a user roles of the admin area in the place of others.
 *
 * @throws IdentityError `LAST_ADMINISTRATOR`, `USER_NOT_FOUND`, `USER_NOT_ACTIVE`.
 */
export async function setRoles(
  acting: Acting,
  {
    userId,
    roles,
    reason,
  }: {
    readonly userId: Types.ObjectId;
    readonly roles: readonly AdministratorRole[];
    readonly reason: string;
  },
): Promise<void> {
  // By themselves somebody can only lose roles.
  const own = userId.equals(acting.userId);
  if (own && roles.some((role) => !acting.roles.includes(role)))
    throw new IdentityProblem("PROTECTED_ACCOUNT");
  const details = { roles: roles.join(" ") || "none" };
  const event = { action: "admin.roles_set", subjectId: userId, reason, details } as const;
  const { administrators } = acting.service.identity;
  await recorded(acting, event, () => administrators.setRoles({ userId, roles, by: acting.userId }));
}

/** An approval with the addresses of the people in it. */
export interface KnownApproval extends AdminApprovalDocument {
  readonly subjectEmail: string | undefined;
  readonly requesterEmail: string | undefined;
}

/** What waits for a second administrator, and what was approved and not used yet. */
export async function listApprovals(acting: Acting): Promise<KnownApproval[]> {
  const { administrators, clock } = acting.service.identity;
  const lists = await Promise.all(
    (["pending", "approved"] as const).map((status) => administrators.listApprovals({ status })),
  );
  const open = lists.flat().filter(({ expiresAt }) => expiresAt > clock.now());
  const ids = open.flatMap(({ subjectId, requestedBy }) => [requestedBy, ...(subjectId ? [subjectId] : [])]);
  const known = await accountsOf(acting, ids);
  await noteRead(acting, { action: "admin.approvals_listed" });
  return open.map((approval) => ({
    ...approval,
    subjectEmail: approval.subjectId && known.get(approval.subjectId.toHexString())?.email,
    requesterEmail: known.get(approval.requestedBy.toHexString())?.email,
  }));
}

/** Asks another administrator to approve that a user is erased. */
export async function requestErasure(
  acting: Acting,
  { userId, reason }: { readonly userId: Types.ObjectId; readonly reason: string },
): Promise<AdminApprovalDocument> {
  const { users, administrators } = acting.service.identity;
  await users.read(userId);
  const event = { action: "admin.approval_requested", subjectId: userId, reason } as const;
  return recorded(acting, { ...event, details: { for: erasure } }, () =>
    administrators.requestApproval({
      action: erasure,
      subjectId: userId,
      reason,
      requestedBy: acting.userId,
    }),
  );
}

/** @throws IdentityProblem `APPROVAL_NOT_FOUND`, also for one's own request that is to be approved; `APPROVER_NOT_INDEPENDENT`. */
export async function decideOnApproval(
  acting: Acting,
  { id, approve }: { readonly id: Types.ObjectId; readonly approve: boolean },
): Promise<void> {
  const { administrators } = acting.service.identity;
  const asked = await administrators.readApproval({ id });
  if (!asked) throw new IdentityProblem("APPROVAL_NOT_FOUND");
  const { subjectId, requestedBy, reason } = asked;
  const isAnothers = !requestedBy.equals(acting.userId);
  if (approve && isAnothers && !(await administrators.mayApprove({ requestedBy, decidedBy: acting.userId })))
    throw new IdentityProblem("APPROVER_NOT_INDEPENDENT");
  const action = approve ? ("admin.approval_given" as const) : ("admin.approval_denied" as const);
  const about = { ...(subjectId && { subjectId }), details: { for: asked.action } };
  const event = { action, targetType: "approval", targetId: id.toHexString(), ...about, reason };
  await recorded(acting, event, async () => {
    const decision = { id, decidedBy: acting.userId, approve };
    const decided = await administrators.decideOnApproval(decision);
    if (!decided) throw new IdentityProblem("APPROVAL_NOT_FOUND");
  });
}
