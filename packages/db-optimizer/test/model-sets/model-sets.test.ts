import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { describe, expect, test } from "vitest";
import { migrateUp, rollbackMigration, runCleanup, verifyMigration } from "../../src/index.js";
import type { Plan } from "../../src/indexes/plan/plan.js";
import { DatabaseInitializer } from "../../src/initializer.js";
import { DatabaseOptimizer } from "../../src/optimizer.js";
import { expectQueryPlan } from "../../src/workload/expect.js";
import { saasModels, saasQueries, saasRules, seedSaas } from "./saas.js";
import { basketsMigration, seedBaskets, seedShop, shopModels, shopQueries } from "./shop.js";

const database = useTemporaryDatabase({ label: "sets", per: "test" });
const now = new Date("2096-06-01T00:00:00Z");
const later = new Date("2096-06-09T00:00:00Z");

const stepsOf = ({ steps }: Plan) =>
  steps.map(({ kind, collection, index }) => `${kind} ${collection}.${index}`);

async function namesIn(collection: string): Promise<string[]> {
  const listed = await database.connection.collection(collection).listIndexes().toArray();
  return listed.map(({ name }) => String(name)).sort();
}

async function everyIndex(collections: string[]): Promise<unknown[]> {
  const all = [];
  for (const name of collections)
    all.push(await database.connection.collection(name).listIndexes().toArray());
  return all.map((indexes) => [...indexes].sort((a, b) => (a.name < b.name ? -1 : 1)));
}

