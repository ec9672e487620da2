// The analysis of a workload: what `optimize` times and judges, and what `advise` measures on a copy besides.

import type { Connection } from "mongoose";
import type { OnCounted } from "../core/counted.js";
import type { ModelLike } from "../core/model.js";
import type { NamedQuery } from "../core/named-query.js";
import { throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { type HealthThresholds, parseThresholds } from "../core/thresholds.js";
import type { ActualCollection } from "../indexes/inspect.js";
import type { IndexedSize } from "../indexes/steps/estimate.js";
import { type LeaseOptions, withLease } from "../jobs/lease.js";
import { withoutCommands } from "../queries/slow.js";
import { workloadFindings } from "./advice.js";
import { adviseCollection } from "./advise-collection.js";
import { indexHitRatio } from "./judge.js";
import { type AdviceLimits, type ParsedAdviceLimits, parseLimits } from "./limits.js";
import { isWorthwhile, type WorkloadQuery } from "./load.js";
import { readWorkload, type Workload } from "./read.js";
import type { IndexAdvice, Rejection, WorkloadReport } from "./report.js";
import { removeLeftovers } from "./sample.js";

/** How to analyse. */
export interface OptimizeOptions {
  /** Timed runs of each query. Default 20. */
  readonly rounds?: number;
  readonly thresholds?: HealthThresholds;
  /** Told after each query. */
  readonly onProgress?: OnCounted;
  readonly signal?: AbortSignal;
}

/** Options of {@link adviseIndexes}. */
export interface AdviseOptions extends LeaseOptions {
  /** Queries that matter, with or without traffic. Default none. */
  readonly queries?: readonly NamedQuery[];
  readonly limits?: AdviceLimits;
  /** Told before indexes are tried on a copy of a collection. */
  readonly onProgress?: OnCounted;
}

type Tried = Pick<WorkloadReport, "advice" | "rejections" | "removedLeftovers">;

const untried: Tried = { advice: [], rejections: [], removedLeftovers: [] };

/**
 * Explains and times every named query, looks at what the profiler recorded, and says what is wrong. Writes nothing.
 *
 * @throws {OptimizerError} `INVALID_MODEL`, `INVALID_OPTIONS`, `ABORTED`, `NOT_AUTHORIZED`, `UNREACHABLE`
 */
export async function analysePerformance(
  connection: Connection,
  models: readonly ModelLike[],
  queries: readonly NamedQuery[],
  { rounds = 20, onProgress, signal, ...options }: OptimizeOptions = {},
): Promise<WorkloadReport> {
  const thresholds = parseThresholds(options.thresholds);
  const { slowOperationMs } = thresholds;
  const workload = await readWorkload(connection, models, {
    queries,
    rounds,
    thresholds,
    slowOperationMs,
    signal,
    ...(onProgress && { onQuery: onProgress }),
  });
  return reportOf(connection, workload, parseLimits(undefined), untried);
}

/**
 * The same analysis, and indexes that were measured: each candidate is built on a copy of a sample of the collection, the
 * queries are explained and timed before and after, and only what saves at least half of the work is advised. The copies are
 * temporary collections (`org_db_advice_…`), removed whatever happens; what a run that died left is removed by the next.
 *
 * The workload is what the profiler recorded and the named queries. The collections themselves are only read.
 *
 * @throws {OptimizerError} `LOCKED` while another process advises, `INVALID_OPTIONS`, `ABORTED`, `NOT_AUTHORIZED`, `UNREACHABLE`
 */
export async function adviseIndexes(
  connection: Connection,
  models: readonly ModelLike[],
  options: AdviseOptions = {},
): Promise<WorkloadReport> {
  const limits = parseLimits(options.limits);
  const { queries = [] } = options;
  return withLease(connection, "advise", options, async (signal) => {
    const removedLeftovers = await removeLeftovers(connection);
    const { slowOperationMs } = limits;
    const workload = await readWorkload(connection, models, { queries, rounds: 0, slowOperationMs, signal });
    const tried = await tryAll(connection, workload, limits, { ...options, signal });
    return reportOf(connection, workload, limits, { ...tried, removedLeftovers });
  });
}

function reportOf(
  connection: Connection,
  workload: Workload,
  limits: ParsedAdviceLimits,
  tried: Tried,
): WorkloadReport {
  const { analyses, slow, ranked, redundancy } = workload;
  const { shardKeysUnread } = redundancy;
  return {
    database: databaseOf(connection).databaseName,
    queries: analyses,
    indexHitRatio: indexHitRatio(analyses),
    slow: withoutCommands(slow),
    workload: ranked.slice(0, limits.queries).map(({ command: _command, ...query }) => query),
    findings: workloadFindings(workload, limits),
    ...(shardKeysUnread !== undefined && { shardKeysUnread }),
    ...tried,
  };
}

async function tryAll(
  connection: Connection,
  { ranked, collections, sizes, drift }: Workload,
  limits: ParsedAdviceLimits,
  { signal, onProgress }: AdviseOptions,
): Promise<Pick<Tried, "advice" | "rejections">> {
  const advice: IndexAdvice[] = [];
  const rejections: Rejection[] = [];
  const worthwhile = ranked.slice(0, limits.queries).filter((query) => {
    const { collection } = query.shape;
    const source = collections.find((one) => one.collection === collection);
    const rejection = screen(query, sizes.get(collection), limits, source);
    if (rejection) rejections.push(rejection);
    return !rejection;
  });
  const names = [...new Set(worthwhile.map(({ shape }) => shape.collection))];
  for (const [at, name] of names.entries()) {
    throwIfAborted(signal);
    onProgress?.({ subject: name, done: at, total: names.length });
    const source = collections.find(({ collection }) => collection === name);
    const size = sizes.get(name);
    if (!source || !size) continue;
    const queries = worthwhile.filter(({ shape }) => shape.collection === name);
    const missing = drift.missing.filter(({ collection }) => collection === name);
    const input = { source, size, queries, missing };
    advice.push(
      ...(await adviseCollection(connection, input, limits, signal, (found) => rejections.push(found))),
    );
  }
  return { advice: advice.sort((a, b) => b.wastedBytes - a.wastedBytes), rejections };
}

/** Whether a query is worth looking at; if not, why. Pure. */
export function screen(
  query: WorkloadQuery,
  size: Pick<IndexedSize, "documents"> | undefined,
  { minimumWaste, minimumDocuments }: Pick<ParsedAdviceLimits, "minimumWaste" | "minimumDocuments">,
  source?: Pick<ActualCollection, "exists" | "type">,
): Rejection | undefined {
  const { name, plan, failure, shape, executions, wastedDocuments } = query;
  const about = { collection: shape.collection, query: name };
  const documents = size?.documents ?? 0;
  if (!plan)
    return { ...about, code: "cannot_explain", evidence: failure ?? "the server does not explain it" };
  if (!size) return { ...about, code: "cannot_explain", evidence: unsized(source) };
  if (documents < minimumDocuments)
    return { ...about, code: "collection_too_small", evidence: `${documents} documents` };
  if (isWorthwhile(plan, executions, documents, { minimumWaste, minimumDocuments })) return undefined;
  return { ...about, code: "no_waste", evidence: `${wastedDocuments} documents read and not returned` };
}

function unsized(source: Pick<ActualCollection, "exists" | "type"> | undefined): string {
  if (source?.exists === false) return "its collection does not exist";
  if (source?.type === "view") return "it reads a view: name the collection that the view reads";
  if (source?.type === "timeseries") return "it reads a time series, which is not copied";
  return "the size of its collection cannot be read";
}
