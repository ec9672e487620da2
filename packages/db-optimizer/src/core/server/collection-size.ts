// Sizes of a collection, from each shard that has a part of it.
import type { mongo } from "mongoose";

import type { Document } from "../model.js";
import { primary } from "./own-collection.js";
import { ownWork } from "./own-work.js";

const empty: CollectionSize = { documents: 0, dataBytes: 0, storageBytes: 0, indexBytes: 0 };

/** Size of a collection, added up over the shards; zeros for one that does not exist. */
export async function collectionSize(db: mongo.Db, collection: string): Promise<CollectionSize> {
  return sumSizes(await storageStats(db, collection));
}

/** Storage figures of a collection by shard; empty if it does not exist. */
export async function storageStats(db: mongo.Db, collection: string): Promise<Document[]> {
  const pipeline = [{ $collStats: { storageStats: {} } }];
  const parts = await db
    .collection(collection, primary)
    .aggregate(pipeline, ownWork)
    .toArray()
    .catch(missing);
  return parts.map((part) => (part.storageStats ?? {}) as Document);
}

/** The parts of a collection added up. Pure. */
export function sumSizes(parts: readonly Document[]): CollectionSize {
  return parts.reduce<CollectionSize>(
    (sum, part) => ({
      documents: sum.documents + Number(part.count ?? 0),
      dataBytes: sum.dataBytes + Number(part.size ?? 0),
      storageBytes: sum.storageBytes + Number(part.storageSize ?? 0),
      indexBytes: sum.indexBytes + Number(part.totalIndexSize ?? 0),
    }),
    empty,
  );
}

// NamespaceNotFound.
function missing(error: unknown): Document[] {
  if ((error as { code?: unknown }).code === 26) return [];
  throw error;
}

/** Size of a collection in bytes, as the server accounts for it. */
export interface CollectionSize {
  readonly documents: number;
  readonly dataBytes: number;
  readonly storageBytes: number;
  readonly indexBytes: number;
}
