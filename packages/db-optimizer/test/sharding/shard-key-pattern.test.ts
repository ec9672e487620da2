// The rules of MongoDB's own tests of its shard keys, in our words and with values of our own:
// https://github.com/mongodb/mongo/blob/c34ead5d76f2f6c5c87a14ce90d9983b02e64ed4/src/mongo/s/shard_key_pattern_test.cpp
import { expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { canonicalIndex, type IndexKey } from "../../src/indexes/spec.js";
import { judgeShardKey } from "../../src/sharding/judge.js";
import { measureKey } from "../../src/sharding/measure.js";
import { targetOf } from "../../src/sharding/targeting.js";

const ranged = (...fields: string[]): IndexKey[] => fields.map((field) => ({ field, kind: 1 }));
const hashed = (field: string): IndexKey[] => [{ field, kind: "hashed" }];

// UniqueIndexCompatibleSingle, Compound, Nested, Hashed
test.each<[key: IndexKey[], index: Record<string, 1 | -1>, stays: boolean]>([
  [ranged("a"), { a: 1 }, true],
  [ranged("a"), { a: -1 }, true],
  [ranged("a"), { a: 1, b: 1 }, true],
  [ranged("a"), { a: -1, b: 1 }, true],
  [ranged("a"), { _id: 1 }, true],
  [ranged("a"), { _id: -1, b: 1 }, true],
  [ranged("a"), { b: 1 }, false],
  [ranged("a"), { b: -1, a: 1 }, false],
  [ranged("a", "b"), { a: 1, b: 1 }, true],
  [ranged("a", "b"), { a: 1, b: -1 }, true],
  [ranged("a", "b"), { a: 1, b: -1, c: 1 }, true],
  [ranged("a", "b"), { _id: -1, c: 1 }, true],
  [ranged("a", "b"), { a: 1 }, false],
  [ranged("a", "b"), { b: 1 }, false],
  [ranged("a", "b"), { a: 1, c: 1 }, false],
  [ranged("a", "b"), { b: -1, a: 1, c: 1 }, false],
  [ranged("a.b", "c"), { "a.b": 1, c: 1 }, true],
  [ranged("a.b", "c"), { "a.b": 1 }, false],
  [ranged("a.b", "c"), { a: 1, c: -1 }, false],
  [ranged("a.b", "c"), { c: -1, "a.b": 1 }, false],
  [hashed("a.b"), { "a.b": 1 }, true],
  [hashed("a.b"), { "a.b": -1, c: 1 }, true],
  [hashed("a.b"), { _id: 1 }, true],
  [hashed("a.b"), { _id: -1, c: 1 }, true],
  [hashed("a.b"), { c: 1 }, false],
  [hashed("a.b"), { c: -1, "a.b": 1 }, false],
])("by %j, a unique index on %j stays unique: %s", (key, index, stays) => {
  const unique = canonicalIndex("things", index, { name: "once", unique: true });
  const { forbids } = judgeShardKey(key, measureKey(["a"], []), [], [unique], false);
  expect(forbids).toEqual(stays ? [] : ["once"]);
});

// Of the tests "shard collection and non-simple collation" of MongoDB 8: jstests/sharding.
test.each<[index: Record<string, 1>, collation: Document | undefined, collated: boolean, stays: boolean]>([
  [{ a: 1 }, undefined, false, true],
  [{ a: 1 }, { locale: "simple" }, true, true],
  [{ a: 1 }, { locale: "en", strength: 2 }, false, false],
  [{ a: 1 }, undefined, true, false],
  [{ _id: 1, b: 1 }, { locale: "en", strength: 2 }, false, false],
  [{ _id: 1, b: 1 }, { locale: "simple" }, true, true],
])(
  "by a, a unique index on %j with the collation %j, of a collated collection or not (%j), stays: %j",
  (index, collation, collated, stays) => {
    const spec = canonicalIndex("things", index, { name: "once", unique: true, collation });
    // As declared: it takes over what its collection has.
    const unique = collation ? spec : { ...spec, collation: undefined };
    const { forbids } = judgeShardKey(ranged("a"), measureKey(["a"], []), [], [unique], collated);
    expect(forbids).toEqual(stays ? [] : ["once"]);
  },
);

// ExtractQueryShardKeySingle, Compound, Nested, DeepNested, Hashed: a whole key goes to one shard.
test.each<[key: IndexKey[], filter: Document, oneShard: boolean]>([
  [ranged("a"), { a: 10 }, true],
  [ranged("a"), { a: 10, b: "20" }, true],
  [ranged("a"), { a: { b: 10 }, c: 30 }, true],
  [ranged("a"), { a: 10, b: { $gt: 20 } }, true],
  [ranged("a"), { a: { $gt: 10 } }, false],
  [ranged("a"), { a: { $eq: [10, 20] }, c: 30 }, false],
  [ranged("a"), { a: { $eq: 10 } }, true],
  [ranged("a"), { $or: [{ a: { $eq: 10 } }] }, true],
  [ranged("a"), { $and: [{ a: { $eq: 10 } }, { b: "20" }] }, true],
  [ranged("a"), { a: { $all: [10] } }, true],
  [ranged("a"), { $or: [{ a: { $eq: 10 } }, { b: "20" }] }, false],
  [ranged("a"), { a: /abc/, b: "20" }, false],
  [ranged("a", "b"), { a: 10, b: "20" }, true],
  [ranged("a", "b"), { a: 10, b: "20", c: 30 }, true],
  [ranged("a", "b"), { a: 10, b: [1, 2] }, false],
  [ranged("a", "b"), { b: 20 }, false],
  [ranged("a", "b"), { a: { $eq: 10 }, b: { $all: ["20"] } }, true],
  [ranged("a", "b"), { $and: [{ a: { $eq: 10 }, b: { $eq: "20" } }] }, true],
  [ranged("a", "b"), { $and: [{ a: { $eq: 10 } }, { b: { $eq: "20" } }] }, true],
  [ranged("a", "b"), { a: 10, b: { $gt: 20 } }, false],
  [ranged("a", "b"), { $or: [{ a: { $eq: 10 } }, { b: "20" }] }, false],
  [ranged("a.b", "c"), { "a.b": { $eq: 10 }, c: 30, d: 40 }, true],
  [ranged("a.b", "c"), { $or: [{ "a.b": 10, c: 30, d: 40 }] }, true],
  [ranged("a.b", "c"), { a: { b: 10, d: 40 }, c: 30 }, true],
  [ranged("a.b", "c"), { $and: [{ "a.b": { $eq: 10 } }, { c: 30 }] }, true],
  [ranged("a.b", "c"), { a: { b: { $eq: 10 } }, c: 30 }, false],
  [ranged("a.b", "c"), { a: 10, c: 30 }, false],
  [ranged("a.b", "c"), { a: { b: 10 }, c: { $gt: 30 } }, false],
  [ranged("a.b", "c"), { a: { d: 40 }, c: 30 }, false],
  [ranged("a.b", "c"), { a: [{ b: 10 }, { b: 20 }], c: 30 }, false],
  [ranged("a.b.c"), { a: { b: { c: 10 } } }, true],
  [ranged("a.b.c"), { "a.b.c": { $eq: 10 } }, true],
  [ranged("a.b.c"), { "a.b.c": [10] }, false],
  [ranged("a.b.c"), { "a.b": [{ c: 10 }] }, false],
  [ranged("a.b.c"), { a: { b: [{ c: 10 }] } }, false],
  [ranged("a.b.c"), { a: { b: { c: [10, 20] } } }, false],
  [hashed("a.b"), { "a.b": "12345" }, true],
  [hashed("a.b"), { a: { b: "12345" }, c: 30 }, true],
  [hashed("a.b"), { $and: [{ "a.b": { $eq: "12345" } }] }, true],
  [hashed("a.b"), { a: { b: { $eq: "12345" } } }, false],
  [hashed("a.b"), { "a.b": { $gt: "12345" } }, false],
  [hashed("a.b"), { a: { c: "12345" } }, false],
  [hashed("a.b"), { a: [{ b: "12345" }] }, false],
])("by %j, %j asks one shard: %s", (key, filter, oneShard) => {
  expect(targetOf({ filter }, key) === "one_shard").toBe(oneShard);
});
