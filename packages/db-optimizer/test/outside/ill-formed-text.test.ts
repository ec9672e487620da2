// Sources: andrew-codes/playnite-web #522, danny-avila/LibreChat #4068 and deso-protocol/mongodb-dumper #20 ("Invalid UTF-8 string
// in BSON document" ends a whole read), mongodb/js-bson #277 (a true replacement character is no fault), and the driver's manual:
// without a check such text is read as replacement characters, and written back as them.
// https://www.mongodb.com/docs/drivers/node/current/data-formats/bson/utf8-validation/
// Input: a migration whose documents have such text in a migrated field, in another field, in `_id`, in the old layout or in the new.
// Right: each is named and set aside, the others go on, and no replacement character is written for what was there. The
// development engine refuses such text, so a server that has it is played in front: a marker in its answers is made ill-formed.
import { type Play, playInFront } from "@org/dev-kit/played";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { type Connection, createConnection, Schema } from "mongoose";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import {
  checkHealth,
  migrateUp,
  rollbackMigration,
  storageReport,
  verifyMigration,
} from "../../src/index.js";
import { scanStorage } from "../../src/storage/index.js";
import { textMigration as migration } from "../migrate/text-migration.js";

const database = useTemporaryDatabase({ label: "utf8", per: "test" });
const marker = "ILLFORMED";
const illFormed = (message: Buffer) => {
  for (let at = message.indexOf(marker); at !== -1; at = message.indexOf(marker, at + 1)) message[at] = 0xff;
};
const reads = ["find", "aggregate", "getMore"] as const;
const play: Play = Object.fromEntries(reads.map((name) => [name, { bytes: illFormed }]));

let front: Awaited<ReturnType<typeof playInFront>>;
beforeAll(async () => {
  front = await playInFront(inject("engine").uri, play);
});
afterAll(() => front.stop());

const options = { now: () => new Date(), limits: { maxBatch: 2, maxSlowdown: Number.POSITIVE_INFINITY } };

/** Has the played server's answers, and no check of text where it says so. */
async function withPlayed<T>(act: (connection: Connection) => Promise<T>, parameters = ""): Promise<T> {
  const { name } = database.connection;
  const [address, search = ""] = front.uri.split("?");
  const connection = createConnection(`${address}${name}?${search}${parameters}`);
  try {
    await connection.asPromise();
    return await act(connection);
  } finally {
    await connection.close();
  }
}

const collection = (name: string) => database.connection.collection<{ _id: string; text?: string }>(name);
const at = new Date(0);
const insert = (name: string, documents: readonly object[]) =>
  collection(name).insertMany(documents.map((document) => ({ at, ...document })) as never);

describe.each(["", "&enableUtf8Validation=false"])(
  "ill-formed text, with a connection of %j",
  (parameters) => {
    test.each([
      ["a migrated field", { _id: "b", text: `x${marker}` }],
      ["another field", { _id: "b", text: "b", inner: { list: [`${marker}x`] } }],
      ["its _id", { _id: `b${marker}`, text: "b" }],
    ])("in %s: the document is named, the others are carried over", async (_where, document) => {
      // A true replacement character is text like any other, in an _id as well.
      await insert("old", [{ _id: "a", text: "a\uFFFD" }, document, { _id: "c\uFFFD", text: "c" }]);
      const failed = withPlayed((played) => migrateUp(played, migration, options), parameters);
      await expect(failed).rejects.toMatchObject({
        code: "MIGRATION_MISMATCH",
        details: {
          mismatches: [
            { kind: "unreadable", collection: "old", id: document._id.replace("ILL", "\uFFFDLL") },
          ],
        },
      });
      const carried = await collection("fresh").find({}).sort({ _id: 1 }).toArray();
      expect(carried.map(({ _id, text }) => [_id, text])).toEqual([
        ["a", "a\uFFFD"],
        ["c\uFFFD", "c"],
      ]);
    });

    test("in the new layout: the document is named, and the way back writes no replacement characters", async () => {
      await insert(
        "old",
        ["a", "b"].map((_id) => ({ _id, text: _id })),
      );
      await migrateUp(database.connection, migration, options);
      await collection("fresh").updateOne({ _id: "a" }, { $set: { text: "later" } });
      await collection("fresh").updateOne({ _id: "b" }, { $set: { text: marker } });
      await withPlayed(async (played) => {
        expect(await verifyMigration(played, migration, options)).toMatchObject({
          clean: false,
          mismatched: 2,
        });
        await expect(rollbackMigration(played, migration, options)).rejects.toMatchObject({
          code: "MIGRATION_MISMATCH",
          details: { mismatches: [{ kind: "unreadable", collection: "fresh", id: "b" }] },
        });
      }, parameters);
      const back = await collection("old").find({}).sort({ _id: 1 }).toArray();
      expect(back.map(({ text }) => text)).toEqual(["later", "b"]);
    });
  },
);

test("ill-formed text ends no report: samples of health and storage read past it", async () => {
  const text = (n: number) => (n % 2 ? marker : `t${n}`);
  await insert(
    "things",
    Array.from({ length: 40 }, (_, n) => ({ _id: `${n}`, text: text(n) })),
  );
  await withPlayed(async (played) => {
    const schema = new Schema({ _id: String, text: { type: String, index: true } }, { collection: "things" });
    const health = await checkHealth(played, [played.model("Thing", schema)], { now: new Date() });
    expect(JSON.stringify(health)).not.toMatch(/invalid utf-?8/i);
    expect(JSON.stringify(health.facts.deep)).toContain('"sampled":40');
    const { collections } = await storageReport(played);
    expect(collections.find(({ collection: name }) => name === "things")).not.toHaveProperty("unsampled");
    const scan = await scanStorage(played);
    expect(scan.collections.find(({ collection: name }) => name === "things")).toMatchObject({ sampled: 40 });
    expect(scan.setAside).toEqual({});
  });
});
