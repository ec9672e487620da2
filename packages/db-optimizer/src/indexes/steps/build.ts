// Builds an index, watches it, and gives it up when it is told to.
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, mongo } from "mongoose";
import { asStored } from "../../core/bson/exact.js";
import { isDuplicate, isOptimizerError } from "../../core/errors.js";
import type { Document } from "../../core/model.js";
import { throwIfAborted } from "../../core/pause.js";
import { databaseOf } from "../../core/server/database.js";
import type { Collation } from "../collation.js";
import { createIndexEntry } from "../command.js";
import type { IndexSpec } from "../spec.js";
import { duplicatesError } from "./duplicates.js";

/** How far the server is with an index; of its present phase (scan, sort, drain). */
export interface BuildProgress {
  readonly done: number;
  readonly total: number;
  /** The server's own words. */
  readonly message: string;
}

/** Options of a build. */
export interface BuildOptions {
  readonly collectionCollation: Collation | null;
  /** Sends the command, again where that is called for. */
  readonly sending: (send: () => Promise<void>) => Promise<void>;
  /** Stops the build: the server is told to give it up. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
}

const pollMs = 1_000;

/**
 * Builds an index. When the signal comes, the build is given up with `dropIndexes`, as MongoDB asks for (never with
 * `killOp`), and the index is not there afterwards.
 *
 * @throws {OptimizerError} `DUPLICATES` naming the documents, `ABORTED`, `LEASE_LOST`; and what the driver throws
 */
export async function buildIndex(
  connection: Connection,
  index: IndexSpec,
  { collectionCollation, sending, signal, onProgress }: BuildOptions,
): Promise<void> {
  const db = databaseOf(connection);
  const building = sending(async () => {
    throwIfAborted(signal);
    await run(connection, index, collectionCollation);
  });
  const over = new AbortController();
  const watching = onProgress ? watchBuild(db, index, onProgress, over.signal) : undefined;
  let givenUp: Promise<void> | undefined;
  const giveUp = () => {
    // Who lost the lease may no longer write: the build is its successor's now.
    if (!isOptimizerError(signal?.reason, "LEASE_LOST"))
      givenUp = dropIndex(db, index).catch(() => undefined);
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    await building.catch(async (error: unknown) => {
      // Between two tries the server still builds: a build continues without its client.
      await givenUp;
      throwIfAborted(signal);
      throw error;
    });
    if (signal?.aborted) await undoBuild(db, index, signal);
  } finally {
    signal?.removeEventListener("abort", giveUp);
    over.abort();
    await watching;
  }
}

// The build may have won the race against the order to give it up.
async function undoBuild(db: mongo.Db, index: IndexSpec, signal: AbortSignal): Promise<void> {
  if (!isOptimizerError(signal.reason, "LEASE_LOST")) await dropIndex(db, index);
  throwIfAborted(signal);
}

async function run(connection: Connection, index: IndexSpec, collation: Collation | null): Promise<void> {
  const entry = createIndexEntry(index, collation);
  try {
    await databaseOf(connection).command({ createIndexes: index.collection, indexes: [entry] });
  } catch (error) {
    if (isDuplicate(error)) throw await duplicatesError(connection, index, error);
    throw error;
  }
}

/** Drops an index; one that is gone already is no matter. */
export async function dropIndex(db: mongo.Db, { collection, name }: IndexPlace): Promise<void> {
  try {
    await db.command({ dropIndexes: collection, index: name });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 27) throw error;
  }
}

type IndexPlace = Pick<IndexSpec, "collection" | "name">;

async function watchBuild(
  db: mongo.Db,
  index: IndexPlace,
  onProgress: (progress: BuildProgress) => void,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    await sleep(pollMs, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return;
    const operations = await db
      .admin()
      .command({ currentOp: 1, active: true }, asStored)
      .catch(() => undefined);
    if (!operations) return; // Not allowed: the build goes on unseen.
    const progress = buildProgress(operations.inprog as Document[], db.databaseName, index);
    if (progress && !over.aborted) onProgress(progress);
  }
}

/**
 * How far a build is, from `currentOp`: the entry of the command, or of the build that outlives it. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/reference/command/currentOp/#active-indexing-operations
 */
export function buildProgress(
  operations: readonly Document[],
  database: string,
  { collection, name }: IndexPlace,
): BuildProgress | undefined {
  const own = operations.filter((operation) => {
    const command = (operation.command ?? {}) as Document;
    const named = ((command.indexes ?? []) as Document[]).some((index) => index.name === name);
    return operation.ns === `${database}.${collection}` || (command.createIndexes === collection && named);
  });
  for (const { progress, msg } of own) {
    const { done, total } = (progress ?? {}) as Document;
    if (typeof msg !== "string" || !msg.startsWith("Index Build")) continue;
    if (done !== undefined && Number(total) > 0)
      return { done: Number(done), total: Number(total), message: msg };
  }
  return undefined;
}
