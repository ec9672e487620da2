// Declarations that every server refuses, or beside which it stores no document. Sources: payload #4411 (a text index with
// wildcardProjection), mongodb/mongo jstests/core wildcard_index_validindex and compound_wildcard_index_validation, the
// manual on multikey indexes, the public question "cannot index parallel arrays", schemas with `.index({ _id: -1 })` and with
// `.searchIndex()`. Right: what is refused is a fault of the declaration with its reason, before anything is sent; the
// rest, such as `{ a: 1, "$**": 1 }` with a projection, is built.
import mongoose, { Schema } from "mongoose";
import { expect, test } from "vitest";
import { declaredIndexes } from "../../src/indexes/declared.js";

let models = 0;
function declare(key: object, options: object, definition: object = { a: String }, of: object = {}) {
  models += 1;
  const schema = new Schema(definition as never, of as never);
  schema.index(key as never, options as never);
  return declaredIndexes([mongoose.createConnection().model(`M${models}`, schema)]);
}

test.each<[string, object, object, RegExp]>([
  ["a projection of a text index", { "$**": "text" }, { wildcardProjection: { a: 1 } }, /text index has no/],
  [
    "a projection of a plain index",
    { a: 1 },
    { wildcardProjection: { a: 1 } },
    /belongs to an index on \$\*\*/,
  ],
  ["a projection below a field", { "a.$**": 1 }, { wildcardProjection: { b: 0 } }, /this is on a\.\$\*\*/],
  ["an empty projection", { "$**": 1 }, { wildcardProjection: {} }, /names no field/],
  ["a mixed projection", { "$**": 1 }, { wildcardProjection: { a: 1, b: 0 } }, /both includes and excludes/],
  ["a computed projection", { "$**": 1 }, { wildcardProjection: { a: "x" } }, /other than 1 and 0/],
  ["an expiry", { "$**": 1 }, { expireAfterSeconds: 60 }, /cannot expire/],
  ["unique", { "a.$**": 1 }, { unique: true }, /cannot be unique/],
  ["hashed", { "$**": "hashed" }, {}, /cannot be hashed/],
  ["geographic", { "a.$**": "2dsphere" }, {}, /cannot be 2dsphere/],
  ["a text index below a field", { "a.$**": "text" }, {}, /not on a\.\$\*\*/],
  ["two wildcards", { "a.$**": 1, "b.$**": 1 }, {}, /one wildcard field/],
  ["a text field beside one", { "a.$**": 1, b: "text" }, {}, /cannot hold b as text/],
  ["a field of the pattern", { a: 1, "a.$**": 1 }, {}, /a\.\$\*\* has a in it/],
  ["a field below the pattern", { "a.b.c": 1, "a.b.$**": 1 }, {}, /a\.b\.\$\*\* has a\.b\.c in it/],
  ["all fields beside one", { a: 1, "$**": 1 }, {}, /needs a wildcardProjection/],
  ["a field that is not excluded", { a: 1, "$**": 1 }, { wildcardProjection: { b: 0 } }, /leave out a/],
  ["a field that is included", { a: 1, "$**": 1 }, { wildcardProjection: { a: 1, b: 1 } }, /leave out a/],
])("no wildcard index: %s", (_what, key, options, reason) => {
  const { indexes, faults } = declare(key, options);
  expect(indexes).toEqual([]);
  expect(faults.map(({ message }) => message)).toEqual([expect.stringMatching(reason)]);
});

test.each<[object, object]>([
  [{ "$**": 1 }, {}],
  [{ "a.$**": -1 }, { partialFilterExpression: { a: { $gt: 0 } } }],
  [{ "$**": 1 }, { wildcardProjection: { _id: 1, a: 0, b: 0 } }],
  [{ "$**": 1 }, { wildcardProjection: { _id: 0, a: { b: 1, c: 1 } } }],
  [{ "$**": "text" }, { weights: { a: 3 } }],
  [{ a: 1, "$**": "text" }, {}],
  [{ a: 1, "b.$**": -1, c: 1 }, {}],
  [{ a: 1, "$**": 1 }, { wildcardProjection: { a: 0 } }],
  [{ "$**": 1, another: 1 }, { wildcardProjection: { _id: 1, a: 0, another: 0 } }],
  [{ "$**": 1, other: 1 }, { wildcardProjection: { _id: 0, a: 1 } }],
])("a wildcard index that servers build: %j %j", (key, options) => {
  const { indexes, faults } = declare(key, options);
  expect(faults).toEqual([]);
  expect(indexes).toHaveLength(1);
});

const lists = { a: [String], b: [{ c: Number, d: Number }], may: { type: [String], default: undefined } };
test.each<[string, object, object, boolean]>([
  ["two lists", { a: 1, "b.c": 1 }, {}, true],
  ["two paths of one list", { "b.c": 1, "b.d": -1 }, {}, false],
  ["a list and a field", { a: 1, x: 1 }, {}, false],
  ["a list that may be absent", { a: 1, may: 1 }, {}, false],
  ["a filter", { a: 1, b: 1 }, { partialFilterExpression: { x: 1 } }, false],
  ["a list beside a place", { b: "2dsphere", a: 1 }, {}, false],
])("an index over %s", (_what, key, options, refused) => {
  const { indexes, faults } = declare(key, options, lists);
  expect(indexes).toHaveLength(refused ? 0 : 1);
  expect(faults.map(({ message }) => message)).toEqual(
    refused ? [expect.stringMatching(/: a and b are lists, and the server stores no document/)] : [],
  );
});

test("a time series has no unique index", () => {
  const series = { timeseries: { timeField: "at" } };
  const { faults } = declare({ a: 1 }, { unique: true }, { at: Date, a: Number }, series);
  expect(faults.map(({ message }) => message)).toEqual([
    expect.stringMatching(/: a time series has no unique index$/),
  ]);
});

test.each([1, -1, "desc"])(
  "the index on _id serves both directions: { _id: %s } is no other",
  (direction) => {
    expect(declare({ _id: direction }, {})).toMatchObject({ indexes: [], faults: [] });
  },
);

test("an expiry on _id is a fault, as it never comes", () => {
  const { faults } = declare({ _id: 1 }, { expireAfterSeconds: 60 });
  expect(faults.map(({ message }) => message)).toEqual([expect.stringMatching(/_id expires nothing/)]);
});

test("search indexes are named as what Mongoose makes", () => {
  const schema = new Schema({ a: String });
  schema.searchIndex({ name: "titles", definition: { mappings: { dynamic: true } } });
  const { notes } = declaredIndexes([mongoose.createConnection().model("Searched", schema)]);
  expect(notes).toEqual([
    {
      collection: "searcheds",
      message: expect.stringMatching(/\(titles\).*Searched\.createSearchIndexes\(\)/),
    },
  ]);
});
