import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { beforeEach, describe, expect, test } from "vitest";
import { filtersAfter } from "../../src/core/bson/id-order.js";
import type { Document } from "../../src/core/model.js";
import {
  contractMigration,
  type Migration,
  migrateUp,
  rollbackMigration,
  verifyMigration,
} from "../../src/index.js";
import { SeenIds } from "../../src/migrate/seen-ids.js";
import { overriding } from "../support.js";
import { textMigration as migration } from "./text-migration.js";

const { Binary, Code, Decimal128, Long, MaxKey, MinKey, ObjectId, Timestamp } = mongo;
const database = useTemporaryDatabase({ label: "ids" });

// In the order of https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/, one or more of each type
// that an _id can have; but for code with a scope and binary data of two subtypes, which SecantusDB does not compare as
// MongoDB does.
const idsInOrder: readonly unknown[] = [
  new MinKey(),
  null,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  -1,
  0.5,
  Decimal128.fromString("2.5"),
  3,
  Long.MAX_VALUE,
  "",
  "a",
  "b",
  { day: 1, user: 1 },
  { user: 1, day: 1 },
  { user: 1, day: 2 },
  new Binary(Buffer.from([0x80])),
  new Binary(Buffer.from([0x81])),
  new ObjectId("000000000000000000000001"),
  new ObjectId("000000000000000000000002"),
  false,
  true,
  new Date(-1),
  new Date(1),
  new Timestamp({ t: 1, i: 1 }),
  new Timestamp({ t: 1, i: 2 }),
  new Code("a"),
  new MaxKey(),
];

const options = { now: () => new Date(), limits: { maxBatch: 4, maxSlowdown: Number.POSITIVE_INFINITY } };
const old = () => database.connection.collection("old");
const fresh = () => database.connection.collection("fresh");

// By a command: the driver's insert gives a document whose _id is null an id of its own.
async function insertIntoOld(ids: readonly unknown[], text: (at: number) => string = (at) => `text ${at}`) {
  const documents = ids.map((_id, at) => ({ _id, text: text(at), at: new Date(0) }));
  expect(await database.connection.db?.command({ insert: "old", documents })).toMatchObject({
    n: ids.length,
  });
}

beforeEach(async () => {
  for (const name of ["old", "fresh", "org_db_migrations", "org_db_leases"])
    await database.connection.collection(name).deleteMany({});
});

// MongoDB's answer to a cursor that was idle for ten minutes, 43, after so many documents.
function losingCursors<T extends object>(connection: T, name: string, after = 5): T {
  const { db } = connection as { db: mongo.Db };
  const collection = (asked: string) => {
    const real = db.collection(asked);
    if (asked !== name) return real;
    return overriding(real, {
      find: (filter: Document, given: object) => {
        let taken = 0;
        const cursor = real.find(filter, given);
        const next = async () => {
          taken += 1;
          if (taken > after) throw new mongo.MongoServerError({ message: "cursor id not found", code: 43 });
          return cursor.next();
        };
        const sort = (by: Document) => overriding(cursor.sort(by as never), { next });
        return overriding(cursor, { sort });
      },
    });
  };
  return overriding(connection, { db: overriding(db, { collection }) });
}

