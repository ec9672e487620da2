import { generateIdentityData, loadIdentityData } from "@org/dev-kit/identity-data";
import type { mongo } from "mongoose";
import { quantile } from "./measure.js";

export interface LoadingBenchmark {
  /** Documents per second of the loader over those of a bare insertMany of the same documents, made beforehand. */
  ratio: { median: number; low: number; high: number };
  loaderRate: number;
  bareRate: number;
  /** Highest resident memory of this process while it loaded, less that before, in MB. */
  memoryGrowthMb: number;
}

const batchSize = 2_000;

/** The loader against `insertMany` of the same documents in the same batches. */
export async function benchmarkLoading(
  db: mongo.Db,
  size: { users: number; sessions: number },
  rounds = 5,
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

async function bareRate(
  db: mongo.Db,
  options: { users: number; sessions: number; seed: number },
): Promise<number> {
  const batches: Array<[collection: string, documents: object[]]> = [];
  const open = new Map<string, object[]>();
  for (const { collection, document } of generateIdentityData(options)) {
    const batch = open.get(collection) ?? [];
    if (batch.length === 0) batches.push([collection, batch]);
    batch.push(document);
    open.set(collection, batch.length < batchSize ? batch : []);
  }
  return inEmptyDatabase(db, async () => {
    const started = performance.now();
    let written = 0;
    for (const [collection, documents] of batches) {
      await db.collection(collection).insertMany(documents, { ordered: false });
      written += documents.length;
    }
    return written / ((performance.now() - started) / 1_000);
  });
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
