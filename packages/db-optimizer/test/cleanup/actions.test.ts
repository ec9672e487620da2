import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openActor } from "../../src/cleanup/actions.js";
import { parseRules } from "../../src/cleanup/parse-rules.js";
import { ruleFilter } from "../../src/cleanup/rules.js";
import { type CleanupAction, type CleanupRule, runCleanup } from "../../src/index.js";
import { SetAside } from "../../src/jobs/set-aside.js";
import { answeringWrites, overriding, serverError } from "../support.js";

const { EJSON } = mongo.BSON;
const now = new Date("2025-06-01T00:00:00.000Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
const base = { name: "old-logs", collection: "logs", field: "at", retentionSeconds: 30 * 86_400 };
const options = { now, run: true, limits: { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 200 } };

allNeed("clusterMonitoring");
const database = useTemporaryDatabase({ label: "actions", per: "test" });
const logs = () => database.connection.db!.collection("logs");
const archive = () => database.connection.db!.collection("old_logs");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "archive-"));
});
afterAll(() => rm(folder, { recursive: true }));

const rule = (action: CleanupAction): CleanupRule => ({ ...base, action });
const fresh = () => join(folder, `${new mongo.ObjectId()}.ndjson`);
const linesOf = async (file: string) =>
  (await readFile(file, "utf8"))
    .split("\n")
    .map((line) => (line ? EJSON.parse(line, { relaxed: false }) : ""));

/** Every kind of value that a round trip could change. */
const odd = {
  double: new mongo.Double(1),
  long: mongo.Long.fromString("9007199254740993"),
  decimal: mongo.Decimal128.fromString("0.10"),
  binary: new mongo.Binary(Buffer.from([0, 255]), 0x80),
  pattern: /a.b/i,
  nothing: null,
  nested: { "dotted.key": [1, { $dollar: "€\n" }] },
};

beforeEach(async () => {
  await logs().createIndex({ at: 1 });
  await logs().insertMany(
    Array.from({ length: 500 }, (_, n) => ({
      at: daysAgo(n < 400 ? 31 + (n % 9) : n % 30),
      n,
      name: `person ${n}`,
      ...(n === 7 ? odd : {}),
    })),
  );
});