describe("a shop", () => {
  const prepare = async () => {
    await seedShop(database.connection);
    const models = shopModels(database.connection);
    return new DatabaseOptimizer(database.connection, { models, queries: shopQueries });
  };

  test("each seeded fault has its step, with what it costs; nothing else is touched", async () => {
    const optimizer = await prepare();
    const { plan, drift } = await optimizer.plan();
    expect(stepsOf(plan)).toEqual([
      "create products.attributes",
      "create orders.of_customer",
      "unhide products.sku_1",
      "setTtl carts.touchedAt_1",
      "makeUnique orders.number",
      "rebuild customers.email",
      "removeTwin reviews.visible_of_product__rebuild_twin",
    ]);
    expect(plan.steps[1]?.estimate).toMatchObject({ documents: 4_000 });
    expect(drift.extra.map(({ name }) => name)).toEqual(["by_hand", "old_customer"]);
  });

  test("apply names the orders that share a number, does the rest, and is done when they are fixed", async () => {
    const optimizer = await prepare();
    const first = await optimizer.apply({ now, rebuild: true });
    const failed = first.steps.filter(({ outcome }) => outcome === "failed");
    expect(failed).toMatchObject([{ error: { code: "DUPLICATES" } }]);
    expect(failed[0]?.error?.message).toContain('{"number":17} 2 times');
    expect(stepsOf((await optimizer.plan()).plan)).toEqual(["makeUnique orders.number"]);
    await database.connection.collection("orders").updateOne({ number: 17 }, { $set: { number: 18 } });
    expect(await optimizer.apply({ now })).toMatchObject({ complete: true });
    expect((await optimizer.plan()).drift).toMatchObject({ inSync: true, leftovers: [] });
    expect(await namesIn("products")).toContain("by_hand");
    await expect(
      database.connection.collection("customers").insertOne({ email: "C1@EXAMPLE.com" }),
    ).rejects.toMatchObject({ code: 11000 });
    await expectQueryPlan(database.connection, shopQueries[0] as never);
  });

  needs("clusterMonitoring")(
    "health finds its faults; a cleanup removes what its rule names, and nothing else",
    async () => {
      const optimizer = await prepare();
      const { findings } = await optimizer.health({ now });
      const codes = findings.map(({ code, message }) => `${code} ${message}`);
      expect(codes).toEqual(
        expect.arrayContaining([
          "INDEX_MISSING Index of_customer of orders is declared and missing",
          "INDEX_CHANGED Index touchedAt_1 of carts is not as declared",
          "QUERY_COLLECTION_SCAN The named query customersOfCity reads its whole collection",
        ]),
      );
      // By the server's clock, which a cleanup does not run ahead of.
      const today = new Date();
      const reviews = database.connection.collection("reviews");
      const [due, written] = [{ visible: false, rating: 0 }, await reviews.countDocuments()];
      const aged = await reviews.updateMany({ rating: 0 }, { $set: { writtenAt: new Date(0) } });
      expect(aged.modifiedCount).toBeGreaterThan(await reviews.countDocuments(due));
      await reviews.createIndex({ writtenAt: 1 });
      const of = { collection: "reviews", field: "writtenAt", retentionSeconds: 60 * 86_400 };
      const rules = [{ ...of, name: "hidden-reviews", where: { visible: false } }];
      const report = await runCleanup(database.connection, rules, { now: today, run: true });
      const removed = report.rules[0]?.deleted ?? 0;
      expect(removed).toBeGreaterThan(30);
      expect(await reviews.countDocuments(due)).toBe(0);
      expect(await reviews.countDocuments()).toBe(written - removed);
      expect(await reviews.countDocuments({ rating: 0 })).toBe(aged.modifiedCount - removed);
    },
  );

  test("rollback has the faults back, but for the leftover", async () => {
    const optimizer = await prepare();
    const collections = ["customers", "products", "orders", "carts"];
    const before = await everyIndex(collections);
    await optimizer.apply({ now, rebuild: true });
    expect(await optimizer.rollback({ now: later })).toMatchObject({ complete: true, refused: [] });
    expect(await everyIndex(collections)).toEqual(before);
  });

  test("the redundant index goes after a week in which nobody missed it", async () => {
    const optimizer = await prepare();
    await optimizer.apply({ now });
    await optimizer.apply({ now }, (await optimizer.plan({ drop: ["orders.old_customer"] })).plan);
    await optimizer.apply({ now: later, drop: true });
    expect(await namesIn("orders")).toEqual(["_id_", "number", "of_customer"]);
  });

  needs("clusterMonitoring")(
    "baskets move to a layout of their own; the faulty one is named first, and a way back loses no write",
    async () => {
      const { connection } = database;
      await seedBaskets(connection, 60);
      const held = () => connection.collection("old_baskets").find().sort({ _id: 1 }).toArray();
      const before = await held();
      const options = {
        now: () => new Date(),
        limits: { maxBatch: 20, maxSlowdown: Number.POSITIVE_INFINITY },
      };
      await expect(migrateUp(connection, basketsMigration, options)).rejects.toMatchObject({
        code: "MIGRATION_MISMATCH",
        details: { mismatches: [{ kind: "conflict", sourceId: 7, index: "product_once" }] },
      });
      expect(await held()).toEqual(before);
      const fixed = { $set: { "items.1.product": 2 } };
      await connection.collection("old_baskets").updateOne({ _id: 7 as never }, fixed);
      expect(await migrateUp(connection, basketsMigration, options)).toMatchObject({ phase: "switched" });
      const whole = { clean: true, sources: 60, expected: 180, found: 180 };
      expect(await verifyMigration(connection, basketsMigration, options)).toMatchObject(whole);
      const bought = { _id: 500 as never, basket: 3, product: 9, quantity: 1, addedAt: new Date(0) };
      await connection.collection("basket_items").insertOne(bought);
      await rollbackMigration(connection, basketsMigration, options);
      const items = (await held()).map((basket) => basket.items.length);
      expect(items).toEqual(before.map((_basket, at) => (at === 3 ? 3 : 2)));
      expect((await held())[3]?.items).toContainEqual({ _id: 500, product: 9, quantity: 1 });
    },
  );

  test("advice comes measured, and every refusal with its reason", async () => {
    const optimizer = await prepare();
    const report = await optimizer.advise();
    const advised = report.advice.map(({ collection, keys }) => [
      collection,
      keys.map(({ field }) => field).join(),
    ]);
    expect(advised).toContainEqual(["orders", "status,placedAt"]);
    expect(advised.map(([collection]) => collection)).toContain("customers");
    for (const { queries, writeCost, sampled } of report.advice) {
      expect(queries.every(({ saved }) => saved >= 0.5)).toBe(true);
      expect(writeCost.with).toBeGreaterThan(0);
      expect(sampled.documents).toBeGreaterThan(0);
    }
    const reasons = report.rejections.map(({ query, code }) => `${query} ${code}`);
    expect(reasons).toContain("either no_indexable_field");
    expect(reasons).toContain("tinyCarts collection_too_small");
    expect(
      reasons.find((reason) => /^ordersOfCustomer (no_waste|declared_missing)$/.test(reason)),
    ).toBeDefined();
    const collections = await database.connection.listCollections();
    expect(collections.map(({ name }) => name).filter((name) => name.startsWith("org_db_advice"))).toEqual(
      [],
    );
  });
});

