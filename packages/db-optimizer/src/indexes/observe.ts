import type { Connection, mongo } from "mongoose";
import { isOptimizerError } from "../errors.js";
import { explainQuery } from "../explain/explain.js";
import type { Document } from "../model.js";
import type { NamedQuery } from "../named-query.js";
import { fieldsOf } from "../optimize/shape.js";
import { slowOperations } from "../optimize/slow.js";
import { databaseOf } from "./inspect.js";
import { journalOf, within } from "./journal.js";
import type { Observation, PlanMark, RunningScan, Signals, SlowMark } from "./observation.js";

const idPrefix = "observe ";
const scanMs = 1_000;

/** What the use of a collection is watched by. */
export interface Watch {
  readonly queries: readonly NamedQuery[];
  /** Operations slower than this are slow, milliseconds. */
  readonly slowOperationMs: number;
}

/** Reads all the signals there are of the use of a collection. */
export async function readSignals(
  connection: Connection,
  collection: string,
  { queries, slowOperationMs }: Watch,
  since?: Date,
): Promise<Signals> {
  const own = queries.filter((query) => query.collection === collection);
  const marks: PlanMark[] = [];
  for (const query of own) marks.push(await planMark(connection, query));
  return {
    queries: marks,
    slow: await slowMarks(connection, collection, slowOperationMs, since),
    scans: await runningScans(connection, collection),
  };
}

async function planMark(connection: Connection, query: NamedQuery): Promise<PlanMark> {
  // A hint on the hidden index would be refused, and what the planner does without it is what matters.
  const { hint: _hint, ...free } = query;
  const { collectionScan, blockingSort, docsExamined, keysExamined } = await explainQuery(connection, free);
  return { query: query.name, collectionScan, blockingSort, docsExamined, keysExamined };
}

async function slowMarks(
  connection: Connection,
  collection: string,
  thresholdMs: number,
  since: Date | undefined,
): Promise<SlowMark[] | null> {
  const slow = await slowOperations(connection, thresholdMs, { collection, ...(since && { since }) });
  if (!slow.known || !slow.profiling) return null;
  return slow.shapes.map(({ shape, count, maxMillis, plan }) => ({
    fingerprint: shape.fingerprint,
    operation: shape.operation,
    count,
    maxMillis,
    fields: [...fieldsOf(shape.filter).equality, ...fieldsOf(shape.filter).range, ...Object.keys(shape.sort)],
    scans: plan ? plan.collectionScan : null,
  }));
}

async function runningScans(connection: Connection, collection: string): Promise<RunningScan[] | null> {
  const db = databaseOf(connection);
  try {
    const ns = `${db.databaseName}.${collection}`;
    const { inprog } = await db.admin().command({ currentOp: 1, active: true, ns });
    return (inprog as Document[])
      .filter((op) => op.ns === ns && op.planSummary === "COLLSCAN")
      .map((op) => ({ operation: String(op.op), runningMs: Number(op.microsecs_running ?? 0) / 1_000 }))
      .filter(({ runningMs }) => runningMs >= scanMs);
  } catch (error) {
    if (isOptimizerError(error, "UNREACHABLE")) throw error;
    return null; // The privilege is missing; the other signals remain.
  }
}

/** Indexes that are hidden and watched at this moment. Reads only. */
export async function openObservations(connection: Connection): Promise<Observation[]> {
  return observationsOf(connection)
    .find({ _id: within(idPrefix), state: { $in: ["hiding", "observing"] } } as never)
    .sort({ _id: 1 })
    .toArray();
}

/** The last observation of an index, open or not. */
export async function observationOf(
  connection: Connection,
  collection: string,
  index: string,
): Promise<Observation | undefined> {
  const _id = `${idPrefix}${collection}.${index}`;
  return (await observationsOf(connection).findOne({ _id } as never)) ?? undefined;
}

/** Starts an observation, or writes on in one. */
export async function saveObservation(
  connection: Connection,
  place: Pick<Observation, "collection" | "index">,
  change: Partial<Observation>,
): Promise<void> {
  const _id = `${idPrefix}${place.collection}.${place.index}`;
  await observationsOf(connection).updateOne(
    { _id } as never,
    { $set: { collection: place.collection, index: place.index, ...change } },
    { upsert: true },
  );
}

function observationsOf(connection: Connection): mongo.Collection<Observation> {
  return journalOf(connection) as unknown as mongo.Collection<Observation>;
}
