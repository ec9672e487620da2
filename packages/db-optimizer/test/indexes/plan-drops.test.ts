import { expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { specToText } from "../../src/indexes/apply/journal-text.js";
import type { Observation, Signals } from "../../src/indexes/observe/observation.js";
import { diffIndexes } from "../../src/indexes/plan/diff.js";
import { type PlanInput, planIndexes } from "../../src/indexes/plan/plan.js";
import { actualCollection, actualIndex } from "../support.js";

type Declared = [Document, Document?];

function plan(present: Declared[], input: PlanInput): string[] {
  const collections = [actualCollection(present.map(([key, options]) => actualIndex(key, options)))];
  const { steps } = planIndexes(diffIndexes([], collections), collections, input);
  return steps.map(({ kind, index }) => `${kind} ${index}`);
}

const shardKeys = new Map([["things", [{ field: "t", kind: 1 as const }]]]);

test.each<[string, Declared[], PlanInput, string[]]>([
  ["nothing that was not asked for", [[{ a: 1 }], [{ b: 1 }, { hidden: true }]], {}, []],
  ["what was asked for, once", [[{ a: 1 }]], { drop: ["things.a_1", "things.a_1"] }, ["startDrop a_1"]],
  [
    "a prefix of a longer one that supports the shard key",
    [[{ t: 1 }], [{ t: 1, a: 1 }]],
    { drop: ["things.t_1"], shardKeys },
    ["startDrop t_1"],
  ],
  [
    "what has nothing to do with the shard key",
    [[{ a: 1 }]],
    { drop: ["things.a_1"], shardKeys },
    ["startDrop a_1"],
  ],
])("hides %s", (_name, present, input, steps) => {
  expect(plan(present, input)).toEqual(steps);
});

test.each<[string, Declared[], RegExp]>([
  ["is being built", [[{ t: 1 }, { building: true }]], /being built/],
  ["is the only one of the shard key", [[{ t: 1 }]], /shard key/],
  ["is the only one that begins with the shard key", [[{ t: 1, a: 1 }, { name: "t_1" }]], /shard key/],
  ["is the only visible one of the shard key", [[{ t: 1 }], [{ t: 1, a: 1 }, { hidden: true }]], /shard key/],
  ["has only a partial one beside it", [[{ t: 1 }], [{ t: 1, a: 1 }, { sparse: true }]], /shard key/],
  ["is not there", [], /no undeclared index/],
])("refuses one that %s", (_name, present, why) => {
  expect(() => plan(present, { drop: ["things.t_1"], shardKeys })).toThrow(why);
});

test("an index without its collection is asked for it", () => {
  expect(() => plan([[{ t: 1 }]], { drop: ["t_1"] })).toThrow(/name its collection too/);
});

test("an observation that is open is gone on with, and not begun again", () => {
  const open: Observation = {
    _id: "observe things.a_1",
    collection: "things",
    index: "a_1",
    state: "observing",
    run: "run x",
    since: new Date(0),
    until: new Date(1),
    spec: specToText(actualIndex({ a: 1 })) ?? "",
    baseline: { queries: [], slow: [], scans: [] },
  };
  const input = { observations: [open], drop: ["things.a_1"] };
  expect(plan([[{ a: 1 }, { hidden: true }]], input)).toEqual(["finishDrop a_1"]);
  const reason = (baseline: Partial<Signals>) => {
    const observations = [{ ...open, baseline: { ...open.baseline, ...baseline } }];
    const collections = [actualCollection([actualIndex({ a: 1 }, { hidden: true })])];
    return planIndexes(diffIndexes([], collections), collections, { observations }).steps[0]?.reason;
  };
  const hidden = "hidden since 1970-01-01T00:00:00.000Z";
  expect(reason({})).toBe(`${hidden}, observed until 1970-01-01T00:00:00.001Z`);
  expect(reason({ slow: null })).toBe(`${hidden}, nothing could watch it so far`);
  // Somebody dropped it by hand.
  expect(plan([[{ b: 1 }]], { observations: [open] })).toEqual([]);
});
