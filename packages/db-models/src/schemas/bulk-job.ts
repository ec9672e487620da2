import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { count, list, purgeAtTtl, requiredDate, requiredText, schemaOptions, text } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";
import { type UserStatus, userStatuses } from "./user.js";

/** What can be done to many users. */
export const bulkActs = [
  "end_sessions",
  "lock",
  "unlock",
  "verify",
  "password_reset",
  "reset_factors",
  "erase",
] as const;
export type BulkAct = (typeof bulkActs)[number];

/**
 * `prepared`: its users are chosen and nothing is done yet; `stopped`: who started it may no longer do this; `done`: it has
 * gone through all users.
 */
export const bulkJobStates = ["prepared", "running", "paused", "cancelled", "stopped", "done"] as const;
export type BulkJobState = (typeof bulkJobStates)[number];

/** Which users of a list were chosen. */
export interface BulkFilter {
  status?: UserStatus | undefined;
  role?: string | undefined;
  /** The date that the bounds are about: when accounts were made, or when their owners were last active. */
  by: "created" | "active";
  since?: Date | undefined;
  until?: Date | undefined;
}

/** How many users came to what. */
export interface BulkCounts {
  /** Chosen, and left out from the start. */
  excluded: number;
  done: number;
  skipped: number;
  failed: number;
}

/** How fast it goes since a process took it up. */
export interface BulkPace {
  since: Date;
  /** Users that it had gone through then. */
  settled: number;
  /** When it was last seen at work. */
  at: Date;
}

/** One act on many users, which an administrator has started. Collection `bulk_jobs`. */
export interface BulkJobDocument extends BaseDocument {
  act: BulkAct;
  /** Why, as the administrator has put it. */
  reason: string;
  /** The administrator as whom it acts. */
  createdBy: Types.ObjectId;
  state: BulkJobState;
  /** How its users were chosen; absent for a list that was given. */
  filter?: BulkFilter;
  /** Entries of a list that named nobody. */
  unknown: number;
  /** Which entries those were, counted from 1: the first of them. */
  unknownAt: number[];
  /** Users that were chosen, those that are left out included. */
  total: number;
  counts: BulkCounts;
  pace?: BulkPace;
  createdAt: Date;
  /** Until then it can be started: later its users are no longer those whom the administrator has seen. */
  startBy: Date;
  startedAt?: Date;
  endedAt?: Date;
  /** Why it was stopped. */
  stopCode?: string;
  /** The process that works on it. */
  lease?: Types.ObjectId;
  /** When any process may take it up. */
  dueAt?: Date;
  purgeAt: Date;
}

const filterSchema = new Schema<BulkFilter>(
  {
    status: { type: String, enum: userStatuses },
    role: text(limits.role),
    by: { type: String, enum: ["created", "active"], required: true },
    since: Date,
    until: Date,
  },
  { _id: false },
);

const countsSchema = new Schema<BulkCounts>(
  { excluded: count, done: count, skipped: count, failed: count },
  { _id: false },
);

const paceSchema = new Schema<BulkPace>(
  { since: requiredDate, settled: count, at: requiredDate },
  { _id: false },
);

export const bulkJobSchema = new Schema<BulkJobDocument>(
  {
    act: { type: String, enum: bulkActs, required: true },
    reason: requiredText(limits.reason),
    createdBy: { type: Schema.Types.ObjectId, required: true },
    state: { type: String, enum: bulkJobStates, required: true },
    filter: filterSchema,
    unknown: count,
    unknownAt: list({ type: Number, min: 1, required: true }, limits.unknownEntries),
    total: { ...count, max: limits.bulkUsers },
    counts: { type: countsSchema, required: true },
    pace: paceSchema,
    createdAt: requiredDate,
    startBy: requiredDate,
    startedAt: Date,
    endedAt: Date,
    stopCode: text(64),
    lease: Schema.Types.ObjectId,
    dueAt: Date,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("bulk_jobs"),
);

bulkJobSchema
  .index({ createdAt: -1, _id: -1 }, { name: "newest" }) // newestBulkJobs
  .index({ createdBy: 1, createdAt: -1, _id: -1 }, { name: "creator_newest" }) // bulkJobsOf
  .index({ dueAt: 1, _id: 1 }, { name: "due", partialFilterExpression: { dueAt: { $exists: true } } }) // dueBulkJobs
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: jobs after their retention, whatever became of them
