// Source: the promise "setup only adds" of this project, and MongoDB's manual on schema validation and client-side field level
// encryption, whose server-side schemas live in the same validator. Input: collections with a validator of somebody else's, and
// validators that were raised once. Right: nothing is replaced or weakened unless that is confirmed, and a rollback restores.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import type { ModelLike } from "../../src/core/model.js";
import { readRollback, runRollback } from "../../src/indexes/apply/rollback.js";
import { initialize, planSetup } from "../../src/setup/initialize.js";

const database = useTemporaryDatabase({ label: "validators_kept", per: "test" });

const foreign = { $and: [{ $expr: { $gte: ["$to", "$from"] } }, { $jsonSchema: { required: ["tenant"] } }] };

let models = 0;
function model(definition: object, options: object = {}): ModelLike {
  models += 1;
  const schema = new Schema(definition as never, { collection: "bookings", ...options } as never);
  return database.connection.model(`Model${models}`, schema) as unknown as ModelLike;
}

async function state(): Promise<object> {
  const [found] = await database.connection.db!.listCollections({ name: "bookings" }).toArray();
  const { validator, validationAction, validationLevel } = (found as { options: Record<string, unknown> })
    .options;
  return { validator, validationAction, validationLevel };
}

const create = (options: object) => database.connection.db!.createCollection("bookings", options);

test.each([
  ["refuses", { validationAction: "error", validationLevel: "strict" }],
  ["warns", { validationAction: "warn", validationLevel: "strict" }],
  ["refuses moderately", { validationAction: "error", validationLevel: "moderate" }],
  ["is switched off", { validationAction: "error", validationLevel: "off" }],
])("a foreign validator that %s stays and is a note, whatever is consented to", async (_what, options) => {
  await create({ validator: foreign, ...options });
  const before = await state();
  const booking = model({ from: Number, to: Number });
  for (const validation of [undefined, "warn", "error"] as const) {
    const consent = { ...(validation && { validation }), raise: true, replaceValidators: true };
    const result = await initialize(database.connection, [booking], consent);
    expect(result).toMatchObject({ ready: true, changed: false });
    expect(result.notes).toMatchObject(
      [{ collection: "bookings", message: /not made by this package/ }].map(withText),
    );
    expect(await state()).toEqual(before);
  }
});

function withText({ collection, message }: { collection: string; message: RegExp }): object {
  return { collection, message: expect.stringMatching(message) };
}

test("one of ours that somebody has edited is foreign from then on", async () => {
  const booking = model({ from: { type: Number, required: true } });
  await initialize(database.connection, [booking]);
  const { validator } = (await state()) as { validator: { $jsonSchema: { required: string[] } } };
  validator.$jsonSchema.required.push("tenant");
  await database.connection.db!.command({ collMod: "bookings", validator, validationAction: "error" });
  const before = await state();
  await initialize(database.connection, [model({ from: Number })], { replaceValidators: true });
  expect(await state()).toEqual(before);
});

test("a plain setup after one that refuses weakens nothing; only a confirmed wish does", async () => {
  const booking = model({ from: { type: Number, required: true } });
  await initialize(database.connection, [booking], { validation: "error" });
  expect((await planSetup(database.connection, [booking])).collections).toEqual([]);
  await initialize(database.connection, [booking]);
  expect(await state()).toMatchObject({ validationAction: "error" });
  const waiting = await initialize(database.connection, [booking], { validation: "warn" });
  expect(waiting).toMatchObject({ ready: false, waiting: [{ kind: "setValidator", destructive: true }] });
  expect(await state()).toMatchObject({ validationAction: "error" });
  await initialize(database.connection, [booking], { validation: "warn", replaceValidators: true });
  expect(await state()).toMatchObject({ validationAction: "warn" });
});

test("one of ours that refuses is replaced for a changed model when that is confirmed; one that warns at once", async () => {
  await initialize(database.connection, [model({ from: { type: Number, required: true } })]);
  const changed = model({ from: Number, tenant: String });
  expect(await initialize(database.connection, [changed])).toMatchObject({ changed: true, ready: true });
  await initialize(database.connection, [changed], { validation: "error" });
  const again = model({ from: String });
  expect(await initialize(database.connection, [again])).toMatchObject({ changed: false, ready: false });
  expect(await state()).toMatchObject({ validator: { $jsonSchema: { properties: { tenant: {} } } } });
  await initialize(database.connection, [again], { replaceValidators: true });
  expect(await state()).toMatchObject({
    validationAction: "error",
    validator: { $jsonSchema: { properties: { from: { bsonType: ["string", "null"] } } } },
  });
});

test("a level that somebody made strict stays strict", async () => {
  const booking = model({ from: Number });
  await initialize(database.connection, [booking]);
  await database.connection.db!.command({ collMod: "bookings", validationLevel: "strict" });
  await initialize(database.connection, [booking], { validation: "error" });
  expect(await state()).toMatchObject({ validationAction: "error", validationLevel: "strict" });
});

test("a validator that the schema declares itself is set as it is, and replaces another when that is confirmed", async () => {
  const own = { validator: { a: { $gt: 0 } }, validationAction: "error" };
  const booking = model({ a: Number }, { collectionOptions: own });
  await initialize(database.connection, [booking]);
  expect(await state()).toMatchObject(own);
  const other = model({ a: Number }, { collectionOptions: { validator: { a: { $gt: 5 } } } });
  expect(await initialize(database.connection, [other])).toMatchObject({ changed: false, ready: false });
  expect(await state()).toMatchObject(own);
  await initialize(database.connection, [other], { replaceValidators: true });
  expect(await state()).toMatchObject({ validator: { a: { $gt: 5 } } });
});

test("a declared validator that documents fail only warns first", async () => {
  await create({});
  await database.connection.collection("bookings").insertMany([{ a: 1 }, { a: -1 }]);
  const booking = model({ a: Number }, { collectionOptions: { validator: { a: { $gt: 0 } } } });
  const result = await initialize(database.connection, [booking]);
  expect(result.held).toMatchObject([{ collection: "bookings", sampled: 2, failing: 1 }]);
  expect(await state()).toMatchObject({ validationAction: "warn" });
});

test.each([
  ["no validator", {}],
  ["one of ours that warns", { ours: true }],
])("a rollback brings back what was there: %s", async (_what, { ours }: { ours?: boolean }) => {
  const first = model({ from: Number });
  if (ours) await initialize(database.connection, [first]);
  else await create({});
  const before = await state();
  await initialize(database.connection, [model({ from: { type: Number, required: true } })], {
    validation: "error",
  });
  expect(await state()).toMatchObject({ validationAction: "error" });
  const way = await readRollback(database.connection);
  expect(way).toMatchObject({ collections: [{ kind: "setValidator", collection: "bookings" }], refused: [] });
  expect(await runRollback(database.connection, way, {})).toMatchObject({ complete: true, changed: true });
  const restored = (await state()) as { validator?: object };
  if (ours) expect(restored).toEqual(before);
  else expect(Object.keys(restored.validator ?? {})).toEqual([]);
});

test("a rollback leaves alone what somebody changed since", async () => {
  await create({});
  await initialize(database.connection, [model({ from: Number })]);
  await database.connection.db!.command({ collMod: "bookings", validator: foreign });
  const way = await readRollback(database.connection);
  expect(way).toMatchObject({
    collections: [],
    refused: [{ collection: "bookings", index: "", why: "changed_since" }],
  });
  await runRollback(database.connection, way, {});
  expect(await state()).toMatchObject({ validator: foreign });
});
