import fc from "fast-check";
import { Types } from "mongoose";
import { expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import type { NamedWrite } from "../../src/core/named-query.js";
import type { IndexKey } from "../../src/indexes/spec.js";
import { targetOf } from "../../src/sharding/targeting.js";
import { isRefused } from "../../src/sharding/writes.js";

const ranged = (...fields: string[]): IndexKey[] => fields.map((field) => ({ field, kind: 1 }));
const hashed: IndexKey[] = [{ field: "a", kind: "hashed" }];
const id = new Types.ObjectId();
const text = { locale: "en", strength: 2 };

// By https://www.mongodb.com/docs/v6.0/core/sharded-cluster-requirements/, of updateOne, deleteOne and findOneAndUpdate, and
// https://www.mongodb.com/docs/v6.0/reference/method/db.collection.update/, of upserts.
test.each<[write: NamedWrite, filter: Document, key: IndexKey[], refused: boolean]>([
  ["updateOne", { a: 1 }, ranged("a"), false],
  ["updateOne", { a: 1, b: { $gt: 2 } }, hashed, false],
  ["updateOne", { _id: id }, ranged("a"), false],
  ["updateOne", { _id: { $eq: id }, b: 1 }, ranged("a"), false],
  ["updateOne", { b: 1 }, ranged("a"), true],
  ["updateOne", {}, ranged("a"), true],
  ["updateOne", { a: { $gt: 1 } }, ranged("a"), true],
  ["updateOne", { a: { $in: [1, 2] } }, ranged("a"), true],
  ["updateOne", { _id: { $in: [1, 2] } }, ranged("a"), true],
  ["updateOne", { a: 1 }, ranged("a", "b"), true],
  ["updateOne", { $or: [{ a: 1 }, { _id: 1 }] }, ranged("a"), true],
  ["deleteOne", { a: 1 }, ranged("a"), false],
  ["deleteOne", { _id: id }, ranged("a"), false],
  ["deleteOne", { b: 1 }, ranged("a"), true],
  ["findAndModify", { a: 1, b: 2 }, ranged("a"), false],
  ["findAndModify", { a: { $eq: 1 } }, ranged("a"), false],
  ["findAndModify", { _id: id }, ranged("a"), true],
  ["findAndModify", { _id: id }, ranged("_id"), false],
  ["findAndModify", { a: 1 }, ranged("a", "b"), true],
  ["upsert", { a: 1, b: 2 }, ranged("a", "b"), false],
  ["upsert", { _id: id }, ranged("a"), true],
  ["upsert", { a: { $gte: 1 } }, ranged("a"), true],
  ["updateMany", { b: 1 }, ranged("a"), false],
  ["deleteMany", {}, ranged("a"), false],
])("%s of %j by %j: refused %j", (write, filter, key, refused) => {
  expect(isRefused({ filter, write }, key)).toBe(refused);
});

// The cases of MongoDB's collection_routing_info_targeter_test.cpp, as a router has them that asks no shard first.
const ranged2: IndexKey[] = [...ranged("a.b"), { field: "c.d", kind: "hashed" }];
const hashed2: IndexKey[] = [{ field: "a.b", kind: "hashed" }, ...ranged("c.d")];
test.each<[what: string, write: NamedWrite, filter: Document, key: IndexKey[], refused: boolean]>([
  ["an update by _id asks all shards", "updateOne", { _id: 1 }, ranged2, false],
  [
    "a range within one chunk is luck",
    "updateOne",
    { $and: [{ "a.b": { $gte: 0 } }, { "a.b": { $lt: 99 } }] },
    ranged2,
    true,
  ],
  ["an upsert needs all of the key", "upsert", { "a.b": 100, "c.d": { $exists: false } }, ranged2, true],
  ["an upsert that has it", "upsert", { "a.b": 100, "c.d": "val" }, ranged2, false],
  ["parts of whole documents", "updateOne", { a: { b: 7 }, c: { d: 10 } }, hashed2, false],
  ["a range on a hashed field", "updateOne", { "a.b": { $gt: 101 } }, hashed2, true],
  ["an upsert by a hash alone", "upsert", { "a.b": 0 }, hashed2, true],
  ["a delete by a range of the hash", "deleteOne", { "a.b": { $gt: 2 } }, hashed2, true],
  ["a delete by the key", "deleteOne", { "a.b": 0, "c.d": 3 }, hashed2, false],
  ["a delete by _id", "deleteOne", { _id: 68_755_000 }, ranged("a.b"), false],
  ["a delete by _id and more", "deleteOne", { _id: 68_755_000, b: "x" }, ranged("a.b"), false],
])("%s: %s of %j by %j: refused %j", (_what, write, filter, key, refused) => {
  expect(isRefused({ filter, write }, key)).toBe(refused);
});

test("text that a collation compares names no shard and no document", () => {
  const of = (filter: Document, collated: boolean, collation?: { locale: string }) =>
    isRefused({ filter, write: "updateOne", ...(collation && { collation }) }, ranged("a"), collated);
  expect([of({ a: "x" }, false, text), of({ _id: "x" }, true), of({ a: "x" }, true)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([of({ a: "x" }, true, { locale: "simple" }), of({ _id: id }, true)]).toEqual([false, false]);
});

test("a read, and a write that names its shard, is never refused; a findAndModify allows what an update does, or less", () => {
  const value = fc.constantFrom<unknown>(1, "x", id, { $gt: 1 }, { $in: [1] }, { $in: [1, 2] }, /^x/, null);
  const filter = fc.dictionary(fc.constantFrom("_id", "a", "b"), value);
  const key = fc.constantFrom(ranged("a"), ranged("a", "b"), ranged("_id"), hashed);
  fc.assert(
    fc.property(filter, key, (found, by) => {
      const refused = (write?: NamedWrite) => isRefused({ filter: found, ...(write && { write }) }, by);
      expect(refused()).toBe(false);
      expect(refused("findAndModify")).toBe(targetOf({ filter: found }, by) !== "one_shard");
      if (refused("updateOne")) expect(refused("findAndModify")).toBe(true);
      expect(refused("deleteOne")).toBe(refused("updateOne"));
    }),
  );
});
