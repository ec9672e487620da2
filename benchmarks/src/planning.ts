import { DatabaseOptimizer, type ModelLike } from "@org/db-optimizer";
import { diffIndexes, expectedIndexes, inspectIndexes, planIndexes } from "@org/db-optimizer/indexes";
import { type Connection, createConnection, Schema } from "mongoose";
import { quantile } from "./measure.js";

export interface PlanningBenchmark {
  collections: number;
  indexes: number;
  /** Steps of the plan: the database lacks some of the indexes. */
  steps: number;
  /** Milliseconds of inspect, diff and plan. */
  total: number;
  /** Milliseconds of the same commands through the bare driver, as many at a time. */
  server: number;
  /** Our own part: the median of the differences of the rounds, and the lowest and highest. */
  beyond: { median: number; low: number; high: number };
  /** Milliseconds of what needs no server: expected, diff and plan. */
  pure: number;
}

const fields = ["tenant", "owner", "state", "at", "kind", "amount", "place", "number"] as const;
/** Every hundredth index is left out, so that there is something to plan. */
const leftOut = 100;
const atOnce = 8;

/** Plans the indexes of many collections against the bare commands that it takes to read them. */
export async function benchmarkPlanning(
  connection: Connection,
  size = { collections: 300, indexes: 2_000 },
  rounds = 7,
): Promise<PlanningBenchmark> {
  const models = modelsOf(size);
  await build(connection, models);
  const optimizer = new DatabaseOptimizer(connection, { models });
  const times = { total: [] as number[], server: [] as number[], beyond: [] as number[] };
  let steps = 0;
  // The first round warms both up and is not counted.
  for (let round = -1; round < rounds; round++) {
    const server = await timeOf(() => bareCommands(connection, models));
    const total = await timeOf(async () => {
      steps = (await optimizer.plan()).plan.steps.length;
    });
    if (round < 0) continue;
    times.server.push(server);
    times.total.push(total);
    times.beyond.push(total - server);
  }
  return {
    ...size,
    steps,
    total: quantile(times.total, 0.5),
    server: quantile(times.server, 0.5),
    beyond: {
      median: quantile(times.beyond, 0.5),
      low: Math.min(...times.beyond),
      high: Math.max(...times.beyond),
    },
    pure: await pureTime(connection, models, rounds),
  };
}

function modelsOf({ collections, indexes }: { collections: number; indexes: number }): ModelLike[] {
  const offline = createConnection();
  return Array.from({ length: collections }, (_, at) => {
    const schema = new Schema({}, { collection: `c${at}`, strict: false });
    const own = Math.floor(((at + 1) * indexes) / collections) - Math.floor((at * indexes) / collections);
    for (let index = 0; index < own; index++) {
      const [first, second] = [fields[index % fields.length], fields[(index + 1) % fields.length]];
      schema.index({ [first as string]: 1, [second as string]: -1 }, { unique: index % 5 === 4 });
    }
    return offline.model(`M${at}`, schema);
  });
}

async function build(connection: Connection, models: readonly ModelLike[]): Promise<void> {
  let counted = 0;
  for (const model of models) {
    const indexes = expectedIndexes([model])
      .filter(() => counted++ % leftOut !== 0)
      .map(({ name, keys, unique }) => ({
        name,
        key: Object.fromEntries(keys.map(({ field, kind }) => [field, kind])),
        ...(unique && { unique }),
      }));
    await connection.db?.command({ createIndexes: model.collection.collectionName, indexes });
  }
}

// The reads of a plan: the collections, each one's indexes, the journal, and the sizes where something is missing.
async function bareCommands(connection: Connection, models: readonly ModelLike[]): Promise<void> {
  const { db } = connection;
  if (!db) throw new Error("the connection has no database");
  const names = models.map(({ collection }) => collection.collectionName);
  await db.listCollections({ name: { $in: names } }).toArray();
  const queue = names.values();
  let read = 0;
  const worker = async () => {
    for (const name of queue) {
      const { cursor } = await db.command({ listIndexes: name, includeBuildUUIDs: true });
      read += cursor.firstBatch.length;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const perCollection = Math.ceil(read / names.length);
  for (let at = 0; at < names.length; at += Math.ceil(leftOut / perCollection)) {
    await db
      .collection(names[at] ?? "")
      .aggregate([{ $collStats: { storageStats: {} } }])
      .toArray();
  }
}

async function pureTime(
  connection: Connection,
  models: readonly ModelLike[],
  rounds: number,
): Promise<number> {
  const names = models.map(({ collection }) => collection.collectionName);
  const actual = await inspectIndexes(connection, names);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push(
      await timeOf(async () => void planIndexes(diffIndexes(expectedIndexes(models), actual), actual)),
    );
  }
  return quantile(times, 0.5);
}

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

export function readablePlanning(found: PlanningBenchmark): string[] {
  const { total, server, beyond, pure, collections, indexes, steps } = found;
  return [
    `planning ${collections} collections with ${indexes} indexes (${steps} steps): ${total.toFixed(0)} ms, of which ` +
      `${server.toFixed(0)} ms are the bare commands; ours ${beyond.median.toFixed(0)} ms ` +
      `(${beyond.low.toFixed(0)} to ${beyond.high.toFixed(0)}), without any server ${pure.toFixed(0)} ms`,
  ];
}
