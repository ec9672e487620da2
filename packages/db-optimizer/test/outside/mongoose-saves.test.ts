// Source: public models whose own documents their derived validators refused (null for a nested path: Mongoose #14205 and #6213;
// empty objects left out: #5506 and #6380; a hash longer than the password's `maxlength`, a confirmation that a hook removes: common
// tutorials). Input: random schemas of 74 kinds of fields in 9 kinds of places, and random documents, written by every way that
// Mongoose writes. Right: what Mongoose saves, the server accepts under `strict` and `error`.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import fc from "fast-check";
import mongoose, { type Model, Schema, type SchemaOptions } from "mongoose";
import { expect, test } from "vitest";
import type { ModelLike } from "../../src/core/model.js";
import { initialize } from "../../src/setup/initialize.js";

const database = useTemporaryDatabase({ label: "mongoose_saves" });

const T = Schema.Types;
const uuid = "0a8ab3ec-0b41-4a57-9c5a-6ff4b5fbe3f0";
const id = () => new mongoose.Types.ObjectId();

class Shout extends T.String {
  override cast(value: unknown) {
    return [String(value).toUpperCase()] as unknown as string;
  }
}

/** A kind of field, with values that people give it. */
type Kind = readonly [name: string, definition: object, values: readonly unknown[]];

const kinds: readonly Kind[] = [
  ["text", { type: String }, ["x", "", "😀", 5, null]],
  ["required text", { type: String, required: true }, ["x", "\ud800"]],
  ["text with a default", { type: String, required: true, default: "d" }, ["x", undefined]],
  ["text required by a message", { type: String, required: "give it" }, ["x"]],
  ["text required sometimes", { type: String, required: () => false }, [undefined, null, "x"]],
  ["enumeration", { type: String, enum: ["x", "y"] }, ["x", null, undefined]],
  ["enumeration with null", { type: String, enum: ["x", null] }, ["x", null]],
  ["required enumeration with null", { type: String, required: true, enum: ["x", null] }, ["x"]],
  ["enumeration twice the same", { type: String, enum: ["x", "x", "y"], required: true }, ["x"]],
  ["empty enumeration", { type: String, enum: [] }, [undefined, null]],
  ["enumeration of an object", { type: String, enum: { X: "x", Y: "y" } }, ["x", "y"]],
  ["enumeration of numbers", { type: Number, enum: [1, 2.5, null] }, [1, 2.5, null]],
  ["enumeration in lower case", { type: String, enum: ["x"], lowercase: true, trim: true }, [" X "]],
  ["least length", { type: String, minlength: 3 }, ["abc", "😀😀", null]],
  ["most length", { type: String, maxlength: 4 }, ["abcd", "😀😀", ""]],
  ["odd lengths", { type: String, minlength: 1.5, maxlength: 4.5 }, ["abcd", "ab"]],
  ["match", { type: String, match: /^a/ }, ["abc", null]],
  [
    "getter and setter",
    { type: String, get: () => 5, set: (value: unknown) => `${String(value)}!` },
    ["x", 5],
  ],
  ["number", { type: Number }, [1, 1.5, -0, 2 ** 40, 1e300, Number.POSITIVE_INFINITY, "7", null]],
  ["bounded number", { type: Number, min: 0, max: [9, "much"] }, [0, 9, 4.5, null]],
  ["bounds that are no numbers", { type: Number, min: "5", max: () => 9 }, [6, 7]],
  ["required number", { type: Number, required: true }, [0, 3]],
  ["whole number", { type: T.Int32 }, [1, -0, 2 ** 31 - 1, null]],
  ["bounded whole number", { type: T.Int32, min: -1, max: 5 }, [-0, 5, -1]],
  ["double", { type: T.Double }, [1, 1.5, -0, "2", null]],
  ["bounded double", { type: T.Double, min: 0 }, [0, 2.5]],
  ["big integer", { type: BigInt }, [3n, 9_007_199_254_740_993n, "5", null]],
  ["decimal", { type: T.Decimal128 }, ["1.5", 3, null]],
  ["decimal with a bound", { type: T.Decimal128, min: 1 }, ["3"]],
  ["boolean", { type: Boolean }, [true, "yes", 0, null]],
  ["date", { type: Date }, [new Date(5), 0, "2020-01-01", null]],
  ["bounded date", { type: Date, min: new Date(0), max: "2100-01-01" }, [new Date(5)]],
  ["date as a number", { type: Number, default: Date.now }, [undefined, 5]],
  ["id", { type: T.ObjectId }, [id(), null]],
  ["reference", { type: T.ObjectId, ref: "Other", required: true }, [id()]],
  ["automatic id", { type: T.ObjectId, auto: true, required: true }, [undefined]],
  ["bytes", { type: Buffer }, [Buffer.from("x"), "x", null]],
  ["bytes of a subtype", { type: Buffer, subtype: 5 }, [Buffer.from("x")]],
  ["uuid", { type: T.UUID }, [uuid, null]],
  ["anything", { type: T.Mixed }, [1, {}, { a: null }, [1], null, undefined]],
  ["required anything", { type: T.Mixed, required: true }, [{}, 1, [], { a: {} }]],
  ["anything with a default", { type: T.Mixed, default: {} }, [undefined, {}]],
  ["required object", { type: Object, required: true }, [{}, { a: 1 }]],
  ["map", { type: Map }, [{ a: 1 }, {}, null]],
  ["required map", { type: Map, of: String, required: true }, [{ a: "x" }, {}]],
  ["map of numbers", { type: Map, of: Number }, [{ a: 1, b: null }]],
  ["map of enumerations", { type: Map, of: { type: String, enum: ["x"], required: true } }, [{ a: "x" }]],
  ["map of maps", { type: Map, of: { type: Map, of: Number } }, [{ a: { b: 1 } }, { a: null }]],
  [
    "map of documents",
    { type: Map, of: new Schema({ x: { type: Number, required: true } }) },
    [{ a: { x: 1 } }, { a: null }],
  ],
  [
    "map of nested fields",
    { type: Map, of: { x: Number, y: { z: String } } },
    [{ a: { x: 1, y: { z: "s" } } }, { a: {} }],
  ],
  ["union", { type: T.Union, of: [String, Number] }, ["x", 5, null]],
  ["required union", { type: T.Union, of: [Number, Boolean], required: true }, [5, true]],
  // Not one text: an update of Mongoose's stores it as it is, where the schema says a list.
  ["list of texts", { type: [String] }, [["x"], [], [null], null]],
  ["required list", { type: [String], required: true }, [["x"], []]],
  ["list without a default", { type: [Number], default: undefined }, [undefined, [1]]],
  ["list that is null", { type: [Number], default: null }, [undefined, null]],
  ["list of enumerations", { type: [{ type: String, enum: ["x", null] }] }, [["x", null]]],
  ["list with an enumeration", { type: [String], enum: ["x"] }, [["x"], []]],
  ["list of required numbers", { type: [{ type: Number, min: 1, required: true }] }, [[1, 2]]],
  ["list of lists", { type: [[Number]] }, [[[1], []], [null], [[null]]]],
  ["list of anything", { type: [] }, [[1, "x", {}, null]]],
  ["list of objects", { type: [{}] }, [[{ a: 1 }, {}], [null]]],
  ["list of dates", { type: [Date] }, [[new Date(5), null]]],
  ["list of maps", { type: [{ type: Map, of: String }] }, [[{ a: "x" }], [{}]]],
  ["list of uuids", { type: [T.UUID] }, [[uuid]]],
  ["list of big integers", { type: [BigInt] }, [[1n, null]]],
  ["list with a check of its own", { type: [Number], validate: (list: unknown[]) => list.length < 5 }, [[1]]],
  ["text that never changes", { type: String, immutable: true, required: true }, ["x"]],
  ["text with another name", { type: String, alias: "" }, ["x"]],
  ["text in a cast of its own", { type: String, cast: (value: unknown) => Number(value) }, ["5"]],
  ["type made after a built-in one", { type: Shout }, ["x"]],
  ["transformed text", { type: String, transform: () => 7 }, ["x"]],
  ["text in upper case", { type: String, uppercase: true, minlength: 1, maxlength: 3 }, ["ß", "abc"]],
  ["number of a text", { type: String, maxlength: 3 }, [123, id().toHexString().slice(0, 3)]],
];

