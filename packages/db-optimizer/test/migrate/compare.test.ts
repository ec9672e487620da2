import { Types } from "mongoose";
import { expect, test } from "vitest";
import { canonicalHash } from "../../src/migrate/compare.js";

const id = "65c419800000003701000000";

test.each([
  ["the order of keys", { a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 }, true],
  ["a key without a value", { a: 1, b: undefined }, { a: 1 }, true],
  ["null for a missing key", { a: null }, {}, false],
  ["a date and its text", { a: new Date(0) }, { a: "1970-01-01T00:00:00.000Z" }, false],
  ["an id and its text", { a: new Types.ObjectId(id) }, { a: id }, false],
  ["two ids that are the same", { a: new Types.ObjectId(id) }, { a: new Types.ObjectId(id) }, true],
  ["the order of an array", { a: [1, 2] }, { a: [2, 1] }, false],
  ["a millisecond", { a: new Date(0) }, { a: new Date(1) }, false],
])("%s", (_what, one, other, same) => {
  expect(canonicalHash(one) === canonicalHash(other)).toBe(same);
});
