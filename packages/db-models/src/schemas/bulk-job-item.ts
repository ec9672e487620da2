import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { purgeAtTtl, requiredDate, schemaOptions, text } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/**
 * `excluded`: left out from the start; `running`: a process works on it, or ended while it did; `skipped`: there was nothing to
 * do, or it may not be done; `failed`: it could not be done.
 */
export const bulkItemStates = ["excluded", "pending", "running", "done", "skipped", "failed"] as const;
export type BulkItemState = (typeof bulkItemStates)[number];

/** One user of a bulk job, and what came of it; it goes with the user. Collection `bulk_job_items`. */
export interface BulkJobItemDocument extends BaseDocument {
  jobId: Types.ObjectId;
  /** Counts the users of the job, from 0. */
  position: number;
  userId: Types.ObjectId;
  state: BulkItemState;
  /** Why it was left out, skipped or failed. */
  code?: string;
  /** When that was decided. */
  at?: Date;
  /** The process that works on it. */
  lease?: Types.ObjectId;
  /** A process has stopped while it was at it: it may be done already. */
  again?: true;
  purgeAt: Date;
}

export const bulkJobItemSchema = new Schema<BulkJobItemDocument>(
  {
    jobId: { type: Schema.Types.ObjectId, required: true },
    position: { type: Number, required: true, min: 0, max: limits.bulkUsers - 1 },
    userId: { type: Schema.Types.ObjectId, required: true },
    state: { type: String, enum: bulkItemStates, required: true },
    code: text(64),
    at: Date,
    lease: Schema.Types.ObjectId,
    again: Boolean,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("bulk_job_items"),
);

bulkJobItemSchema
  .index({ jobId: 1, position: 1 }, { name: "position_unique", unique: true }) // bulkJobItems
  // Unique, as the one before: what lists are ordered by. bulkJobItemsIn reads it.
  .index({ jobId: 1, state: 1, position: 1 }, { name: "state_position_unique", unique: true })
  .index({ userId: 1, jobId: -1, _id: -1 }, { name: "user" }) // bulkJobItemsOfUser
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: with their jobs
