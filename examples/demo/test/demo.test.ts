import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type IdentityDatabase, openDatabase, retentionRules } from "@org/db-models";
import { lookAt, looks, openBrowser } from "@org/dev-kit/browser";
import { generateIdentityData } from "@org/dev-kit/identity-data";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DemoResult, runDemo } from "../src/demo.js";
import { renderHtml } from "../src/html.js";
import { describeProgress, Screen } from "../src/screen.js";
import { assertEnoughMemory, sizeFor } from "../src/size.js";
import { renderText } from "../src/table.js";
import { usualGives } from "../src/usual-indexes.js";

const temporary = useTemporaryDatabase({ label: "demo" });
const written: string[] = [];
const screen = new Screen({
  isTTY: false,
  write: (text: string) => written.push(text),
} as unknown as NodeJS.WriteStream);

const options = { users: 400, sessions: 4_000, seed: 3, now: new Date() };

/** How many of the documents that it loads have expired. */
function expiredAt(moment: Date): number {
  const ruled = new Set(retentionRules.map(({ collection }) => collection));
  return [...generateIdentityData(options)].filter(
    ({ collection, document }) =>
      ruled.has(collection) && document.purgeAt instanceof Date && document.purgeAt <= moment,
  ).length;
}

describe("the demo", () => {
  let database: IdentityDatabase;
  let result: DemoResult;

  beforeAll(async () => {
    database = await openDatabase(temporary.uri);
    const { signal } = new AbortController();
    result = await runDemo(database, "an engine", { ...options, signal }, screen);
  }, 120_000);
  afterAll(() => database?.close());

  it("serves every named query by an index that setup made, and none before", () => {
    // MongoDB makes the index on _id with each collection.
    const byId = result.queries.filter(({ after }) => after.index === "_id_");
    expect(result.indexHitRatio).toMatchObject({ before: byId.length / result.queries.length, after: 1 });
    expect(result.queries.filter(({ before }) => before.index !== "none: scans")).toEqual(byId);
    expect(result.queries.filter(({ after }) => after.examinedPerReturned > 1)).toEqual([]);
    expect(result.setup.secondRunChanged).toBe(false);
  });

  it("says what the usual indexes give each query", async () => {
    const gives = new Map(result.queries.map(({ name, usualGives }) => [name, usualGives]));
    expect(gives.get("sessionById")).toBe("all");
    expect(gives.get("userByEmail")).toBe("all");
    expect(gives.get("sessionHistoryOfUser")).toBe("part");
    expect(gives.get("newestUsers")).toBe("nothing");
    for (const { usual, usualGives } of result.queries) expect(usualGives === "nothing").toBe(usual.scans);
    const { before, usual, after } = result.indexHitRatio;
    expect(usual).toBeGreaterThan(before);
    expect(usual).toBeLessThan(after);
    const indexes = await database.models.UserSession.collection.indexes();
    expect(indexes.map(({ name }) => name)).not.toContain("userId_1");
  });

  it("cleans up expired documents, and nothing else", async () => {
    // The engine's TTL monitor goes by its own minute, and may take all of it first.
    const { byCleanup, byTtlMonitor } = result.removed;
    expect(byCleanup).toBe(result.cleanup.rules.reduce((sum, rule) => sum + rule.deleted, 0));
    expect(byTtlMonitor).toBeGreaterThanOrEqual(0);
    expect(byCleanup + byTtlMonitor).toBeGreaterThanOrEqual(expiredAt(options.now));
    expect(byCleanup + byTtlMonitor).toBeLessThanOrEqual(expiredAt(new Date()));
    expect(expiredAt(options.now)).toBeGreaterThan(0);
    const { UserSession } = database.models;
    expect(await UserSession.countDocuments({ purgeAt: { $lte: options.now } })).toBe(0);
    expect(await UserSession.countDocuments({ purgeAt: { $gt: new Date() } })).toBeGreaterThan(0);
  });

  it("says what the server removed by itself", () => {
    const quicker = { ...result, removed: { byCleanup: 4_100, byTtlMonitor: 1_200 } };
    expect(renderText(quicker)).toContain("4,100 documents, and 1,200 that the TTL monitor was quicker with");
    const alone = { ...result, removed: { byCleanup: 4_100, byTtlMonitor: 0 } };
    expect(renderText(alone)).toContain("4,100 documents; data and indexes");
  });

  it("finds a healthier database afterwards", () => {
    expect(result.health.after.score).toBeGreaterThan(result.health.before.score);
    const codes = result.health.after.findings.map(({ code }) => code);
    expect(codes).not.toContain("INDEX_MISSING");
  });

  it("migrates embedded sessions under traffic, and compares every document", () => {
    const { verification, traffic, times, bytes, sessions } = result.migration;
    expect(verification).toMatchObject({ clean: true, sources: 400 });
    expect(traffic.calls).toBeGreaterThan(0);
    expect(traffic.failed).toBe(0);
    for (const measured of Object.values(times))
      expect(Object.keys(measured)).toEqual(["validate", "list", "open", "revoke"]);
    // Expired sessions stay behind, and sessions that the demo opened itself are not counted.
    expect(bytes.kept).toBeGreaterThan(0);
    expect(bytes.kept).toBeLessThanOrEqual(verification.expected - 400);
    expect(bytes.kept).toBeLessThan(sessions);
    expect(renderText(result)).toMatch(
      /documents compared, 0 mismatches; [\d,]+ calls meanwhile, 0 with a wrong answer/,
    );
  });

  it("prints a row for each query, and what the whole came to", () => {
    const text = renderText(result);
    for (const { name } of result.queries) expect(text).toContain(name);
    expect(text).toMatch(
      /index hits +\d\.\d % with only _id, \d+\.\d % with the usual indexes, 100\.0 % with ours/,
    );
    expect(text).not.toMatch(/NaN|undefined|SOMETHING/);
  });

  it("says so where the server tells no sizes", () => {
    const nothing = { documents: 0, dataBytes: 0, storageBytes: 0, indexBytes: 0 };
    const collections = result.cleanup.collections.map((one) => ({
      ...one,
      before: nothing,
      after: nothing,
    }));
    const bytes = { ...result.migration.bytes, embedded: 0, tokenIndex: 0, data: 0, indexes: 0 };
    const untold: DemoResult = {
      ...result,
      cleanup: { ...result.cleanup, collections },
      migration: { ...result.migration, bytes },
    };
    for (const shown of [renderText(untold), renderHtml(untold, new Date())]) {
      expect(shown).toContain("this server does not tell sizes");
      expect(shown).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it("writes a page that needs nothing else", () => {
    const page = renderHtml(result, new Date());
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    expect(page).not.toMatch(/<(script|link|img)\b|https?:\/\//);
    for (const { name } of result.queries) expect(page).toContain(name);
  });

  it.each(looks)(
    "can be read in a window of $width pixels, $scheme",
    async (look) => {
      const browser = await openBrowser();
      try {
        const { complaints, requests, overflow, faint, charts, text } = await lookAt(
          browser,
          renderHtml(result, new Date()),
          look,
          "demo",
        );
        expect({ complaints, requests, overflow, faint, charts }).toEqual({
          complaints: [],
          requests: [],
          overflow: 0,
          faint: [],
          // A picture would shrink with the window, and its text with it.
          charts: [],
        });
        expect(text).toContain("over usual");
      } finally {
        await browser.close();
      }
    },
    120_000,
  );

  it("shows progress with rate and time left", () => {
    expect(written.join("")).toContain(`100 % of ${result.queries.length} queries use an index`);
    expect(describeProgress(250, 1_000, "documents", 5_000)).toBe("25 %, 250 documents, 50/s, 15 s left");
    expect(describeProgress(3, 60, "queries", 60_000)).toBe("5 %, 3 queries, 3/min, 1140 s left");
  });
});

describe("what the usual indexes give a query", () => {
  const ours = { examinedPerReturned: 1, sortsInMemory: false };
  it.each([
    ["a scan", { examinedPerReturned: 1, scans: true, sortsInMemory: false }, "nothing"],
    ["as few documents", { examinedPerReturned: 1, scans: false, sortsInMemory: false }, "all"],
    ["more documents", { examinedPerReturned: 1.5, scans: false, sortsInMemory: false }, "part"],
    ["as few, sorted in memory", { examinedPerReturned: 1, scans: false, sortsInMemory: true }, "part"],
  ] as const)("%s", (_, usual, gives) => {
    expect(usualGives(usual, ours)).toBe(gives);
  });
});

describe("a step of the screen", () => {
  it("tells the pace of what it is at, not of what came before", () => {
    const lines: string[] = [];
    const stream = { isTTY: false, write: (text: string) => lines.push(text) };
    let now = 0;
    const step = new Screen(stream as unknown as NodeJS.WriteStream, () => now).step("cleaning up");
    for (const [at, done, total, unit] of [
      [100_000, 1_000, 1_000, "of sessions"],
      [110_000, 500, 1_000, "of tokens"],
      [120_000, 1_000, 1_000, "of tokens"],
    ] as const) {
      now = at;
      step.progress(done, total, unit);
    }
    expect(lines.map((line) => line.trim())).toEqual([
      "cleaning up …",
      "cleaning up: 100 %, 1000 of sessions, 10/s, 0 s left",
      "cleaning up: 50 %, 500 of tokens, 50/s, 10 s left",
      "cleaning up: 100 %, 1000 of tokens, 50/s, 0 s left",
    ]);
  });
});

describe("a demo that is asked for what it cannot do", () => {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
  const node = ["--conditions=@org/source", "--import", "tsx", main];

  it.each([
    [
      "a report where no folder can be",
      ["--report", `${main}/demo.html`],
      /^\s*REPORT_NOT_WRITABLE: .*main\.ts/,
    ],
    ["no users at all", ["--users", "0"], /--users must be a whole number from 1 to/],
  ])("%s: says so before it starts an engine", (_, args, said) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [...node, ...args], { encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toMatch(said);
    expect(stderr + stdout).not.toContain("engine:");
  });
});

it("loads less where the engine is slow, unless it is told how much", () => {
  expect(sizeFor("secantus-rs", {})).toEqual({ users: 10_000, sessions: 100_000 });
  expect(sizeFor("secantus-py", {})).toEqual({ users: 1_000, sessions: 10_000 });
  expect(sizeFor("secantus-py", { users: 50 })).toEqual({ users: 50, sessions: 10_000 });
});

describe("the memory that a demo needs", () => {
  it.each([
    ["more than there is, on the development engine", "secantus-rs", 1_000_000, 8e9, "NOT_ENOUGH_MEMORY"],
    ["as much as there is", "secantus-rs", 1_000_000, 16e9, undefined],
    ["any, on a server that streams", "mongod", 100_000_000, 8e9, undefined],
    ["any, on a server of the user's", "external", 100_000_000, 8e9, undefined],
  ] as const)("%s", (_, kind, sessions, present, code) => {
    const assert = () => assertEnoughMemory(kind, sessions, present);
    if (code === undefined) expect(assert).not.toThrow();
    else expect(assert).toThrow(expect.objectContaining({ code }));
  });
});

describe("a demo that is stopped", () => {
  const empty = useTemporaryDatabase({ label: "stopped" });

  it("stops when told to, and leaves an error that says so", async () => {
    const stopped = new AbortController();
    stopped.abort();
    const database = await openDatabase(empty.uri);
    try {
      const options = { users: 50, sessions: 100, seed: 1, now: new Date(), signal: stopped.signal };
      await expect(runDemo(database, "an engine", options, screen)).rejects.toMatchObject({
        name: "AbortError",
      });
    } finally {
      await database.close();
    }
  });
});
