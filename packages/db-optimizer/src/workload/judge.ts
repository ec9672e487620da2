// Judges the plan of a query.
import type { Connection } from "mongoose";
import { findCommand, type NamedQuery } from "../core/named-query.js";
import { databaseOf } from "../core/server/database.js";
import { type Latency, summarise } from "../core/server/latency.js";
import { timedRead } from "../core/server/timed-read.js";
import { type ParsedThresholds, parseThresholds } from "../core/thresholds.js";
import type { QueryPlan } from "../queries/explain.js";
import { explainQuery } from "../queries/run-explain.js";

/** A problem of a query's plan, by code. */
export type QueryProblem =
  | "collection_scan"
  | "blocking_sort"
  | "examines_too_much"
  /** It reads an index from end to end, or nearly, as a pattern without a beginning makes it. */
  | "index_scan"
  | "other_index";

/** How much a query may read for what it returns. */
export type TolerableReading = Pick<ParsedThresholds, "examinedPerReturned" | "keysPerReturned">;

/** One named query against the data at hand. */
export interface QueryAnalysis {
  readonly query: NamedQuery;
  readonly plan: QueryPlan;
  /** Documents examined for each one returned; for a query that returns nothing, the documents examined. */
  readonly examinedPerReturned: number;
  readonly latency: Latency;
  readonly problems: readonly QueryProblem[];
}

/**
 * Explains a query and times it as an application sees it, round trip included.
 *
 * @param rounds how often to time it
 */
export async function analyseQuery(
  connection: Connection,
  query: NamedQuery,
  rounds: number,
  tolerable?: TolerableReading,
): Promise<QueryAnalysis> {
  const plan = await explainQuery(connection, query);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++)
    times.push(await timedRead(databaseOf(connection), findCommand(query)));
  return judgePlan(query, plan, summarise(times), tolerable);
}

/** Problems of a query by its plan. Pure. */
export function judgePlan(
  query: NamedQuery,
  plan: QueryPlan,
  latency: Latency,
  tolerable: TolerableReading = parseThresholds(undefined),
): QueryAnalysis {
  const examinedPerReturned = plan.docsExamined / Math.max(plan.returned, 1);
  const problems: QueryProblem[] = [];
  if (plan.collectionScan) problems.push("collection_scan");
  if (plan.blockingSort) problems.push("blocking_sort");
  if (!plan.collectionScan && examinedPerReturned > tolerable.examinedPerReturned)
    problems.push("examines_too_much");
  if (keysPerReturned(plan) > tolerable.keysPerReturned) problems.push("index_scan");
  // Of a collection that is not there, or a lookup by _id, no index serves the query, and none is the wrong one.
  if (query.index && plan.indexes.length > 0 && !plan.indexes.includes(query.index))
    problems.push("other_index");
  return { query, plan, examinedPerReturned, latency, problems };
}

/** Index keys examined for each document returned; for a query that returns nothing, in all. Pure. */
export function keysPerReturned({ keysExamined, returned }: QueryPlan): number {
  return keysExamined / Math.max(returned, 1);
}

/**
 * Share of the queries that an index serves, 0 to 1, of those that read anything; 1 without any. Pure.
 */
export function indexHitRatio(analyses: readonly Pick<QueryAnalysis, "plan">[]): number {
  const read = analyses.filter(({ plan }) => !isOfNothing(plan));
  if (read.length === 0) return 1;
  return read.filter(({ plan }) => !plan.collectionScan).length / read.length;
}

/** The collection is not there, or the filter can match nothing: the server answers at once, and tries no index. */
const isOfNothing = ({ stages }: Pick<QueryPlan, "stages">): boolean => stages.includes("EOF");
