import { runCleanup } from "@org/db-optimizer";
import type { Connection, mongo } from "mongoose";
import { benchmarkForeground, type ForegroundBenchmark, readableForeground } from "./foreground.js";
import { quantile, type Range, rangeOf, rangeText } from "./measure.js";

export interface CleanupBenchmarks {
  /** Documents per second of the cleanup over those of the raw loop. */
  throughput: { ratio: Range; ours: number; raw: number; batch: number; documents: number };
  /** A read by a unique key while a cleanup runs at its default throttle. */
  foreground: ForegroundBenchmark;
  /** The same while the raw loop rests for half as long as it deletes: what deleting itself costs here. */
  floor: ForegroundBenchmark;
  /** Heap of a cleanup after its first tenth and at its end, in MB. */
  memory: { documents: number; earlyMb: number; lateMb: number };
}

const now = new Date();
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
/** The rule of the benchmark: all that {@link fill} makes old. */
export const benchmarkRule = {
  name: "bench",
  collection: "bench_old",
  field: "at",
  retentionSeconds: 86_400,
};
const batch = 1_000;
const loadBatch = 5_000;

/** Cleanup against a raw loop, against the latency of a foreground, and against its own memory. */
export async function benchmarkCleanup(
  connection: Connection,
  uri: string,
  say: (line: string) => void,
  millions = 1_000_000,
): Promise<CleanupBenchmarks> {
  say("cleanup: against a raw loop of the same batch size");
  const throughput = await benchmarkThroughput(connection);
  say("cleanup: the latency of a foreground");
  const [cleaner, byHand] = [
    new URL("./cleaner.ts", import.meta.url),
    new URL("./hand-cleaner.ts", import.meta.url),
  ];
  const foreground = await benchmarkReads(connection, uri, cleaner, { documents: 300_000, windows: 6 });
  const floor = await benchmarkReads(connection, uri, byHand, { documents: 60_000, windows: 1 });
  say(`cleanup: the memory of a run over ${millions} documents`);
  return { throughput, foreground, floor, memory: await benchmarkMemory(connection, millions) };
}

async function fill(connection: Connection, documents: number): Promise<mongo.Collection> {
  const collection = connection.collection(benchmarkRule.collection) as unknown as mongo.Collection;
  await collection.drop();
  await collection.createIndex({ at: 1 });
  for (let from = 0; from < documents; from += loadBatch) {
    const length = Math.min(loadBatch, documents - from);
    const made = Array.from({ length }, (_, n) => ({
      at: daysAgo(2 + ((from + n) % 365)),
      user: `user-${(from + n) % 1_000}`,
      text: "x".repeat(100),
    }));
    await collection.insertMany(made, { ordered: false });
  }
  return collection;
}

async function benchmarkThroughput(connection: Connection, documents = 100_000, rounds = 9) {
  const rates = { ours: [] as number[], raw: [] as number[] };
  const contenders = { ours: () => clean(connection), raw: () => rawLoop(connection) };
  // The first round warms both up and is not counted.
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? (["ours", "raw"] as const) : (["raw", "ours"] as const);
    for (const name of order) {
      await fill(connection, documents);
      const started = performance.now();
      await contenders[name]();
      if (round >= 0) rates[name].push(documents / ((performance.now() - started) / 1_000));
    }
  }
  const ratios = rates.ours.map((rate, round) => rate / (rates.raw[round] ?? Number.NaN));
  return {
    ratio: rangeOf(ratios),
    ours: quantile(rates.ours, 0.5),
    raw: quantile(rates.raw, 0.5),
    batch,
    documents,
  };
}

async function clean(connection: Connection, onBatch: () => void = () => undefined): Promise<void> {
  await runCleanup(connection, [benchmarkRule], {
    now,
    run: true,
    limits: { maxBatch: batch, maxSlowdown: Number.POSITIVE_INFINITY },
    onProgress: onBatch,
  });
}

// The best that can be written by hand: ids are read once, and deleted with the same guarantee.
export async function rawLoop(
  connection: Connection,
  afterBatch: (done: number, batchMs: number) => Promise<void> = async () => undefined,
): Promise<void> {
  const collection = connection.collection(benchmarkRule.collection) as unknown as mongo.Collection;
  const filter = { at: { $lt: daysAgo(1) } };
  const found = collection.find(filter, { projection: { _id: 1 }, hint: "at_1" }).sort({ at: 1 });
  const ids = (await found.toArray()).map(({ _id }) => _id);
  const durable = { writeConcern: { w: "majority", j: true } } as const;
  for (let from = 0; from < ids.length; from += batch) {
    const started = performance.now();
    await collection.deleteMany({ _id: { $in: ids.slice(from, from + batch) } }, durable);
    await afterBatch(Math.min(from + batch, ids.length), performance.now() - started);
  }
}

async function benchmarkReads(
  connection: Connection,
  uri: string,
  script: URL,
  { documents, windows }: { readonly documents: number; readonly windows: number },
): Promise<ForegroundBenchmark> {
  const reads = connection.collection("bench_live");
  await reads.deleteMany({});
  await reads.createIndex({ key: 1 }, { unique: true });
  await reads.insertMany(Array.from({ length: 10_000 }, (_, key) => ({ key, text: "x".repeat(200) })));
  const foreground = {
    prepare: async () => void (await fill(connection, documents)),
    call: (index: number) => reads.findOne({ key: (index * 7) % 10_000 }),
    script,
    uri,
    tidy: async () => {
      // Or the next round would go on with the run that was stopped.
      for (const name of ["org_db_leases", "org_db_runs"]) await connection.collection(name).deleteMany({});
    },
  };
  return benchmarkForeground(foreground, { rounds: 5, windows });
}

async function benchmarkMemory(connection: Connection, documents: number) {
  await fill(connection, documents);
  const heaps: number[] = [];
  await clean(connection, () => {
    globalThis.gc?.();
    heaps.push(process.memoryUsage().heapUsed / 1_048_576);
  });
  const tenth = Math.ceil(heaps.length / 10);
  const [early, late] = [heaps.slice(0, tenth), heaps.slice(-tenth)];
  return { documents, earlyMb: Math.max(...early), lateMb: Math.max(...late) };
}

/** The figures for people. */
export function readableCleanup({ throughput, foreground, floor, memory }: CleanupBenchmarks): string[] {
  return [
    `cleanup: ${rangeText(throughput.ratio)} of a raw loop of ${throughput.batch} over ${throughput.documents}; ` +
      `${Math.round(throughput.ours)} against ${Math.round(throughput.raw)} documents/s`,
    `cleanup: foreground p99 at the default throttle ${readableForeground(foreground, "documents")}`,
    `cleanup: while the raw loop deletes and rests half as long, ${readableForeground(floor, "documents")}`,
    `cleanup of ${memory.documents} documents: heap at most ${memory.earlyMb.toFixed(0)} MB in its first tenth, ` +
      `${memory.lateMb.toFixed(0)} MB in its last`,
  ];
}
