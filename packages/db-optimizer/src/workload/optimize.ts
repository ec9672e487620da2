import type { Connection } from "mongoose";
import { type ModelLike, modelsOf } from "../core/model.js";
import type { NamedQuery } from "../core/named-query.js";
import { throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { type HealthThresholds, parseThresholds } from "../core/thresholds.js";
import { declaredIndexes } from "../indexes/declared.js";
import { readDrift } from "../indexes/plan/read-plan.js";
import { type Redundancy, redundancyOf } from "../indexes/plan/redundant.js";
import { inspectSizes } from "../indexes/plan/sizes.js";
import { readShardKeys } from "../indexes/shard-keys.js";
import type { IndexSpec } from "../indexes/spec.js";
import { type SlowOperations, slowOperations } from "../queries/slow.js";
import { type Advice, advise } from "./advice.js";
import { isWorthwhile } from "./analysis.js";
import { analyseQuery, indexHitRatio, type QueryAnalysis } from "./judge.js";
import { parseLimits } from "./limits.js";

/** How the queries of a database do, and what would make them better. */
export interface OptimizeReport extends Pick<Redundancy, "shardKeysUnread"> {
  readonly database: string;
  readonly queries: readonly QueryAnalysis[];
  /** Share of the named queries that an index serves, 0 to 1. */
  readonly indexHitRatio: number;
  readonly slow: SlowOperations;
  readonly advice: readonly Advice[];
}

/** How to analyse. */
export interface OptimizeOptions {
  /** Timed runs of each query. Default 20. */
  readonly rounds?: number;
  readonly thresholds?: HealthThresholds;
  /** Told after each query. */
  readonly onProgress?: (progress: {
    readonly done: number;
    readonly total: number;
    readonly query: string;
  }) => void;
  readonly signal?: AbortSignal;
}

/**
 * Explains and times every named query, looks at what the profiler recorded, and advises. Writes nothing.
 *
 * @throws {OptimizerError} `INVALID_QUERY`, `INVALID_MODEL`, `INVALID_OPTIONS`, `ABORTED`, `NOT_AUTHORIZED`, `UNREACHABLE`
 */
export async function analysePerformance(
  connection: Connection,
  models: readonly ModelLike[],
  queries: readonly NamedQuery[],
  options: OptimizeOptions = {},
): Promise<OptimizeReport> {
  const thresholds = parseThresholds(options.thresholds);
  const analyses: QueryAnalysis[] = [];
  for (const query of queries) {
    throwIfAborted(options.signal);
    analyses.push(await analyseQuery(connection, query, options.rounds ?? 20, thresholds));
    options.onProgress?.({ done: analyses.length, total: queries.length, query: query.name });
  }
  const slow = await slowOperations(connection, thresholds.slowOperationMs);
  const { own } = modelsOf(connection, models);
  const { drift, collections } = await readDrift(connection, own);
  const { redundant, ...unread } = redundancyOf(collections, await readShardKeys(connection));
  const { missing, renamed, changed } = drift;
  const declared = declaredIndexes(own);
  // Under whatever name the server has them.
  const matched = [...renamed, ...changed].map(({ actual }) => actual);
  const sizes = await inspectSizes(
    connection,
    collections
      .filter(({ exists, type }) => exists && type === "collection")
      .map(({ collection }) => collection),
  );
  const limits = parseLimits(undefined);
  return {
    database: databaseOf(connection).databaseName,
    queries: analyses,
    indexHitRatio: indexHitRatio(analyses),
    slow,
    ...unread,
    advice: advise({
      analyses,
      slow: slow.known ? slow.shapes : [],
      redundant,
      declared: placesOf([...declared.indexes, ...declared.contested, ...matched]),
      missing: placesOf(missing),
      present: collections.flatMap(({ indexes }) => indexes),
      worthwhile: (collection, plan, executions) =>
        isWorthwhile(plan, executions, sizes.get(collection)?.documents ?? Number.POSITIVE_INFINITY, limits),
    }),
  };
}

function placesOf(indexes: readonly IndexSpec[]): ReadonlySet<string> {
  return new Set(indexes.map(({ collection, name }) => `${collection}.${name}`));
}
