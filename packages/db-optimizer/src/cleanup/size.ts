import type { mongo } from "mongoose";
import type { CollectionSize } from "./report.js";

const empty: CollectionSize = { documents: 0, dataBytes: 0, storageBytes: 0, indexBytes: 0 };

/** Size of a collection, added up over the shards; zeros for one that does not exist. */
export async function collectionSize(db: mongo.Db, collection: string): Promise<CollectionSize> {
  const pipeline = [{ $collStats: { storageStats: {} } }];
  const parts = await db.collection(collection).aggregate(pipeline).toArray().catch(missing);
  return parts.reduce<CollectionSize>(
    (sum, { storageStats }) => ({
      documents: sum.documents + Number(storageStats?.count ?? 0),
      dataBytes: sum.dataBytes + Number(storageStats?.size ?? 0),
      storageBytes: sum.storageBytes + Number(storageStats?.storageSize ?? 0),
      indexBytes: sum.indexBytes + Number(storageStats?.totalIndexSize ?? 0),
    }),
    empty,
  );
}

// NamespaceNotFound.
function missing(error: unknown): Record<string, undefined>[] {
  if ((error as { code?: unknown }).code === 26) return [];
  throw error;
}
