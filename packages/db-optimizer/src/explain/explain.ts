import type { Connection } from "mongoose";
import { OptimizerError, toOptimizerError } from "../errors.js";
import { databaseOf } from "../indexes/inspect.js";
import type { Document } from "../model.js";
import { findCommand, type NamedQuery } from "../named-query.js";

/** What a plan says of a query, whichever engine made it. */
export interface QueryPlan {
  /** Names of the indexes in the winning plan, each once; empty for a lookup by `_id` or a scan. */
  readonly indexes: readonly string[];
  /** Stages from the outermost in, such as `FETCH`, `IXSCAN`. */
  readonly stages: readonly string[];
  readonly collectionScan: boolean;
  /** Sorts in memory, after having read everything. */
  readonly blockingSort: boolean;
  readonly keysExamined: number;
  readonly docsExamined: number;
  readonly returned: number;
  /** As the server timed it. */
  readonly millis: number;
}

/**
 * Explains a query with execution statistics: the server runs it once.
 *
 * @throws {OptimizerError} `INVALID_QUERY` when the server can't run it; `NOT_AUTHORIZED`, `UNREACHABLE`
 */
export async function explainQuery(connection: Connection, query: NamedQuery): Promise<QueryPlan> {
  return summariseExplain(await explainCommand(connection, findCommand(query), query.name));
}

/** Explains any command that can be explained. */
export async function explainCommand(
  connection: Connection,
  command: Document,
  name: string,
  options: { readonly maxTimeMS?: number } = {},
): Promise<Document> {
  try {
    return await databaseOf(connection).command({
      explain: command,
      verbosity: "executionStats",
      ...options,
    });
  } catch (error) {
    const known = toOptimizerError(error, `Cannot explain ${name}`);
    if (known.code !== "SERVER_REFUSED") throw known;
    throw new OptimizerError("INVALID_QUERY", known.message, { cause: error });
  }
}

/**
 * Reads an explain document of the classic engine, of the slot-based one, of a sharded cluster, or of an aggregation
 * that begins with a query. Pure.
 */
export function summariseExplain(explained: Document): QueryPlan {
  const source = cursorStage(explained) ?? explained;
  const stages = stagesOf(winningPlan(source));
  const names = stages.map(({ stage }) => String(stage ?? ""));
  const statistics = (source.executionStats ?? {}) as Document;
  const sums = statisticsOf(statistics);
  return {
    indexes: [
      ...new Set(stages.flatMap(({ indexName }) => (typeof indexName === "string" ? [indexName] : []))),
    ],
    stages: names,
    collectionScan: names.includes("COLLSCAN"),
    blockingSort: names.includes("SORT"),
    ...sums,
  };
}

// An aggregation reports the query that feeds it under its first stage.
function cursorStage({ stages }: Document): Document | undefined {
  const [first] = (Array.isArray(stages) ? stages : []) as Document[];
  return first?.$cursor as Document | undefined;
}

function winningPlan({ queryPlanner }: Document): Document {
  return ((queryPlanner as Document | undefined)?.winningPlan ?? {}) as Document;
}

function stagesOf(plan: Document): Document[] {
  // The slot-based engine puts the readable plan one level deeper; a router has a plan for each shard.
  const inner = plan.queryPlan ?? plan.winningPlan;
  const children = [
    inner,
    plan.inputStage,
    plan.thenStage,
    plan.elseStage,
    plan.outerStage,
    plan.innerStage,
    ...asArray(plan.inputStages),
    ...asArray(plan.shards),
  ].filter((child): child is Document => typeof child === "object" && child !== null);
  return [...("stage" in plan ? [plan] : []), ...children.flatMap(stagesOf)];
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function statisticsOf(statistics: Document) {
  return {
    keysExamined: Number(statistics.totalKeysExamined ?? 0),
    docsExamined: Number(statistics.totalDocsExamined ?? 0),
    returned: Number(statistics.nReturned ?? 0),
    millis: Number(statistics.executionTimeMillis ?? 0),
  };
}
