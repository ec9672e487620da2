import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import type { Page } from "../queries/queries.js";
import type { AdminApprovalDocument, ApprovalStatus } from "../schemas/admin-approval.js";
import type { Administrator } from "../schemas/administrator-register.js";
import {
  type ApprovalRequest,
  claimApproval,
  decideOnApproval,
  listApprovals,
  mayApprove,
  readApproval,
  releaseApproval,
  requestApproval,
} from "./approvals.js";
import { listAdministrators, type RolesInput, readAdministrator, setAdministratorRoles } from "./register.js";

/** Who operates the service, and what takes two of them. */
export interface Administrators {
  /** Everybody with a role of the admin area, at most 200. One read. */
  list(): Promise<Administrator[]>;
  /** The roles of a user in the admin area; `undefined` for none. */
  read(input: { userId: Types.ObjectId }): Promise<Administrator | undefined>;
  /**
   * Gives a user these roles of the admin area in the place of others; none takes them all away. One document has all
   * administrators, and one conditional write of it decides: of any number of parallel calls, in whichever processes, one
   * account with `identity:admin` is left. The roles in the account and its live sessions follow; a crash in between leaves
   * them as they were, and the same call completes it. Leaving the status `active` and an erasure take the roles too.
   *
   * @throws IdentityError `LAST_ADMINISTRATOR`, `USER_NOT_FOUND`, `USER_NOT_ACTIVE`; `INVALID_INPUT` for a role that is
   * none, or the 201st administrator.
   *
   * Say `by` where an administrator gives them: approvals then tell the two apart.
   *
   * @example
   * await identity.administrators.setRoles({ userId, roles: ["identity:admin"] });
   */
  setRoles(input: RolesInput): Promise<void>;
  /**
   * Asks for the approval of another administrator, for a day.
   *
   * @throws IdentityError `INVALID_INPUT`.
   */
  requestApproval(input: ApprovalRequest): Promise<AdminApprovalDocument>;
  readApproval(input: { id: Types.ObjectId }): Promise<AdminApprovalDocument | undefined>;
  /**
   * Whether two accounts count as two administrators: neither has its roles from the other, also by way of others, and who
   * approves has not got theirs from another administrator within the last seven days. Else one person could appoint a second
   * account of their own, and approve.
   */
  mayApprove(input: { requestedBy: Types.ObjectId; decidedBy: Types.ObjectId }): Promise<boolean>;
  /**
   * Approves or denies what was asked for. Nobody approves their own request; who asked may deny it, which withdraws it.
   * Whether the user is an administrator is for the caller to check.
   *
   * @returns true when this call decided; false where `mayApprove` is, too.
   */
  decideOnApproval(input: {
    id: Types.ObjectId;
    decidedBy: Types.ObjectId;
    approve: boolean;
  }): Promise<boolean>;
  /**
   * Uses an approval, for the very act, subject and administrator that it was asked for. Who gave it must be an
   * administrator with `identity:admin` still, and one who may approve it as `mayApprove` has it; else it is used up and
   * good for nothing.
   *
   * @returns true for one call of any number.
   */
  claimApproval(input: Omit<ApprovalRequest, "reason"> & { id: Types.ObjectId }): Promise<boolean>;
  /**
   * Gives back an approval that was used for what then was not done: it is good again as long as it would have been.
   *
   * @returns true when it was used.
   */
  releaseApproval(input: { id: Types.ObjectId }): Promise<boolean>;
  /** Approvals, the newest first: in which a user has a part, or of a status. Default: those that are pending. */
  listApprovals(input: {
    status?: ApprovalStatus;
    userId?: Types.ObjectId;
    page?: Page;
  }): Promise<AdminApprovalDocument[]>;
}

export function administratorsOf(identity: Shared): Administrators {
  const on = operationsOf(identity);
  return {
    list: on(listAdministrators),
    read: on(readAdministrator),
    setRoles: on(setAdministratorRoles),
    requestApproval: on(requestApproval),
    readApproval: on(readApproval),
    mayApprove: on(mayApprove),
    decideOnApproval: on(decideOnApproval),
    claimApproval: on(claimApproval),
    releaseApproval: on(releaseApproval),
    listApprovals: on(listApprovals),
  };
}
