import type { HealthReport } from "@org/db-optimizer";
import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { describe, expect, test, vi } from "vitest";

import { healthHtml } from "../src/health/html.js";
import { healthMarkdown } from "../src/health/markdown.js";
import { healthPrometheus } from "../src/health/prometheus.js";
import { healthText } from "../src/health/text.js";
import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "cli", per: "test" });
const health = (...args: string[]) =>
  orgDb(["health", ...args, "--config", configs.shop, "--uri", database.uri]);

const hostile = `a"b\\c\nd<script>alert(1)</script>|\`x\`[y](z)`;
const unknown = { known: false, reason: "not authorized" } as const;
const report: HealthReport = {
  score: 61,
  parts: [
    { part: "indexes", weight: 30, points: 50, state: "judged", findings: 1 },
    { part: "queries", weight: 10, points: null, state: "empty", findings: 0 },
    { part: "storage", weight: 10, points: null, state: "unknown", findings: 1 },
  ],
  findings: [
    {
      code: "INDEX_MISSING",
      part: "indexes",
      severity: "critical",
      subject: hostile,
      message: hostile,
      evidence: hostile,
      command: hostile,
    },
    { code: "UNKNOWN", part: "storage", severity: "info", subject: "*", message: "m", evidence: "e" },
  ],
  projections: [
    { subject: "*", measure: "documents", limit: 9, now: 1, perDay: 0, days: null },
    { subject: hostile, measure: "dataBytes", limit: 9, now: 1, perDay: 1, days: 8 },
  ],
  comparisons: [
    { figure: "connections", label: "connections", unit: "count", now: 30, weekAgo: 12 },
    { figure: "pingMs", label: "round trip", unit: "ms", now: 2, weekAgo: 1 },
    { figure: "operationsPerSecond", label: "operations", unit: "perSecond", now: 7.25, weekAgo: 0 },
    { figure: "cacheUsedRatio", label: "cache in use", unit: "ratio", now: 0.5, weekAgo: 0.25 },
    {
      figure: "dataBytes",
      collection: hostile,
      label: `data of ${hostile}`,
      unit: "bytes",
      now: 9,
      weekAgo: 3,
    },
  ],
  undecided: true,
  facts: {
    database: hostile,
    at: new Date("2026-05-01T00:00:00Z"),
    connection: unknown,
    topology: unknown,
    replication: {
      known: true,
      value: { members: [{ name: hostile, state: "SECONDARY", lagMs: 1_500 }], oplogHours: unknown },
    },
    security: {
      user: unknown,
      settings: unknown,
      authentication: unknown,
      transport: { tls: true, verified: true, loopback: false },
    },
    collections: {
      known: true,
      value: [
        { collection: hostile, exists: true, documents: 3, dataBytes: 2, storageBytes: 1, indexBytes: 4 },
      ],
    },
    indexes: unknown,
    server: {
      known: true,
      value: {
        connections: 3,
        queued: 2,
        cacheUsedRatio: 0.5,
        uptimeSeconds: 1,
        operationsPerSecond: 7.25,
      },
    },
    processor: unknown,
    slow: unknown,
    slowInHour: 4,
    longOperations: unknown,
    weekAgo: {
      known: true,
      value: { _id: "x", at: new Date("2026-04-24T00:00:00Z"), score: 70, figures: [] },
    },
    deep: {
      at: new Date(0),
      schemas: unknown,
      lookups: unknown,
      queries: unknown,
      growth: unknown,
      checks: [],
    },
  },
};

interface Sample {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** The text format, as strictly as a scraper may read it: help and type first, each name once and together. */
function parsePrometheus(text: string): Sample[] {
  expect(text.endsWith("\n")).toBe(true);
  const samples: Sample[] = [];
  const typed = new Set<string>();
  let current = "";
  for (const line of text.split("\n").slice(0, -1)) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) [^\n]+$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) gauge$/.exec(line);
    if (help?.[1]) {
      expect(typed).not.toContain(help[1]);
      current = help[1];
    } else if (type) {
      expect(type[1]).toBe(current);
      typed.add(current);
    } else {
      const [, name = "", labels = "", value = ""] = /^([a-zA-Z_:][\w:]*)\{(.*)\} (\S+)$/.exec(line) ?? [];
      expect(name, line).toBe(current);
      expect(typed).toContain(name);
      expect(labels).toMatch(/^([a-zA-Z_]\w*="(\\[\\"n]|[^\\"\n])*"(,|$))+$/);
      const pairs = [...labels.matchAll(/(\w+)="((?:\\[\\"n]|[^\\"])*)"/g)];
      const unescaped = (raw: string) =>
        raw.replace(/\\([\\"n])/g, (_, sign) => (sign === "n" ? "\n" : sign));
      expect(value).toMatch(/^(\+Inf|-?\d+(\.\d+)?(e[+-]?\d+)?)$/);
      samples.push({
        name,
        labels: Object.fromEntries(pairs.map(([, key = "", raw = ""]) => [key, unescaped(raw)])),
        value: value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value),
      });
    }
  }
  const keys = samples.map(({ name, labels }) => JSON.stringify([name, labels]));
  expect(new Set(keys).size).toBe(keys.length);
  return samples;
}

