import type { mongo } from "mongoose";
import { type GenerateOptions, generateIdentityData } from "./generate.js";

export interface LoadProgress {
  /** Documents written so far. */
  written: number;
  /** Documents per second since the start. */
  rate: number;
  elapsedMs: number;
}

export interface LoadOptions extends GenerateOptions {
  /** Documents per insert. Default 1,000. */
  batchSize?: number;
  /** Inserts under way at the same time. Default 2. */
  concurrency?: number;
  /**
   * Called after each insert.
   *
   * @param expected about how many documents there will be
   */
  onProgress?: (progress: LoadProgress, expected: number) => void;
  /** Stops after the inserts under way; what is written stays. */
  signal?: AbortSignal;
}

export interface LoadResult extends LoadProgress {
  /** Documents by collection. */
  collections: Record<string, number>;
  /** True when the signal stopped it. */
  stopped: boolean;
}

/** Writes generated data into a database. Memory holds a few batches, however much is written. */
export async function loadIdentityData(db: mongo.Db, options: LoadOptions): Promise<LoadResult> {
  const { batchSize = 1_000, concurrency = 2, onProgress, signal, ...generation } = options;
  // Sessions are most of it; the other collections hold about seven documents for each user.
  const expected = Math.round(options.sessions + options.users * 7.4);
  const report =
    onProgress && ((progress: LoadProgress) => onProgress(progress, Math.max(expected, progress.written)));
  const loader = new Loader(db, concurrency, report);
  const batches = new Map<string, Record<string, unknown>[]>();
  for (const { collection, document } of generateIdentityData(generation)) {
    const batch = batches.get(collection) ?? [];
    batches.set(collection, batch);
    batch.push(document);
    if (batch.length < batchSize) continue;
    batches.delete(collection);
    await loader.insert(collection, batch);
    if (signal?.aborted) return loader.finish(true);
  }
  for (const [collection, batch] of batches) await loader.insert(collection, batch);
  return loader.finish(false);
}

class Loader {
  readonly #db: mongo.Db;
  readonly #concurrency: number;
  readonly #onProgress: ((progress: LoadProgress) => void) | undefined;
  readonly #started = performance.now();
  readonly #collections: Record<string, number> = {};
  readonly #underWay = new Set<Promise<void>>();
  #failure: unknown;
  #written = 0;

  constructor(db: mongo.Db, concurrency: number, onProgress?: (progress: LoadProgress) => void) {
    this.#db = db;
    this.#concurrency = concurrency;
    this.#onProgress = onProgress;
  }

  /** Starts an insert; waits while as many as allowed are under way. */
  async insert(collection: string, batch: Record<string, unknown>[]): Promise<void> {
    const insert = this.#write(collection, batch)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#underWay.delete(insert));
    this.#underWay.add(insert);
    if (this.#underWay.size >= this.#concurrency) await Promise.race(this.#underWay);
    if (this.#failure) throw this.#failure;
  }

  async finish(stopped: boolean): Promise<LoadResult> {
    await Promise.all(this.#underWay);
    if (this.#failure) throw this.#failure;
    return { ...this.#progress(), collections: this.#collections, stopped };
  }

  async #write(collection: string, batch: Record<string, unknown>[]): Promise<void> {
    await this.#db.collection(collection).insertMany(batch, { ordered: false });
    this.#collections[collection] = (this.#collections[collection] ?? 0) + batch.length;
    this.#written += batch.length;
    this.#onProgress?.(this.#progress());
  }

  #progress(): LoadProgress {
    const elapsedMs = performance.now() - this.#started;
    return { written: this.#written, rate: this.#written / Math.max(elapsedMs / 1_000, 0.001), elapsedMs };
  }
}