/** A place that a field can be in: its definition there, and a value there. */
type Place = readonly [
  name: string,
  definition: (field: object) => unknown,
  value: (value: unknown) => unknown,
];

const sub = (field: object, options: SchemaOptions = {}) =>
  new Schema({ f: field } as never, options as never);

const places: readonly Place[] = [
  ["at the top", (field) => field, (value) => value],
  ["nested", (field) => ({ f: field, other: String }), (value) => ({ f: value })],
  [
    "nested twice",
    (field) => ({ a: { f: field, n: { d: Date } } }),
    (value) => ({ a: { f: value, n: null } }),
  ],
  ["in a document", (field) => sub(field), (value) => ({ f: value })],
  [
    "in a document without an id",
    (field) => ({ type: sub(field, { _id: false }), required: true }),
    (value) => ({ f: value }),
  ],
  ["in a document that may be absent", (field) => ({ type: sub(field), default: null }), () => null],
  ["in a list of documents", (field) => [sub(field)], (value) => [{ f: value }, { f: value }]],
  ["in a list of lists of documents", (field) => [[sub(field, { _id: false })]], (value) => [[{ f: value }]]],
  [
    "in a map of documents",
    (field) => ({ type: Map, of: sub(field, { _id: false }) }),
    (value) => ({ k: { f: value } }),
  ],
];

