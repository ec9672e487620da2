import { expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { expectedIndexes } from "../../src/indexes/declared.js";
import type { Observation, Signals } from "../../src/indexes/observe/observation.js";
import { diffIndexes } from "../../src/indexes/plan/diff.js";
import { type PlanInput, planIndexes } from "../../src/indexes/plan/plan.js";
import { specToText } from "../../src/indexes/steps/state-text.js";
import { actualCollection, actualIndex, modelOf } from "../support.js";

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

const stepsOf = (present: Declared[], input: PlanInput) => {
  const collections = [actualCollection(present.map(([key, options]) => actualIndex(key, options)))];
  return planIndexes(diffIndexes([], collections), collections, input).steps;
};

const observing = (index: string, spec: Document): Observation => ({
  _id: `observe things.${index}`,
  collection: "things",
  index,
  state: "observing",
  run: "run x",
  since: new Date(0),
  until: new Date(1),
  spec: specToText(actualIndex(spec)) ?? "",
  baseline: { queries: [], slow: [], scans: [] },
});

// A person decides by these words, and types these commands.
test.each([
  [{}, "hidden and observed first: queries stop using it"],
  [
    { unique: true },
    "hidden and observed first: queries stop using it, while duplicates stay refused until it is dropped",
  ],
])("the first step of a drop hides an index with %j, and can be undone", (options, riskReason) => {
  expect(stepsOf([[{ a: 1 }, options]], { drop: ["things.a_1"] })).toEqual([
    {
      kind: "startDrop",
      collection: "things",
      index: "a_1",
      reason: "asked for; not declared by any model",
      risk: "medium",
      riskReason,
      reversible: true,
      destructive: false,
      commands: ['db.runCommand({ collMod: "things", index: { name: "a_1", hidden: true } })'],
      actual: actualIndex({ a: 1 }, options),
      collectionCollation: null,
    },
  ]);
});

test.each([
  [{}, "medium", "unhidden instead if a query is affected; after the drop, restoring it takes a build"],
  [{ unique: true }, "high", "duplicates are accepted once it is dropped"],
])("the last step drops an index with %j, for good", (options, risk, riskReason) => {
  const present: Declared[] = [[{ a: 1 }, { ...options, hidden: true }]];
  expect(stepsOf(present, { observations: [observing("a_1", { a: 1 })] })).toMatchObject([
    {
      kind: "finishDrop",
      collection: "things",
      index: "a_1",
      risk,
      riskReason,
      reversible: false,
      destructive: true,
      commands: ['db.things.dropIndex("a_1")'],
      actual: { name: "a_1" },
      collectionCollation: null,
    },
  ]);
});

const refusal = (index: string, message: string) =>
  expect.objectContaining({ code: "INVALID_OPTIONS", message, details: { index } });

// Names of collections and of indexes may both hold dots: `a.b` and `c`, or `a` and `b.c`.
test("a place that names two indexes is refused, with the commands for either", () => {
  const one = {
    ...actualCollection([{ ...actualIndex({ x: 1 }, { name: "c" }), collection: "a.b" }]),
    collection: "a.b",
  };
  const two = {
    ...actualCollection([{ ...actualIndex({ x: 1 }, { name: "b.c" }), collection: "a" }]),
    collection: "a",
  };
  const planned = (collections: (typeof one)[]) =>
    planIndexes(diffIndexes([], collections), collections, { drop: ["a.b.c"] });
  expect(() => planned([one, two])).toThrow(
    refusal(
      "a.b.c",
      'a.b.c is not to be dropped: it names 2 indexes, "c" of "a.b" and "b.c" of "a"; drop the one that is meant in mongosh: db.getCollection("a.b").dropIndex("c") or db.a.dropIndex("b.c")',
    ),
  );
  expect(planned([two]).steps).toMatchObject([{ kind: "startDrop", collection: "a", index: "b.c" }]);
});

test.each<[string, Declared, Declared[]]>([
  ["and has it", [{ a: 1 }], [[{ a: 1 }]]],
  ["and lacks it", [{ a: 1 }], []],
  ["and has another form of it", [{ a: 1 }, { sparse: true }], [[{ a: 1 }]]],
  ["and builds it", [{ a: 1 }], [[{ a: 1 }, { building: true }]]],
  ["under another name", [{ a: 1 }, { name: "by_a" }], [[{ a: 1 }]]],
])("an index that a model declares %s is not dropped", (_what, declared, present) => {
  const collections = [actualCollection(present.map(([key, options]) => actualIndex(key, options)))];
  const drift = diffIndexes(expectedIndexes([modelOf({}, { indexes: [declared] })]), collections);
  expect(() => planIndexes(drift, collections, { drop: ["things.a_1"] })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTIONS", message: expect.stringMatching(/schema first/) }),
  );
});

test("an index of another collection supports no shard key here", () => {
  const here = actualCollection([actualIndex({ t: 1 })]);
  const there = {
    ...actualCollection([{ ...actualIndex({ t: 1, a: 1 }), collection: "others" }]),
    collection: "others",
  };
  const collections = [there, here];
  expect(() =>
    planIndexes(diffIndexes([], collections), collections, { drop: ["things.t_1"], shardKeys }),
  ).toThrow(refusal("things.t_1", "things.t_1 is not to be dropped: no other index supports the shard key"));
});
