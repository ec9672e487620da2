// Queries as loads: what each is, how often it is asked and what it wastes.
import type { Document } from "../core/model.js";
import { findCommand, type NamedQuery } from "../core/named-query.js";
import { canonicalCollation } from "../indexes/collation.js";
import { collationText } from "../indexes/spec.js";
import type { IndexedSize } from "../indexes/steps/estimate.js";
import type { QueryPlan } from "../queries/explain.js";
import { type QueryShape, shapeOf } from "../queries/shape.js";
import { explainableCommand, type RecordedShape } from "../queries/slow.js";
import type { ParsedAdviceLimits } from "./limits.js";

/** A query that an index is looked for, with what it costs today. */
export interface WorkloadQuery {
  /** Of a named query its name, of a recorded one its operation, collection and fingerprint. */
  readonly name: string;
  readonly source: "named" | "profiler";
  readonly shape: QueryShape;
  /** The command that is explained and timed. Holds values: not for reports. */
  readonly command: Document;
  /** How often it was recorded; 1 for a named query. */
  readonly executions: number;
  /** On the collection itself; `null` when it cannot be explained. */
  readonly plan: QueryPlan | null;
  /** Why it cannot be explained, in the server's words. */
  readonly failure?: string;
  /** Documents read that were not returned, over all executions. */
  readonly wastedDocuments: number;
  /** The same in bytes: what the queries are ranked by. */
  readonly wastedBytes: number;
}

/** A query of a workload, not weighed yet. */
export type Unranked = Omit<WorkloadQuery, "wastedDocuments" | "wastedBytes">;

/** A named query as part of a workload. Pure. */
export function namedLoad(query: NamedQuery, plan: QueryPlan | null, failure?: string): Unranked {
  // A hint would keep a better index from being chosen.
  const { hint: _hint, ...free } = query;
  const command = findCommand(free);
  return {
    name: query.name,
    source: "named",
    shape: shapeOf("find", query.collection, command),
    command,
    executions: 1,
    plan,
    ...(failure !== undefined && { failure }),
  };
}

/** A recorded shape as part of a workload; nothing for one that cannot be explained. Pure. */
export function recordedLoad({ shape, command: recorded, count, plan, failure }: RecordedShape): Unranked[] {
  const command = explainableCommand(shape, recorded);
  if (!command) return [];
  const { hint: _hint, ...free } = command;
  const name = `${shape.operation} ${shape.collection} ${shape.fingerprint}`;
  return [
    {
      name,
      source: "profiler",
      shape,
      command: free,
      executions: count,
      plan,
      ...(failure !== undefined && { failure }),
    },
  ];
}

/**
 * Each query once, the most wasteful first. Pure. A recorded shape that is also a named query gives that its traffic.
 *
 * @param averageBytes average size of a document, by collection
 */
export function rankWorkload(
  queries: readonly Unranked[],
  averageBytes: ReadonlyMap<string, number>,
): WorkloadQuery[] {
  const named = queries.filter(({ source }) => source === "named");
  const recorded = new Map(
    queries.filter(({ source }) => source === "profiler").map((query) => [identityOf(query), query]),
  );
  const withTraffic = named.map((query) => {
    const { executions = query.executions } = recorded.get(identityOf(query)) ?? {};
    return { ...query, executions };
  });
  for (const query of named) recorded.delete(identityOf(query));
  const merged = [...withTraffic, ...recorded.values()];
  const ranked = merged.map((query): WorkloadQuery => {
    const { docsExamined = 0, returned = 0 } = query.plan ?? {};
    const wastedDocuments = query.executions * Math.max(0, docsExamined - returned);
    const bytes = averageBytes.get(query.shape.collection) ?? 0;
    return { ...query, wastedDocuments, wastedBytes: Math.round(wastedDocuments * bytes) };
  });
  return ranked.sort((a, b) => b.wastedBytes - a.wastedBytes || (a.name < b.name ? -1 : 1));
}

/** The identity of queries with one shape and one collation, which the fingerprint leaves out. Pure. */
export function identityOf({ shape, command }: Unranked): string {
  const collation = canonicalCollation(command.collation as Document | undefined);
  return `${shape.collection} ${shape.fingerprint} ${collationText({ collation })}`;
}

/** Cost of a plan: keys and documents read; a document sorted in memory counts once more. Pure. */
export function workOf({ keysExamined, docsExamined, blockingSort }: Omit<QueryPlan, "indexes">): number {
  return keysExamined + docsExamined + (blockingSort ? docsExamined : 0);
}

/** Average size of a document, by collection. Pure. */
export function averageBytes(sizes: ReadonlyMap<string, IndexedSize>): ReadonlyMap<string, number> {
  const entries = [...sizes];
  return new Map(
    entries.map(([name, { dataBytes, documents }]) => [name, dataBytes / Math.max(documents, 1)] as const),
  );
}

/** Whether a query is worth an index: what a finding asks and what a trial asks, so that both say the same. Pure. */
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
