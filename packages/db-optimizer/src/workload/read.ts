// Reads a workload in one pass: named and recorded queries, their plans, and the collections that they are on.

import type { Connection } from "mongoose";
import type { OnCounted } from "../core/counted.js";
import { toOptimizerError } from "../core/errors.js";
import { collectionNames, type ModelLike, modelsOf } from "../core/model.js";
import { checkedQueries, type NamedQuery } from "../core/named-query.js";
import { throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { type ParsedThresholds, parseThresholds } from "../core/thresholds.js";
import { declaredIndexes } from "../indexes/declared.js";
import { type ActualCollection, inspectIndexes } from "../indexes/inspect.js";
import type { DriftReport } from "../indexes/plan/diff.js";
import { readDrift } from "../indexes/plan/read-plan.js";
import { type Redundancy, redundancyOf } from "../indexes/plan/redundant.js";
import { inspectSizes } from "../indexes/plan/sizes.js";
import { readShardKeys } from "../indexes/shard-keys.js";
import type { IndexSpec } from "../indexes/spec.js";
import type { IndexedSize } from "../indexes/steps/estimate.js";
import { explainQuery, isFailureOfQuery } from "../queries/run-explain.js";
import { type RecordedOperations, recordedShapes } from "../queries/slow.js";
import { analyseQuery, type QueryAnalysis } from "./judge.js";
import {
  averageBytes,
  identityOf,
  namedLoad,
  rankWorkload,
  recordedLoad,
  type Unranked,
  type WorkloadQuery,
} from "./load.js";
import { type LookupFacts, readLookups } from "./lookups.js";

/** How to read a workload. */
export interface ReadOptions {
  readonly queries: readonly NamedQuery[];
  /** Timed runs of each named query; 0: none. */
  readonly rounds: number;
  readonly thresholds?: ParsedThresholds;
  /** Recorded operations faster than this are left out, ms. */
  readonly slowOperationMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Told after each named query. */
  readonly onQuery?: OnCounted;
}

/** A workload as read. */
export interface Workload {
  /** Named queries as they are asked. */
  readonly analyses: readonly QueryAnalysis[];
  /** Named queries that cannot be explained, with the reason. */
  readonly failures: readonly { readonly query: NamedQuery; readonly reason: string }[];
  readonly slow: RecordedOperations;
  /** Named and recorded queries, each once, the most wasteful first. */
  readonly ranked: readonly WorkloadQuery[];
  /** Of the models, and others that are asked. */
  readonly collections: readonly ActualCollection[];
  readonly sizes: ReadonlyMap<string, IndexedSize>;
  readonly drift: DriftReport;
  /** Indexes that the models declare, as `collection.index`, under whatever name the server has them. */
  readonly declared: ReadonlySet<string>;
  readonly redundancy: Redundancy;
  /** Joins in recorded aggregations, however fast; none where the profiler cannot be read. */
  readonly lookups: readonly LookupFacts[];
}

/** @throws {OptimizerError} `INVALID_MODEL`, `ABORTED`, `NOT_AUTHORIZED`, `UNREACHABLE` */
export async function readWorkload(
  connection: Connection,
  models: readonly ModelLike[],
  options: ReadOptions,
): Promise<Workload> {
  const named = await readNamed(connection, options);
  const plans = new Map(named.loads.map((load) => [identityOf(load), load.plan]));
  const slow = await recordedShapes(connection, options.slowOperationMs, {}, (recorded) => {
    const [load] = recordedLoad(recorded);
    // With a hint it is another plan.
    return load && recorded.command.hint === undefined ? (plans.get(identityOf(load)) ?? null) : null;
  });
  const loads = [...named.loads, ...(slow.known ? slow.shapes.flatMap(recordedLoad) : [])];
  const { own } = modelsOf(connection, models);
  const { drift, collections: ofModels } = await readDrift(connection, own);
  const known = new Set(collectionNames(own));
  const others = [...new Set(loads.map(({ shape }) => shape.collection))].filter((name) => !known.has(name));
  const collections = [...ofModels, ...(await inspectIndexes(connection, others))];
  const countable = collections.filter(({ exists, type }) => exists && type === "collection");
  const sizes = await inspectSizes(
    connection,
    countable.map(({ collection }) => collection),
  );
  return {
    ...named,
    slow,
    ranked: rankWorkload(loads, averageBytes(sizes)),
    collections,
    sizes,
    drift,
    declared: declaredPlaces(own, drift),
    redundancy: redundancyOf(ofModels, await readShardKeys(connection)),
    lookups: slow.known
      ? await readLookups(databaseOf(connection), parseThresholds(undefined).probeTimeoutMs)
      : [],
  };
}

async function readNamed(
  connection: Connection,
  { queries, rounds, thresholds = parseThresholds(undefined), signal, onQuery }: ReadOptions,
): Promise<Pick<Workload, "analyses" | "failures"> & { readonly loads: Unranked[] }> {
  const analyses: QueryAnalysis[] = [];
  const failures: Workload["failures"][number][] = [];
  const loads: Unranked[] = [];
  for (const [at, query] of checkedQueries(queries).entries()) {
    throwIfAborted(signal);
    try {
      const analysis = await analyseQuery(connection, query, rounds, thresholds);
      analyses.push(analysis);
      loads.push(namedLoad(query, await planWithoutHint(connection, analysis)));
    } catch (error) {
      const known = toOptimizerError(error, `Cannot explain ${query.name}`);
      if (!isFailureOfQuery(known)) throw known;
      failures.push({ query, reason: known.message });
      loads.push(namedLoad(query, null, known.message));
    }
    onQuery?.({ done: at + 1, total: queries.length, subject: query.name });
  }
  return { analyses, failures, loads };
}

// A hint would keep a better index from being chosen.
async function planWithoutHint(connection: Connection, { query, plan }: QueryAnalysis) {
  const { hint, ...free } = query;
  return hint === undefined ? plan : explainQuery(connection, free);
}

function declaredPlaces(
  models: readonly ModelLike[],
  { renamed, changed }: DriftReport,
): ReadonlySet<string> {
  const { indexes, contested } = declaredIndexes(models);
  const matched = [...renamed, ...changed].map(({ actual }) => actual);
  return new Set([...indexes, ...contested, ...matched].map(placeOf));
}

/** An index as `collection.index`. */
export function placeOf({ collection, name }: Pick<IndexSpec, "collection" | "name">): string {
  return `${collection}.${name}`;
}
