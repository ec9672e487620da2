import fc from "fast-check";
import { mongo, Types } from "mongoose";
import { expect, test } from "vitest";

import type { Document } from "../../src/core/model.js";
import type { IndexKey } from "../../src/indexes/spec.js";
import { type Target, targetOf } from "../../src/sharding/targeting.js";

const ranged = (...fields: string[]): IndexKey[] => fields.map((field) => ({ field, kind: 1 }));
const hashed = (field: string): IndexKey[] => [{ field, kind: "hashed" }];
const { BSONRegExp } = mongo;
const id = new Types.ObjectId();

test.each<[filter: Document, key: IndexKey[], target: Target]>([
  [{ a: 1 }, ranged("a"), "one_shard"],
  [{ a: id }, ranged("a"), "one_shard"],
  [{ a: { $eq: 1 } }, ranged("a"), "one_shard"],
  [{ a: { $in: [1] } }, ranged("a"), "one_shard"],
  [{ a: { $in: [1, 2] } }, ranged("a"), "some_shards"],
  [{ a: { $gt: 1 } }, ranged("a"), "some_shards"],
  [{ a: { $gt: 1 } }, hashed("a"), "all_shards"],
  [{ a: 1 }, hashed("a"), "one_shard"],
  [{ a: 1 }, ranged("a", "b"), "some_shards"],
  [{ a: 1, b: 2 }, ranged("a", "b"), "one_shard"],
  [{ a: 1, b: { $gte: 2 } }, ranged("a", "b"), "some_shards"],
  [{ b: 2 }, ranged("a", "b"), "all_shards"],
  [{ $and: [{ a: 1 }, { b: 2 }] }, ranged("a", "b"), "one_shard"],
  [{ $and: [{ a: { $gt: 0 } }, { a: 1 }] }, ranged("a"), "one_shard"],
  [{ $or: [{ a: 1 }, { a: 2 }] }, ranged("a"), "some_shards"],
  [{ $or: [{ a: 1 }, { b: 2 }] }, ranged("a"), "all_shards"],
  [{ a: 1, $or: [{ b: 1 }, { c: 2 }] }, ranged("a"), "one_shard"],
  [{ a: 1, $or: [{ b: 1 }, { b: 2 }] }, ranged("a", "b"), "some_shards"],
  [{ $nor: [{ a: 1 }] }, ranged("a"), "all_shards"],
  [{ a: { $ne: 1 } }, ranged("a"), "all_shards"],
  [{ a: { $exists: true } }, ranged("a"), "all_shards"],
  [{ a: /x/ }, ranged("a"), "all_shards"],
  // Text with a given beginning lies together; as a value of its own a pattern equals nothing.
  [{ a: /^x/ }, ranged("a"), "some_shards"],
  [{ a: /^\.x/s }, ranged("a"), "some_shards"],
  [{ a: new BSONRegExp("\\Ax+") }, ranged("a"), "some_shards"],
  [{ a: { $regex: "^x" } }, ranged("a"), "some_shards"],
  [{ a: { $regex: /^x/ } }, ranged("a"), "some_shards"],
  [{ a: /^x/ }, ranged("a", "b"), "some_shards"],
  [{ a: 1, b: /^x/ }, ranged("a", "b"), "some_shards"],
  [{ a: /^x/ }, hashed("a"), "all_shards"],
  [{ a: { $eq: /^x/ } }, ranged("a"), "all_shards"],
  [{ a: { $in: [/^x/] } }, ranged("a"), "all_shards"],
  ...[/^x/i, /^x/m, /^x*/, /^x?y/, /^x{0}y/, /^[xy]/, /^(x)/, /^\d/, /^x|y/, /x^/, /^$/].map(
    (a): [Document, IndexKey[], Target] => [{ a }, ranged("a"), "all_shards"],
  ),
  [{ a: new BSONRegExp("^x", "x") }, ranged("a"), "all_shards"],
  [{ a: { $regex: "^x", $options: "i" } }, ranged("a"), "all_shards"],
  [{ a: { $regex: /^x/i, $options: "" } }, ranged("a"), "some_shards"],
  // A missing field is in the key as null.
  [{ a: null }, ranged("a"), "one_shard"],
  [{ a: { $in: [null] } }, hashed("a"), "one_shard"],
  [{ a: 1, b: null }, ranged("a", "b"), "one_shard"],
  // Comparisons of one field with a constant.
  [{ $expr: { $eq: ["$a", 1] } }, ranged("a"), "one_shard"],
  [{ $expr: { $eq: [{ $literal: "$x" }, "$a.b"] } }, ranged("a.b"), "one_shard"],
  [{ $expr: { $eq: ["$a", 1] } }, hashed("a"), "one_shard"],
  [{ $expr: { $and: [{ $eq: ["$a", 1] }, { $eq: ["$b", 2] }] } }, ranged("a", "b"), "one_shard"],
  [{ a: 1, $expr: { $gt: ["$b", 2] } }, ranged("a", "b"), "some_shards"],
  [{ $expr: { $gte: ["$a", 1] } }, ranged("a"), "some_shards"],
  [{ $expr: { $gte: ["$a", 1] } }, hashed("a"), "all_shards"],
  ...[
    { $eq: ["$a", "$b"] },
    { $eq: ["$$ROOT.a", 1] },
    { $eq: ["$a", { $add: [1, 2] }] },
    { $eq: ["$a", [1]] },
    { $eq: ["$a", null] },
    { $ne: ["$a", 1] },
    { $in: ["$a", [1]] },
    { $or: [{ $eq: ["$a", 1] }, { $eq: ["$b", 1] }] },
    "$a",
  ].map(($expr): [Document, IndexKey[], Target] => [{ $expr }, ranged("a"), "all_shards"]),
  // Whole documents have their parts, however they are asked for.
  [{ a: { $eq: { b: 1 } } }, ranged("a.b"), "one_shard"],
  [{ a: { $in: [{ b: 1 }] } }, ranged("a.b"), "one_shard"],
  [{ a: { $in: [{ b: 1 }, { b: 2 }] } }, ranged("a.b"), "all_shards"],
  [{ a: { $eq: { b: 1, c: [2] } } }, ranged("a.b", "a.c"), "some_shards"],
  [{ a: { $eq: 1, $gt: 0 } }, ranged("a"), "one_shard"],
  [{ a: { $not: { $eq: 1 } } }, ranged("a"), "all_shards"],
  [{ a: { $elemMatch: { $eq: 1 } } }, ranged("a"), "all_shards"],
  [{ "a.b": 1 }, ranged("a"), "all_shards"],
  // A hash as the first or the last field.
  [{ a: 1, b: { $gt: 2 } }, [...ranged("a"), ...hashed("b")], "some_shards"],
  [{ a: { $gt: 1 }, b: 2 }, [...ranged("a"), ...hashed("b")], "some_shards"],
  [{ a: { $gt: 1 }, b: 2 }, [...hashed("a"), ...ranged("b")], "all_shards"],
  [{ a: 1, b: 2 }, [...hashed("a"), ...ranged("b")], "one_shard"],
  [{ a: { $in: [1, 2] }, b: { $in: [3, 4] } }, ranged("a", "b"), "some_shards"],
  [{ _id: id }, ranged("a"), "all_shards"],
  [{}, ranged("a"), "all_shards"],
])("%j by %j goes to %s", (filter, key, target) => {
  expect(targetOf({ filter }, key)).toBe(target);
});

