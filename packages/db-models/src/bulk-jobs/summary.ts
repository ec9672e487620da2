import type { Types } from "mongoose";
import type { BulkCounts, BulkJobDocument } from "../schemas/bulk-job.js";

/** How fast a running job goes. */
export interface BulkProgress {
  /** Users a second, since a process took it up. */
  perSecond: number;
  /** Milliseconds until it is done, at this rate. */
  leftMs: number;
}

/** A bulk job, as its administrators see it. */
export interface BulkJob
  extends Pick<
    BulkJobDocument,
    | "act"
    | "reason"
    | "createdBy"
    | "state"
    | "filter"
    | "unknown"
    | "unknownAt"
    | "total"
    | "createdAt"
    | "startBy"
    | "startedAt"
    | "endedAt"
    | "stopCode"
  > {
  id: Types.ObjectId;
  /** How many users came to what; `pending` have not had their turn. */
  counts: BulkCounts & { pending: number };
  /** Of a running job that has gone through some users. */
  progress?: BulkProgress;
}

export function summarise(job: BulkJobDocument): BulkJob {
  const { _id: id, counts, pace: _, lease: _l, dueAt: _d, purgeAt: _p, schemaVersion: _v, ...rest } = job;
  const pending = job.total - counts.excluded - settledOf(counts);
  const progress = progressOf(job, pending);
  return { ...rest, id, counts: { ...counts, pending }, ...(progress && { progress }) };
}

/** Users that a job has gone through. */
export const settledOf = ({ done, skipped, failed }: BulkCounts): number => done + skipped + failed;

function progressOf({ state, pace, counts }: BulkJobDocument, pending: number): BulkProgress | undefined {
  if (state !== "running" || !pace) return undefined;
  const settled = settledOf(counts) - pace.settled;
  const ms = pace.at.getTime() - pace.since.getTime();
  if (settled <= 0 || ms <= 0) return undefined;
  return { perSecond: (settled * 1_000) / ms, leftMs: Math.round((pending * ms) / settled) };
}
