// A copy of part of a collection, on which indexes are tried.
import { randomBytes } from "node:crypto";
import { type Connection, mongo } from "mongoose";
import { isDuplicate } from "../core/errors.js";
import type { Document } from "../core/model.js";
import { throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { ownWork } from "../core/server/own-work.js";
import type { Collation } from "../indexes/collation.js";
import { createIndexEntry } from "../indexes/command.js";
import type { ActualCollection } from "../indexes/inspect.js";
import type { IndexSpec } from "../indexes/spec.js";

const prefix = "org_db_advice_";
const batchSize = 1_000;
/** Documents of the sample that are held here, for measuring what inserts cost. */
const keptForWrites = 200;

/** How much is copied at most. */
export interface SampleLimits {
  readonly documents: number;
  readonly bytes: number;
}

/** A copy of part of a collection, on which indexes are tried. */
export interface Sample {
  /** Name of the temporary collection. */
  readonly name: string;
  readonly collection: string;
  /** Documents in the copy. */
  readonly documents: number;
  readonly collation: Collation | null;
  /** Some of them, without their ids. */
  readonly forWrites: readonly Document[];
}

/** Removes what a run that died left behind. To be called by the one holder of the lease. */
export async function removeLeftovers(connection: Connection): Promise<string[]> {
  const db = databaseOf(connection);
  const names = { name: { $regex: `^${prefix}` } };
  const left = (await db.listCollections(names, { nameOnly: true, ...primary }).toArray()).map(
    ({ name }) => name,
  );
  for (const name of left) await db.dropCollection(name);
  return left;
}

/**
 * Copies part of a collection with its indexes, does something with the copy, and removes it whatever happens.
 *
 * @param indexes built on the copy; their TTL and uniqueness are left out, as they would remove or refuse documents
 */
export async function withSample<T>(
  connection: Connection,
  source: ActualCollection,
  limits: SampleLimits,
  signal: AbortSignal | undefined,
  run: (sample: Sample) => Promise<T>,
): Promise<T> {
  const db = databaseOf(connection);
  const name = prefix + randomBytes(6).toString("hex");
  const { collation } = source.options as { collation?: mongo.CollationOptions };
  try {
    await db.createCollection(name, collation ? { collation } : {});
    const copied = await copy(db, source.collection, name, limits, signal);
    const visible = source.indexes.filter(({ hidden, building }) => !hidden && !building);
    const sample = { name, collection: source.collection, collation: source.collation, ...copied };
    for (const index of visible) await buildOnCopy(db, sample, index);
    return await run(sample);
  } finally {
    await db.dropCollection(name).catch(() => undefined);
  }
}

async function copy(
  db: mongo.Db,
  from: string,
  to: string,
  { documents: most, bytes: mostBytes }: SampleLimits,
  signal: AbortSignal | undefined,
): Promise<Pick<Sample, "documents" | "forWrites">> {
  const cursor = db
    .collection(from, primary)
    .aggregate([{ $sample: { size: most } }], { allowDiskUse: true, batchSize, ...ownWork });
  const forWrites: Document[] = [];
  let batch: Document[] = [];
  let [documents, bytes] = [0, 0];
  const flush = async () => {
    // The same document may be drawn twice.
    if (batch.length > 0) await db.collection(to).insertMany(batch, { ordered: false }).catch(unlessRepeated);
    batch = [];
  };
  for await (const document of cursor) {
    throwIfAborted(signal);
    bytes += mongo.BSON.calculateObjectSize(document);
    if (bytes > mostBytes) break;
    documents += 1;
    batch.push(document);
    if (forWrites.length < keptForWrites) {
      const { _id, ...rest } = document;
      forWrites.push(rest);
    }
    if (batch.length >= batchSize) await flush();
  }
  await flush();
  return { documents, forWrites };
}

function unlessRepeated(error: unknown): void {
  if (!isDuplicate(error)) throw error;
}

/** Builds an index on the copy, without what would change or refuse documents. */
export async function buildOnCopy(
  db: mongo.Db,
  { name, collation }: Pick<Sample, "name" | "collation">,
  index: IndexSpec,
): Promise<void> {
  const { expireAfterSeconds: _expiry, ...rest } = index;
  const plain = { ...rest, unique: false, prepareUnique: false, hidden: false };
  await db.command({ createIndexes: name, indexes: [createIndexEntry(plain, collation)] });
}

/** Distinct values of each field in the copy, arrays counted by their elements. */
export async function cardinalities(
  db: mongo.Db,
  sample: Sample,
  fields: readonly string[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const field of fields) {
    const [found] = await db
      .collection(sample.name, primary)
      .aggregate([{ $group: { _id: `$${field}` } }, { $count: "values" }])
      .toArray();
    counts[field] = Number(found?.values ?? 0);
  }
  return counts;
}