// The rules of collation_targeting.js and collation_targeting_inherited.js among MongoDB's tests.
const english = { locale: "en", strength: 2 };
const simple = { locale: "simple" };
test.each<
  [filter: Document, collation: typeof english | typeof simple | undefined, collated: boolean, target: Target]
>([
  [{ a: "x" }, english, false, "all_shards"],
  [{ a: "x" }, undefined, true, "all_shards"],
  [{ a: "x" }, simple, true, "one_shard"],
  [{ a: "x" }, simple, false, "one_shard"],
  [{ a: "x" }, undefined, false, "one_shard"],
  [{ a: 1 }, english, true, "one_shard"],
  [{ a: id }, undefined, true, "one_shard"],
  [{ a: new Date(0) }, undefined, true, "one_shard"],
  [{ a: { $gt: 1 } }, undefined, true, "some_shards"],
  [{ a: { $gt: "x" } }, undefined, true, "all_shards"],
  [{ a: /^x/ }, undefined, true, "all_shards"],
  [{ a: { $in: [1, "x"] } }, undefined, true, "all_shards"],
  [{ a: { b: "x" } }, undefined, true, "all_shards"],
  [{ a: { b: 1 } }, english, false, "all_shards"],
  [{ $expr: { $eq: ["$a", "x"] } }, undefined, true, "all_shards"],
])(
  "%j, compared by %j in a collection with a collation of its own or not (%j), goes to %s",
  (filter, collation, collated, target) => {
    expect(targetOf({ filter, ...(collation && { collation }) }, ranged("a"), collated)).toBe(target);
  },
);

test("parts of a document that are no text are found under a collation", () => {
  const target = (filter: Document) => targetOf({ filter, collation: english }, ranged("a.b"));
  expect([target({ a: { b: 1 } }), target({ a: { b: "x" } })]).toEqual(["one_shard", "all_shards"]);
});

test("one more condition never widens a query", () => {
  const width: Record<Target, number> = { one_shard: 0, some_shards: 1, all_shards: 2 };
  const condition = fc.constantFrom<unknown>(1, { $gt: 1 }, { $in: [1, 2] }, { $ne: 1 });
  const filter = fc.dictionary(fc.constantFrom("a", "b", "c"), condition, { maxKeys: 3 });
  fc.assert(
    fc.property(filter, fc.constantFrom("a", "b", "c"), condition, (given, field, more) => {
      const key = ranged("a", "b");
      const wider = targetOf({ filter: given }, key);
      const narrower = targetOf({ filter: { $and: [given, { [field]: more }] } }, key);
      expect(width[narrower]).toBeLessThanOrEqual(width[wider]);
    }),
  );
});
