import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeEach, describe, expect, test } from "vitest";
import type { Document, ModelLike } from "../../src/core/model.js";
import type { AdviseOptions } from "../../src/index.js";
import { adviseIndexes } from "../../src/workload/index.js";
import { intercepted, modelOf, serverError } from "../support.js";

const database = useTemporaryDatabase({ label: "advise", per: "test" });
const things = () => database.connection.collection("things");
const byKind = { name: "byKind", collection: "things", filter: { kind: "k3" } };

beforeEach(async () => {
  await things().insertMany(
    Array.from({ length: 3_000 }, (_, n) => ({
      kind: `k${n % 60}`,
      state: n % 2,
      n,
      at: new Date(n * 1_000),
      owner: n % 40,
    })),
  );
});

const models = (...indexes: [Document, Document?][]): ModelLike[] => [modelOf({}, { indexes })];
const advise = (options: AdviseOptions = {}, declared = models()) =>
  adviseIndexes(database.connection, declared, options);

async function copies(): Promise<string[]> {
  const collections = await database.connection.listCollections();
  return collections.map(({ name }) => name).filter((name) => name.startsWith("org_db_advice_"));
}

test("an index is advised with what it was measured to save and to cost; the collection itself is only read", async () => {
  const before = await things().listIndexes().toArray();
  const { advice, workload } = await advise({ queries: [byKind] });
  expect(workload).toMatchObject([{ name: "byKind", source: "named", wastedDocuments: 2_950 }]);
  expect(advice).toMatchObject([
    {
      collection: "things",
      keys: [{ field: "kind", kind: 1 }],
      queries: [
        {
          query: "byKind",
          before: { work: 3_000, collectionScan: true },
          after: { work: 100, indexes: ["kind_1"] },
        },
      ],
      command: 'db.things.createIndex({ kind: 1 }, { name: "kind_1" })',
      sampled: { documents: 3_000, of: 3_000 },
      writeCost: { documents: 200 },
    },
  ]);
  expect(await things().listIndexes().toArray()).toEqual(before);
  expect(await things().countDocuments()).toBe(3_000);
  expect(await copies()).toEqual([]);
});

test("the sample is bounded by documents and by bytes", async () => {
  const queries = [byKind];
  const few = await advise({ queries, limits: { sampleDocuments: 800 } });
  expect(few.advice[0]?.sampled).toEqual({ documents: 800, of: 3_000 });
  const small = await advise({ queries, limits: { sampleBytes: 50_000 } });
  expect(small.advice[0]?.sampled.documents).toBeLessThan(800);
});

describe("is not advised", () => {
  const codes = async (query: object, declared = models(), before?: [Document, Document?]) => {
    if (before) await things().createIndex(before[0] as never, before[1]);
    const { advice, rejections } = await advise({ queries: [{ ...byKind, ...query } as never] }, declared);
    return [...advice.map(({ command }) => command), ...rejections.map(({ code }) => code)];
  };

  test("a field of which half the documents have the value", async () => {
    expect(await codes({ filter: { state: 1 } })).toEqual(["saves_too_little"]);
  });
  test("what the models declare and the server lacks", async () => {
    expect(await codes({}, models([{ kind: 1, n: 1 }]))).toEqual(["declared_missing"]);
  });
  test("what is there, and hidden", async () => {
    expect(await codes({}, models(), [{ kind: 1 }, { hidden: true }])).toEqual(["hidden_index"]);
  });
  test("an index on a pattern that begins with anything", async () => {
    expect(await codes({ filter: { kind: /3$/ } })).toEqual(["saves_too_little"]);
  });
  test("a longer index that saves less than half of what the shorter one leaves", async () => {
    const found = await codes({ filter: { kind: "k3", state: 1 } });
    expect(found[0]).toContain("createIndex({ kind: 1 }");
    expect(found.slice(1)).toEqual(["saves_too_little"]);
  });
  test("anything for a query that the server cannot run", async () => {
    expect(await codes({ filter: { $nonsense: 1 } })).toEqual(["cannot_explain"]);
  });
});

