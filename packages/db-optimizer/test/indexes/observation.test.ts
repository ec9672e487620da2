import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import {
  hintedBy,
  judgeObservation,
  type PlanMark,
  type Signals,
  type SlowMark,
} from "../../src/indexes/observe/observation.js";
import { specToText } from "../../src/indexes/steps/state-text.js";
import { blindness, readProfiler } from "../../src/queries/profiler.js";
import { actualIndex } from "../support.js";

const until = new Date("2096-03-08T00:00:00Z");
const before = new Date(until.getTime() - 1);
const spec = specToText(actualIndex({ owner: 1, at: -1 })) ?? "";
const none: Signals = { queries: [], slow: [], scans: [] };
const served: PlanMark = {
  query: "byOwner",
  collectionScan: false,
  blockingSort: false,
  docsExamined: 10,
  keysExamined: 10,
};
const slow: SlowMark = {
  fingerprint: "f00",
  operation: "find",
  count: 3,
  maxMillis: 400,
  fields: ["owner"],
  scans: true,
};

function verdict(current: Partial<Signals>, now: Date, baseline: Partial<Signals> = {}): string {
  const observation = { until, spec, baseline: { ...none, ...baseline } };
  return judgeObservation(observation, { ...none, ...current }, now).kind;
}

describe("a hidden index", () => {
  const queries = [served];
  const scanning = [{ ...served, collectionScan: true }];
  test.each<[string, Partial<Signals>, Partial<Signals>, string]>([
    ["nothing seen", {}, {}, "drop"],
    ["a named query as before", { queries }, { queries }, "drop"],
    ["a named query that scans now", { queries: scanning }, { queries }, "harm"],
    ["a named query that always scanned", { queries: scanning }, { queries: scanning }, "drop"],
    [
      "a named query that sorts in memory now",
      { queries: [{ ...served, blockingSort: true }] },
      { queries },
      "harm",
    ],
    [
      "a named query that reads far more",
      { queries: [{ ...served, docsExamined: 500 }] },
      { queries },
      "harm",
    ],
    [
      "a named query that reads a little more",
      { queries: [{ ...served, docsExamined: 35 }] },
      { queries },
      "drop",
    ],
    ["a slow operation that is new", { slow: [slow] }, {}, "harm"],
    ["a slow operation that could not be explained", { slow: [{ ...slow, scans: null }] }, {}, "harm"],
    ["a slow operation on its first field", { slow: [{ ...slow, scans: false }] }, {}, "harm"],
    ["a slow operation of another index", { slow: [{ ...slow, scans: false, fields: ["x"] }] }, {}, "drop"],
    ["a slow operation from before", { slow: [slow] }, { slow: [slow] }, "drop"],
    ["a slow operation that scans only now", { slow: [slow] }, { slow: [{ ...slow, scans: false }] }, "harm"],
    ["a scan that runs", { scans: [{ operation: "query", runningMs: 2_000 }] }, {}, "harm"],
    [
      "a scan that ran before as well",
      { scans: [{ operation: "query", runningMs: 2_000 }] },
      { scans: [{ operation: "query", runningMs: 1_500 }] },
      "drop",
    ],
    ["a profiler that is off, with named queries", { slow: null, queries }, { queries }, "drop"],
    ["no profiler and no named query: not knowing is no reason to drop", { slow: null }, {}, "blind"],
    ["a profiler that was turned on in the meantime", {}, { slow: null }, "begin"],
    ["a profiler that does not see everything", { blind: ["its slowms is 500"] }, {}, "blind"],
    ["one such beside a named query", { queries, blind: ["its slowms is 500"] }, { queries }, "blind"],
    ["a profiler that did not see everything before", {}, { blind: ["its slowms is 500"] }, "begin"],
    ["a profiler that has lost a part", { lost: ["system.profile begins later"] }, {}, "begin"],
    ["a query that is refused now", { queries: [{ ...served, refused: "bad hint" }] }, { queries }, "harm"],
    [
      "a query that was refused before",
      { queries: [{ ...served, refused: "bad hint" }] },
      { queries: [{ ...served, refused: "bad hint" }] },
      "drop",
    ],
    ["a query that was named in the meantime", { slow: null, queries }, { slow: null }, "begin"],
    ["a query that was named in the meantime, and scans", { queries: scanning }, {}, "harm"],
    [
      "another query named instead",
      { slow: null, queries },
      { queries: [{ ...served, query: "x" }] },
      "begin",
    ],
  ])("%s", (_name, current, baseline, expected) => {
    expect(verdict(current, until, baseline)).toBe(expected);
    // Only what was watched waits for its time.
    expect(verdict(current, before, baseline)).toBe(expected === "drop" ? "wait" : expected);
  });

  test("that can be watched at last is compared with a baseline that does not hide earlier harm", () => {
    const observation = { until, spec, baseline: { ...none, slow: null } };
    const verdict = judgeObservation(observation, { ...none, queries }, until);
    expect(verdict).toEqual({ kind: "begin", baseline: { ...none, queries, slow: [] } });
  });

  test("is missed by somebody with a name", () => {
    const observation = { until, spec, baseline: { ...none, queries } };
    expect(judgeObservation(observation, { ...none, queries: scanning, slow: [slow] }, before)).toEqual({
      kind: "harm",
      reasons: ["byOwner now scans the collection", "slow since: find f00 (3 times, up to 400 ms)"],
    });
  });
});

