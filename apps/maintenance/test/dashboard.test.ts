import { defineModels } from "@org/db-models";
import type { RunRecord } from "@org/db-optimizer/jobs";
import { lookAt, looks, openBrowser } from "@org/dev-kit/browser";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { defineConfig } from "../src/config.js";
import { dashboardPage } from "../src/dashboard/page.js";
import { type DashboardFacts, readDashboard } from "../src/dashboard/read.js";
import { identityJobs } from "../src/jobs.js";
import { type Maintenance, runOnce, startMaintenance } from "../src/maintenance.js";
import { serveStatus } from "../src/status-server.js";
import { runRecord, useStore } from "./support/store.js";

const store = useStore();
const config = defineConfig({ mongodbUri: "mongodb://unused", metricsPort: 0 });
const deps = () => {
  const { connection } = store.database;
  const database = { connection, models: defineModels(connection), close: async () => undefined };
  return { database, config, log: pino({ level: "silent" }), jobs: identityJobs(database, config) };
};
const at = new Date("2026-05-01T12:00:00Z");
const run = (given: Partial<RunRecord>) =>
  runRecord({ job: "cleanup", startedAt: new Date("2026-05-01T11:59:00Z"), seenAt: at, ...given });
const facts: DashboardFacts = { database: "identity", at, runs: [], upcoming: [], scores: [] };

