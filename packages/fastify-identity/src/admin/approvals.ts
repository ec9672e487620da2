import type { AdminApprovalDocument, ApprovalRequest } from "@org/db-models";
import { queries, runQuery } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { IdentityProblem } from "../flows/problems.js";
import type { Acting } from "./acting.js";

/** What takes a second administrator. */
export const erasure = "user.erase";
export const bulkErasure = "users.erase";
export const auditExport = "audit.export";
export const impersonation = "user.impersonate";

type Approved = Pick<ApprovalRequest, "action" | "subjectId" | "targetId">;

/**
 * Does once what another administrator has approved, where this service takes that. The approval stays good where nothing
 * came of it.
 *
 * @throws IdentityProblem `APPROVAL_REQUIRED`, and what `act` throws.
 */
export async function withApproval<T>(
  { service, settings, userId }: Acting,
  { id, ...what }: Approved & { readonly id: Types.ObjectId | undefined },
  act: () => Promise<T>,
): Promise<T> {
  if (!settings.twoAdministrators) return act();
  const { administrators } = service.identity;
  const claim = { ...what, requestedBy: userId };
  if (id === undefined || !(await administrators.claimApproval({ ...claim, id }))) {
    throw new IdentityProblem("APPROVAL_REQUIRED", { action: what.action });
  }
  try {
    return await act();
  } catch (error) {
    await administrators.releaseApproval({ id });
    throw error;
  }
}

/** The approval of another administrator that who asked for it has not used yet. */
export async function approvalFor(acting: Acting, approved: Approved): Promise<string | undefined> {
  const found = await openApproval(acting, approved);
  return found?.status === "approved" ? found._id.toHexString() : undefined;
}

/** What somebody has asked for and not used yet: approved, or still to be decided on. */
export async function openApproval(
  { service, userId }: Acting,
  { action, subjectId, targetId }: Approved,
): Promise<AdminApprovalDocument | undefined> {
  const { models, clock } = service.identity;
  // The newest, as many as a page may have.
  const found = await runQuery(models, queries.approvalsWith(subjectId ?? userId, { limit: 200 }));
  const open = found.filter(
    (one) =>
      one.action === action &&
      String(one.subjectId) === String(subjectId) &&
      String(one.targetId) === String(targetId) &&
      one.requestedBy.equals(userId) &&
      one.expiresAt > clock.now(),
  );
  return open.find(({ status }) => status === "approved") ?? open.find(({ status }) => status === "pending");
}
