import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { list, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const approvalStatuses = ["pending", "approved", "denied", "used"] as const;
export type ApprovalStatus = (typeof approvalStatuses)[number];

/** What takes two administrators: one asks, another one agrees, and the first one does it. Collection `admin_approvals`. */
export interface AdminApprovalDocument extends BaseDocument {
  /** What is to be done, such as `user.erase`. */
  action: string;
  /** The user whom it is about. */
  subjectId?: Types.ObjectId;
  /** What else it is about, such as a bulk job. */
  targetId?: Types.ObjectId;
  /** Why, as who asks has put it. */
  reason: string;
  status: ApprovalStatus;
  requestedBy: Types.ObjectId;
  decidedBy?: Types.ObjectId;
  /** Everybody named above, for one index to find. */
  people: Types.ObjectId[];
  createdAt: Date;
  decidedAt?: Date;
  usedAt?: Date;
  /** From then on it allows nothing. */
  expiresAt: Date;
  purgeAt: Date;
}

export const adminApprovalSchema = new Schema<AdminApprovalDocument>(
  {
    action: requiredText(64),
    subjectId: Schema.Types.ObjectId,
    targetId: Schema.Types.ObjectId,
    reason: requiredText(limits.reason),
    status: { type: String, enum: approvalStatuses, required: true },
    requestedBy: { type: Schema.Types.ObjectId, required: true },
    decidedBy: Schema.Types.ObjectId,
    people: list(Schema.Types.ObjectId, 3),
    createdAt: requiredDate,
    decidedAt: Date,
    usedAt: Date,
    expiresAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("admin_approvals"),
);

adminApprovalSchema
  .index({ status: 1, createdAt: -1, _id: -1 }, { name: "status_newest" }) // approvalsByStatus
  .index({ people: 1, createdAt: -1, _id: -1 }, { name: "people_newest" }) // approvalsWith
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: approvals that are over