describe("the page", () => {
  test("says so where nothing has run yet", () => {
    const page = dashboardPage(facts);
    for (const text of ["None yet.", "No check has been made.", "Nothing is scheduled here."])
      expect(page).toContain(text);
  });

  test("shows how far a run is, and why it waits", () => {
    const progress = {
      done: 2_500,
      total: 10_000,
      rate: 0,
      etaMs: 90_000,
      step: "old-events",
      collection: "events",
    };
    const detail = "replication is 4 s behind";
    const page = dashboardPage({
      ...facts,
      runs: [
        run({ progress }),
        run({ state: "paused", reason: "lag", detail, progress, wanted: "pause" }),
        run({ state: "failed", error: { code: "X", message: "no disk" }, finishedAt: at }),
      ],
    });
    expect(page).toContain("old-events: 2,500 of 10,000 (25 %), 1 min 30 s left");
    expect(page).toContain("width:25%");
    expect(page).toContain(detail);
    expect(page).toContain("pause asked for");
    expect(page).toContain("no disk");
  });

  test("puts the gravest findings first, and folds those of one kind together", () => {
    const finding = (code: string, severity: "info" | "critical", message: string) => ({
      code,
      severity,
      message,
    });
    const findings = [
      finding("A", "info", "first a"),
      finding("B", "critical", "first b"),
      finding("B", "critical", "second b"),
    ];
    const page = dashboardPage({
      ...facts,
      health: { at, value: { score: 50, parts: [], collections: [], findings } },
    });
    const shown = page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
    expect(shown).toContain("first b B 1 more second b first a A");
    expect(shown).not.toContain("a week ago");
  });

  test("shows the load beside that of this hour a week ago", () => {
    const week = [
      { label: "connections", unit: "count", now: 1_234, weekAgo: 12 },
      { label: "round trip", unit: "ms", now: 2.25, weekAgo: 1 },
      { label: "cache in use", unit: "ratio", now: 0.5, weekAgo: 0.25 },
      { label: "<operations>", unit: "perSecond", now: 7, weekAgo: 0 },
    ] as const;
    const value = { score: 50, parts: [], collections: [], findings: [], week };
    const page = dashboardPage({ ...facts, health: { at, value } });
    for (const row of [
      ["connections", "1,234", "12"],
      ["round trip", "2.3 ms", "1.0 ms"],
      ["cache in use", "50 %", "25 %"],
      ["&#60;operations&#62;", "7.0 per second", "0.0 per second"],
    ])
      expect(page).toContain(`<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  });

  test("takes nothing that comes from the database for markup", () => {
    const hostile = `<script>alert("x")</script>`;
    const health = {
      score: 1,
      parts: [{ part: hostile, points: 1, weight: 1 }],
      findings: [{ code: hostile, severity: "info" as const, message: hostile }],
      collections: [{ collection: hostile, documents: 1, dataBytes: 1, storageBytes: 1, indexBytes: 1 }],
    };
    const first = [{ kind: hostile, collection: hostile, index: hostile }];
    const page = dashboardPage({
      ...facts,
      database: hostile,
      runs: [
        run({
          detail: hostile,
          job: hostile,
          progress: { done: 1, total: 2, rate: 1, etaMs: null, step: hostile, collection: hostile },
        }),
      ],
      upcoming: [{ job: hostile, next: at }],
      health: { at, value: health },
      drift: { at, value: { inSync: false, steps: 1, first } },
    });
    expect(page).not.toContain("<script");
  });
});

test("shows what the last runs of each job found out, from the history alone", async () => {
  const results = await runOnce(deps(), new AbortController().signal);
  expect(results.map((result) => result.ran && result.state)).toEqual(Array(4).fill("succeeded"));
  const controls = {
    connection: store.database.connection,
    jobs: deps().jobs({} as never),
    by: "a",
  };
  const { runs, scores, health, drift } = await readDashboard(controls, []);
  expect(runs.map(({ job }) => job).sort()).toEqual(["cleanup", "drift", "health", "storage"]);
  expect(scores).toEqual([{ at: health?.at, value: health?.value.score }]);
  expect(health?.value.parts.map(({ part }) => part)).toContain("security");
  expect(drift?.value).toMatchObject({ inSync: false, steps: expect.any(Number) });
});

test("says so when the database is away", async () => {
  const server = await serveStatus(
    { registry: new Registry(), dashboard: () => Promise.reject(new Error("away")) },
    config,
  );
  try {
    const answer = await fetch(server.address);
    expect([answer.status, await answer.text()]).toEqual([503, "the database does not answer\n"]);
    expect((await fetch(`${server.address}/health/live`)).status).toBe(200);
  } finally {
    await server.close();
  }
});

describe("in a browser", () => {
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  let maintenance: Maintenance;
  beforeAll(async () => {
    browser = await openBrowser();
  }, 600_000);
  afterAll(() => browser?.close());
  beforeEach(async () => {
    await runOnce(deps(), new AbortController().signal);
    await runOnce(deps(), new AbortController().signal, "health");
    const progress = {
      done: 2_500,
      total: 10_000,
      rate: 0,
      etaMs: 90_000,
      step: "old-security-events",
      collection: "security_events",
    };
    const detail = "replication is 4.0 s behind, more than 1.5 s";
    await store
      .db()
      .collection<RunRecord>("org_db_runs")
      .insertMany([
        run({ startedAt: new Date(), progress }),
        run({
          startedAt: new Date(),
          state: "paused",
          reason: "lag",
          detail,
          progress,
        }),
      ]);
    // Somebody is at them.
    const held = { $set: { expiresAt: new Date("2100-01-01") } };
    await store.db().collection<{ _id: string }>("org_db_leases").updateOne({ _id: "cleanup" }, held);
    maintenance = await startMaintenance(deps());
    return () => maintenance.stop();
  });

  test.each(looks)("in $scheme, $width px wide, it is whole, legible and alone", async (look) => {
    const seen = await lookAt(browser, `${maintenance.address}/`, look, "dashboard");
    expect(seen).toMatchObject({ complaints: [], requests: [], overflow: 0, faint: [] });
    expect(seen.charts).toMatchObject([
      { label: expect.stringMatching(/^Scores of the last 2 checks: \d+, \d+$/) },
    ]);
    for (const { width, height } of seen.charts) expect([width > 150, height > 30]).toEqual([true, true]);
    for (const text of [
      "old-security-events: 2,500 of 10,000",
      "replication is 4.0 s behind",
      "audit_events",
    ])
      expect(seen.text).toContain(text);
  });
});

test("it listens on the loopback only, and takes nothing but reads", async () => {
  const maintenance = await startMaintenance(deps());
  try {
    expect(maintenance.address).toMatch(/^http:\/\/127\.0\.0\.1:/);
    const page = await fetch(maintenance.address);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect((await fetch(maintenance.address, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${maintenance.address}/constructor`)).status).toBe(404);
  } finally {
    await maintenance.stop();
  }
});
