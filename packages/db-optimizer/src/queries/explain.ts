// Reads the plan out of an explain document of any server.

import { asDocument, documentsOf, isDocument } from "../core/documents.js";
import { OptimizerError, toOptimizerError } from "../core/errors.js";
import type { Document } from "../core/model.js";

/** A collection that an aggregation joins, as its plan says. */
export interface JoinPlan {
  readonly collection: string;
  /** Names of its indexes that the join uses; empty where it reads the whole collection. */
  readonly indexes: readonly string[];
  readonly collectionScan: boolean;
}

/** A query's plan, in one form for all engines. */
export interface QueryPlan {
  /**
   * Names of the indexes of the query's own collection in the winning plan, each once; empty for a lookup by `_id` or a
   * scan.
   */
  readonly indexes: readonly string[];
  /** Stages from the outermost in, such as `FETCH`, `IXSCAN`. */
  readonly stages: readonly string[];
  readonly collectionScan: boolean;
  /** Sorts in memory, after having read everything. */
  readonly blockingSort: boolean;
  /** Those of joined collections included, as for `docsExamined`; summed over the shards. */
  readonly keysExamined: number;
  readonly docsExamined: number;
  readonly returned: number;
  /** As the server timed it; on several shards the longest. */
  readonly millis: number;
  /** Collections that it joins. Absent where there are none. */
  readonly joins?: readonly JoinPlan[];
}

/**
 * Reads an explain document of MongoDB 6.0 to 8.0: of the classic engine, of the slot-based one, of the express path, of
 * a sharded cluster, and of aggregations on each of them. Pure.
 *
 * @throws {OptimizerError} `UNSUPPORTED` when there is no plan in it; `TIMED_OUT`, `SERVER_REFUSED` and others by the code
 * in it when the query failed while it was run, which the server reports inside of an answer that is ok
 */
export function summariseExplain(explained: Document): QueryPlan {
  const parts = partsOf(explained);
  for (const { statistics } of parts) assertExecuted(statistics);
  const stages = parts.flatMap(({ plan }) => stagesOf(plan));
  if (stages.length === 0)
    throw new OptimizerError("UNSUPPORTED", "There is no plan in what the server explained");
  const names = stages.map(({ stage }) => String(stage));
  const joins = mergedJoins([
    ...stages.flatMap(joinOfStage),
    ...pipelineStagesOf(explained).flatMap(joinOfPipeline),
  ]);
  const own = stages.filter((stage) => !isJoin(stage)).map(({ indexName }) => indexName);
  return {
    indexes: distinct(own),
    stages: names,
    collectionScan: names.includes("COLLSCAN"),
    blockingSort: names.includes("SORT"),
    ...figuresOf(parts, pipelineStagesOf(explained)),
    ...(joins.length > 0 && { joins }),
  };
}

/** One plan with what it cost: there is one for each shard, and for each source of a pipeline. */
interface Part {
  readonly plan: Document;
  readonly statistics: Document;
}

function partsOf(explained: Document): Part[] {
  const { queryPlanner, executionStats } = explained;
  const { winningPlan } = (queryPlanner ?? {}) as Document;
  return [
    ...(isDocument(winningPlan) ? [{ plan: winningPlan, statistics: asDocument(executionStats) }] : []),
    ...shardsOf(explained).flatMap(partsOf),
    ...documentsOf(explained.stages).flatMap(partsOfStage),
  ];
}

// The query that feeds a pipeline stands under its first stage: `$cursor`, `$geoNearCursor` and others to come. A `$unionWith`
// has a pipeline of its own.
function partsOfStage(stage: Document): Part[] {
  const [name = ""] = Object.keys(stage);
  const content = asDocument(stage[name]);
  if (name.startsWith("$") && isDocument(content.queryPlanner)) return partsOf(content);
  return name === "$unionWith" ? documentsOf(content.pipeline).flatMap(partsOfStage) : [];
}

// An aggregation through a router has its shards by name; a find has them in a list within its plan.
function shardsOf({ shards }: Document): Document[] {
  return isDocument(shards) ? Object.values(shards).filter(isDocument) : [];
}

