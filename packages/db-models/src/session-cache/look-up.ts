import type { Collection } from "mongoose";
import { type CommittedReadOptions, readCommitted } from "./committed-read.js";
import type { SessionCache } from "./session-cache.js";
import type { Kept, Table } from "./table.js";

/** Reads of the same token that a check waits for before it reads by itself: a change may void what one of them leaves. */
export const mostWaits = 2;

/** A token that somebody presents, and how what it stands for is read. */
export interface Sought<V> {
  /** Two tokens never have the same. */
  readonly key: string;
  /** Whether what memory has is good for this request: what it refuses, the database decides. */
  readonly isGood: (value: V) => boolean;
  readonly collection: Pick<Collection, "conn">;
  readonly read: (options?: CommittedReadOptions) => Promise<V | undefined>;
  /** What memory keeps of what was read and is good; `undefined` for nothing. */
  readonly keep: (value: V) => Kept<V> | undefined;
}

/** What a token stands for: from memory, from a read of it that is under way, or from one that leaves it in memory. */
export async function lookUp<V>(
  cache: SessionCache,
  table: Table<V>,
  { key, isGood, collection, read, keep }: Sought<V>,
): Promise<V | undefined> {
  let entry = table.recall(key, isGood);
  // Asked again after each wait: of those whose read left nothing, one reads once more, and the others wait for that.
  for (let waits = 0; !entry && waits < mostWaits && table.isBeingRead(key); waits++)
    entry = await table.join(key, isGood);
  if (entry) return entry.value;
  return table.fill(key, isGood, async (position) => {
    const committed = await readCommitted(collection, position, cache.boundMs, read);
    if (!committed) return { result: await read() };
    const { found } = committed;
    return { result: found, keep: found && isGood(found) ? keep(found) : undefined };
  });
}