const weekTable = [
  "| this hour | now | a week ago |",
  "| connections | 30 | 12 |",
  "| round trip | 2.0 ms | 1.0 ms |",
  "| operations | 7.3 per second | 0.0 per second |",
  "| cache in use | 50 % | 25 % |",
];

describe("with names that are markup", () => {
  test("Prometheus can be scraped, and the names come through", () => {
    const samples = parsePrometheus(healthPrometheus(report));
    const of = (name: string) => samples.filter((sample) => sample.name === `org_db_${name}`);
    expect(of("health_score")).toEqual([
      { name: "org_db_health_score", labels: { database: hostile }, value: 61 },
    ]);
    expect(of("health_part_points").map(({ labels }) => labels.part)).toEqual(["indexes"]);
    expect(of("health_findings").map(({ value }) => value)).toEqual([1, 0, 1]);
    expect(of("limit_days").map(({ value }) => value)).toEqual([Number.POSITIVE_INFINITY, 8]);
    expect(of("replication_lag_seconds")[0]).toMatchObject({ labels: { member: hostile }, value: 1.5 });
    expect(of("collection_documents")[0]).toMatchObject({ labels: { collection: hostile }, value: 3 });
    expect(of("ping_seconds")).toEqual([]);
    expect(of("operations_per_second")[0]?.value).toBe(7.25);
    expect(of("slow_operations_in_hour")[0]?.value).toBe(4);
    expect(of("week_ago_figure").map(({ labels, value }) => [labels.figure, value])).toEqual([
      ["connections", 12],
      ["pingMs", 1],
      ["operationsPerSecond", 0],
      ["cacheUsedRatio", 0.25],
      ["dataBytes", 3],
    ]);
    expect(of("week_ago_ratio").map(({ value }) => value)).toEqual([2.5, 2, 2, 3]);
    expect(of("week_ago_ratio")[3]?.labels).toMatchObject({ figure: "dataBytes", collection: hostile });
    expect(of("processor_used_ratio")).toEqual([]);
    expect([of("connections"), of("queued_operations")].flat().map(({ value }) => value)).toEqual([3, 2]);
  });

  test("HTML is one page without scripts or requests, and the names stay text", () => {
    const html = healthHtml(report);
    expect(html).not.toMatch(/<script|<link|<img|https?:|url\(/i);
    expect(html).toContain("&#60;script&#62;");
    expect(html).toContain("default-src 'none'");
    expect(html).toContain("<tr><td>connections</td><td>30</td><td>12</td></tr>");
    const tags = [...html.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)].filter(
      ([, , name = "", self]) => !self && !/^(meta|doctype)$/i.test(name),
    );
    const open: string[] = [];
    for (const [, closing, name = ""] of tags) {
      if (closing) expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
  });

  test("Markdown keeps its tables and its fences", () => {
    const markdown = healthMarkdown(report);
    expect(markdown.replace(/```sh.*?```/gs, "")).not.toContain("<script>");
    const rows = markdown.split("\n").filter((line) => line.startsWith("| "));
    const cells = rows.map((row) => row.replace(/\\\|/g, "").split("|").length);
    expect(cells.every((count) => [4, 5, 6, 8].includes(count))).toBe(true);
    for (const row of weekTable) expect(rows).toContain(row);
    expect(markdown.match(/```/g)).toHaveLength(2);
    expect(markdown).toContain("| storage | unknown | 10 % | 1 |");
    expect(markdown).toContain("| queries | none to judge | 10 % | 0 |");
  });
});

test("the terminal has the hour of a week ago beside this one", () => {
  const lines = healthText(report, (_style, text) => text).split("\n");
  const cells = lines.map((line) => `| ${line.trim().split(/ {2,}/).join(" | ")} |`);
  for (const row of weekTable) expect(cells).toContain(row);
  expect(healthText({ ...report, comparisons: [] }, (_style, text) => text)).not.toContain("a week ago");
});

describe("on the engine", () => {
  needs("clusterMonitoring")(
    "--keep keeps the figures, which a check in a week has beside its own; nothing else writes",
    async () => {
      const kept = database.connection.collection("org_db_health");
      expect((await health()).stdout).toContain("could not be checked: the same hour a week ago");
      expect(await database.connection.listCollections()).toEqual([]);
      const weekBefore = { now: () => new Date("2025-04-24T00:10:00Z") };
      const keep = ["health", "--keep", "--config", configs.shop, "--uri", database.uri];
      expect((await orgDb(keep, weekBefore)).exitCode).toBe(2);
      expect(await kept.countDocuments()).toBe(1);
      const [text, json, html, prometheus, markdown] = await Promise.all(
        ["text", "json", "html", "prometheus", "markdown"].map(async (format) => {
          return (await health("--format", format)).stdout;
        }),
      );
      for (const page of [text, html, markdown]) expect(page).toContain("a week ago");
      expect(JSON.parse(json ?? "").comparisons).toContainEqual(
        expect.objectContaining({ figure: "connections", weekAgo: expect.any(Number) }),
      );
      expect(parsePrometheus(prometheus ?? "").map(({ name }) => name)).toContain("org_db_week_ago_ratio");
      expect(text).not.toContain("could not be checked: the same hour a week ago");
      expect(await kept.countDocuments()).toBe(1);
    },
  );

  describe("figures that cannot be kept do not withhold the report", () => {
    const target = () => ["--config", configs.shop, "--uri", database.uri];

    test("for want of a privilege: 3, named with its fix, and the report as JSON stays JSON", async () => {
      await orgDb(["setup", ...target()]);
      const refused = new mongo.MongoServerError({ message: "not authorized to insert", code: 13 });
      const insert = vi.spyOn(mongo.Collection.prototype, "insertOne").mockRejectedValue(refused);
      const ran = await orgDb(["health", "--keep", "--json", ...target()]);
      insert.mockRestore();
      expect(ran.exitCode).toBe(3);
      expect(JSON.parse(ran.stdout)).toMatchObject({ score: expect.any(Number), keeping: { kept: false } });
      expect(ran.stderr).toContain(
        "NOT_AUTHORIZED Cannot keep the health report: not authorized to insert\n",
      );
      expect(ran.stderr).toContain("Give the user the roles");
    });

    test("for whatever else: 1", async () => {
      const ran = await orgDb(["health", "--keep", ...target()], {
        now: () => new Date(Date.now() + 3_600_000),
      });
      expect(ran.exitCode).toBe(1);
      expect(ran.stdout).toMatch(/^Health of .* of 100/);
      expect(ran.stderr).toMatch(/CLOCK_AHEAD .*not kept\nSet this machine's clock/);
    });
  });

  test("each format prints the same score", async () => {
    const [text, json, html, prometheus, markdown] = await Promise.all(
      ["text", "json", "html", "prometheus", "markdown"].map((format) => health("--format", format)),
    );
    const score = String(JSON.parse(json?.stdout ?? "").score);
    expect(text?.stdout).toContain(`${score} of 100`);
    expect(html?.stdout).toContain(`${score} of 100</title>`);
    expect(markdown?.stdout).toContain(`: ${score} of 100`);
    const samples = parsePrometheus(prometheus?.stdout ?? "");
    expect(String(samples.find(({ name }) => name === "org_db_health_score")?.value)).toBe(score);
    expect([text, json, html, prometheus, markdown].map((ran) => ran?.exitCode)).toEqual([2, 2, 2, 2, 2]);
  });

  test.each([
    [["--format", "pdf"], "Allowed choices"],
    [["--format", "html", "--json"], "cannot be used with"],
    [["--format", "html", "--watch"], "USAGE --watch prints text or JSON"],
    [["--keep", "--watch"], "cannot be used with"],
    [["--watch", "0.5"], "1 to 3600"],
    [["--watch", "soon"], "1 to 3600"],
  ])("refuses %j", async (args, said) => {
    const ran = await health(...args);
    expect(ran.exitCode).toBe(1);
    if (args.includes("--json")) expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "USAGE" } });
    else expect(ran.stdout).toBe("");
    expect(ran.stderr).toContain(said);
  });
});
