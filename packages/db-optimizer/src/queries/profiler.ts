// Reads the profiler, and how much of the traffic it sees.
import type { mongo } from "mongoose";
import type { Document } from "../core/model.js";
import { readGranted } from "../core/server/figure.js";
import { primary } from "../core/server/own-collection.js";
import { ofOthers } from "../core/server/own-work.js";

/** An operation as the profiler recorded it. */
export interface ProfileEntry {
  op: string;
  ns: string;
  command: Document;
  millis: number;
  ts: Date;
  /** From here on MongoDB's own profiler only. */
  docsExamined?: number;
  keysExamined?: number;
  nreturned?: number;
  planSummary?: string;
  hasSortStage?: boolean;
}

/** Which of the recorded operations are wanted. */
export interface SlowFilter {
  readonly collection?: string;
  readonly since?: Date;
}

/** Records of one member's profiler, and whether they are complete. */
export interface ProfilerView {
  readonly profiling: boolean;
  /** The newest first, at most 2,000. */
  readonly entries: readonly ProfileEntry[];
  /** Why it does not record every slow operation; empty if it does, or is off. */
  readonly blind: readonly string[];
  /** Why what it recorded since the wanted moment is not all there any more. */
  readonly lost: readonly string[];
}

const maxEntries = 2_000;

/** Reads what the profiler of the member behind this handle recorded. */
export async function readProfiler(
  db: mongo.Db,
  thresholdMs: number,
  { collection, since }: SlowFilter,
): Promise<ProfilerView> {
  const status = await db.command({ profile: -1 }, primary);
  const recorded = db.collection<ProfileEntry>("system.profile", primary);
  const entries = await recorded
    .find({
      ...ownSlow(db, thresholdMs),
      ...(collection && { ns: `${db.databaseName}.${collection}` }),
      ...(since && { ts: { $gte: since } }),
    })
    .sort({ ts: -1 })
    .limit(maxEntries)
    .toArray();
  const profiling = Number(status.was) > 0;
  return {
    profiling,
    entries,
    blind: profiling ? blindness(status, thresholdMs) : [],
    lost: profiling && since ? await losses(db, recorded, since, entries.length) : [],
  };
}

/** The entries of slow operations that are not of this package or the server itself. */
export function ownSlow({ databaseName }: mongo.Db, thresholdMs: number): mongo.Filter<ProfileEntry> {
  return {
    ...ofOthers,
    millis: { $gte: thresholdMs },
    ns: { $regex: `^${databaseName}\\.(?!system\\.|org_db_)` },
  };
}

/**
 * Why a profiler that is on does not record every operation that takes this long. Pure. At level 2 it records all,
 * whatever `slowms` and `sampleRate`; a filter is asked instead of both, at either level.
 * https://www.mongodb.com/docs/manual/reference/command/profile/
 */
export function blindness(status: Document, thresholdMs: number): string[] {
  const { was, slowms = 0, sampleRate = 1, filter } = status;
  if (filter !== undefined && filter !== null) return ["it has a filter"];
  if (Number(was) >= 2) return [];
  return [
    ...(Number(slowms) > thresholdMs
      ? [`its slowms is ${slowms}, and slow is what takes ${thresholdMs}`]
      : []),
    ...(Number(sampleRate) < 1 ? [`its sampleRate is ${sampleRate}`] : []),
  ];
}

// `system.profile` is capped: its oldest entries go when it is full. What is half empty has lost nothing.
async function losses(
  db: mongo.Db,
  recorded: mongo.Collection<ProfileEntry>,
  since: Date,
  found: number,
): Promise<string[]> {
  if (found === maxEntries) return [`more than ${maxEntries} slow operations were recorded`];
  const [oldest] = await recorded.find().sort({ $natural: 1 }).limit(1).toArray();
  if (!oldest || oldest.ts <= since) return [];
  const sizes = await readGranted(db, () =>
    recorded.aggregate([{ $collStats: { storageStats: {} } }]).toArray(),
  );
  // `clusterMonitor` may find what is recorded, and not ask for its size.
  if (sizes.state !== "known")
    return [`system.profile begins at ${oldest.ts.toISOString()}, and its size cannot be read`];
  const [stats] = sizes.value;
  const { size = 0, maxSize = 0 } = (stats?.storageStats ?? {}) as { size?: number; maxSize?: number };
  if (maxSize === 0 || size < maxSize / 2) return [];
  return [`system.profile (${maxSize} bytes) begins at ${oldest.ts.toISOString()} only`];
}
