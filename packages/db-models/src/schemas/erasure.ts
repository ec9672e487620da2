import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { count, list, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export interface ErasedCount {
  collectionName: string;
  documents: number;
}

/**
 * The erasure of one person: what lets it go on after a crash, and what it did. It names the user until nothing can
 * write about them any more, and nobody afterwards. Collection `erasures`.
 */
export interface ErasureDocument extends BaseDocument {
  /** Gone once the last sweep is done. */
  userId?: Types.ObjectId;
  /** The user who gets the person's apps; without it the apps are removed too. */
  appsTo?: Types.ObjectId;
  requestedAt: Date;
  /** When a count of everything about the person came to zero. */
  finishedAt?: Date;
  /** When it is to be gone through again: after a crash, and once more after the end, for writes that were under way. */
  sweepAt?: Date;
  /** Documents removed, by collection. */
  removed: ErasedCount[];
  /** Audit events that nothing links to the person any more. */
  anonymisedAuditEvents: number;
  purgeAt?: Date;
}

const erasedCount = new Schema<ErasedCount>(
  { collectionName: requiredText(limits.name), documents: count },
  { _id: false },
);

export const erasureSchema = new Schema<ErasureDocument>(
  {
    userId: Schema.Types.ObjectId,
    appsTo: Schema.Types.ObjectId,
    requestedAt: requiredDate,
    finishedAt: Date,
    sweepAt: Date,
    removed: list(erasedCount, 64),
    anonymisedAuditEvents: count,
    purgeAt: Date,
    schemaVersion,
  },
  schemaOptions("erasures"),
);

erasureSchema
  .index(
    { userId: 1 },
    { name: "user_unique", unique: true, partialFilterExpression: { userId: { $exists: true } } },
  ) // erasureOfUser
  .index(
    { sweepAt: 1, _id: 1 },
    // Not sparse: a sparse index of several fields leaves out only what has none of them, and everything has an _id.
    { name: "due", partialFilterExpression: { sweepAt: { $exists: true } } },
  ) // dueErasures
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: reports, after their retention
