import fc from "fast-check";
import { mongo } from "mongoose";
import { describe, expect, test } from "vitest";
import { distinctIds, idKey, whyUnfindable } from "../../src/core/bson/id-key.js";

const { Binary, BSON, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } =
  mongo;

const hex = "65a1b2c3d4e5f60718293a4b";
const uuid = "b9a5e0c8-52c5-4a1c-9a39-0d6f2b0e7c11";

// https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/: numbers of all types are compared by value,
// embedded documents field by field in their order, and binary data by length, subtype and bytes.
describe("the key of an _id", () => {
  test.each<[string, unknown, unknown]>([
    ["compound ids", { user: 1, day: 1 }, { user: 1, day: 2 }],
    ["the order of fields", { a: 1, b: 2 }, { b: 2, a: 1 }],
    ["fields that are in one but not in the other", { a: 1 }, { a: 1, b: null }],
    ["bytes that are no text", new Binary(Buffer.from([0x80])), new Binary(Buffer.from([0x81]))],
    ["subtypes", new Binary(Buffer.alloc(16), 3), new Binary(Buffer.alloc(16), 4)],
    ["an ObjectId and its digits", new ObjectId(hex), hex],
    ["a UUID and its digits", new UUID(uuid), uuid],
    ["a number and its digits", 1, "1"],
    ["a text that looks like a key", "n1", 1],
    ["null and its name", null, "null"],
    ["true and 1", true, 1],
    ["dates of two milliseconds", new Date(1), new Date(2)],
    ["a date and its number", new Date(1), 1],
    ["timestamps", new Timestamp({ t: 1, i: 1 }), new Timestamp({ t: 1, i: 2 })],
    ["the least and the greatest key", new MinKey(), new MaxKey()],
    ["longs that are one number in JavaScript", Long.fromString("9007199254740993"), 9_007_199_254_740_992],
    ["code with another scope", new Code("x", { a: 1 }), new Code("x", { a: 2 })],
    ["texts within documents", { a: "b", c: "d" }, { a: 'b","c":"d' }],
    ["0.1 and the decimal 0.1", 0.1, Decimal128.fromString("0.1")],
    ["composed and decomposed letters", "\u00e9", "e\u0301"],
  ])("tells apart %s", (_what, one, other) => {
    expect(idKey(one)).not.toBe(idKey(other));
    expect(idKey({ within: one })).not.toBe(idKey({ within: other }));
  });

  test.each<[string, unknown, unknown]>([
    ["integers of all types", 5, new Int32(5)],
    ["a double", 5, new Double(5)],
    ["a long", 5, Long.fromNumber(5)],
    ["a bigint", 5, 5n],
    ["a decimal", 5, Decimal128.fromString("5.00")],
    ["a decimal with an exponent", 1_500, Decimal128.fromString("1.5E+3")],
    ["zero of either sign", 0, -0],
    ["a decimal zero", 0, Decimal128.fromString("-0.0")],
    ["NaN of both types", Number.NaN, Decimal128.fromString("NaN")],
    ["infinity of both types", Number.POSITIVE_INFINITY, Decimal128.fromString("Infinity")],
    ["decimals of other digits", Decimal128.fromString("0.10"), Decimal128.fromString("0.1")],
    ["UUIDs and their bytes", new UUID(uuid), new Binary(new UUID(uuid).buffer, 4)],
  ])("is the same for %s, which one collection cannot have beside each other", (_what, one, other) => {
    expect(idKey(one)).toBe(idKey(other));
    expect(idKey({ within: [one] })).toBe(idKey({ within: [other] }));
  });

  const scalar = fc.oneof(
    fc.string(),
    fc.integer(),
    // -0 and 0 differ in their bytes, and are one number.
    fc.double().map((value) => value + 0),
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array().map((bytes) => new Binary(bytes)),
    fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
  );
  const id = fc.oneof(scalar, fc.dictionary(fc.string(), scalar, { maxKeys: 3 }));

  test("is the same for what comes back from the server, and otherwise follows the bytes", () => {
    const stored = (value: unknown) => BSON.deserialize(BSON.serialize({ value })).value;
    const bytes = (value: unknown) => Buffer.from(BSON.serialize({ value })).toString("hex");
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(idKey(stored(one))).toBe(idKey(one));
        if (bytes(one) !== bytes(other)) expect(idKey(one)).not.toBe(idKey(other));
      }),
    );
  });

  test("finds the distinct ones among many, in their order", () => {
    const ids = [{ a: 1 }, new Binary(Buffer.from([255])), { a: 1 }, "x", new Binary(Buffer.from([254]))];
    expect(distinctIds(ids)).toEqual([ids[0], ids[1], ids[3], ids[4]]);
  });

  test.each<[unknown, boolean]>([
    [{ user: 1, day: 2 }, false],
    [{ 2024: 1 }, false],
    [{ x: 1, 1: 2 }, true],
    [{ within: { 7: 1, a: 2 } }, true],
    [new ObjectId(hex), false],
    [new Date(1), false],
    ["7", false],
    [null, false],
  ])("%j may have lost the order of its fields: %s", (value, may) => {
    expect(whyUnfindable(value) !== undefined).toBe(may);
  });
});
