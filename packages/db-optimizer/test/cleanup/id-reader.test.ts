import { mongo } from "mongoose";
import { describe, expect, it } from "vitest";
import { IdReader } from "../../src/cleanup/id-reader.js";
import type { Document } from "../../src/core/model.js";
import { SetAside } from "../../src/jobs/set-aside.js";

interface Stored {
  readonly _id: number;
  readonly at: Date;
}

/** A collection in memory, with cursors that see what is stored when they are asked, and a note of where each began. */
function collectionOf(count: number, dateOf: (n: number) => number) {
  let stored: Stored[] = Array.from({ length: count }, (_, n) => ({ _id: n, at: new Date(dateOf(n)) }));
  const opened: (number | null)[] = [];
  const failures: unknown[] = [];
  const pages = { read: 0 };
  const find = ({ $and }: Document, { batchSize }: { batchSize: number }) => {
    const from = ($and as [Document, { at: { $gte: Date } }] | undefined)?.[1].at.$gte.getTime() ?? null;
    opened.push(from);
    let after = -1;
    let buffer: Stored[] = [];
    const isAhead = ({ _id, at }: Stored) => _id > after && (from === null || at.getTime() >= from);
    const cursor = {
      hasNext: async () => {
        if (failures.length > 0) throw failures.shift();
        buffer = stored.filter(isAhead).slice(0, batchSize);
        after = buffer.at(-1)?._id ?? after;
        pages.read += 1;
        return buffer.length > 0;
      },
      readBufferedDocuments: () => buffer.map((one) => mongo.BSON.serialize(one)),
      close: async () => undefined,
    };
    return { sort: () => cursor };
  };
  const handed: unknown[] = [];
  const remove = (ids: readonly unknown[]) => {
    handed.push(...ids);
    const gone = new Set(ids);
    const before = stored.length;
    stored = stored.filter(({ _id }) => !gone.has(_id));
    return before - stored.length;
  };
  const collection = { find } as unknown as mongo.Collection;
  const reader = new IdReader(
    { collection, filter: {}, field: "at", index: "at_1", aside: new SetAside() },
    null,
  );
  return { reader, opened, failures, pages, handed, remove, left: () => stored.length };
}

/** Removes all that is named, in batches of these sizes in turn. */
async function drain({ reader, remove }: ReturnType<typeof collectionOf>, sizes: readonly number[]) {
  for (let batch = 0; ; batch++) {
    const ids = await reader.next(sizes[batch % sizes.length] as number);
    if (ids.length === 0) return;
    reader.take(ids.length, remove(ids));
  }
}

describe("reading ids ahead", () => {
  it.each<[string, (n: number) => number]>([
    ["a date of their own", (n) => n],
    ["a thousand of a date", (n) => Math.floor(n / 1_000)],
    ["one date", () => 0],
  ])("documents with %s: each id is handed out once", async (_name, dateOf) => {
    const store = collectionOf(35_000, dateOf);
    await drain(store, [1_000, 7_000, 12_000]);
    expect(store.left()).toBe(0);
    expect(store.handed).toEqual(Array.from({ length: 35_000 }, (_, n) => n));
    // The second looks for what came to be named meanwhile.
    expect(store.opened).toEqual([null, null]);
  });

  it("fills a batch from two pages, and has asked for the third by then", async () => {
    const { reader, pages } = collectionOf(35_000, (n) => n);
    expect(await reader.next(1_000)).toHaveLength(1_000);
    expect(pages.read).toBe(2);
    expect(await reader.next(3_000)).toHaveLength(3_000);
    expect(pages.read).toBe(3);
  });

  it.each<[string, unknown, number]>([
    ["cannot be read is requested again by the next call", new Error("cut"), 1],
    ["was of a cursor that timed out is requested again at once", { code: 43 }, 0],
  ])("a page that %s, from where it has come to: each id once", async (_name, failure, expected) => {
    const store = collectionOf(35_000, (n) => n);
    const { reader, failures, opened, remove } = store;
    reader.take(6_000, remove(await reader.next(6_000)));
    failures.push(failure);
    let thrown = 0;
    const again = async () => {
      thrown += 1;
      await drain(store, [12_000]);
    };
    await drain(store, [12_000]).catch(again);
    expect(thrown).toBe(expected);
    expect(store.handed).toEqual(Array.from({ length: 35_000 }, (_, n) => n));
    expect(opened).toEqual([null, 5_999, null]);
  });

  it("ends when nothing of what it reads can be removed", async () => {
    const { reader } = collectionOf(25_000, (n) => n);
    let handed = 0;
    for (let ids = await reader.next(5_000); ids.length > 0; ids = await reader.next(5_000)) {
      handed += ids.length;
      reader.take(ids.length, 0);
    }
    expect(handed).toBe(25_000);
  });
});
