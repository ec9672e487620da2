import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { canonicalCollation } from "../../src/indexes/collation.js";
import { expectedIndexes } from "../../src/indexes/declared.js";
import { diffIndexes } from "../../src/indexes/plan/diff.js";
import { type PlanInput, planIndexes, planOf } from "../../src/indexes/plan/plan.js";
import type { IndexStep } from "../../src/indexes/steps/steps.js";
import { actualCollection, actualIndex, modelOf } from "../support.js";

type Declared = [Document, Document?];

function planFor(declared: Declared[], present: Declared[], input: PlanInput = {}, options: Document = {}) {
  const collections = [
    actualCollection(
      present.map(([key, more]) => actualIndex(key, more)),
      options,
    ),
  ];
  const expected = expectedIndexes([modelOf({}, { indexes: declared })]);
  return planIndexes(diffIndexes(expected, collections), collections, input);
}

const stepsFor = (...args: Parameters<typeof planFor>) => planFor(...args).steps;

type Told = Pick<
  IndexStep,
  "kind" | "reason" | "risk" | "riskReason" | "reversible" | "destructive" | "commands"
>;
type Row = [what: string, declared: Declared[], present: Declared[], told: Told];

// A person decides by these words, and types these commands.
test.each<Row>([
  [
    "a missing index",
    [[{ a: 1 }]],
    [],
    {
      kind: "create",
      reason: "declared by Thing, not on the server",
      risk: "low",
      riskReason: "reads the whole collection once",
      reversible: true,
      destructive: false,
      commands: ['db.things.createIndex({ a: 1 }, { name: "a_1" })'],
    },
  ],
  [
    "a missing unique index",
    [[{ a: 1 }, { unique: true }]],
    [],
    {
      kind: "create",
      reason: "declared by Thing, not on the server",
      risk: "medium",
      riskReason: "fails if values are duplicated; from then on duplicates are refused",
      reversible: true,
      destructive: false,
      commands: ['db.things.createIndex({ a: 1 }, { name: "a_1", unique: true })'],
    },
  ],
  [
    "a missing index that deletes",
    [[{ d: 1 }, { expireAfterSeconds: 60 }]],
    [],
    {
      kind: "create",
      reason: "declared by Thing, not on the server",
      risk: "high",
      riskReason: "the server deletes documents whose d is over 1 minute old",
      reversible: false,
      destructive: false,
      commands: ['db.things.createIndex({ d: 1 }, { name: "d_1", expireAfterSeconds: 60 })'],
    },
  ],
  [
    "a shorter expiry",
    [[{ d: 1 }, { expireAfterSeconds: 60 }]],
    [[{ d: 1 }, { expireAfterSeconds: 3_600 }]],
    {
      kind: "setTtl",
      reason: "differs in expireAfterSeconds (3600 instead of 60)",
      risk: "high",
      riskReason: "the server deletes documents whose d is over 1 minute old",
      reversible: false,
      destructive: false,
      commands: ['db.runCommand({ collMod: "things", index: { name: "d_1", expireAfterSeconds: 60 } })'],
    },
  ],
  [
    "a longer expiry",
    [[{ d: 1 }, { expireAfterSeconds: 3_600 }]],
    [[{ d: 1 }, { expireAfterSeconds: 60 }]],
    {
      kind: "setTtl",
      reason: "differs in expireAfterSeconds (60 instead of 3600)",
      risk: "low",
      riskReason: "documents stay longer than before",
      reversible: true,
      destructive: false,
      commands: ['db.runCommand({ collMod: "things", index: { name: "d_1", expireAfterSeconds: 3600 } })'],
    },
  ],
  [
    "an index that is to be hidden",
    [[{ a: 1 }, { hidden: true }]],
    [[{ a: 1 }]],
    {
      kind: "hide",
      reason: "differs in hidden (false instead of true)",
      risk: "medium",
      riskReason: "queries stop using it",
      reversible: true,
      destructive: false,
      commands: ['db.runCommand({ collMod: "things", index: { name: "a_1", hidden: true } })'],
    },
  ],
  [
    "an index that is hidden and should not be",
    [[{ a: 1 }]],
    [[{ a: 1 }, { hidden: true }]],
    {
      kind: "unhide",
      reason: "differs in hidden (true instead of false)",
      risk: "low",
      riskReason: "queries may use it again",
      reversible: true,
      destructive: false,
      commands: ['db.runCommand({ collMod: "things", index: { name: "a_1", hidden: false } })'],
    },
  ],
  [
    "an index that is to refuse new duplicates",
    [[{ a: 1 }, { prepareUnique: true }]],
    [[{ a: 1 }]],
    {
      kind: "setPrepareUnique",
      reason: "differs in prepareUnique (false instead of true)",
      risk: "medium",
      riskReason: "new duplicates are refused",
      reversible: true,
      destructive: false,
      commands: ['db.runCommand({ collMod: "things", index: { name: "a_1", prepareUnique: true } })'],
    },
  ],
  [
    "an index that need not refuse duplicates any more",
    [[{ a: 1 }]],
    [[{ a: 1 }, { prepareUnique: true }]],
    {
      kind: "setPrepareUnique",
      reason: "differs in prepareUnique (true instead of false)",
      risk: "low",
      riskReason: "duplicates are accepted again",
      reversible: true,
      destructive: false,
      commands: ['db.runCommand({ collMod: "things", index: { name: "a_1", prepareUnique: false } })'],
    },
  ],
  [
    "an index that becomes unique",
    [[{ a: 1 }, { unique: true }]],
    [[{ a: 1 }]],
    {
      kind: "makeUnique",
      reason: "differs in unique (false instead of true)",
      risk: "medium",
      riskReason: "refused, and undone, if values are duplicated; from then on duplicates are refused",
      reversible: false,
      destructive: false,
      // https://www.mongodb.com/docs/manual/core/index-unique/convert-to-unique/
      commands: [
        'db.runCommand({ collMod: "things", index: { name: "a_1", prepareUnique: true } })',
        'db.runCommand({ collMod: "things", index: { name: "a_1", unique: true }, dryRun: true })',
        'db.runCommand({ collMod: "things", index: { name: "a_1", unique: true } })',
      ],
    },
  ],
  [
    "an index that takes a rebuild",
    [[{ a: 1 }, { sparse: true }]],
    [[{ a: 1 }]],
    {
      kind: "rebuild",
      reason: "differs in sparse (false instead of true)",
      risk: "medium",
      riskReason: "builds it twice; a twin serves meanwhile",
      reversible: false,
      destructive: true,
      commands: [
        'db.things.createIndex({ a: -1 }, { name: "a_1__rebuild_twin", sparse: true })',
        'db.things.dropIndex("a_1")',
        'db.things.createIndex({ a: 1 }, { name: "a_1", sparse: true })',
        'db.things.dropIndex("a_1__rebuild_twin")',
      ],
    },
  ],
  [
    "a rebuild that accepts duplicates",
    [[{ a: 1 }, { sparse: true }]],
    [[{ a: 1 }, { unique: true }]],
    {
      kind: "rebuild",
      reason: "differs in unique (true instead of false), sparse (false instead of true)",
      risk: "high",
      riskReason: "builds it twice; a twin serves meanwhile; duplicates are accepted afterwards",
      reversible: false,
      destructive: true,
      commands: [
        'db.things.createIndex({ a: -1 }, { name: "a_1__rebuild_twin", sparse: true })',
        'db.things.dropIndex("a_1")',
        'db.things.createIndex({ a: 1 }, { name: "a_1", sparse: true })',
        'db.things.dropIndex("a_1__rebuild_twin")',
      ],
    },
  ],
  [
    "a rebuild without a twin",
    [[{ "$**": 1 }, { name: "all", wildcardProjection: { a: 1 } }]],
    [[{ "$**": 1 }, { name: "all" }]],
    {
      kind: "rebuild",
      reason: "differs in wildcardProjection (none instead of { a: 1 })",
      risk: "high",
      riskReason: "an index of this kind cannot have a twin: nothing serves until it is built",
      reversible: false,
      destructive: true,
      commands: [
        'db.things.dropIndex("all")',
        'db.things.createIndex({ "$**": 1 }, { name: "all", wildcardProjection: { a: 1 } })',
      ],
    },
  ],
  [
    "the leftover of a rebuild",
    [],
    [[{ a: -1 }, { name: "a_1__rebuild_twin" }]],
    {
      kind: "removeTwin",
      reason: "left behind by a rebuild that was cut short",
      risk: "low",
      riskReason: "the index that it stood in for is looked for first",
      reversible: true,
      destructive: false,
      commands: ['db.things.dropIndex("a_1__rebuild_twin")'],
    },
  ],
])("%s", (_what, declared, present, told) => {
  const [step, ...others] = stepsFor(declared, present);
  expect(step).toMatchObject(told);
  expect(others).toEqual([]);
  expect(step).not.toHaveProperty("estimate");
});

