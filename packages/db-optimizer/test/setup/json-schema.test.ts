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

// overleaf's folders, and the guide's "recursive embedded documents"
test("a schema that contains itself is described down to itself", () => {
  const folder = new Schema({ name: { type: String, required: true } });
  folder.add({ folders: [folder], parent: folder } as never);
  const { properties, required } = jsonSchemaOf({ schema: folder });
  expect(required).toEqual(["name"]);
  expect(properties?.parent).toEqual({ bsonType: ["object", "null"] });
  expect(properties?.folders).toEqual({
    bsonType: ["array", "null"],
    items: { bsonType: ["object", "null"] },
  });
});

test("schemas that share parts many times over stay of a size", () => {
  let shared = new Schema({ leaf: String }, { _id: false });
  for (let level = 0; level < 12; level++)
    shared = new Schema({ a: shared, b: shared } as never, { _id: false }) as never;
  expect(JSON.stringify(jsonSchemaOf({ schema: shared })).length).toBeLessThan(1_000_000);
});

// https://mongoosejs.com/docs/field-level-encryption.html
test("a path that is encrypted holds bytes", () => {
  const ssn = { type: String, required: true, maxlength: 5, encrypt: { keyId: [], algorithm: "x" } };
  const schema = new Schema({ ssn } as never, { encryptionType: "csfle" } as never);
  const derived = jsonSchemaOf({ schema });
  expect(derived.properties?.ssn).toEqual({ bsonType: ["string", "binData"] });
  expect(derived.required).toEqual(["ssn"]);
});

test("an embedded discriminator may do without what its base requires", () => {
  const base = new Schema(
    { v: { type: Number, required: true }, w: { type: Number, required: true } },
    { _id: false },
  );
  const schema = new Schema({ events: [base] });
  const events = schema.path("events") as unknown as { discriminator(name: string, schema: Schema): void };
  events.discriminator("A", new Schema({ v: { type: String, required: false } }, { _id: false }));
  const { items } = jsonSchemaOf({ schema }).properties?.events ?? {};
  expect(items?.required).toEqual(["w"]);
  expect(items?.properties?.v).toEqual({});
});

test("fields that are called as what every object inherits are fields", () => {
  const { paths } = new Schema({ x: { a: { type: Number, required: true } } });
  const schema = { options: {}, paths: { "valueOf.a": paths["x.a"]! }, indexes: () => [] };
  const { properties = {}, required } = jsonSchemaOf({ schema });
  expect(required).toEqual(["valueOf"]);
  expect(Object.entries(properties)).toEqual([
    ["valueOf", { bsonType: "object", required: ["a"], properties: { a: { bsonType: number } } }],
  ]);
});

test.each([
  ["a hook before saving", (schema: Schema) => void schema.pre("save", () => undefined)],
  ["a hook after validation", (schema: Schema) => void schema.post("validate", () => undefined)],
  ["no validation at all", (schema: Schema) => void schema.set("validateBeforeSave", false)],
])("where documents may change after validation only types are stated: %s", (_what, prepare) => {
  const schema = new Schema({ password: { type: String, required: true, maxlength: 5 } });
  prepare(schema);
  const { properties, required } = jsonSchemaOf({ schema });
  expect(required).toBeUndefined();
  expect(properties?.password).toEqual({ bsonType: ["string", "null"] });
});
