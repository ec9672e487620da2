// One answer of all commands to one query. Sources: cnodejs/nodeclub's `User` (a unique loginname that duplicates keep from being built)
// and `Topic`, mohamedsamara/mern-ecommerce's `Product`, with the queries of their pages. Input: those queries, on data that lacks
// an index, or has one that serves badly. Right: optimize and advise send to setup for a declared index; nothing is
// promised that was not measured; an explain command asks what the query asks; figures read as figures.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";

import { findText } from "../../src/indexes/command.js";
import { adviseIndexes, analysePerformance } from "../../src/workload/analysis.js";

const database = useTemporaryDatabase({ label: "declared_asked", per: "test" });

function usersOf(count: number) {
  return Array.from({ length: count }, (_, at) => ({ login: `u${at}`, score: at % 100, tab: `t${at % 5}` }));
}

test("a declared index that would serve a query is set up, not proposed", async () => {
  const { connection } = database;
  await connection.collection("users").insertMany(usersOf(2_000));
  const schema = new Schema(
    { login: { type: String, unique: true } },
    { collection: "users", autoCreate: false },
  );
  const models = [connection.model("User", schema)];
  // The query names no index.
  const queries = [{ name: "by login", collection: "users", filter: { login: "u7" } }];
  const { findings } = await analysePerformance(connection, models, queries, { rounds: 1 });
  expect(findings).toMatchObject([
    {
      code: "INDEX_MISSING",
      message: "users lacks declared indexes that its queries need: login_1",
      command: "org-db setup",
    },
  ]);
  const { rejections } = await adviseIndexes(connection, models, { queries });
  expect(rejections.map(({ code }) => code)).toContain("declared_missing");
});

test("a missing index on other fields keeps no proposal back", async () => {
  const { connection } = database;
  await connection.collection("users").insertMany(usersOf(2_000));
  const schema = new Schema(
    { login: { type: String, unique: true } },
    { collection: "users", autoCreate: false },
  );
  const queries = [{ name: "by score", collection: "users", filter: { score: 7, login: "u7" } }];
  const { findings } = await analysePerformance(connection, [connection.model("User", schema)], queries, {
    rounds: 1,
  });
  expect(findings).toMatchObject([
    {
      code: "INDEX_WANTED",
      message: "An index may serve by score; org-db advise measures it on a copy first",
    },
  ]);
});

test("an index that makes more work has no negative saving, and figures are grouped", async () => {
  const { connection } = database;
  await connection.collection("users").insertMany(usersOf(4_000));
  const queries = [
    {
      name: "top",
      collection: "users",
      filter: { tab: "t1", score: { $gte: 1 } },
      sort: { login: 1 } as const,
      limit: 5,
    },
  ];
  const { rejections } = await adviseIndexes(connection, [], { queries });
  const evidence = rejections.filter(({ code }) => code === "saves_too_little").map((one) => one.evidence);
  expect(evidence.length).toBeGreaterThan(0);
  for (const text of evidence)
    expect(text).toMatch(/^reads \d{1,3}(,\d{3})* instead of \d{1,3}(,\d{3})*(: saves \d+ %)?$/);
  expect(evidence.some((text) => !text.includes("saves"))).toBe(true);
});

test("the command that explains a query asks all that the query asks", () => {
  expect(
    findText({
      name: "front page",
      collection: "topics",
      filter: { deleted: false },
      projection: { title: 1 },
      sort: { top: -1 },
      skip: 20,
      limit: 10,
      collation: { locale: "zh" },
      hint: "top_-1",
    }),
  ).toBe(
    'db.topics.find({ deleted: false }, { title: 1 }).sort({ top: -1 }).skip(20).limit(10).collation({ locale: "zh" }).hint("top_-1")',
  );
});
