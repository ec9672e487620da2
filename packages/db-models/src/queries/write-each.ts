// Writes in groups, of which one that the server refuses stops no other.
import type { mongo } from "mongoose";

/** A write, and the entries of which something is lost where the server refuses it. */
export interface EntryWrite<Entry> {
  readonly operation: mongo.AnyBulkWriteOperation;
  readonly entries: readonly Entry[];
}

/** Entries that were not written whole, with why. */
export type Unwritten<Entry> = Map<Entry, unknown>;

/**
 * Writes all that the server takes.
 *
 * @param unwritten - gets the entries of the writes that it refuses, for a document of a shape that it can't have for example.
 * @throws what is said of the command as a whole.
 */
export async function writeEach<Entry>(
  // Of any model's driver collection.
  collection: { bulkWrite(operations: never, options: mongo.BulkWriteOptions): Promise<unknown> },
  writes: readonly EntryWrite<Entry>[],
  unwritten: Unwritten<Entry>,
): Promise<void> {
  if (writes.length === 0) return;
  try {
    await collection.bulkWrite(writes.map(({ operation }) => operation) as never, { ordered: false });
  } catch (error) {
    const { writeErrors = [], result } = error as Partial<mongo.MongoBulkWriteError>;
    const refused = [writeErrors].flat();
    if (refused.length === 0 || result?.getWriteConcernError()) throw error;
    for (const { index } of refused)
      for (const entry of writes[index]?.entries ?? []) unwritten.set(entry, error);
  }
}