const options = fc.record(
  {
    minimize: fc.boolean(),
    strict: fc.constantFrom<boolean | "throw">(true, false, "throw"),
    timestamps: fc.constantFrom<boolean | object>(true, { createdAt: "made", updatedAt: "meta.updated" }),
    versionKey: fc.constantFrom<boolean | string>(false, "_rev", "meta.v"),
    storeSubdocValidationError: fc.boolean(),
    validateBeforeSave: fc.constantFrom(true, true, false),
    id: fc.boolean(),
  },
  { requiredKeys: [] },
);

const part = fc.record({
  kind: fc.integer({ min: 0, max: kinds.length - 1 }),
  place: fc.integer({ min: 0, max: places.length - 1 }),
  values: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
});

const shape = fc.record({
  options,
  parts: fc.array(part, { minLength: 2, maxLength: 5 }),
  hook: fc.constantFrom("none", "none", "changes", "removes"),
});

type Shape = typeof shape extends fc.Arbitrary<infer S> ? S : never;

function schemaOf({ options: given, parts, hook }: Shape): Schema {
  const fields = parts.map(({ kind, place }, at) => [`p${at}`, places[place]?.[1](kinds[kind]?.[1] ?? {})]);
  const schema = new Schema(
    {
      ...Object.fromEntries(fields),
      guarded: { type: String, required: hook !== "none", maxlength: 5 },
    } as never,
    given as never,
  );
  // As a password is hashed, and its confirmation taken out, once both were found right.
  if (hook !== "none")
    schema.pre("save", function (this: mongoose.Document) {
      this.set("guarded", hook === "changes" ? "a much longer text" : undefined);
    });
  return schema;
}

function documentOf({ parts, hook }: Shape, at: number): object {
  const fields = parts.map(({ kind, place, values }, position) => {
    const all = kinds[kind]?.[2] ?? [];
    return [`p${position}`, places[place]?.[2](all[(values[at] ?? 0) % all.length])];
  });
  return { ...Object.fromEntries(fields), ...(hook !== "none" && { guarded: "short" }) };
}

type Way = (model: Model<unknown>, document: object) => Promise<unknown>;

const ways: readonly (readonly [string, Way])[] = [
  ["save", (model, document) => new model(document).save()],
  ["create", (model, document) => model.create(document)],
  ["insertMany", (model, document) => model.insertMany([document])],
  [
    "findOneAndUpdate",
    async (model, document) => {
      const made = new model(document);
      await made.save();
      return model.findOneAndUpdate({ _id: made._id } as never, { $set: document } as never, {
        runValidators: true,
      });
    },
  ],
];

const setUpAtOnce = 20;

const refused = (error: unknown) => (error as { code?: unknown } | undefined)?.code === 121;

test("whatever a model saves, its validator accepts", { timeout: 240_000 }, async () => {
  expect(kinds.length).toBeGreaterThanOrEqual(70);
  const { connection } = database;
  const seed = Number(process.env.TEST_SEED ?? 20_261_128);
  const shapes = fc.sample(shape, { numRuns: 160, seed });
  // Each kind at the top and each in every place comes at least once.
  const each = kinds.map((_kind, kind) => ({
    options: {},
    hook: "none" as const,
    parts: [0, 1, 2].map((turn) => ({
      kind,
      place: turn === 0 ? 0 : (kind + turn * 4) % places.length,
      values: [turn, turn + 1, turn + 2, turn + 3],
    })),
  }));
  let saved = 0;
  const wrong: string[] = [];
  const use = async (model: Model<unknown>, one: Shape) => {
    const what = one.parts.map(({ kind, place }) => `${kinds[kind]?.[0]} ${places[place]?.[0]}`).join(", ");
    await connection.db!.command({ collMod: model.collection.collectionName, validationLevel: "strict" });
    for (const [position, [way, write]] of ways.entries()) {
      try {
        await write(model, documentOf(one, position));
        saved += 1;
      } catch (error) {
        if (refused(error))
          wrong.push(`${what} (${JSON.stringify(one.options)}, ${one.hook}) by ${way} [seed ${seed}]`);
      }
    }
    connection.deleteModel(model.modelName);
    await connection.db!.dropCollection(model.collection.collectionName);
  };
  const all = [...each, ...shapes] as Shape[];
  // Set up together: a setup of its own costs each more than all its documents.
  for (let from = 0; from < all.length; from += setUpAtOnce) {
    const batch = all
      .slice(from, from + setUpAtOnce)
      .map((one, at) => [connection.model(`Saved${from + at}`, schemaOf(one)) as never, one] as const);
    const models = batch.map(([model]) => model as unknown as ModelLike);
    const made = await initialize(connection, models, { validation: "error" });
    if (!made.ready) wrong.push(`not set up [seed ${seed}]: ${made.failures.map(String).join()}`);
    await Promise.all(batch.map(([model, one]) => use(model, one)));
  }
  expect(wrong).toEqual([]);
  expect(saved).toBeGreaterThan(500);
});