describe("hints on an index", () => {
  const index = actualIndex({ owner: 1, at: -1 });
  const hinted = (hint: unknown) =>
    hintedBy(index, [{ name: "q", hint: hint as string }], { slow: [{ ...slow, hint: hint as string }] });

  test.each([index.name, { owner: 1, at: -1 }])("%j names it", (hint) => {
    expect(hinted(hint)).toEqual(["q", "find f00"]);
  });

  test.each([undefined, "other", { at: -1, owner: 1 }, { owner: 1 }, { $natural: 1 }])(
    "%j does not",
    (hint) => {
      expect(hinted(hint)).toEqual([]);
    },
  );
});

describe("a profiler", () => {
  // https://www.mongodb.com/docs/manual/reference/command/profile/
  test.each<[Document, string[]]>([
    [{ was: 1, slowms: 100, sampleRate: 1 }, []],
    [{ was: 1, slowms: 50, sampleRate: 1 }, []],
    [{ was: 1, slowms: 101, sampleRate: 1 }, ["its slowms is 101, and slow is what takes 100"]],
    [{ was: 1, slowms: 100, sampleRate: 0.99 }, ["its sampleRate is 0.99"]],
    [{ was: 2, slowms: 1_000, sampleRate: 0.1 }, []],
    [{ was: 2, slowms: 100, sampleRate: 1, filter: { op: "query" } }, ["it has a filter"]],
  ])("%j sees all but for %j", (status, reasons) => {
    expect(blindness(status, 100)).toEqual(reasons);
  });

  const since = new Date("2096-03-01T00:00:00Z");
  const oldest = (ms: number) => ({ ts: new Date(since.getTime() + ms) });
  test.each<[string, Document | undefined, Document, number]>([
    ["that reaches back far enough", oldest(-1), { size: 1_000_000, maxSize: 1_048_576 }, 0],
    ["that is full and begins later", oldest(1), { size: 1_000_000, maxSize: 1_048_576 }, 1],
    ["that begins later and is nearly empty", oldest(1), { size: 5_000, maxSize: 1_048_576 }, 0],
    ["that recorded nothing", undefined, {}, 0],
  ])("has a collection %s", async (_what, first, storageStats, lost) => {
    const cursor = (found: unknown[]) => ({
      sort: () => cursor(found),
      limit: () => cursor(found),
      toArray: async () => found,
    });
    const db = {
      databaseName: "shop",
      command: async () => ({ was: 1, slowms: 100, sampleRate: 1 }),
      collection: () => ({
        find: (filter?: Document) => cursor(filter || !first ? [] : [first]),
        aggregate: () => cursor([{ storageStats }]),
      }),
    };
    const view = await readProfiler(db as never, 100, { since });
    expect(view.lost).toHaveLength(lost);
  });
});