test("a step names its collection and index, and brings both forms along", () => {
  const [changed] = stepsFor([[{ a: 1 }, { hidden: true }]], [[{ a: 1 }]]);
  expect(changed).toMatchObject({
    collection: "things",
    index: "a_1",
    expected: { hidden: true, models: ["Thing"] },
    actual: { hidden: false },
    collectionCollation: null,
  });
  const [created] = stepsFor([[{ a: 1 }]], []);
  expect(created).toMatchObject({ collection: "things", index: "a_1", expected: { name: "a_1" } });
  expect(created).not.toHaveProperty("actual");
  const [removed] = stepsFor([], [[{ a: -1 }, { name: "a_1__rebuild_twin" }]]);
  expect(removed).toMatchObject({
    collection: "things",
    index: "a_1__rebuild_twin",
    actual: { name: "a_1__rebuild_twin" },
    collectionCollation: null,
  });
});

// The server does not say how it treats an expiry that is no number: it may delete at any time.
test("an expiry set in place of one that is no number may delete", () => {
  const present: Declared[] = [[{ d: 1 }, { expireAfterSeconds: "soon" }]];
  expect(stepsFor([[{ d: 1 }, { expireAfterSeconds: 60 }]], present)).toMatchObject([
    { kind: "setTtl", risk: "high", reversible: false },
  ]);
});

