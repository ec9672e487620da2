// Indexes as Mongoose makes them of models in public reports. Sources: Automattic/mongoose #15966 (a discriminator with the paths of
// its base repeats the base's indexes), #14176 (an index of a base over all discriminators), #7634 (a discriminator's own
// value), #1203 and slatedb/slatedb #442 (an expiry on a text deletes nothing, for ever), Bike4Mind/bike4mind #1736 (a filter
// with $exists: false is refused, and nobody sees it); MongoDB's manual on TTL and partial indexes. Right: what Mongoose has made
// is what is declared, and the plan says which expiries delete nothing and which filters no server takes.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";

import { planSetup } from "../../src/index.js";

const database = useTemporaryDatabase({ label: "mongoose_indexes", per: "test" });

test("a discriminator that shares its base's paths adds no index of its own", async () => {
  const nested = new Schema({ itemId: Schema.Types.ObjectId }, { _id: false });
  const paths = {
    parent: Schema.Types.ObjectId,
    external: String,
    source: nested,
    other: nested,
    notes: [{ value: String }],
  };
  const base = new Schema(paths, { collection: "items", autoCreate: false });
  base.index({ parent: 1 });
  base.index({ external: 1 }, { unique: true });
  const Base = database.connection.model("Item", base);
  const Child = Base.discriminator("Part", new Schema(paths));
  const { indexes } = await planSetup(database.connection, [Base, Child], "off");
  expect(indexes.steps.map(({ index }) => index)).toEqual(["parent_1", "external_1"]);
  await Base.createIndexes();
  await Child.createIndexes();
  expect((await planSetup(database.connection, [Base, Child], "off")).indexes.steps).toEqual([]);
});

test("indexes over all discriminators, and over one that has its own value, are as Mongoose makes them", async () => {
  const base = new Schema({ ref: String }, { collection: "payments", discriminatorKey: "provider" });
  base.index({ ref: 1 }, { partialFilterExpression: { provider: { $exists: true } } });
  const Payment = database.connection.model("Payment", base);
  const own = new Schema({ transaction: { type: String, unique: true } });
  const Paypal = Payment.discriminator("PaypalPayment", own, "paypal");
  await Payment.createIndexes();
  await Paypal.createIndexes();
  expect((await planSetup(database.connection, [Payment], "off")).indexes.steps).toEqual([]);
});

test("the plan names expiries that delete nothing", async () => {
  const schema = new Schema(
    {
      code: { type: String, index: { expires: "24h" } },
      tries: { type: Number, expires: 60 },
      visits: { type: [Date], expires: 60 },
      usedAt: { type: Date, expires: "1d" },
      seen: { type: [Date], index: { expires: 60 } },
      anything: { type: Schema.Types.Mixed, index: { expires: 60 } },
      inner: new Schema({ until: { type: Number, index: { expires: 60 } } }),
      list: [{ at: { type: Date, expires: 60 }, by: { type: String, index: { expires: 60 } } }],
    } as never,
    { collection: "invites", autoCreate: false },
  );
  const Invite = database.connection.model("Invite", schema);
  const Guest = Invite.discriminator("GuestInvite", new Schema({ guest: String }));
  const { notes } = await planSetup(database.connection, [Invite, Guest], "off");
  const byDate = "in its schema, and the server expires dates only";
  expect(notes.map(({ index, message }) => [index, message])).toEqual([
    ["code_1", `nothing expires by it: code is String ${byDate}`],
    ["inner.until_1", `nothing expires by it: inner.until is Number ${byDate}`],
    ["list.by_1", `nothing expires by it: list.by is String ${byDate}`],
    [
      undefined,
      "nothing expires by tries of model Invite: expires is an option of dates, and tries is Number",
    ],
    [
      undefined,
      "nothing expires by visits of model Invite: expires is an option of dates, and visits is Array",
    ],
  ]);
});

test.each([
  ["$exists: false", { deletedAt: { $exists: false } }],
  ["a regular expression", { name: /^a/ }],
  ["a regular expression", { $and: [{ name: /^a/ }, { deletedAt: null }] }],
])("a filter with %s is refused before anything is sent", async (what, partialFilterExpression) => {
  const schema = new Schema({ name: String, deletedAt: Date }, { collection: "projects", autoCreate: false });
  schema.index({ name: 1 }, { unique: true, partialFilterExpression });
  const { faults, indexes } = await planSetup(
    database.connection,
    [database.connection.model("Project", schema)],
    "off",
  );
  expect(indexes.steps).toEqual([]);
  expect(faults.map(({ message }) => message)).toEqual([
    `Model Project (projects), index on name: partialFilterExpression has ${what}, which the server does not take there`,
  ]);
});
