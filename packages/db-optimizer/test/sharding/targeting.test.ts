import fc from "fast-check";
import { Types } from "mongoose";
import { expect, test } from "vitest";

import type { IndexKey } from "../../src/indexes/spec.js";
import { type Target, targetOf } from "../../src/sharding/targeting.js";

const ranged = (...fields: string[]): IndexKey[] => fields.map((field) => ({ field, kind: 1 }));
const hashed = (field: string): IndexKey[] => [{ field, kind: "hashed" }];
const id = new Types.ObjectId();

test.each<[filter: Record<string, unknown>, key: IndexKey[], target: Target]>([
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
  [{ a: /^x/ }, ranged("a"), "all_shards"],
  [{ _id: id }, ranged("a"), "all_shards"],
  [{}, ranged("a"), "all_shards"],
])("%j by %j goes to %s", (filter, key, target) => {
  expect(targetOf({ filter }, key)).toBe(target);
});

test("text that is compared by a collation cannot be found by the key's bytes; numbers can", () => {
  const collation = { locale: "en", strength: 2 };
  expect(targetOf({ filter: { a: "x" }, collation }, ranged("a"))).toBe("all_shards");
  expect(targetOf({ filter: { a: "x" }, collation: { locale: "simple" } }, ranged("a"))).toBe("one_shard");
  expect(targetOf({ filter: { a: 1 }, collation }, ranged("a"))).toBe("one_shard");
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