test("a model that declares an index with another adds its name", () => {
  const models = ["B", "A"].map((name) => modelOf({}, { name, indexes: [[{ a: 1 }]] }));
  const { steps } = planIndexes(diffIndexes(expectedIndexes(models), [actualCollection([])]));
  expect(steps[0]?.reason).toBe("declared by B, A, not on the server");
});

describe("the default collation of a collection", () => {
  const english = { collation: canonicalCollation({ locale: "en" }) as unknown as Document };

  test("is named where an index must not have it", () => {
    const declared: Declared[] = [[{ a: 1 }, { collation: { locale: "simple" } }]];
    const [step] = stepsFor(declared, [], {}, english);
    expect(step?.commands[0]).toContain('collation: { locale: "simple" }');
    expect(step?.collectionCollation).toMatchObject({ locale: "en" });
    const [rebuild] = stepsFor(
      [[{ a: 1 }, { collation: { locale: "simple" } }]],
      [[{ a: 1 }, english]],
      {},
      english,
    );
    expect(rebuild?.commands.filter((command) => command.includes('locale: "simple"'))).toHaveLength(2);
    expect(rebuild?.collectionCollation).toMatchObject({ locale: "en" });
  });
});

describe("estimates", () => {
  const size = { documents: 1_000, dataBytes: 1, storageBytes: 1, indexBytes: 1, indexSizes: { a_1: 500 } };
  const sizes = new Map([["things", size]]);

  test("a build has one where the size is known, and a rebuild pays twice for its twin", () => {
    const [created] = stepsFor([[{ a: 1 }]], [], { sizes });
    const one = created?.estimate;
    expect(one?.documents).toBe(1_000);
    expect(one?.bytes).toBeGreaterThan(0);
    expect(one?.buildMs).toBeGreaterThan(0);
    const [rebuilt] = stepsFor([[{ a: 1 }, { sparse: true }]], [[{ a: 1 }]], { sizes });
    expect(rebuilt?.estimate).toEqual({ documents: 2_000, bytes: 1_000, buildMs: 2 * (one?.buildMs ?? 0) });
    const [wildcard] = stepsFor(
      [[{ "$**": 1 }, { name: "a_1", wildcardProjection: { a: 1 } }]],
      [[{ "$**": 1 }, { name: "a_1" }]],
      { sizes },
    );
    expect(wildcard?.estimate).toMatchObject({ documents: 1_000, bytes: 500 });
  });

  test("what is changed in place has none", () => {
    const [hidden] = stepsFor([[{ a: 1 }, { hidden: true }]], [[{ a: 1 }]], { sizes });
    expect(hidden).not.toHaveProperty("estimate");
  });
});

