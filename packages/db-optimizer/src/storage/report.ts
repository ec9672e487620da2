// How a database is stored, and what of it is over its limits.
import type { Connection, mongo } from "mongoose";
import { asStored } from "../core/bson/exact.js";
import type { OnCounted } from "../core/counted.js";
import { toOptimizerError } from "../core/errors.js";
import { applyRules, type Finding, type Rule } from "../core/finding.js";
import { mapLimited } from "../core/limited.js";
import type { Document } from "../core/model.js";
import type { CollectionSize } from "../core/server/collection-size.js";
import { storageStats, sumSizes } from "../core/server/collection-size.js";
import { databaseOf } from "../core/server/database.js";
import { isAway, readGranted } from "../core/server/figure.js";
import { ownWork } from "../core/server/own-work.js";
import { shellText } from "../indexes/command.js";
import { type ParsedStorageLimits, parseStorageLimits, type StorageLimits } from "./limits.js";
import { type SampleShape, shapeOf } from "./shape.js";
import { manyCollections, manyIndexes, shapeRules } from "./storage-rules.js";

/** How a collection is stored. */
export interface CollectionStorage extends CollectionSize, SampleShape {
  readonly collection: string;
  readonly indexes: number;
  /** Bytes free for reuse inside the collection's file; `null` where the server does not say. */
  readonly reusableBytes: number | null;
  /** Whether it is a time series: its figures are of the buckets, as the server reports them. */
  readonly timeSeries?: boolean;
  /** Why no document was sampled: the sizes are known all the same. */
  readonly unsampled?: string;
}

/** How a database is stored. */
export interface StorageReport {
  readonly collections: readonly CollectionStorage[];
  readonly findings: readonly Finding[];
  /** Collections of which the server says nothing, or not to this user. */
  readonly leftOut: readonly LeftOut[];
}

/** A collection that is in the database and not in the report. */
interface LeftOut {
  readonly collection: string;
  readonly reason: string;
}

const atOnce = 2;
const mebibyte = 1_048_576;

/**
 * Sizes, bytes free for reuse, and the schema anti-patterns that a sample of each collection shows: documents that are
 * too large, arrays that nothing bounds, too many indexes or collections. Reads only. What the sample has not is not
 * found. A collection that cannot be read is left out with its reason, and hides no other.
 *
 * @param onProgress told after each collection
 * @throws {OptimizerError} `INVALID_OPTIONS`, `UNREACHABLE`; `NOT_AUTHORIZED` when the collections may not be listed
 */
export async function storageReport(
  connection: Connection,
  limits?: StorageLimits,
  onProgress?: OnCounted,
): Promise<StorageReport> {
  const parsed = parseStorageLimits(limits);
  try {
    const db = databaseOf(connection);
    const kinds = { type: { $in: ["collection", "timeseries"] } };
    const listed = (await db.listCollections(kinds, { nameOnly: true }).toArray())
      .filter(({ name }) => !/^(system\.|org_db_)/.test(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const leftOut: LeftOut[] = [];
    let done = 0;
    const found = await mapLimited(listed, atOnce, async ({ name, type }) => {
      try {
        const found = await storageOf(db, name, parsed.sample);
        return [{ ...found, ...(type === "timeseries" && { timeSeries: true }) }];
      } catch (error) {
        const known = toOptimizerError(error, `Cannot read the sizes of ${name}`);
        if (isAway(known)) throw known;
        leftOut.push({ collection: name, reason: known.message });
        return [];
      } finally {
        onProgress?.({ subject: name, done: ++done, total: listed.length });
      }
    });
    const collections = found.flat();
    return { collections, findings: storageFindings(collections, parsed), leftOut };
  } catch (error) {
    throw toOptimizerError(error, "Cannot read the storage figures");
  }
}

async function storageOf(db: mongo.Db, collection: string, size: number): Promise<CollectionStorage> {
  const parts = await storageStats(db, collection);
  const sample = await readGranted(db, () =>
    db
      .collection(collection, asStored)
      .aggregate([{ $sample: { size } }], ownWork)
      .toArray(),
  );
  return {
    collection,
    ...sumSizes(parts),
    indexes: Math.max(0, ...parts.map(({ nindexes }) => Number(nindexes ?? 0))),
    reusableBytes: reusableOf(parts),
    ...shapeOf(sample.state === "known" ? sample.value : []),
    ...(sample.state !== "known" && {
      unsampled: sample.state === "absent" ? "the server samples none of it" : sample.reason,
    }),
  };
}

function reusableOf(parts: readonly Document[]): number | null {
  const free = parts.map(({ freeStorageSize }) => freeStorageSize).filter((bytes) => bytes !== undefined);
  return free.length === 0 ? null : free.reduce<number>((sum, bytes) => sum + Number(bytes), 0);
}

const storageRules: readonly Rule<readonly CollectionStorage[], ParsedStorageLimits>[] = [
  {
    ...manyCollections,
    find: (collections, limits) => manyCollections.find(collections.length, limits.collections),
  },
  {
    code: "FRAGMENTED",
    part: "storage",
    severity: "info",
    *find(collections, limits) {
      for (const { collection, reusableBytes, storageBytes } of collections) {
        const free = reusableBytes ?? 0;
        if (free <= limits.reusableBytes || free <= limits.reusableRatio * storageBytes) continue;
        const share = Math.round((free / storageBytes) * 100);
        yield {
          subject: collection,
          message: `Much of the file of ${collection} is free for reuse only`,
          evidence: `${Math.round(free / mebibyte)} MiB of its file (${share} %)`,
          command: `db.runCommand(${shellText({ compact: collection })})`,
        };
      }
    },
  },
  {
    ...manyIndexes,
    find: (collections, limits) =>
      collections.flatMap(({ collection, indexes }) => manyIndexes.find(collection, indexes, limits.indexes)),
  },
  ...shapeRules.map((rule) => ({
    ...rule,
    *find(collections: readonly CollectionStorage[], limits: ParsedStorageLimits) {
      for (const collection of collections) yield* rule.find(collection, limits);
    },
  })),
];

/** Findings for everything in a storage report that exceeds its limit. Pure. */
export function storageFindings(
  collections: readonly CollectionStorage[],
  limits: ParsedStorageLimits,
): Finding[] {
  return applyRules(storageRules, collections, limits);
}