describe("archive to a file", () => {
  it("has every document that went, as it was, and only those", async () => {
    const before = await logs().find({}, { promoteValues: false, bsonRegExp: true }).sort({ n: 1 }).toArray();
    const file = fresh();
    const { rules } = await runCleanup(database.connection, [rule({ archiveToFile: file })], options);
    expect(rules[0]).toMatchObject({ matched: 400, deleted: 400 });
    expect(await logs().countDocuments()).toBe(100);
    const lines = await linesOf(file);
    expect(lines.pop()).toBe("");
    const text = (documents: object[]) =>
      documents.map((one) => EJSON.stringify(one, { relaxed: false })).sort();
    expect(text(lines)).toEqual(text(before.slice(0, 400)));
    expect((await stat(file)).mode & 0o077).toBe(0);
  });

  it("keeps what changed between the copy and the delete", async () => {
    const [parsed] = parseRules([rule({ archiveToFile: fresh() })]);
    const changing = overriding(logs(), {
      bulkWrite: async (...args: Parameters<mongo.Collection["bulkWrite"]>) => {
        await logs().updateOne({ n: 3 }, { $set: { name: "changed" } });
        return logs().bulkWrite(...args);
      },
    });
    const actor = await openActor({
      db: database.connection.db!,
      collection: changing,
      rule: parsed!,
      filter: ruleFilter(parsed!, now),
      aside: new SetAside(),
    });
    const ids = (
      await logs()
        .find({ n: { $lt: 5 } })
        .toArray()
    ).map(({ _id }) => _id);
    expect(await actor.act(ids)).toBe(4);
    await actor.close();
    expect(await logs().findOne({ n: 3 })).toMatchObject({ name: "changed" });
    expect(await logs().countDocuments({ n: { $lt: 5 } })).toBe(1);
  });

  it("cuts off the line that a killed process left unfinished", async () => {
    const file = fresh();
    await writeFile(file, '{"_id":1}\n{"_id":{"$oid":"5f');
    await runCleanup(database.connection, [rule({ archiveToFile: file })], options);
    const lines = await linesOf(file);
    expect(lines).toHaveLength(1 + 400 + 1);
    expect(lines[0]).toMatchObject({ _id: expect.anything() });
  });

  it("that the server refuses on one collection keeps no other rule from being carried out", async () => {
    const db = database.connection.db!;
    await db.collection("notes").createIndex({ at: 1 });
    await db.collection("notes").insertMany([{ at: daysAgo(60) }, { at: daysAgo(1) }]);
    const refused = () =>
      Promise.reject(serverError(13, "not authorized on app to execute command { delete }"));
    const connection = answeringWrites(database.connection, "logs", {
      deleteMany: refused,
      bulkWrite: refused,
    });
    const rules = [rule("delete"), { ...base, name: "old-notes", collection: "notes" }];
    const before = await logs().countDocuments();
    await expect(runCleanup(connection, rules, options)).rejects.toMatchObject({
      code: "NOT_AUTHORIZED",
      message: expect.stringContaining("old-logs"),
    });
    expect(await logs().countDocuments()).toBe(before);
    expect(await db.collection("notes").countDocuments()).toBe(1);
  });

  it.each([
    ["in a folder that is not there", (file: string) => join(file, "x"), "", /ENOENT/],
    ["that is a folder", () => folder, "", /EISDIR/],
    ["that ends in something else", (file: string) => file, "important notes", /no archive/],
  ])("refuses a file %s, and deletes nothing", async (_name, pathOf, content, message) => {
    const file = fresh();
    if (content) await appendFile(file, content);
    const rules = [{ ...rule("delete"), name: "before" }, rule({ archiveToFile: pathOf(file) })];
    // A dry run as well, and no rule before it is carried out.
    for (const run of [false, true]) {
      await expect(runCleanup(database.connection, rules, { ...options, run })).rejects.toMatchObject({
        code: "ARCHIVE_FAILED",
        message: expect.stringMatching(message),
      });
    }
    expect(await logs().countDocuments()).toBe(500);
    if (content) expect(await readFile(file, "utf8")).toBe(content);
  });
});

describe("archive to a collection", () => {
  it("has every document that went, and can be repeated over what a killed run left there", async () => {
    const before = await logs()
      .find({ n: { $lt: 400 } })
      .sort({ n: 1 })
      .toArray();
    await archive().insertMany(before.slice(0, 50));
    await runCleanup(database.connection, [rule({ archiveToCollection: "old_logs" })], options);
    expect(await archive().find().sort({ n: 1 }).toArray()).toEqual(before);
    expect(await logs().countDocuments()).toBe(100);
  });
});

describe("anonymise", () => {
  const anonymising = rule({ anonymise: { set: { name: "erased" }, unset: ["nested"] } });

  it("changes the named fields of expired documents, once", async () => {
    const first = await runCleanup(database.connection, [anonymising], options);
    expect(first.rules[0]).toMatchObject({ matched: 400, deleted: 400 });
    expect(await logs().countDocuments({ name: "erased", anonymisedBy: "old-logs" })).toBe(400);
    expect(await logs().findOne({ n: 7 })).not.toHaveProperty("nested");
    expect(await logs().countDocuments({ n: { $gte: 400 }, name: /^person/, anonymisedBy: null })).toBe(100);
    await logs().updateOne({ n: 1 }, { $set: { name: "given again" } });
    const second = await runCleanup(database.connection, [anonymising], options);
    expect(second.rules[0]).toMatchObject({ matched: 0, deleted: 0 });
    expect(await logs().findOne({ n: 1 })).toMatchObject({ name: "given again" });
  });

  it("lets a second rule have its turn on the same documents", async () => {
    const other: CleanupRule = { ...base, name: "later", action: { anonymise: { unset: ["n"] } } };
    await runCleanup(database.connection, [anonymising, other], options);
    expect(await logs().countDocuments({ anonymisedBy: ["old-logs", "later"], n: null })).toBe(400);
  });
});
