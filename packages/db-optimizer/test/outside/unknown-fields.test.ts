// Indexes on fields that a schema does not have. Sources: cesanta/mongoose #462 (the schema lost `email`, its unique index
// stayed: "E11000 dup key: { : null }"), beaucarnes/mern-exercise-tracker-mongodb #51 (`userName` against `username`),
// Automattic/mongoose #10493 (`index({ createdAt: 1 }, { expireAfterSeconds: 120 })` without that path). Right: the plan
// names the field and what follows; health warns of a unique one, by which the server refuses a second document.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import { checkHealth } from "../../src/health/health.js";
import { unknownFieldNotes } from "../../src/indexes/unknown-fields.js";
import { planSetup } from "../../src/setup/initialize.js";

const database = useTemporaryDatabase({ label: "unknown_fields", per: "test" });
const off = { autoCreate: false, autoIndex: false } as const;

test("a unique index that an earlier schema left is named by plan and health, with what it does", async () => {
  const { connection } = database;
  const users = connection.model("User", new Schema({ name: String }, { collection: "users", ...off }));
  await users.collection.createIndex({ email: 1 }, { unique: true });
  await users.create({ name: "first" });
  await expect(users.create({ name: "second" })).rejects.toMatchObject({ code: 11_000 });
  const { notes } = await planSetup(connection, [users]);
  expect(notes).toEqual([
    {
      collection: "users",
      index: "email_1",
      message: expect.stringMatching(/has email.*lets in one document/),
    },
  ]);
  const { findings } = await checkHealth(connection, [users], { now: new Date() });
  expect(findings.find(({ code }) => code === "INDEX_UNFILLED")).toMatchObject({
    subject: "users.email_1",
    severity: "warning",
    command: "org-db apply --drop users.email_1",
  });
});

const inner = new Schema({ city: String });
const variants = new Schema({ list: [new Schema({ kind: String }, { discriminatorKey: "kind" })] });
(variants.path("list") as Schema.Types.DocumentArray).discriminator("Odd", new Schema({ odd: String }));

test.each<[string, object, object?, object?, string?]>([
  ["a field", { name: 1 }],
  ["another spelling", { Name: 1 }, {}, {}, "Name"],
  ["one of two", { name: 1, nick: 1 }, {}, {}, "nick"],
  ["nested", { "place.at": 1 }],
  ["the whole of nested fields", { place: "2dsphere" }],
  ["nested otherwise", { "place.on": 1 }, {}, {}, "place.on"],
  ["within a subdocument", { "home.city": 1 }],
  ["not within a subdocument", { "home.town": 1 }, {}, {}, "home.town"],
  ["within a list", { "homes.city": 1 }],
  ["by position", { "homes.0.city": 1 }],
  ["not within a list", { "homes.town": 1 }, {}, {}, "homes.town"],
  ["within what may be anything", { "any.thing": 1 }],
  ["within a Map", { "map.key": 1 }],
  ["a wildcard", { "any.$**": 1 }],
  ["everything, as text", { "$**": "text" }],
  ["a date by timestamps", { createdAt: 1 }, { expireAfterSeconds: 5 }, { timestamps: true }],
  ["a date without them", { createdAt: 1 }, { expireAfterSeconds: 5 }, {}, "createdAt"],
  ["whatever, where the schema is not strict", { other: 1 }, {}, { strict: false }],
])("an index on %s", (_what, key, options = {}, of = {}, unknown = undefined) => {
  const definition = {
    name: String,
    place: { at: [Number] },
    home: inner,
    homes: [inner],
    any: {},
    map: { type: Map, of: String },
  };
  const schema = new Schema(definition, of as never);
  const model = database.connection.model("Place", schema);
  const index = {
    collection: "places",
    name: "x",
    keys: Object.entries(key).map(([field, kind]) => ({ field, kind })),
    unique: false,
    sparse: false,
    ...options,
  };
  const notes = unknownFieldNotes([model], [index]);
  expect(notes.map(({ message }) => message)).toEqual(
    unknown === undefined ? [] : [expect.stringContaining(`no schema of its collection has ${unknown}, and`)],
  );
  if (unknown === "createdAt") expect(notes[0]?.message).toContain("nothing expires");
});

test("a discriminator's field, and one of an embedded discriminator, are known", () => {
  const { connection } = database;
  const base = connection.model("Base", variants);
  base.discriminator("Child", new Schema({ own: String }));
  const index = { collection: "bases", name: "x", unique: true, sparse: false };
  const keys = ["own", "list.odd", "__t"].map((field) => ({ ...index, keys: [{ field, kind: 1 as const }] }));
  expect(unknownFieldNotes([base], keys)).toEqual([]);
});