needs("profiler")(
  "recorded operations are looked at without a name, their commands explained for what they examine",
  async () => {
    const db = database.connection.db;
    await db?.command({ profile: 2, slowms: 0 });
    for (const kind of ["k1", "k2", "k3"]) await things().find({ kind }).toArray();
    await things().updateOne({ owner: 3, n: 43 }, { $set: { seen: true } });
    await things()
      .aggregate([{ $match: { kind: "k9" } }, { $group: { _id: "$state" } }])
      .toArray();
    await db?.command({ profile: 0 });
    const { workload, advice, slow } = await advise({
      limits: { slowOperationMs: 0, minimumWaste: 100 },
    });
    expect(slow).toMatchObject({ known: true, profiling: false });
    expect(workload).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ source: "profiler", executions: 3, wastedDocuments: 3 * 2_950 }),
      ]),
    );
    expect(advice.map(({ keys }) => keys[0]?.field).sort()).toEqual(["kind", "n"]);
    expect(JSON.stringify(workload)).not.toContain("k3");
  },
);

// Automattic/mongoose and others: a read in a transaction is recorded with `startTransaction` and `autocommit`, which no
// explain takes; the rest of the workload is advised on all the same.
needs("profiler")("a recorded read of a transaction is looked at like any other", async () => {
  const { db } = database.connection;
  await db?.command({ profile: 2, slowms: 0 });
  await database.connection.transaction(async (session) => {
    await things().find({ kind: "k1" }, { session }).toArray();
  });
  await db?.command({ profile: 0 });
  const { advice } = await advise({ limits: { slowOperationMs: 0, minimumWaste: 100 } });
  expect(advice.map(({ keys }) => keys[0]?.field)).toEqual(["kind"]);
});

// Code 171, CannotIndexParallelArrays: https://www.mongodb.com/docs/manual/core/indexes/index-types/index-multikey/
test("an index that the server refuses is rejected with the reason, and the others are advised", async () => {
  const lists = database.connection.collection("lists");
  await lists.insertMany(
    Array.from({ length: 2_000 }, (_, n) => ({ a: [n % 50, -1], b: [n % 40, -2], c: n % 100 })),
  );
  const both = { name: "both", collection: "lists", filter: { a: 7, b: 7 } };
  const one = { name: "one", collection: "lists", filter: { c: 7 } };
  // Played, as SecantusDB accepts such an index.
  const refusing = intercepted(database.connection, ({ createIndexes, indexes }) => {
    const keys = Object.keys((indexes as Document[] | undefined)?.[0]?.key ?? {});
    if (createIndexes && keys.includes("a") && keys.includes("b"))
      throw serverError(171, "cannot index parallel arrays [b] [a]");
    return undefined;
  });
  const { advice, rejections } = await adviseIndexes(refusing, models(), { queries: [both, one] });
  expect(advice.map(({ keys }) => keys.map(({ field }) => field).join())).toContain("c");
  expect(rejections).toContainEqual(
    expect.objectContaining({
      code: "refused",
      query: "both",
      evidence: expect.stringMatching(/parallel arrays/),
    }),
  );
});

describe("copies are removed", () => {
  test("when the run is stopped in the midst", async () => {
    const stop = new AbortController();
    const stopped = advise({
      queries: [byKind],
      signal: stop.signal,
      onProgress: () => void setTimeout(() => stop.abort(), 20),
    });
    await expect(stopped).rejects.toMatchObject({ code: "ABORTED" });
    expect(await copies()).toEqual([]);
  });

  test("of a run that died, by the next one", async () => {
    await database.connection.collection("org_db_advice_0123456789ab").insertOne({ left: "behind" });
    expect((await advise({ queries: [] })).removedLeftovers).toEqual(["org_db_advice_0123456789ab"]);
    expect(await copies()).toEqual([]);
  });
});

test("two at once: the second is told, as it would remove the copies of the first", async () => {
  const results = await Promise.allSettled([advise({ queries: [byKind] }), advise({ queries: [byKind] })]);
  expect(results.filter(({ status }) => status === "rejected")).toMatchObject([
    { reason: { code: "LOCKED" } },
  ]);
});

test("the collation of the collection and of the query go with the index", async () => {
  await database.connection.createCollection("named", { collation: { locale: "en", strength: 2 } });
  const named = database.connection.collection("named");
  await named.insertMany(Array.from({ length: 1_000 }, (_, n) => ({ name: `N${n % 50}` })));
  const query = { name: "byName", collection: "named", filter: { name: "n7" } };
  const french = { ...query, name: "french", collation: { locale: "fr" } };
  const { advice } = await advise({ queries: [query, french] });
  const commands = advice.map(({ command }) => command);
  expect(commands).toHaveLength(2);
  expect(commands.find((command) => command.includes('name: "name_1"'))).toContain('locale: "en"');
  expect(commands.find((command) => command.includes('name: "name_1_fr"'))).toContain('locale: "fr"');
});

test("limits that make no sense are refused", async () => {
  await expect(advise({ limits: { sampleDocuments: 0 } })).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
});
