import { Schema } from "mongoose";
import { expect, test } from "vitest";

import { jsonSchemaOf } from "../../src/setup/json-schema.js";
import { modelOf } from "../support.js";

const number = ["int", "long", "double", "decimal"];

test.each<[string, object, object]>([
  ["a required string", { type: String, required: true }, { bsonType: "string" }],
  ["an optional string", { type: String }, { bsonType: ["string", "null"] }],
  [
    "an enumeration",
    { type: String, enum: ["a", "b"] },
    { bsonType: ["string", "null"], enum: ["a", "b", null] },
  ],
  [
    "an enumeration with a message",
    { type: String, required: true, enum: { values: ["a"], message: "no" } },
    { bsonType: "string", enum: ["a"] },
  ],
  [
    "a length with a message",
    { type: String, maxlength: [5, "too long"] },
    { bsonType: ["string", "null"], maxLength: 5 },
  ],
  [
    "a least length, in characters",
    { type: String, minlength: 3 },
    { bsonType: ["string", "null"], minLength: 2 },
  ],
  [
    "bounds",
    { type: Number, min: 0, max: [9, "too much"] },
    { bsonType: [...number, "null"], minimum: 0, maximum: 9 },
  ],
  [
    "a list of strings",
    { type: [String] },
    { bsonType: ["array", "null"], items: { bsonType: ["string", "null"] } },
  ],
  ["a date with bounds", { type: Date, min: new Date(0) }, { bsonType: ["date", "null"] }],
  ["anything", { type: Schema.Types.Mixed }, {}],
  ["bytes", { type: Buffer }, { bsonType: ["binData", "null"] }],
  ["an id", { type: Schema.Types.ObjectId }, { bsonType: ["objectId", "null"] }],
  [
    "a map",
    { type: Map, of: Number },
    { bsonType: ["object", "null"], additionalProperties: { bsonType: [...number, "null"] } },
  ],
])("%s", (_name, field, expected) => {
  expect(jsonSchemaOf(modelOf({ field: field as never })).properties?.field).toEqual(expected);
});

test("required fields, nested ones with their parents", () => {
  const schema = jsonSchemaOf(
    modelOf({
      a: { type: String, required: true },
      sometimes: { type: String, required: () => true },
      nested: { deep: { type: Date, required: true }, other: String },
    }),
  );
  expect(schema.required).toEqual(["a", "nested"]);
  expect(schema.properties?.nested).toEqual({
    bsonType: "object",
    required: ["deep"],
    properties: { deep: { bsonType: "date" }, other: { bsonType: ["string", "null"] } },
  });
});

test("documents in a list", () => {
  const item = new Schema({ q: { type: Number, required: true } }, { _id: false });
  expect(jsonSchemaOf(modelOf({ items: [item] })).properties?.items).toEqual({
    bsonType: ["array", "null"],
    items: { bsonType: ["object", "null"], required: ["q"], properties: { q: { bsonType: number } } },
  });
});
