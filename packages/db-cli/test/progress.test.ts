// Long work tells how far it is, its rate and the time left, in one form.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, test } from "vitest";
import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "progress" });

beforeAll(async () => {
  for (const name of ["orders", "returns"])
    await database.connection.collection(name).insertMany(
      Array.from({ length: 600 }, (_, at) => ({
        number: at,
        customer: `c${at % 3}`,
        status: at === 7 ? "open" : "paid",
        updatedAt: new Date(0),
      })),
    );
  await orgDb(["setup", "--config", configs.shop, "--uri", database.uri]);
});

test.each([
  ["optimize", [], /^timing queries, \w+: \d of 2 \(\d+ %\), \d+(\.\d+)? per \w+, .* left$/],
  ["shard-plan", [], /^sampling collections, orders: 1 of 1 \(100 %\), \d+(\.\d+)? per \w+$/],
  ["storage", [], /^sampling collections, \w+: 1 of 2 \(50 %\), \d+(\.\d+)? per \w+, .* left$/],
  ["advise", ["--min-waste", "0"], /^trying indexes on copies of collections, orders: 0 of 1 \(0 %\)$/],
  ["cleanup", ["--run", "--max-slowdown", "off"], /^old-orders: [\d,]+ of [\d,]+ \(\d+ %\)/],
] as const)("%s %j", async (command, options, form) => {
  let told = "";
  let looks = 0;
  const result = await orgDb([command, ...options, "--config", configs.shop, "--uri", database.uri], {
    stderr: { write: (text) => (told += text), isTTY: true, columns: 200 },
    // Each look is a second later, so that every line is shown.
    now: () => new Date(Date.parse("2025-05-01T00:00:00Z") + 1_000 * looks++),
  });
  expect(result.exitCode).toBe(0);
  expect(told.split("\r").map((line) => line.trimEnd())).toContainEqual(expect.stringMatching(form));
});
