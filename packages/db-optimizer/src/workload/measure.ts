// Measures queries and writes on a copy.
import { type Connection, mongo } from "mongoose";
import { isOptimizerError } from "../core/errors.js";
import type { Document } from "../core/model.js";
import { databaseOf } from "../core/server/database.js";
import { summarise } from "../core/server/latency.js";
import { timedRead } from "../core/server/timed-read.js";
import { isTransient } from "../core/server/transient.js";
import type { IndexSpec } from "../indexes/spec.js";
import { dropIndex } from "../indexes/steps/build.js";
import { type QueryPlan, summariseExplain } from "../queries/explain.js";
import { explainCommand } from "../queries/run-explain.js";
import { type WorkloadQuery, workOf } from "./load.js";
import { buildOnCopy, type Sample } from "./sample.js";

/** Cost of a query on the copy. */
export interface Measured {
  /** Keys and documents read, and documents sorted in memory. */
  readonly work: number;
  /** Median of the round trips, milliseconds. */
  readonly millis: number;
  readonly indexes: readonly string[];
  readonly collectionScan: boolean;
  readonly blockingSort: boolean;
}

/** Cost of an index when documents are inserted. */
export interface WriteCost {
  /** Milliseconds for a batch of inserts, median of several. */
  readonly without: number;
  readonly with: number;
  /** Documents in the batch. */
  readonly documents: number;
}

const timedRuns = 5;
const writeRounds = 3;
const maxTimeMS = 10_000;
const commandNames = ["find", "count", "distinct", "aggregate"];

/** Explains a query on the copy and times it; nothing when the server will not explain or run it. */
export async function measureQuery(
  connection: Connection,
  sample: Sample,
  query: WorkloadQuery,
): Promise<Measured | undefined> {
  const command = onCopy(query.command, sample.name);
  const plan = await explained(connection, command, query.name);
  const times = plan && (await timed(connection, command));
  if (!plan || !times) return undefined;
  const { indexes, collectionScan, blockingSort } = plan;
  return { work: workOf(plan), millis: summarise(times).p50 ?? 0, indexes, collectionScan, blockingSort };
}

async function explained(
  connection: Connection,
  command: Document,
  name: string,
): Promise<QueryPlan | undefined> {
  try {
    return summariseExplain(await explainCommand(connection, command, name, { maxTimeMS }));
  } catch (error) {
    if (isOptimizerError(error, "UNREACHABLE")) throw error;
    return undefined;
  }
}

async function timed(connection: Connection, command: Document): Promise<number[] | undefined> {
  const times: number[] = [];
  try {
    for (let round = 0; round < timedRuns; round++)
      times.push(await timedRead(databaseOf(connection), command));
    return times;
  } catch (error) {
    if (isTransient(error)) throw error;
    return undefined;
  }
}

// The key that names the command comes first, and names the collection.
function onCopy(command: Document, copy: string): Document {
  const entries = Object.entries(command);
  return Object.fromEntries(
    entries.map(([key, value], at) => [key, at === 0 && commandNames.includes(key) ? copy : value]),
  );
}

/** Does something while an index exists on the copy. */
export async function withIndex<T>(
  connection: Connection,
  sample: Sample,
  index: IndexSpec,
  run: () => Promise<T>,
): Promise<T> {
  const db = databaseOf(connection);
  await buildOnCopy(db, sample, index);
  try {
    return await run();
  } finally {
    await dropIndex(db, { collection: sample.name, name: index.name });
  }
}

/** Measures inserts with and without an index, in addition to the collection's present indexes. */
export async function measureWrites(
  connection: Connection,
  sample: Sample,
  index: IndexSpec,
): Promise<WriteCost> {
  const without = await insertMillis(connection, sample);
  const withIt = await withIndex(connection, sample, index, () => insertMillis(connection, sample));
  return { without, with: withIt, documents: sample.forWrites.length };
}

async function insertMillis(connection: Connection, { name, forWrites }: Sample): Promise<number> {
  const collection = databaseOf(connection).collection(name);
  const times: number[] = [];
  for (let round = 0; round < writeRounds && forWrites.length > 0; round++) {
    const documents = forWrites.map((document) => ({ ...document, _id: new mongo.ObjectId() }));
    const started = performance.now();
    await collection.insertMany(documents, { ordered: false });
    times.push(performance.now() - started);
    await collection.deleteMany({ _id: { $in: documents.map(({ _id }) => _id) } });
  }
  return summarise(times).p50 ?? 0;
}