describe("the only index of a shard key", () => {
  const shardKeys = new Map([["things", [{ field: "a", kind: 1 as const }]]]);
  const warned = (declared: Declared[], present: Declared[], keys = shardKeys) =>
    stepsFor(declared, present, { shardKeys: keys }).map(({ risk, riskReason }) => [
      risk,
      riskReason.includes("build a longer one first"),
    ]);

  test("cannot be rebuilt, and the plan says so beforehand", () => {
    expect(warned([[{ a: 1 }, { sparse: true }]], [[{ a: 1 }]])).toEqual([["high", true]]);
    const [step] = stepsFor([[{ a: 1 }, { sparse: true }]], [[{ a: 1 }]], { shardKeys });
    expect(step?.riskReason).toBe(
      "builds it twice; a twin serves meanwhile; the server refuses to drop the only index of the shard key: build a longer one first",
    );
  });

  test("is told from another one", () => {
    expect(warned([[{ b: 1 }, { sparse: true }]], [[{ b: 1 }]])).toEqual([["medium", false]]);
    expect(warned([[{ a: 1 }, { sparse: true }]], [[{ a: 1 }]], new Map())).toEqual([["medium", false]]);
  });
});

describe("order", () => {
  test("creations come first, rebuilds and drops last, whatever the order of the drift", () => {
    const declared: Declared[] = [
      [{ a: 1 }, { sparse: true }],
      [{ b: 1 }, { unique: true }],
      [{ c: 1 }, { prepareUnique: true }],
      [{ d: 1 }, { expireAfterSeconds: 5 }],
      [{ e: 1 }, { hidden: true }],
      [{ f: 1 }],
      [{ g: 1 }],
    ];
    const present: Declared[] = [
      [{ a: 1 }],
      [{ b: 1 }],
      [{ c: 1 }],
      [{ d: 1 }, { expireAfterSeconds: 9 }],
      [{ e: 1 }],
      [{ f: 1 }, { hidden: true }],
      [{ h: -1 }, { name: "h_1__rebuild_twin" }],
      [{ i: 1 }],
    ];
    const steps = stepsFor(declared, present, { drop: ["things.i_1"] });
    const kinds = [
      "create",
      "unhide",
      "hide",
      "setTtl",
      "setPrepareUnique",
      "makeUnique",
      "rebuild",
      "removeTwin",
      "startDrop",
    ];
    expect(steps.map(({ kind }) => kind)).toEqual(kinds);
    const asked = [...steps].reverse();
    expect(planOf(asked).steps.map(({ kind }) => kind)).toEqual(kinds);
    const [create] = steps;
    const undo = { ...create!, kind: "undoCreate" } as IndexStep;
    const finish = { ...create!, kind: "finishDrop" } as IndexStep;
    expect(planOf([undo, finish, ...asked]).steps.slice(-2)).toEqual([finish, undo]);
  });
});

describe("the hash", () => {
  const hashOf = (...args: Parameters<typeof planFor>) => planFor(...args).hash;

  test("changes with what would be run, where, and nothing else", () => {
    const [step] = stepsFor([[{ a: 1 }]], []);
    const hash = (change: object) => planOf([{ ...step!, ...change }]).hash;
    expect(hash({})).toMatch(/^[0-9a-f]{64}$/);
    expect(hash({ reason: "another", risk: "high", riskReason: "another" })).toBe(hash({}));
    expect(hash({ kind: "rebuild" })).not.toBe(hash({}));
    expect(hash({ collection: "others" })).not.toBe(hash({}));
    expect(hash({ commands: ["db.things.createIndex({ b: 1 })"] })).not.toBe(hash({}));
    expect(planOf([]).hash).not.toBe(hash({}));
    expect(hashOf([[{ a: 1 }]], [])).toBe(hash({}));
  });
});
