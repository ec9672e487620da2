import { checkHealth, type HealthReport } from "@org/db-optimizer";
import { lookAt, looks, openBrowser } from "@org/dev-kit/browser";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { healthHtml } from "../src/health/html.js";

const database = useTemporaryDatabase({ label: "page" });
let browser: Awaited<ReturnType<typeof openBrowser>>;
let report: HealthReport;

beforeAll(async () => {
  browser = await openBrowser();
  const { connection } = database;
  const schema = new Schema({ customer: String, total: Number }, { collection: "orders", autoIndex: false });
  const order = connection.model("Order", schema.index({ customer: 1 }));
  await connection.collection("orders").insertMany([{ customer: 7 }, { customer: "a".repeat(20_000) }]);
  const queries = [{ name: "byTotal", collection: "orders", filter: { total: 1 } }];
  report = await checkHealth(connection, [order], {
    now: new Date(),
    queries,
    thresholds: { limits: { orders: { documents: 2 } } },
  });
}, 600_000);
afterAll(() => browser?.close());

test.each(looks)("the health page in $scheme, $width px wide, is whole, legible and alone", async (look) => {
  const seen = await lookAt(browser, healthHtml(report), look, "health");
  expect(seen).toMatchObject({ complaints: [], requests: [], overflow: 0, faint: [] });
  expect(seen.charts).toEqual([
    { label: `${report.score} of 100`, width: expect.any(Number), height: expect.any(Number) },
  ]);
  for (const { width, height } of seen.charts) expect(Math.min(width, height)).toBeGreaterThan(60);
  for (const { message, code } of report.findings) {
    expect(seen.text).toContain(message);
    expect(seen.text).toContain(code);
  }
  for (const { part } of report.parts) expect(seen.text).toContain(part);
});
