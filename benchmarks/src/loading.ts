import { generateIdentityData, loadIdentityData } from "@org/dev-kit/identity-data";
import type { mongo } from "mongoose";
import { quantile } from "./measure.js";

export interface LoadingBenchmark {
  /** Documents per second of the loader over those of a bare insertMany of the same documents, the making of which is not timed. */
  ratio: { median: number; low: number; high: number };
  loaderRate: number;
  bareRate: number;
  /** Highest resident memory of this process while it loaded, less that before, in MB. */
  memoryGrowthMb: number;
}

const batchSize = 2_000;
const chunkBatches = 25;

/** The loader against `insertMany` of the same documents in the same batches. */
export async function benchmarkLoading(
  db: mongo.Db,
  size: { users: number; sessions: number },
  rounds = 3,
): Promise<LoadingBenchmark> {
  const ratios: number[] = [];
  const rates = { loader: [] as number[], bare: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const options = { ...size, seed: round + 1 };
    const bare = await bareRate(db, options);
    const loader = (await inEmptyDatabase(db, () => loadIdentityData(db, { ...options, batchSize }))).rate;
    ratios.push(loader / bare);
    rates.loader.push(loader);
    rates.bare.push(bare);
  }
  return {
    ratio: { median: quantile(ratios, 0.5), low: Math.min(...ratios), high: Math.max(...ratios) },
    loaderRate: quantile(rates.loader, 0.5),
    bareRate: quantile(rates.bare, 0.5),
    memoryGrowthMb: await memoryGrowth(db, size),
  };
}

/** Documents are made in chunks between the inserts, off the clock: a million sessions don't fit into memory. */
async function bareRate(
  db: mongo.Db,
  options: { users: number; sessions: number; seed: number },
): Promise<number> {
  return inEmptyDatabase(db, async () => {
    let [written, milliseconds] = [0, 0];
    for (const chunk of chunks(generateIdentityData(options))) {
      const started = performance.now();
      for (const [collection, documents] of chunk) {
        await db.collection(collection).insertMany(documents, { ordered: false });
        written += documents.length;
      }
      milliseconds += performance.now() - started;
    }
    return written / (milliseconds / 1_000);
  });
}

type Batch = [collection: string, documents: object[]];

function* chunks(data: Iterable<{ collection: string; document: object }>): Generator<Batch[]> {
  let full: Batch[] = [];
  const open = new Map<string, object[]>();
  for (const { collection, document } of data) {
    const documents = open.get(collection) ?? [];
    open.set(collection, documents);
    documents.push(document);
    if (documents.length < batchSize) continue;
    open.delete(collection);
    full.push([collection, documents]);
    if (full.length < chunkBatches) continue;
    yield full;
    full = [];
  }
  yield [...full, ...open];
}

async function memoryGrowth(db: mongo.Db, size: { users: number; sessions: number }): Promise<number> {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let highest = before;
  const onProgress = () => {
    highest = Math.max(highest, process.memoryUsage.rss());
  };
  await inEmptyDatabase(db, () => loadIdentityData(db, { ...size, seed: 99, batchSize, onProgress }));
  return (highest - before) / 1_048_576;
}

async function inEmptyDatabase<T>(db: mongo.Db, act: () => Promise<T>): Promise<T> {
  await db.dropDatabase();
  return act();
}

export function readableLoading({ ratio, loaderRate, memoryGrowthMb }: LoadingBenchmark): string[] {
  return [
    `loading: ${ratio.median.toFixed(2)} of bare insertMany (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}), ` +
      `${Math.round(loaderRate)} documents/s; memory grew by ${memoryGrowthMb.toFixed(0)} MB`,
  ];
}
