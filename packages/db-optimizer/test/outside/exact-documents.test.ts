// Sources: mongodb/js-bson #127 (names that are numbers change their order as JavaScript reads them), mongodb/node-mongodb-native
// #2840 (a pattern of PCRE such as (?i) cannot be read as a RegExp), datahub-project/datahub #10079 (dates beyond those of the
// language end a whole import), and MongoDB's manual on collations ($expr compares by that of the collection) and capped
// collections. Input: such documents, and archives that forget. Right: a document goes exactly when the archive has the same
// bytes; what cannot be held exactly is named and left, and the others go on.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import fc from "fast-check";
import { mongo, Schema } from "mongoose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exactDocument, exactId, exactText } from "../../src/core/bson/exact.js";
import type { Document } from "../../src/core/model.js";
import {
  type CleanupAction,
  DatabaseOptimizer,
  type Migration,
  migrateUp,
  runCleanup,
} from "../../src/index.js";

const { BSON, BSONRegExp, Decimal128, Double, Int32, Long } = mongo;
allNeed("clusterMonitoring");
const database = useTemporaryDatabase({ label: "exact", per: "test" });
const day = 86_400;
const now = new Date();
const old = new Date(now.getTime() - 90 * day * 1_000);
const rule = { name: "old", collection: "logs", field: "at", retentionSeconds: day };
const options = { now, run: true, limits: { maxSlowdown: Number.POSITIVE_INFINITY } };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "exact-"));
});
afterAll(() => rm(folder, { recursive: true }));

const logs = () => database.connection.db!.collection("logs");
const archive = () => database.connection.db!.collection("archive");
beforeEach(() => logs().createIndex({ at: 1 }));

const bytesOf = async (collection: mongo.Collection) =>
  (await collection.find({}, { raw: true }).sort({ at: 1, n: 1 }).toArray()).map((raw) =>
    Buffer.from(raw as unknown as Uint8Array).toString("hex"),
  );

const clean = (action: CleanupAction, given: object = {}) =>
  runCleanup(database.connection, [{ ...rule, ...given, action }], options);

/** A date that the server has and JavaScript has not. */
class Beyond extends Date {
  override getTime() {
    return 9e15;
  }
}

const awkward: readonly Document[] = [
  {
    n: 1,
    byYear: new Map([
      ["total", 1],
      ["2024", 2],
      ["2023", 3],
    ]),
  },
  { n: 2, pattern: new BSONRegExp("(?i)abc", "x"), also: new BSONRegExp("a.b", "s") },
  {
    n: 3,
    list: [
      new Map<string, unknown>([
        ["b", 1],
        ["1", [new Double(1)]],
      ]),
    ],
  },
  {
    n: 4,
    long: Long.fromNumber(1),
    int: new Int32(1),
    double: new Double(1),
    decimal: Decimal128.fromString("1.00"),
  },
  { n: 5, __proto__: null, "a.b": 1, $c: { $d: 1 } },
];

describe("documents that JavaScript reads as others", () => {
  test("go to a collection byte for byte", async () => {
    await logs().insertMany(awkward.map((one) => ({ ...one, at: old })));
    const before = await bytesOf(logs());
    const { rules } = await clean({ archiveToCollection: "archive" });
    expect(rules[0]).toMatchObject({ matched: awkward.length, deleted: awkward.length });
    expect(rules[0]).not.toHaveProperty("setAside");
    expect(await bytesOf(archive())).toEqual(before);
  });

  test("go to a file with their fields in order", async () => {
    await logs().insertMany(awkward.map((one) => ({ ...one, at: old })));
    const file = join(folder, "archive.ndjson");
    await clean({ archiveToFile: file });
    const text = await readFile(file, "utf8");
    expect(text).toContain(
      '"byYear":{"total":{"$numberInt":"1"},"2024":{"$numberInt":"2"},"2023":{"$numberInt":"3"}}',
    );
    expect(text).toContain('"pattern":{"$regularExpression":{"pattern":"(?i)abc","options":"x"}}');
    expect(await logs().countDocuments()).toBe(0);
  });

  test.each<[string, CleanupAction]>([
    ["removed", "delete"],
    ["archived", { archiveToCollection: "archive" }],
  ])("are found by an _id whose fields are out of order and %s", async (_what, action) => {
    await logs().insertMany([
      {
        _id: new Map([
          ["user", 7],
          ["2024", 1],
        ]),
        at: old,
      },
      { _id: 2, at: old },
    ] as never);
    await clean(action);
    expect(await logs().countDocuments()).toBe(0);
  });

  test("are named and left where nothing holds them exactly, and the others go", async () => {
    await logs().insertMany([
      { _id: 1, at: old, seen: new Beyond() },
      { _id: 2, at: old },
    ] as never);
    const { rules } = await clean({ archiveToCollection: "archive" });
    expect(rules[0]).toMatchObject({ matched: 2, deleted: 1, setAside: { documents: 1 } });
    expect(String(rules[0]?.setAside?.first[0]?.id)).toBe("1");
    expect(await archive().distinct("_id")).toEqual([2]);
    expect(await logs().distinct("_id")).toEqual([1]);
    expect((await clean("delete")).rules[0]).toMatchObject({ deleted: 1 });
  });

  test("come back to the same bytes, or are refused", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.double(),
        fc.integer().map((n) => new Int32(n)),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => Long.fromBigInt(n)),
        fc.string(),
        fc.constant(null),
        tie("list"),
        tie("map"),
      ),
      list: fc.array(tie("any"), { maxLength: 4 }),
      map: fc
        .dictionary(
          fc.oneof(
            fc.nat(99).map(String),
            fc.string({ minLength: 1 }).filter((name) => !name.includes("\0")),
          ),
          tie("any"),
          { maxKeys: 4 },
        )
        .map((fields) => new Map(Object.entries(fields).reverse())),
    })).map;
    fc.assert(
      fc.property(value, (fields) => {
        const raw = BSON.serialize(fields as unknown as Document);
        const exact = exactDocument(raw);
        expect(exact && Buffer.compare(BSON.serialize(exact as Document), raw)).toBe(0);
        expect(
          BSON.serialize(BSON.EJSON.parse(exactText(exact), { relaxed: false }) as Document).length,
        ).toBe(raw.length);
        const withId = BSON.serialize(new Map([["_id", fields]]) as unknown as Document);
        expect(Buffer.compare(BSON.serialize({ _id: exactId(withId)?.id }), withId)).toBe(0);
      }),
    );
  });
});

