import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";

import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "cli", per: "test" });
const shardPlan = (...args: string[]) =>
  orgDb(["shard-plan", ...args, "--config", configs.shop, "--uri", database.uri]);

async function fill(): Promise<void> {
  const orders = Array.from({ length: 500 }, (_, number) => ({
    number,
    status: "open",
    customer: `c${number % 50}`,
    updatedAt: new Date(number),
  }));
  await database.connection.collection("orders").insertMany(orders);
}

test("shows the keys with what was measured, what is against them, and the commands", async () => {
  await fill();
  const { exitCode, stdout } = await shardPlan("--worthwhile", "0");
  expect(exitCode).toBe(0);
  expect(stdout).toContain("no router of a sharded cluster");
  expect(stdout).toMatch(/number +\d+ +500 of 500 +0\.2 % +1\.00 +0 \/ 0 \/ 2 +scatters, monotonic/);
  expect(stdout).toContain("sh.shardCollection(");
  expect(stdout).toContain("note: ");
});

test("as data, without a value of any document", async () => {
  await fill();
  const { stdout } = await shardPlan("--json", "--sample", "100");
  const [orders] = JSON.parse(stdout).collections;
  expect(orders).toMatchObject({ collection: "orders", verdict: "later", documents: 500 });
  expect(orders.candidates[0].measure.sampled).toBe(100);
  expect(stdout).not.toContain('"c1"');
});

test.each([
  ["--sample", "0"],
  ["--sample", "100001"],
  ["--worthwhile", "-1"],
  ["--worthwhile", "much"],
])("refuses %s %s", async (option, value) => {
  expect((await shardPlan(option, value)).exitCode).toBe(1);
});
