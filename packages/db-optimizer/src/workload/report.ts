// The result of an analysis.
import type { Finding } from "../core/finding.js";
import type { Redundancy } from "../indexes/plan/redundant.js";
import type { IndexKey } from "../indexes/spec.js";
import type { SlowOperations } from "../queries/slow.js";
import type { QueryAnalysis } from "./judge.js";
import type { WorkloadQuery } from "./load.js";
import type { Measured, WriteCost } from "./measure.js";

/** Why a query or an index is given no advice on. */
export type RejectionCode =
  /** It reads little that it does not return. */
  | "no_waste"
  /** A scan of so few documents is as fast as an index. */
  | "collection_too_small"
  /** No field that an index could serve: `$or`, or `_id` alone. */
  | "no_indexable_field"
  /** The server refuses the index on the copy: for arrays in two of its fields, say. */
  | "refused"
  /** The server will not explain it, or its collection does not exist. */
  | "cannot_explain"
  /** An index that the models declare, and the server lacks, saves enough: `org-db setup`. */
  | "declared_missing"
  /** There is one, and it is hidden: unhide it. */
  | "hidden_index"
  /** An index that does the same exists. */
  | "exists"
  /** The planner does not use it. */
  | "not_chosen"
  /** It saves less than half of the work, or less than half of what a shorter one leaves. */
  | "saves_too_little"
  /** Another advised index does its work as well. */
  | "merged";

/** Something that was considered, and why nothing came of it. */
export interface Rejection {
  readonly code: RejectionCode;
  readonly collection: string;
  /** The query that it was considered for. */
  readonly query: string;
  /** The index, where there was one. */
  readonly keys?: readonly IndexKey[];
  /** Evidence for the decision. */
  readonly evidence: string;
}

/** One query before and after the advised indexes, on the copy. */
export interface ServedQuery {
  readonly query: string;
  readonly before: Measured;
  readonly after: Measured;
  /** Share of the work that is saved, 0 to 1. */
  readonly saved: number;
}

/** An index that was built on a copy, and saved at least half of the work of a query. */
export interface IndexAdvice {
  readonly collection: string;
  readonly keys: readonly IndexKey[];
  readonly queries: readonly ServedQuery[];
  readonly writeCost: WriteCost;
  /** Bytes on the whole collection, from its size and the number of keys. */
  readonly estimatedBytes: number;
  /** Bytes that its queries waste today: what the advice is ranked by. */
  readonly wastedBytes: number;
  /** Indexes that become redundant with it. */
  readonly supersedes: readonly string[];
  readonly sampled: { readonly documents: number; readonly of: number };
  readonly reason: string;
  /** For mongosh. An index that is to stay belongs into its schema. */
  readonly command: string;
}

/** A query as the report has it: without its values. */
export type ReportedQuery = Omit<WorkloadQuery, "command">;

/**
 * How the queries of a database do, and what would make them better: one result, of which `optimize` prints the timed queries
 * and the findings, and `advise` the indexes that were measured.
 */
export interface WorkloadReport extends Pick<Redundancy, "shardKeysUnread"> {
  readonly database: string;
  /** The named queries. */
  readonly queries: readonly QueryAnalysis[];
  /** Share of the named queries that an index serves, 0 to 1. */
  readonly indexHitRatio: number;
  /** The profiler's records; named queries are included with or without them. */
  readonly slow: SlowOperations;
  /** Named and recorded queries, the most wasteful first. */
  readonly workload: readonly ReportedQuery[];
  readonly findings: readonly Finding[];
  /** Indexes that were measured on a copy; none unless that was asked for, and so for the other two. */
  readonly advice: readonly IndexAdvice[];
  readonly rejections: readonly Rejection[];
  /** Temporary collections of a run that died, which this one removed. */
  readonly removedLeftovers: readonly string[];
}
