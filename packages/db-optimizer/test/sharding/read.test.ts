import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { expect, test } from "vitest";

import { DatabaseOptimizer } from "../../src/optimizer.js";
import { readShardPlan, type ShardPlan } from "../../src/sharding/read.js";
import { saasModels, saasQueries, seedSaas } from "../model-sets/saas.js";
import { seedShop, shopModels, shopQueries } from "../model-sets/shop.js";
import { intercepted } from "../support.js";

const database = useTemporaryDatabase({ label: "shards", per: "test" });

const bestOf = ({ collections }: ShardPlan, name: string) => {
  const found = collections.find(({ collection }) => collection === name)?.candidates[0];
  return found && { ...found, key: found.key.map(({ field, kind }) => `${field}:${kind}`).join(" ") };
};

test("a shop: orders by their customer would lose the unique number, and the plan says so", async () => {
  await seedShop(database.connection);
  const models = shopModels(database.connection);
  const plan = await new DatabaseOptimizer(database.connection, { models, queries: shopQueries }).shardPlan({
    sample: 5_000,
  });
  expect(plan).toMatchObject({ sharded: false, unknown: [] });
  expect(plan.collections.map(({ verdict }) => verdict)).toEqual(Array(5).fill("later"));
  const orders = plan.collections.find(({ collection }) => collection === "orders");
  const byCustomer = orders?.candidates.find(({ key }) => key.length === 1 && key[0]?.field === "customer");
  expect(byCustomer?.forbids).toEqual(["number"]);
  expect(byCustomer?.measure).toMatchObject({ sampled: 4_000, distinct: 400 });
  expect(byCustomer?.targets[0]).toEqual({ query: "ordersOfCustomer", target: "one_shard" });
});

test("a product for many tenants: tasks by tenant and more, so that no tenant is a chunk of its own", async () => {
  await seedSaas(database.connection);
  const plan = await readShardPlan(database.connection, saasModels(database.connection), {
    queries: saasQueries,
    worthwhileBytes: 0,
    sample: 5_000,
  });
  const tasks = bestOf(plan, "tasks");
  expect(tasks?.key).toBe("tenant:1 project:1");
  expect(tasks?.measure.distinct).toBe(210);
  expect(bestOf(plan, "activity")?.key).toBe("tenant:1 _id:1");
  expect(plan.collections.find(({ collection }) => collection === "tasks")?.verdict).toBe("shard");
  expect(bestOf(plan, "principals")?.forbids).toEqual(["keyHash_1"]);
});

test("a collection that may not be sampled is unknown with its reason, the others are planned", async () => {
  await database.connection.collection("carts").insertOne({ customer: 1 });
  const guarded = intercepted(database.connection, ({ aggregate, pipeline }) => {
    const sampling = JSON.stringify(pipeline ?? "").includes("$sample");
    if (aggregate === "carts" && sampling)
      throw new mongo.MongoServerError({ message: "not allowed", code: 13 });
  });
  const plan = await readShardPlan(guarded, shopModels(database.connection), { queries: shopQueries });
  expect(plan.unknown).toEqual([{ collection: "carts", reason: expect.stringContaining("not allowed") }]);
  expect(plan.collections).toHaveLength(4);
});

test.each([{ sample: 0 }, { sample: 1.5 }, { sample: Number.NaN }, { worthwhileBytes: -1 }])(
  "refuses %j",
  async (options) => {
    await expect(readShardPlan(database.connection, [], options)).rejects.toMatchObject({
      code: "INVALID_OPTIONS",
    });
  },
);
