import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, test } from "vitest";
import type { NamedQuery } from "../../src/core/named-query.js";
import { expectQueryPlan } from "../../src/index.js";

const database = useTemporaryDatabase({ label: "expect" });

beforeAll(async () => {
  const things = database.connection.collection("things");
  await things.insertMany(
    Array.from({ length: 300 }, (_, n) => ({ a: n % 30, b: n, c: n % 3, text: `t${n}` })),
  );
  await things.createIndex({ a: 1, b: 1 }, { name: "a_b" });
  await things.createIndex({ text: 1 });
});

const query = (more: Partial<NamedQuery>): NamedQuery => ({
  name: "q",
  collection: "things",
  filter: { a: 1 },
  ...more,
});
const check = (more: Partial<NamedQuery>, expectation = {}) =>
  expectQueryPlan(database.connection, query(more), expectation);

test("a query that its index serves passes, and its plan can be looked at further", async () => {
  const plan = await check({ sort: { b: -1 }, index: "a_b" });
  expect(plan).toMatchObject({ indexes: ["a_b"], docsExamined: 10, returned: 10 });
});

test.each<[string, Partial<NamedQuery>, object, string[]]>([
  ["a scan", { filter: { c: 1 } }, {}, ["collection_scan"]],
  ["a sort in memory", { sort: { c: 1 } }, {}, ["blocking_sort"]],
  [
    "a scan that also sorts",
    { filter: { c: 1 }, sort: { c: 1, b: 1 } },
    {},
    ["collection_scan", "blocking_sort"],
  ],
  ["too much read", { filter: { a: 1, c: 5 } }, {}, ["examines_too_much"]],
  [
    "a pattern that makes it read the whole index",
    { filter: { text: /7$/ } },
    { maxKeysPerReturned: 9 },
    ["index_scan"],
  ],
  ["another index", {}, { index: "meant" }, ["other_index"]],
  ["another index than the query names", { index: "meant" }, {}, ["other_index"]],
])(
  "%s fails with the query's name, what is wrong, and the plan",
  async (_name, more, expectation, problems) => {
    const failing = check({ name: "ofTheShop", ...more }, expectation);
    await expect(failing).rejects.toMatchObject({
      code: "QUERY_PLAN_UNFIT",
      details: { query: "ofTheShop", problems },
    });
    await expect(failing).rejects.toThrow(
      new RegExp(`^ofTheShop: ${problems.join(", ")} \\(.*documents examined for \\d+ returned`),
    );
  },
);

test("what is allowed passes", async () => {
  await check({ filter: { text: /7$/ } });
  await check({ filter: { c: 1 } }, { allow: ["collection_scan"] });
  await check({ filter: { a: 1, c: 5 } }, { maxExaminedPerReturned: 10 });
});
