import type { Connection } from "mongoose";

import { isOptimizerError } from "../core/errors.js";
import { collectionNames, type ModelLike, modelsOf } from "../core/model.js";
import { findCommand, type NamedQuery } from "../core/named-query.js";
import { throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { declaredIndexes, type ExpectedIndex } from "../indexes/declared.js";
import { type ActualCollection, inspectIndexes } from "../indexes/inspect.js";
import { diffIndexes } from "../indexes/plan/diff.js";
import { inspectSizes } from "../indexes/plan/sizes.js";
import type { IndexedSize } from "../indexes/steps/estimate.js";
import { type LeaseOptions, withLease } from "../jobs/lease.js";
import { type QueryPlan, summariseExplain } from "../queries/explain.js";
import { explainCommand } from "../queries/run-explain.js";
import { recordedShapes } from "../queries/slow.js";
import { adviseCollection } from "./advise-collection.js";
import { type AdviceLimits, type ParsedAdviceLimits, parseLimits } from "./limits.js";
import { namedLoad, rankWorkload, recordedLoad, type WorkloadQuery } from "./load.js";
import type { AdviceReport, IndexAdvice, Rejection } from "./report.js";
import { removeLeftovers } from "./sample.js";

/** Options of {@link adviseIndexes}. */
export interface AdviseOptions extends LeaseOptions {
  /** Queries that matter, with or without traffic. Default none. */
  readonly queries?: readonly NamedQuery[];
  readonly limits?: AdviceLimits;
  /** Told before each collection is copied. */
  readonly onProgress?: (progress: {
    readonly collection: string;
    readonly position: number;
    readonly total: number;
  }) => void;
}

interface Reading {
  readonly workload: readonly WorkloadQuery[];
  readonly collections: readonly ActualCollection[];
  readonly sizes: ReadonlyMap<string, IndexedSize>;
  readonly missing: readonly ExpectedIndex[];
  readonly profiler: AdviceReport["profiler"];
}

/**
 * Advises indexes that were measured: each candidate is built on a copy of a sample of the collection, the queries are
 * explained and timed before and after, and only what saves at least half of the work is advised. The copies are
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
): Promise<AdviceReport> {
  const limits = parseLimits(options.limits);
  return withLease(connection, "advise", options, async (signal) => {
    const removedLeftovers = await removeLeftovers(connection);
    const reading = await readWorkload(connection, models, options.queries ?? [], limits);
    const { advice, rejections } = await adviseAll(connection, reading, limits, { ...options, signal });
    return {
      database: databaseOf(connection).databaseName,
      workload: reading.workload.map(({ command: _command, ...query }) => query),
      advice: [...advice].sort((a, b) => b.wastedBytes - a.wastedBytes),
      rejections,
      profiler: reading.profiler,
      removedLeftovers,
    };
  });
}

async function readWorkload(
  connection: Connection,
  models: readonly ModelLike[],
  queries: readonly NamedQuery[],
  limits: ParsedAdviceLimits,
): Promise<Reading> {
  const recorded = await recordedShapes(connection, limits.slowOperationMs);
  const named = [];
  for (const query of queries) named.push(namedLoad(query, await planOf(connection, query)));
  const loads = [...named, ...(recorded.known ? recorded.shapes.flatMap(recordedLoad) : [])];
  const { own } = modelsOf(connection, models);
  const names = [...new Set([...collectionNames(own), ...loads.map(({ shape }) => shape.collection)])];
  const collections = await inspectIndexes(connection, names);
  const sizes = await inspectSizes(connection, [...new Set(loads.map(({ shape }) => shape.collection))]);
  const average = [...sizes].map(
    ([name, { dataBytes, documents }]) => [name, dataBytes / Math.max(documents, 1)] as const,
  );
  return {
    workload: rankWorkload(loads, new Map(average)).slice(0, limits.queries),
    collections,
    sizes,
    missing: diffIndexes(declaredIndexes(own).indexes, collections).missing,
    profiler: recorded.known
      ? { known: true, profiling: recorded.profiling }
      : { known: false, profiling: false, reason: recorded.reason },
  };
}

const maxTimeMS = 30_000;

async function planOf(connection: Connection, { hint: _hint, ...query }: NamedQuery) {
  try {
    return summariseExplain(await explainCommand(connection, findCommand(query), query.name, { maxTimeMS }));
  } catch (error) {
    if (isOptimizerError(error, "UNREACHABLE")) throw error;
    return null;
  }
}

async function adviseAll(
  connection: Connection,
  { workload, collections, sizes, missing }: Reading,
  limits: ParsedAdviceLimits,
  { signal, onProgress }: AdviseOptions,
): Promise<{ advice: IndexAdvice[]; rejections: Rejection[] }> {
  const advice: IndexAdvice[] = [];
  const rejections: Rejection[] = [];
  const worthwhile = workload.filter((query) => {
    const rejection = screen(query, sizes.get(query.shape.collection), limits);
    if (rejection) rejections.push(rejection);
    return !rejection;
  });
  const names = [...new Set(worthwhile.map(({ shape }) => shape.collection))];
  for (const [at, name] of names.entries()) {
    throwIfAborted(signal);
    onProgress?.({ collection: name, position: at + 1, total: names.length });
    const source = collections.find(({ collection }) => collection === name);
    const size = sizes.get(name);
    if (!source || !size) continue;
    const own = worthwhile.filter(({ shape }) => shape.collection === name);
    const input = {
      source,
      size,
      queries: own,
      missing: missing.filter(({ collection }) => collection === name),
    };
    advice.push(
      ...(await adviseCollection(connection, input, limits, signal, (found) => rejections.push(found))),
    );
  }
  return { advice, rejections };
}

/** Whether a query is worth measuring: what `optimize` asks as well, so that both say the same. Pure. */
export function isWorthwhile(
  plan: QueryPlan,
  executions: number,
  documents: number,
  limits: Pick<ParsedAdviceLimits, "minimumWaste" | "minimumDocuments">,
): boolean {
  if (documents < limits.minimumDocuments) return false;
  const wasted = executions * Math.max(0, plan.docsExamined - plan.returned);
  const sorted = plan.blockingSort ? plan.docsExamined * executions : 0;
  return wasted > limits.minimumWaste || sorted > limits.minimumWaste;
}

/** Whether a query is worth looking at; if not, why. Pure. */
export function screen(
  query: WorkloadQuery,
  size: Pick<IndexedSize, "documents"> | undefined,
  { minimumWaste, minimumDocuments }: Pick<ParsedAdviceLimits, "minimumWaste" | "minimumDocuments">,
): Rejection | undefined {
  const { name, plan, shape, executions, wastedDocuments } = query;
  const about = { collection: shape.collection, query: name };
  const documents = size?.documents ?? 0;
  if (!plan) return { ...about, code: "cannot_explain", evidence: "the server does not explain it" };
  if (!size)
    return { ...about, code: "cannot_explain", evidence: "the size of its collection cannot be read" };
  if (documents < minimumDocuments)
    return { ...about, code: "collection_too_small", evidence: `${documents} documents` };
  if (isWorthwhile(plan, executions, documents, { minimumWaste, minimumDocuments })) return undefined;
  return { ...about, code: "no_waste", evidence: `${wastedDocuments} documents read and not returned` };
}
