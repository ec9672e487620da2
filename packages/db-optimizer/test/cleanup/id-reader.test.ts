import type { mongo } from "mongoose";
import { describe, expect, it } from "vitest";
import { IdReader } from "../../src/cleanup/id-reader.js";
import type { Document } from "../../src/model.js";

interface Stored {
  readonly _id: number;
  readonly at: Date;
}

/** A collection in memory that answers the reader's queries, and notes where each began. */
function collectionOf(count: number, dateOf: (n: number) => number) {
  let stored: Stored[] = Array.from({ length: count }, (_, n) => ({ _id: n, at: new Date(dateOf(n)) }));
  const readFrom: (number | null)[] = [];
  let failures = 0;
  const find = ({ $and }: Document) => {
    const from = ($and as [Document, { at: { $gte: Date } }] | undefined)?.[1].at.$gte.getTime() ?? null;
    readFrom.push(from);
    const toArray = async (limit: number) => {
      if (failures-- > 0) throw new Error("cut");
      return stored.filter(({ at }) => from === null || at.getTime() >= from).slice(0, limit);
    };
    return { sort: () => ({ limit: (limit: number) => ({ toArray: () => toArray(limit) }) }) };
  };
  return {
    collection: { find } as unknown as mongo.Collection,
    readFrom,
    left: () => stored.length,
    failNext: () => {
      failures = 1;
    },
    remove: (ids: readonly unknown[]) => {
      const gone = new Set(ids);
      const before = stored.length;
      stored = stored.filter(({ _id }) => !gone.has(_id));
      return before - stored.length;
    },
  };
}

/** Removes all that is named, and says which ids were handed out. */
async function drain(store: ReturnType<typeof collectionOf>, batch: number): Promise<unknown[]> {
  const reader = new IdReader({ ...store, filter: {}, field: "at", index: null }, null);
  const handed: unknown[] = [];
  for (;;) {
    const ids = await reader.next(batch);
    if (ids.length === 0) return handed;
    handed.push(...ids);
    reader.take(ids.length, store.remove(ids));
  }
}

describe("reading ids ahead", () => {
  it.each<[string, (n: number) => number]>([
    ["a date of their own", (n) => n],
    ["a thousand of a date", (n) => Math.floor(n / 1_000)],
    ["two dates in all", (n) => Math.floor(n / 60_000)],
    ["one date", () => 0],
  ])("documents with %s: each id is handed out once", async (_name, dateOf) => {
    const store = collectionOf(120_000, dateOf);
    const handed = await drain(store, 10_000);
    expect(store.left()).toBe(0);
    expect(handed).toHaveLength(120_000);
    expect(new Set(handed).size).toBe(120_000);
  });

  it("asks for the next page when half of this one is left, and not before", async () => {
    const store = collectionOf(120_000, (n) => n);
    const reader = new IdReader({ ...store, filter: {}, field: "at", index: null }, null);
    for (let taken = 0; taken < 20_000; taken += 10_000) {
      const ids = await reader.next(10_000);
      reader.take(ids.length, store.remove(ids));
    }
    expect(store.readFrom).toEqual([null]);
    const ids = await reader.next(10_000);
    reader.take(ids.length, store.remove(ids));
    await reader.next(10_000);
    expect(store.readFrom).toEqual([null, 49_999]);
  });

  it("a page that could not be read is asked for again, from where it has come to", async () => {
    const store = collectionOf(120_000, (n) => n);
    const reader = new IdReader({ ...store, filter: {}, field: "at", index: null }, null);
    await reader.next(1);
    reader.take(30_000, store.remove(Array.from({ length: 30_000 }, (_, n) => n)));
    store.failNext();
    await reader.next(1);
    reader.take(20_000, store.remove(Array.from({ length: 20_000 }, (_, n) => 30_000 + n)));
    await expect(reader.next(1)).rejects.toThrow("cut");
    expect(await reader.next(3)).toEqual([50_000, 50_001, 50_002]);
  });
});