describe("a product for many tenants", () => {
  const prepare = async () => {
    await seedSaas(database.connection);
    const models = saasModels(database.connection);
    return new DatabaseOptimizer(database.connection, { models, queries: saasQueries });
  };

  test("each seeded fault has its step", async () => {
    const optimizer = await prepare();
    const { plan, drift } = await optimizer.plan();
    expect(stepsOf(plan)).toEqual([
      "create principals.keyHash_1",
      "create activity.by_actor",
      "unhide tasks.board",
      "setTtl activity.expiry",
      "makeUnique tenants.slug_1",
      "rebuild principals.email_in_tenant",
      "rebuild principals.members_by_role",
      "rebuild tasks.mine",
      "rebuild webhooks.due",
    ]);
    expect(drift.extra.map(({ name }) => name)).toEqual(["old_board"]);
  });

  test("health finds its faults; setup brings it in line, discriminators and two models on one collection included", async () => {
    await seedSaas(database.connection);
    const models = saasModels(database.connection);
    const initializer = new DatabaseInitializer(database.connection, models, { queries: saasQueries });
    const { findings } = await initializer.health({ now });
    const codes = findings.map(({ code, message }) => `${code} ${message}`);
    expect(codes).toEqual(
      expect.arrayContaining([
        "INDEX_MISSING Index by_actor of activity is declared and missing",
        "INDEX_CHANGED Index mine of tasks is not as declared",
        "QUERY_COLLECTION_SCAN The named query byTitle reads its whole collection",
      ]),
    );
    // A step that replaces an index needs consent; the others are done.
    expect(await initializer.initialize()).toMatchObject({ changed: true, ready: false });
    expect(await initializer.initialize({ rebuild: true })).toMatchObject({ changed: true, ready: true });
    expect(await initializer.initialize({ rebuild: true })).toMatchObject({ changed: false, ready: true });
    const { schemas } = (await initializer.health({ now })).facts.deep;
    expect(schemas).toMatchObject({ known: true });
  });

  needs("clusterMonitoring")(
    "a cleanup deletes, archives and anonymises what its rules name, and nothing else",
    async () => {
      await seedSaas(database.connection);
      const collection = (name: string) => database.connection.collection(name);
      const today = new Date();
      await collection("webhooks").updateMany({ tenant: { $lt: 10 } }, { $set: { settled: true } });
      await collection("webhooks").updateMany(
        { nextAt: { $exists: true } },
        { $set: { nextAt: new Date(0) } },
      );
      await collection("activity").updateMany({ tenant: 4 }, { $set: { at: new Date(0) } });
      const longAgo = { $set: { lastSeenAt: new Date(0), invitedBy: 7 } };
      await collection("principals").updateMany({ tenant: 4 }, longAgo);
      await collection("principals").createIndex({ lastSeenAt: 1 });
      const gone = await collection("activity").find({ tenant: 4 }).toArray();
      const counts = async () => ({
        webhooks: await collection("webhooks").countDocuments(),
        activity: await collection("activity").countDocuments(),
        principals: await collection("principals").countDocuments(),
        gone: await collection("principals").countDocuments({ role: "gone", invitedBy: { $exists: false } }),
      });
      const settled = { settled: true, nextAt: { $exists: true } };
      const [before, due] = [await counts(), await collection("webhooks").countDocuments(settled)];
      const members = await collection("principals").countDocuments({ tenant: 4, kind: "Member" });
      const services = await collection("principals").find({ kind: "Service" }).toArray();
      await runCleanup(database.connection, saasRules, { now: today, run: true });
      expect(await counts()).toEqual({
        webhooks: before.webhooks - due,
        activity: before.activity - gone.length,
        principals: before.principals,
        gone: members,
      });
      expect(Math.min(due, gone.length, members)).toBeGreaterThan(0);
      expect(await collection("activity_archive").find().sort({ _id: 1 }).toArray()).toEqual(gone);
      expect(await collection("principals").find({ kind: "Service" }).toArray()).toEqual(services);
    },
  );

  test("apply brings it in line, and a second one has nothing to do", async () => {
    const optimizer = await prepare();
    expect(await optimizer.apply({ now, rebuild: true })).toMatchObject({ complete: true });
    expect((await optimizer.plan()).plan.steps).toEqual([]);
    expect(await namesIn("tasks")).toContain("old_board");
    for (const query of saasQueries.slice(0, 2)) await expectQueryPlan(database.connection, query);
  });

  test("one index for two queries, with the collation of the one that has one", async () => {
    const optimizer = await prepare();
    await optimizer.apply({ now, rebuild: true });
    // 200 tasks a tenant: by the default limit of 500 wasted documents none of this would be worth an index.
    const { advice, rejections } = await optimizer.advise({ limits: { minimumWaste: 50 } });
    const tenantState = advice.filter(({ keys }) => keys.some(({ field }) => field === "state"));
    expect(tenantState).toHaveLength(1);
    expect(tenantState[0]?.queries.map(({ query }) => query).sort()).toEqual(["openOfTenant", "overdue"]);
    expect(advice.find(({ keys }) => keys[0]?.field === "title")?.command).toContain('locale: "en"');
    expect(rejections.map(({ query, code }) => `${query} ${code}`)).toEqual(
      expect.arrayContaining(["board no_waste", "feed no_waste"]),
    );
  });
});