describe("archives that would lose", () => {
  test("what the archive's unique index or validator refuses stays and is named; the others go", async () => {
    const db = database.connection.db!;
    await db.createCollection("archive", { validator: { size: { $lt: 5 } } });
    await archive().createIndex({ email: 1 }, { unique: true, sparse: true });
    await archive().insertOne({ _id: 0, email: "taken@example.com", size: 1 } as never);
    await logs().insertMany([
      { _id: 1, at: old, size: 1, email: "taken@example.com" },
      { _id: 2, at: old, size: 9 },
      { _id: 3, at: old, size: 1 },
    ] as never);
    const { rules } = await clean({ archiveToCollection: "archive" });
    expect(rules[0]).toMatchObject({ matched: 3, deleted: 1, setAside: { documents: 2 } });
    expect(rules[0]?.setAside?.first).toEqual([
      { id: 1, reason: expect.stringContaining("the archive refuses it: its unique index email_1") },
      { id: 2, reason: expect.stringMatching(/the archive refuses it: .*validation/i) },
    ]);
    expect(await logs().distinct("_id")).toEqual([1, 2]);
    expect(await archive().distinct("_id")).toEqual([0, 3]);
  });

  test("what a collation takes for the same is not what was archived", async () => {
    const db = database.connection.db!;
    await logs().drop();
    await db.createCollection("logs", { collation: { locale: "en", strength: 1, numericOrdering: true } });
    await logs().createIndex({ at: 1 });
    await logs().insertMany([
      { _id: "a", at: old, name: "ada" },
      { _id: "b", at: old, name: "bob" },
    ] as never);
    const { bulkWrite } = mongo.Collection.prototype;
    let changed = false;
    mongo.Collection.prototype.bulkWrite = async function (...given) {
      const result = await bulkWrite.apply(this, given);
      if (this.collectionName === "archive" && !changed) {
        changed = true;
        await logs().updateOne({ _id: "a" } as never, { $set: { name: "ADA" } });
      }
      return result;
    };
    try {
      await clean({ archiveToCollection: "archive" });
      await clean({ archiveToCollection: "archive" });
    } finally {
      mongo.Collection.prototype.bulkWrite = bulkWrite;
    }
    expect(changed).toBe(true);
    expect(await archive().distinct("name")).toEqual(["ADA", "bob"]);
    expect(await logs().countDocuments()).toBe(0);
  });

  test.each<[string, (db: mongo.Db) => Promise<unknown>, RegExp]>([
    [
      "that is capped",
      (db) => db.createCollection("archive", { capped: true, size: 4_096, max: 1 }),
      /capped/,
    ],
    [
      "that expires what comes in",
      (db) => db.collection("archive").createIndex({ at: 1 }, { expireAfterSeconds: 0 }),
      /TTL index at_1/,
    ],
  ])("a collection %s is refused before anything is written", async (_what, make, told) => {
    await make(database.connection.db!);
    await logs().insertMany([{ at: old }, { at: old }]);
    const refused = clean({ archiveToCollection: "archive" });
    await expect(refused).rejects.toMatchObject({
      code: "ARCHIVE_FAILED",
      message: expect.stringMatching(told),
    });
    expect(await logs().countDocuments()).toBe(2);
  });

  test("a collection that expires it later is one like any other", async () => {
    await archive().createIndex({ at: 1 }, { expireAfterSeconds: 365 * day });
    await logs().insertMany([{ at: old }]);
    expect((await clean({ archiveToCollection: "archive" })).rules[0]).toMatchObject({ deleted: 1 });
  });
});