function pipelineStagesOf(explained: Document): Document[] {
  return [...documentsOf(explained.stages), ...shardsOf(explained).flatMap(pipelineStagesOf)];
}

function assertExecuted(statistics: Document): void {
  const { executionStages } = statistics;
  const shards = documentsOf(asDocument(executionStages).shards);
  const failed = [statistics, ...shards].find(({ executionSuccess }) => executionSuccess === false);
  if (!failed) return;
  const { errorMessage = "no reason is given", errorCode, shardName } = failed;
  const where = shardName === undefined ? "" : ` on ${shardName}`;
  const cause = Object.assign(new Error(String(errorMessage)), {
    ...(errorCode !== undefined && { code: Number(errorCode) }),
  });
  throw toOptimizerError(cause, `The query failed while it was run${where}`);
}

/** All stages of a plan, from the outermost in. The slot-based engine has the readable plan one level deeper. */
function stagesOf(plan: Document): Document[] {
  const children = Object.entries(plan).flatMap(([key, value]) => {
    if (key === "rejectedPlans") return [];
    const inner = Array.isArray(value) ? value : [value];
    return inner.filter(isDocument).filter((child) => hasPlan(key, child));
  });
  const isStage = typeof plan.stage === "string";
  return [...(isStage ? [plan] : []), ...children.flatMap(stagesOf)];
}

const wrappers: readonly string[] = ["queryPlan", "winningPlan", "shards"];

const hasPlan = (key: string, child: Document): boolean =>
  typeof child.stage === "string" || wrappers.includes(key);

// EQ_LOOKUP and EQ_LOOKUP_UNWIND: their index is one of the joined collection.
const isJoin = ({ stage }: Document): boolean => String(stage).startsWith("EQ_LOOKUP");

const scanning: readonly unknown[] = ["HashJoin", "NestedLoopJoin", "DynamicIndexedLoopJoin"];

function joinOfStage(stage: Document): JoinPlan[] {
  if (!isJoin(stage)) return [];
  const { foreignCollection, strategy, indexName } = stage;
  const name = String(foreignCollection ?? "");
  return [
    {
      collection: name.slice(name.indexOf(".") + 1),
      indexes: distinct([indexName]),
      collectionScan: scanning.includes(strategy),
    },
  ];
}

// Not pushed down, a `$lookup` tells of itself beside its definition.
function joinOfPipeline(stage: Document): JoinPlan[] {
  const { $lookup, indexesUsed, collectionScans } = stage;
  if (!isDocument($lookup)) return [];
  const from = asDocument($lookup).from;
  const { coll = from } = asDocument(from);
  const indexes = distinct(Array.isArray(indexesUsed) ? indexesUsed : []);
  return [{ collection: String(coll ?? ""), indexes, collectionScan: Number(collectionScans ?? 0) > 0 }];
}

function mergedJoins(joins: readonly JoinPlan[]): JoinPlan[] {
  const merged = new Map<string, JoinPlan>();
  for (const join of joins) {
    const known = merged.get(join.collection);
    merged.set(join.collection, {
      collection: join.collection,
      indexes: distinct([...(known?.indexes ?? []), ...join.indexes]),
      collectionScan: join.collectionScan || known?.collectionScan === true,
    });
  }
  return [...merged.values()];
}

function figuresOf(parts: readonly Part[], pipeline: readonly Document[]) {
  const statistics = parts.map((part) => part.statistics);
  const sum = (documents: readonly Document[], field: string) =>
    documents.reduce((total, document) => total + numberOf(document[field]), 0);
  const lookups = pipeline.filter(({ $lookup }) => isDocument($lookup));
  return {
    keysExamined: sum([...statistics, ...lookups], "totalKeysExamined"),
    docsExamined: sum([...statistics, ...lookups], "totalDocsExamined"),
    returned: sum(statistics, "nReturned"),
    millis: Math.max(0, ...statistics.map(({ executionTimeMillis }) => numberOf(executionTimeMillis))),
  };
}

const numberOf = (value: unknown): number => Number(value ?? 0);

const distinct = (names: readonly unknown[]): string[] => [
  ...new Set(names.filter((name): name is string => typeof name === "string")),
];
