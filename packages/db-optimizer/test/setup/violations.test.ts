import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import fc from "fast-check";
import { mongo, Schema } from "mongoose";
import { expect, test } from "vitest";

import { jsonSchemaOf } from "../../src/setup/json-schema.js";
import { countViolations } from "../../src/setup/sample-schema.js";
import { type Violation, violationsOf } from "../../src/setup/violations.js";
import { modelOf } from "../support.js";

const database = useTemporaryDatabase({ label: "violations" });

const schema = jsonSchemaOf(
  modelOf({
    name: { type: String, required: true, minlength: 2, maxlength: 5 },
    age: { type: Number, min: 0, max: 150 },
    kind: { type: String, enum: ["a", "b"] },
    level: { type: Number, enum: [1, 2] },
    tags: [String],
    lines: [new Schema({ sku: { type: String, required: true } }, { _id: false })],
    address: { city: { type: String, required: true } },
    labels: { type: Map, of: Number },
    owner: Schema.Types.ObjectId,
    big: BigInt,
    whole: Schema.Types.Int32,
    at: Date,
    on: Boolean,
    blob: Buffer,
    anything: Schema.Types.Mixed,
  }),
);
const _id = new mongo.ObjectId();
const fine = { _id, name: "abc", address: { city: "x" } };

test.each<[what: string, document: object, violations: Violation[]]>([
  ["nothing", fine, []],
  ["an absent field", { _id, address: { city: "x" } }, [{ path: "name", kind: "missing" }]],
  ["null in a required field", { ...fine, name: null }, [{ path: "name", kind: "type" }]],
  ["null in an optional field", { ...fine, age: null, kind: null, tags: null }, []],
  ["another type", { ...fine, age: "7" }, [{ path: "age", kind: "type" }]],
  ["bounds", { ...fine, age: -1 }, [{ path: "age", kind: "bounds" }]],
  ["a long text", { ...fine, name: "abcdef" }, [{ path: "name", kind: "length" }]],
  ["five characters of two units each", { ...fine, name: "😀😀😀😀😀" }, []],
  ["an unknown value", { ...fine, kind: "c" }, [{ path: "kind", kind: "enum" }]],
  ["a number among numbers", { ...fine, level: new mongo.Int32(1) }, []],
  ["an item", { ...fine, tags: ["a", 1] }, [{ path: "tags.*", kind: "type" }]],
  ["a field of an item", { ...fine, lines: [{ sku: "s" }, {}] }, [{ path: "lines.*.sku", kind: "missing" }]],
  ["a value of a map", { ...fine, labels: { x: "y" } }, [{ path: "labels.*", kind: "type" }]],
  ["a nested field", { ...fine, address: {} }, [{ path: "address.city", kind: "missing" }]],
  ["a double where a whole number belongs", { ...fine, whole: 1.5 }, [{ path: "whole", kind: "type" }]],
  ["a fault deep in what is free", { ...fine, anything: { a: [1] }, other: 1 }, []],
])("%s", (_what, document, violations) => {
  expect(violationsOf(schema, document)).toEqual(violations);
});

test("counts documents, not occurrences", () => {
  const documents = [{ ...fine, tags: [1, 2, 3] }, { ...fine, tags: [1], age: "x" }, fine];
  expect(countViolations(schema, documents)).toEqual({
    sampled: 3,
    failing: 2,
    paths: [
      { path: "tags.*", kind: "type", documents: 2 },
      { path: "age", kind: "type", documents: 1 },
    ],
  });
});

test("refuses a document exactly when the server's validator does", async () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(null, true, "a", "b", "abcdef", "😀😀😀", "", [], {}, [1], ["s"], [null]),
    fc.constantFrom<unknown>(
      new Date(5),
      new mongo.ObjectId(),
      new mongo.Long(3),
      new mongo.Binary(Buffer.from("x")),
    ),
    fc.integer({ min: -2, max: 200 }).map((number) => new mongo.Int32(number)),
    fc.constantFrom(1.5, -0.5, 151).map((number) => new mongo.Double(number)),
    fc.constantFrom<unknown>({ city: "x" }, { city: 1 }, [{ sku: "s" }], [{ sku: 1 }], {
      k: new mongo.Int32(1),
    }),
    fc.constant(new mongo.Decimal128("2")),
  );
  const field = fc.constantFrom(...Object.keys(schema.properties ?? {}).filter((name) => name !== "_id"));
  const documents = fc.sample(fc.dictionary(field, value, { maxKeys: 4 }), { numRuns: 600, seed: 7 });
  const patched = documents.map((document, at) => ({
    ...(at % 3 ? fine : {}),
    ...document,
    _id: new mongo.ObjectId(),
  }));
  const collection = database.connection.collection("things");
  await collection.insertMany(patched);
  const refused = await collection.find({ $nor: [{ $jsonSchema: schema }] }).toArray();
  const names = new Set(refused.map(({ _id: id }) => String(id)));
  const stored = await collection.find({}, { promoteValues: false }).toArray();
  const differing = stored.filter(
    (document) => names.has(String(document._id)) !== violationsOf(schema, document).length > 0,
  );
  expect(differing).toEqual([]);
  expect(names.size).toBeGreaterThan(100);
  expect(names.size).toBeLessThan(600);
});
