import { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { parseInput, printable } from "../core/input.js";
import { duration, limits } from "../core/limits.js";
import { type Page, queries } from "../queries/queries.js";
import { findByQuery, runQuery } from "../queries/run-query.js";
import type { AdminApprovalDocument, ApprovalStatus } from "../schemas/admin-approval.js";
import type { Administrator } from "../schemas/administrator-register.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { listAdministrators, readAdministrator } from "./register.js";

/** What one administrator wants to do, and takes another one's approval. */
export interface ApprovalRequest {
  /** Such as `user.erase`. */
  action: string;
  /** The user whom it is about. */
  subjectId?: Types.ObjectId;
  /** What else it is about, such as a bulk job. */
  targetId?: Types.ObjectId;
  /** One line, at most 200 characters. */
  reason: string;
  requestedBy: Types.ObjectId;
}

const requestSchema = z.strictObject({
  action: z
    .string()
    .max(64)
    .regex(/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/, "must be words in lower case, separated by points"),
  reason: printable(limits.reason),
});

const lifetimeMs = duration.day;

export async function requestApproval(
  context: Context,
  { subjectId, targetId, requestedBy, ...given }: ApprovalRequest,
): Promise<AdminApprovalDocument> {
  const { models, now, policies } = context;
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  const approval: AdminApprovalDocument = {
    _id: new Types.ObjectId(),
    ...parseInput(requestSchema, given),
    ...(subjectId && { subjectId }),
    ...(targetId && { targetId }),
    status: "pending",
    requestedBy,
    people: [requestedBy, ...(subjectId ? [subjectId] : [])],
    createdAt: now,
    expiresAt,
    purgeAt: new Date(expiresAt.getTime() + policies.retention.securityEventsMs),
    schemaVersion: currentSchemaVersion,
  };
  await models.AdminApproval.collection.insertOne({ ...approval });
  return approval;
}

export function readApproval(
  { models }: Context,
  { id }: { id: Types.ObjectId },
): Promise<AdminApprovalDocument | undefined> {
  return findByQuery(models, queries.approvalById(id));
}

export async function decideOnApproval(
  context: Context,
  { id, decidedBy, approve }: { id: Types.ObjectId; decidedBy: Types.ObjectId; approve: boolean },
): Promise<boolean> {
  const { models, now } = context;
  if (approve) {
    const asked = await readApproval(context, { id });
    if (!asked || !(await mayApprove(context, { requestedBy: asked.requestedBy, decidedBy }))) return false;
  }
  const { matchedCount } = await models.AdminApproval.collection.updateOne(
    {
      _id: id,
      status: "pending",
      expiresAt: { $gt: now },
      ...(approve && { requestedBy: { $ne: decidedBy } }),
    },
    {
      $set: { status: approve ? "approved" : "denied", decidedBy, decidedAt: now },
      $addToSet: { people: decidedBy },
    },
  );
  return matchedCount === 1;
}

export async function claimApproval(
  context: Context,
  { id, action, subjectId, targetId, requestedBy }: Omit<ApprovalRequest, "reason"> & { id: Types.ObjectId },
): Promise<boolean> {
  const { models, now } = context;
  const claimed = await models.AdminApproval.collection.findOneAndUpdate(
    {
      _id: id,
      action,
      subjectId: subjectId ?? null,
      targetId: targetId ?? null,
      requestedBy,
      status: "approved",
      expiresAt: { $gt: now },
    },
    { $set: { status: "used", usedAt: now } },
    { projection: { decidedBy: 1 } },
  );
  // Who may not approve any more has approved nothing: their say may have been a reason to dismiss them.
  const approver = claimed && (await readAdministrator(context, { userId: claimed.decidedBy }));
  if (!approver?.roles.includes("identity:admin")) return false;
  return mayApprove(context, { requestedBy, decidedBy: approver.userId });
}

/** Long enough that the other administrators hear of a new one who could approve. */
const appointmentMs = 7 * duration.day;

/** Whether two accounts count as two administrators: one person may have appointed the other account. */
export async function mayApprove(
  context: Context,
  { requestedBy, decidedBy }: { requestedBy: Types.ObjectId; decidedBy: Types.ObjectId },
): Promise<boolean> {
  if (requestedBy.equals(decidedBy)) return false;
  const members = await listAdministrators(context);
  const [asker, approver] = [requestedBy, decidedBy].map((id) =>
    members.find((one) => one.userId.equals(id)),
  );
  const hasFrom = (one: Administrator | undefined, giver: Types.ObjectId) =>
    one?.givenBy?.some((id) => id.equals(giver)) ?? false;
  if (hasFrom(asker, decidedBy) || hasFrom(approver, requestedBy)) return false;
  const isNew = approver?.givenBy?.length && context.now.getTime() - approver.since.getTime() < appointmentMs;
  return !isNew;
}

export async function releaseApproval({ models }: Context, { id }: { id: Types.ObjectId }): Promise<boolean> {
  const { matchedCount } = await models.AdminApproval.collection.updateOne(
    { _id: id, status: "used" },
    { $set: { status: "approved" }, $unset: { usedAt: "" } },
  );
  return matchedCount === 1;
}

export function listApprovals(
  { models }: Context,
  { status = "pending", userId, page }: { status?: ApprovalStatus; userId?: Types.ObjectId; page?: Page },
): Promise<AdminApprovalDocument[]> {
  const query = userId ? queries.approvalsWith(userId, page) : queries.approvalsByStatus(status, page);
  return runQuery(models, query);
}