describe("ids of every type", () => {
  test.each(idsInOrder.map((id, at) => [at, id] as const))(
    "behind id %i come all that are sorted behind it, in their order",
    async (at, id) => {
      await insertIntoOld(idsInOrder);
      const found: string[] = [];
      for (const filter of filtersAfter(id))
        for (const { text } of await old().find(filter).sort({ _id: 1 }).toArray()) found.push(text);
      expect(found).toEqual(idsInOrder.slice(at + 1).map((_id, next) => `text ${at + 1 + next}`));
    },
  );

  test("are migrated, taken up again after each batch, compared, rolled back and contracted", async () => {
    await insertIntoOld(idsInOrder);
    for (let tries = 0, done = false; !done; tries++) {
      expect(tries).toBeLessThan(40);
      const stop = new AbortController();
      const stopping = { ...options, signal: stop.signal, onProgress: () => stop.abort() };
      done = await migrateUp(database.connection, migration, stopping, "backfill").then(
        () => true,
        () => false,
      );
    }
    expect(await fresh().countDocuments({})).toBe(idsInOrder.length);
    // Each outdated document of the new layout is found.
    await old().updateMany({}, { $set: { text: "later", at: new Date(5) } });
    const { mismatched } = await verifyMigration(database.connection, migration, options);
    expect(mismatched).toBe(idsInOrder.length);
    expect(await migrateUp(database.connection, migration, options)).toMatchObject({
      phase: "switched",
      verification: { clean: true, repaired: idsInOrder.length, sources: idsInOrder.length },
    });
    for (const { _id } of await fresh().find({}).toArray())
      await fresh().updateOne({ _id: { $eq: _id } }, { $set: { text: keyText(_id), at: new Date(9) } });
    await rollbackMigration(database.connection, migration, options);
    const back = await old().find({}).toArray();
    expect(back.map(({ text }) => text)).toEqual(back.map(({ _id }) => keyText(_id)));
    await migrateUp(database.connection, migration, options);
    await contractMigration(database.connection, migration, options);
    expect(await old().countDocuments({ text: { $exists: true } })).toBe(0);
  });

  const keyText = (id: unknown) => mongo.BSON.EJSON.stringify({ id }, { relaxed: false });

  test("go on where they were when a cursor is lost, wherever that is", async () => {
    await insertIntoOld(idsInOrder);
    await migrateUp(database.connection, migration, options, "expand");
    const losing = losingCursors(database.connection, "old");
    expect(await migrateUp(losing, migration, options, "verify")).toMatchObject({
      verification: { clean: true, sources: idsInOrder.length, found: idsInOrder.length },
    });
    expect(await fresh().countDocuments({})).toBe(idsInOrder.length);
  });

  test("are all among the later ones, code with a scope as well", () => {
    expect(filtersAfter(new Code("a"))).toEqual([
      { _id: { $gt: new Code("a") } },
      { _id: { $type: ["javascriptWithScope", "maxKey"] } },
    ]);
    expect(filtersAfter(new Code("a", { x: 1 })).at(-1)).toEqual({ _id: { $type: ["maxKey"] } });
    expect(filtersAfter(new MaxKey())).toEqual([]);
  });
});

describe("a verification", () => {
  test("compares what its walk did not come to", async () => {
    const ids = Array.from({ length: 30 }, (_, at) => `id ${at}`);
    await insertIntoOld(ids);
    await migrateUp(database.connection, migration, options, "backfill");
    await fresh().updateOne({ _id: "id 7" as never }, { $set: { text: "old" } });
    // A walk that reads past two of them, for whatever reason.
    const { db } = database.connection;
    const passingBy = (name: string) => {
      const real = (db as mongo.Db).collection(name);
      const find = (filter: Document, given: Document) =>
        real.find(given?.hint || filter._id ? filter : { ...filter, _id: { $nin: ["id 7", "id 9"] } }, given);
      return name === "old" ? overriding(real, { find }) : real;
    };
    const connection = overriding(database.connection, {
      db: overriding(db as mongo.Db, { collection: passingBy }),
    });
    const report = await verifyMigration(connection, migration, options);
    expect(report).toMatchObject({ clean: false, sources: 28, rechecked: 2, mismatches: [{ id: "id 7" }] });
  });

  test("names an id that the driver cannot ask for again, and removes nothing of it", async () => {
    await insertIntoOld(["sound"]);
    // By a map: an object of JavaScript has the field "1" first.
    await database.connection.db?.command({
      insert: "old",
      documents: [
        {
          _id: new Map<string, number>([
            ["x", 1],
            ["1", 2],
          ]),
          text: "x",
          at: new Date(0),
        },
      ],
    });
    await expect(migrateUp(database.connection, migration, options)).rejects.toMatchObject({
      code: "MIGRATION_MISMATCH",
      details: { mismatches: [{ kind: "unreadable", collection: "old", id: { x: 1, 1: 2 } }] },
    });
    expect(await fresh().countDocuments({})).toBe(1);
  });

  test("sees the one id by which two sets differ", () => {
    const [one, other] = [new SeenIds(), new SeenIds()];
    for (let id = 0; id < 10_000; id++) {
      one.add({ id });
      other.add({ id: 9_999 - id });
    }
    expect(one.placesUnlike(other)).toBeUndefined();
    other.add({ id: "more" });
    expect(one.placesUnlike(other)?.include({ id: "more" })).toBe(true);
  });
});

