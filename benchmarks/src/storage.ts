import type { mongo } from "mongoose";

/** Bytes of a document and of its index entries, on average, as the server counts them. */
export interface StoredBytes {
  collection: string;
  documents: number;
  document: number;
  indexes: number;
  /** The largest first. */
  byIndex: Record<string, number>;
}

/** What documents of these collections take. */
export async function benchmarkStorage(db: mongo.Db): Promise<StoredBytes[]> {
  const names = ["user_sessions", "users", "app_tokens", "api_keys"];
  return Promise.all(names.map((name) => bytesOf(db, name)));
}

async function bytesOf(db: mongo.Db, collection: string): Promise<StoredBytes> {
  const stats = await db
    .collection(collection)
    .aggregate([{ $collStats: { storageStats: {} } }])
    .next();
  const { count = 0, size = 0, totalIndexSize = 0, indexSizes = {} } = stats?.storageStats ?? {};
  const each = (bytes: number) => Math.round(bytes / Math.max(count, 1));
  const sorted = Object.entries(indexSizes as Record<string, number>).sort(([, a], [, b]) => b - a);
  return {
    collection,
    documents: count,
    document: each(size),
    indexes: each(totalIndexSize),
    byIndex: Object.fromEntries(sorted.map(([name, bytes]) => [name, each(bytes)])),
  };
}

export function readableStorage(found: readonly StoredBytes[]): string[] {
  return found.map(({ collection, documents, document, indexes, byIndex }) => {
    const listed = Object.entries(byIndex).map(([name, bytes]) => `${name} ${bytes}`);
    return `${collection}: ${document} bytes of document and ${indexes} of indexes each, of ${documents} (${listed.join(", ")})`;
  });
}