describe("rules that cannot be carried out", () => {
  test("every rule without an index is named at once", async () => {
    await database.connection.db!.collection("carts").insertOne({ at: old });
    const rules = [
      { ...rule, name: "seen", field: "seenAt" },
      { ...rule, name: "carts", collection: "carts" },
    ];
    await logs().insertOne({ at: old });
    await expect(runCleanup(database.connection, rules, { now })).rejects.toMatchObject({
      code: "RULE_NEEDS_INDEX",
      message: expect.stringMatching(/"seen" .*seenAt: 1[\s\S]*"carts" .*carts\.createIndex/),
      details: { rules: [{ rule: "seen" }, { rule: "carts" }] },
    });
  });

  test.each<[string, object, object, boolean]>([
    ["removes the only field of a unique index", { unique: true }, { unset: ["email"] }, false],
    ["sets it for all", { unique: true, sparse: true }, { set: { email: "nobody" } }, false],
    ["removes it from a sparse one", { unique: true, sparse: true }, { unset: ["email"] }, true],
    ["removes another field", { unique: true }, { unset: ["name"] }, true],
  ])("an anonymisation that %s", async (_what, index, change, fits) => {
    await logs().createIndex({ email: 1 }, index);
    await logs().insertMany([
      { at: old, email: "a" },
      { at: old, email: "b" },
    ]);
    const done = clean({ anonymise: change } as CleanupAction);
    if (fits) expect((await done).rules[0]).toMatchObject({ deleted: 2 });
    else
      await expect(done).rejects.toMatchObject({
        code: "INVALID_RULE",
        message: expect.stringContaining("email_1"),
      });
  });
});

describe("patterns of the server", () => {
  const migration: Migration = {
    name: "logs",
    source: "logs",
    targets: ["fresh"],
    phaseLeaseMs: 5,
    retentionMs: 0,
    expand: ({ _id, pattern, at }) => [
      { collection: "fresh", document: { _id, pattern, at }, supersedes: { at: { $lt: at } } },
    ],
    collapse: () => [],
    canonical: (_collection, { _id, pattern, at }) => ({ _id, pattern, at }),
    belongTo: (_collection, ids) => ({ _id: { $in: ids } }),
    ownerOf: (_collection, { _id }) => _id,
    contract: { unset: ["gone"] },
  } as Migration;
  const up = () =>
    migrateUp(database.connection, migration, {
      now: () => new Date(),
      limits: { maxSlowdown: Number.POSITIVE_INFINITY },
    });

  test("stop no migration and arrive as they were", async () => {
    await logs().insertMany([
      { _id: 1, at: old, pattern: new BSONRegExp("(?i)abc", "x") },
      { _id: 2, at: old, pattern: null },
    ] as never);
    expect(await up()).toMatchObject({ phase: "switched" });
    const fresh = database.connection.db!.collection("fresh");
    expect((await fresh.findOne({ _id: 1 } as never, { bsonRegExp: true }))?.pattern).toMatchObject({
      pattern: "(?i)abc",
      options: "x",
    });
  });

  test("an _id with a date beyond those of JavaScript is named, and the others are carried over", async () => {
    await logs().insertMany([
      { _id: 1, at: old, pattern: null },
      { _id: new Date(0), at: old, pattern: null },
      { _id: new Beyond(), at: old, pattern: null },
    ] as never);
    expect(await logs().countDocuments()).toBe(3);
    await expect(up()).rejects.toMatchObject({
      code: "MIGRATION_MISMATCH",
      message: expect.stringContaining("beyond those of JavaScript"),
    });
    expect(await database.connection.db!.collection("fresh").countDocuments()).toBe(2);
  });

  test("in documents, validators and queries end no command that looks at them", async () => {
    const db = database.connection.db!;
    await db.command({ collMod: "logs", validator: { pattern: new BSONRegExp("(?i)^a", "") } });
    await logs().insertMany(
      Array.from({ length: 600 }, (_, n) => ({
        n,
        at: old,
        kind: n % 5,
        pattern: "a",
        other: new BSONRegExp("(?i)x", ""),
      })),
    );
    const schema = new Schema({ at: { type: Date, index: true } }, { collection: "logs" });
    const models = [database.connection.model("Log", schema)];
    const queries = [
      {
        name: "byKind",
        collection: "logs",
        filter: { kind: 3, other: { $ne: new BSONRegExp("(?i)q", "") } },
      },
    ];
    const optimizer = new DatabaseOptimizer(database.connection, {
      models,
      queries,
      cleanup: [rule],
    } as never);
    expect((await optimizer.plan()).plan).toBeDefined();
    expect((await optimizer.health({ now })).score).toBeGreaterThan(0);
    expect(await optimizer.advise()).toHaveProperty("advice");
    expect((await optimizer.cleanup({ now })).rules[0]?.matched).toBe(600);
  });
});