describe("one document that is refused", () => {
  const at = new Date(0);

  test.each<[string, Partial<Migration>, Document]>([
    [
      "by expand",
      {
        expand: (source, now) => {
          if (source._id === 2) throw new TypeError("odd.getTime is not a function");
          return migration.expand(source, now);
        },
      },
      { kind: "unreadable", collection: "old", id: 2, reason: "odd.getTime is not a function" },
    ],
    [
      "by canonical",
      {
        canonical: (collection, document) => {
          if (document._id === 2) throw new TypeError("odd");
          return migration.canonical(collection, document);
        },
      },
      { kind: "unreadable", collection: "fresh", id: 2, reason: "odd" },
    ],
    [
      "as it is larger than a document may be",
      {
        expand: (source, now) =>
          migration.expand(source, now).map((one) => ({
            ...one,
            document: { ...one.document, ...(source._id === 2 && { blob: Buffer.alloc(17 * 2 ** 20) }) },
          })),
      },
      { kind: "refused", collection: "fresh", id: 2 },
    ],
  ])("%s is named, and the others are carried over", async (_what, odd, mismatch) => {
    await insertIntoOld([1, 2, 3]);
    const error = await migrateUp(database.connection, { ...migration, ...odd }, options).catch((one) => one);
    expect(error).toMatchObject({ code: "MIGRATION_MISMATCH", details: { mismatches: [mismatch] } });
    expect(error.message).toContain("2 (");
    const copied = await fresh()
      .find({ _id: { $in: [1, 3] as never[] } })
      .toArray();
    expect(copied).toHaveLength(2);
  });

  test("by collapse is named, the others are brought back, and the target is still read", async () => {
    await insertIntoOld([1, 2, 3]);
    await migrateUp(database.connection, migration, options);
    await fresh().updateMany({}, { $set: { text: "later" } });
    const odd: Migration = {
      ...migration,
      collapse: (targets, source) => {
        if (source?._id === 2) throw new TypeError("odd");
        return migration.collapse(targets, source);
      },
    };
    const going = rollbackMigration(database.connection, odd, options);
    await expect(going).rejects.toMatchObject({
      code: "MIGRATION_MISMATCH",
      details: { mismatches: [{ kind: "unreadable", id: 2, reason: "odd" }] },
    });
    expect((await old().find({}).sort({ _id: 1 }).toArray()).map(({ text }) => text)).toEqual([
      "later",
      "text 1",
      "later",
    ]);
    expect(await rollbackMigration(database.connection, migration, options)).toMatchObject({ phase: "off" });
  });

  test("keeps what was copied of it before, as nobody knows what it should be", async () => {
    await insertIntoOld([1, 2]);
    await migrateUp(database.connection, migration, options, "backfill");
    const odd: Migration = {
      ...migration,
      expand: (source, now) => {
        if (source._id === 2) throw new TypeError("odd");
        return migration.expand(source, now);
      },
    };
    await expect(migrateUp(database.connection, odd, options)).rejects.toMatchObject({
      code: "MIGRATION_MISMATCH",
    });
    expect(await fresh().findOne({ _id: 2 as never })).toEqual({ _id: 2, text: "text 1", at });
  });
});

describe("texts that a collation compares", () => {
  test("are walked in the order of the collection's own collation", async () => {
    const db = database.connection.db as mongo.Db;
    await db.dropCollection("old");
    await db.createCollection("old", { collation: { locale: "en", strength: 2 } });
    try {
      // In the order of their bytes B, D, a, c.
      await insertIntoOld(["a", "B", "c", "D", "\u00e9", "z", new ObjectId(), new Date(1)]);
      expect(
        await migrateUp(
          losingCursors(database.connection, "old", 2),
          migration,
          { ...options, limits: { ...options.limits, maxBatch: 1 } },
          "verify",
        ),
      ).toMatchObject({
        verification: { clean: true, sources: 8, expected: 8, rechecked: 0 },
      });
    } finally {
      await db.dropCollection("old");
    }
  });
});
