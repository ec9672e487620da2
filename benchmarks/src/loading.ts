import { once } from "node:events";
import { text } from "node:stream/consumers";
import { generateIdentityData, loadIdentityData } from "@org/dev-kit/identity-data";
import type { mongo } from "mongoose";
import { quantile, type Range, rangeOf, rangeText } from "./measure.js";
import { startScript } from "./script.js";

export interface LoadingBenchmark {
  /** Documents per second of the loader over those of a bare insertMany of the same documents, the making of which is not timed. */
  ratio: Range;
  loaderRate: number;
  bareRate: number;
  /** Highest resident memory of a process that loads and does nothing else, in MB. */
  memoryMb: number;
}

const batchSize = 1_000;
const chunkBatches = 50;

const rounds = 3;

interface Size {
  users: number;
  sessions: number;
}

/** The loader against `insertMany` of the same documents in the same batches. */
export async function benchmarkLoading(
  db: mongo.Db,
  uri: string,
  size: Size,
  say: (line: string) => void,
): Promise<LoadingBenchmark> {
  say("loading: in a process of its own, for its memory");
  const memoryMb = await inEmptyDatabase(db, () => memoryOfLoader(uri, size));
  const ratios: number[] = [];
  const rates = { loader: [] as number[], bare: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    say(`loading: round ${round + 1} of ${rounds}, the loader against insertMany of the same documents`);
    const options = { ...size, seed: round + 1 };
    const bare = await bareRate(db, options);
    const loader = (await inEmptyDatabase(db, () => loadIdentityData(db, { ...options, batchSize }))).rate;
    ratios.push(loader / bare);
    rates.loader.push(loader);
    rates.bare.push(bare);
  }
  return {
    ratio: rangeOf(ratios),
    loaderRate: quantile(rates.loader, 0.5),
    bareRate: quantile(rates.bare, 0.5),
    memoryMb,
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

async function memoryOfLoader(uri: string, { users, sessions }: Size): Promise<number> {
  const child = startScript(new URL("./loader.ts", import.meta.url), [uri, `${users}`, `${sessions}`]);
  const [printed] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (child.exitCode !== 0) throw new Error(`the loader ended with status ${child.exitCode}`);
  return Number(printed);
}

async function inEmptyDatabase<T>(db: mongo.Db, act: () => Promise<T>): Promise<T> {
  await db.dropDatabase();
  return act();
}

export function readableLoading({ ratio, loaderRate, memoryMb }: LoadingBenchmark): string[] {
  return [
    `loading: ${rangeText(ratio)} of bare insertMany, ${Math.round(loaderRate)} documents/s; ` +
      `a process that loads takes ${memoryMb.toFixed(0)} MB`,
  ];
}
