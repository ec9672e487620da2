import fc from "fast-check";
import { createConnection, Schema } from "mongoose";
import { describe, expect, test } from "vitest";

import { isOptimizerError } from "../../src/core/errors.js";
import type { Document } from "../../src/core/model.js";
import { expectedIndexes } from "../../src/indexes/declared.js";
import { type DriftReport, diffIndexes } from "../../src/indexes/plan/diff.js";
import { planIndexes } from "../../src/indexes/plan/plan.js";
import { optionTexts } from "../../src/indexes/spec.js";
import { actualCollection, actualIndex, modelOf } from "../support.js";

type Declared = [Document, Document?];

function drift(declared: Declared[], present: Declared[], collection: Document = {}): DriftReport {
  const expected = expectedIndexes([modelOf({}, { indexes: declared })]);
  const actual = present.map(([key, options]) => actualIndex(key, options));
  return diffIndexes(expected, [actualCollection(actual, collection)]);
}

function stepKinds(report: DriftReport): string[] {
  return planIndexes(report).steps.map(({ kind }) => kind);
}

const english = { locale: "en", strength: 2 };
const englishFilled = {
  ...english,
  caseLevel: false,
  caseFirst: "off",
  numericOrdering: false,
  alternate: "non-ignorable",
  maxVariable: "punct",
  normalization: false,
  backwards: false,
  version: "57.1",
};

describe("where Mongoose's own diff goes wrong", () => {
  test("a schema's collation is part of its indexes", () => {
    const model = modelOf({ u: { type: String, index: true } }, { collation: english });
    const present = actualIndex({ u: 1 }, { collation: englishFilled });
    expect(diffIndexes(expectedIndexes([model]), [actualCollection([present])]).inSync).toBe(true);
  });

  test.each(["text", "2d"])("a schema's collation is no business of its %s indexes", (kind) => {
    const model = modelOf({}, { collation: english, indexes: [[{ p: kind }]] });
    const key = kind === "text" ? { _fts: "text", _ftsx: 1 } : { p: "2d" };
    const present = actualIndex(key, { name: `p_${kind}`, ...(kind === "text" && { weights: { p: 1 } }) });
    const collection = actualCollection([present], { collation: englishFilled });
    expect(diffIndexes(expectedIndexes([model]), [collection])).toMatchObject({ inSync: true, extra: [] });
  });

  test("a hidden stray stays information and is never dropped", () => {
    const report = drift([], [[{ old: 1 }, { hidden: true }]]);
    expect(report).toMatchObject({ inSync: true, extra: [{ name: "old_1", hidden: true }] });
    expect(stepKinds(report)).toEqual([]);
  });

  test("a declared index that is hidden is drift, and is shown again", () => {
    const report = drift([[{ a: 1 }]], [[{ a: 1 }, { hidden: true }]]);
    expect(report.changed[0]?.how).toEqual(["unhide"]);
    expect(stepKinds(report)).toEqual(["unhide"]);
  });

  test("two models on one collection do not list each other's indexes as strays", () => {
    const models = [
      modelOf({}, { name: "A", indexes: [[{ a: 1 }], [{ both: 1 }]] }),
      modelOf({}, { name: "B", indexes: [[{ b: 1 }], [{ both: 1 }]] }),
    ];
    const present = [actualIndex({ a: 1 }), actualIndex({ b: 1 }), actualIndex({ both: 1 })];
    const report = diffIndexes(expectedIndexes(models), [actualCollection(present)]);
    expect(report).toMatchObject({ inSync: true, extra: [], missing: [] });
    expect(expectedIndexes(models).find(({ name }) => name === "both_1")?.models).toEqual(["A", "B"]);
  });

  test("another TTL is set in place", () => {
    const report = drift(
      [[{ d: 1 }, { expireAfterSeconds: 60 }]],
      [[{ d: 1 }, { expireAfterSeconds: 3600 }]],
    );
    expect(report.changed[0]?.how).toEqual(["setTtl"]);
    expect(planIndexes(report).steps).toMatchObject([
      {
        kind: "setTtl",
        risk: "high",
        reversible: false,
        commands: ['db.runCommand({ collMod: "things", index: { name: "d_1", expireAfterSeconds: 60 } })'],
      },
    ]);
  });

  test("a plain index becomes unique without a gap", () => {
    const report = drift([[{ e: 1 }, { unique: true }]], [[{ e: 1 }]]);
    expect(report.changed[0]?.how).toEqual(["makeUnique"]);
    const [step] = planIndexes(report).steps;
    expect(step).toMatchObject({ kind: "makeUnique", destructive: false });
    expect(step?.commands.join()).not.toContain("drop");
  });

  test.each<[string, Declared, Declared]>([
    ["prepareUnique", [{ a: 1 }, { prepareUnique: true }], [{ a: 1 }]],
    ["wildcardProjection", [{ "$**": 1 }, { wildcardProjection: { a: 1 } }], [{ "$**": 1 }]],
    ["geo2d", [{ p: "2d" }, { bits: 20 }], [{ p: "2d" }]],
    [
      "partialFilterExpression",
      [{ s: "text" }, { partialFilterExpression: { live: true } }],
      [
        { _fts: "text", _ftsx: 1 },
        { name: "s_text", weights: { s: 1 }, textIndexVersion: 3 },
      ],
    ],
  ])("%s is compared", (option, declared, present) => {
    expect(drift([declared], [present]).changed[0]?.differences).toMatchObject([{ option }]);
  });

  test.each(["unique", "sparse", "hidden"])("%s: false is the same as nothing", (option) => {
    expect(drift([[{ a: 1 }, { [option]: false }]], [[{ a: 1 }]]).inSync).toBe(true);
  });
});

describe("equality", () => {
  test.each<[string, Declared, Declared]>([
    ["words for directions", [{ a: "desc", b: "asc" }], [{ a: -1, b: 1 }, { name: "a_-1_b_1" }]],
    ["numbers for directions", [{ a: 5 }], [{ a: 1 }]],
    [
      "a filter's implied $eq",
      [{ a: 1 }, { partialFilterExpression: { live: true } }],
      [{ a: 1 }, { partialFilterExpression: { live: { $eq: true } } }],
    ],
    [
      "a filter's order",
      [{ a: 1 }, { partialFilterExpression: { x: 1, n: { $gt: 1, $lt: 9 } } }],
      [{ a: 1 }, { partialFilterExpression: { $and: [{ n: { $lt: 9 } }, { n: { $gt: 1 } }, { x: 1 }] } }],
    ],
    ["collation defaults", [{ a: 1 }, { collation: english }], [{ a: 1 }, { collation: englishFilled }]],
    [
      "a locale's own defaults",
      [{ a: 1 }, { collation: { locale: "fr_CA" } }],
      [{ a: 1 }, { collation: { ...englishFilled, locale: "fr_CA", strength: 3, backwards: true } }],
    ],
    ["the simple collation", [{ a: 1 }, { collation: { locale: "simple" } }], [{ a: 1 }]],
    ["the simple collation of newer servers", [{ a: 1 }], [{ a: 1 }, { collation: { locale: "simple" } }]],
    ["background and v", [{ a: 1 }, { background: true }], [{ a: 1 }, { v: 2 }]],
    [
      "text defaults",
      [{ b: "text", a: "text" }],
      [
        { _fts: "text", _ftsx: 1 },
        {
          weights: { a: 1, b: 1 },
          default_language: "english",
          language_override: "language",
          textIndexVersion: 3,
        },
      ],
    ],
    [
      "text with ordinary keys",
      [{ t: 1, a: "text" }],
      [{ t: 1, _fts: "text", _ftsx: 1 }, { weights: { a: 1 } }],
    ],
    [
      "sparse where it has no meaning",
      [{ p: "2dsphere" }, { sparse: true }],
      [{ p: "2dsphere" }, { "2dsphereIndexVersion": 3 }],
    ],
    [
      "wildcard projections",
      [{ "$**": 1 }, { wildcardProjection: { a: { b: true } } }],
      [{ "$**": 1 }, { wildcardProjection: { "a.b": 1 } }],
    ],
    ["2d defaults", [{ p: "2d" }], [{ p: "2d" }, { bits: 26, min: -180, max: 180 }]],
    ["hashed", [{ h: "hashed" }], [{ h: "hashed" }]],
  ])("%s", (_name, declared, present) => {
    expect(drift([declared], [present]).changed).toEqual([]);
    expect(drift([declared], [present]).missing).toEqual([]);
  });

  test.each<[string, Declared, Declared]>([
    ["order of keys", [{ a: 1, b: 1 }, { name: "i" }], [{ b: 1, a: 1 }, { name: "i" }]],
    ["direction", [{ a: 1, b: -1 }, { name: "i" }], [{ a: 1, b: 1 }, { name: "i" }]],
    [
      "a filter's value",
      [{ a: 1 }, { partialFilterExpression: { x: 1 } }],
      [{ a: 1 }, { partialFilterExpression: { x: 2 } }],
    ],
    [
      "a filter's document, whose order counts",
      [{ a: 1 }, { partialFilterExpression: { x: { p: 1, q: 2 } } }],
      [{ a: 1 }, { partialFilterExpression: { x: { q: 2, p: 1 } } }],
    ],
    [
      "collation strength",
      [{ a: 1 }, { collation: english }],
      [{ a: 1 }, { collation: { ...englishFilled, strength: 3 } }],
    ],
    [
      "text weights",
      [{ a: "text" }, { weights: { a: 5 } }],
      [
        { _fts: "text", _ftsx: 1 },
        { name: "a_text", weights: { a: 1 } },
      ],
    ],
    ["TTL taken away", [{ d: 1 }], [{ d: 1 }, { expireAfterSeconds: 9 }]],
    ["uniqueness taken away", [{ a: 1 }], [{ a: 1 }, { unique: true }]],
  ])("%s is a difference that takes a rebuild, on demand only", (_name, declared, present) => {
    const report = drift([declared], [present]);
    expect(report.changed[0]?.how).toEqual(["rebuild"]);
    expect(planIndexes(report).steps).toMatchObject([{ kind: "rebuild", destructive: true }]);
  });

  test.each<[string, Declared, Declared, string, string]>([
    ["keys", [{ a: 1, b: -1 }, { name: "i" }], [{ a: 1 }, { name: "i" }], "{ a: 1, b: -1 }", "{ a: 1 }"],
    [
      "a filter",
      [{ a: 1 }, { partialFilterExpression: { live: true } }],
      [{ a: 1 }],
      "{ live: true }",
      "none",
    ],
    [
      "a collation",
      [{ a: 1 }, { collation: { locale: "da", strength: 4 } }],
      [{ a: 1 }],
      '{ locale: "da", strength: 4 }',
      "simple",
    ],
    ["a time", [{ d: 1 }, { expireAfterSeconds: 60 }], [{ d: 1 }], "60", "none"],
  ])("%s that differ are told as people write them", (_what, declared, present, expected, actual) => {
    expect(drift([declared], [present]).changed[0]?.differences).toMatchObject([{ expected, actual }]);
  });

  test("an index without a collation inherits the collection's", () => {
    const collection = { collation: englishFilled };
    expect(drift([[{ a: 1 }]], [[{ a: 1 }, { collation: englishFilled }]], collection).inSync).toBe(true);
    expect(drift([[{ a: 1 }]], [[{ a: 1 }]], collection).changed[0]?.differences[0]?.option).toBe(
      "collation",
    );
  });
});

describe("report", () => {
  test("a missing index is created, before anything else", () => {
    const report = drift(
      [[{ a: 1 }, { expireAfterSeconds: 5 }], [{ b: 1 }]],
      [[{ a: 1 }, { expireAfterSeconds: 9 }]],
    );
    expect(stepKinds(report)).toEqual(["create", "setTtl"]);
  });

  test("an index under construction is neither missing nor in the way", () => {
    const report = drift([[{ a: 1 }]], [[{ a: 1 }, { building: true }]]);
    expect(report).toMatchObject({ inSync: true, missing: [], building: [{ name: "a_1" }] });
  });

  test("the same index under another name is in sync, and told", () => {
    const report = drift([[{ a: 1 }, { name: "by_a" }]], [[{ a: 1 }]]);
    expect(report.inSync).toBe(true);
    expect(report.renamed[0]).toMatchObject({ expected: { name: "by_a" }, actual: { name: "a_1" } });
  });

  test("the user's unique index under another name is left alone", () => {
    const report = drift([[{ a: 1 }, { name: "by_a" }]], [[{ a: 1 }, { name: "own", unique: true }]]);
    expect(report).toMatchObject({ missing: [{ name: "by_a" }], extra: [{ name: "own" }] });
  });

  test("no step but a rebuild ever drops, and that one builds a twin first", () => {
    const report = drift(
      [[{ a: 1 }], [{ b: 1 }, { sparse: true }], [{ c: 1 }, { unique: true }]],
      [[{ own: 1 }], [{ b: 1 }], [{ c: 1 }]],
    );
    const dropping = planIndexes(report).steps.filter(({ commands }) =>
      commands.join().includes("dropIndex"),
    );
    expect(dropping).toMatchObject([{ kind: "rebuild", index: "b_1" }]);
    expect(dropping[0]?.commands[0]).toContain(
      'createIndex({ b: -1 }, { name: "b_1__rebuild_twin", sparse: true })',
    );
  });

  test("one thing that is missing or changed is enough to be out of sync", () => {
    expect(drift([[{ a: 1 }]], []).inSync).toBe(false);
    expect(drift([[{ a: 1 }, { hidden: true }]], [[{ a: 1 }]]).inSync).toBe(false);
    expect(drift([[{ a: 1 }]], [[{ a: 1 }]])).toEqual({
      inSync: true,
      missing: [],
      changed: [],
      building: [],
      renamed: [],
      extra: [],
      leftovers: [],
      missingCollections: [],
    });
  });

  test("collections that do not exist are named, and their indexes are missing", () => {
    const expected = expectedIndexes([modelOf({}, { indexes: [[{ a: 1 }]] })]);
    const absent = { ...actualCollection([]), exists: false };
    expect(diffIndexes(expected, [absent])).toMatchObject({
      missingCollections: ["things"],
      missing: [{ name: "a_1" }],
    });
    const others = { ...actualCollection([]), collection: "others" };
    expect(diffIndexes(expected, [others])).toMatchObject({
      missingCollections: [],
      missing: [{ name: "a_1" }],
    });
  });

  test("an index of the same keys in another collection is none of this one's", () => {
    const expected = expectedIndexes([modelOf({}, { indexes: [[{ a: 1 }]] })]);
    const others = {
      ...actualCollection([{ ...actualIndex({ a: 1 }), collection: "others" }]),
      collection: "others",
    };
    const report = diffIndexes(expected, [others, actualCollection([])]);
    expect(report).toMatchObject({ missing: [{ name: "a_1" }], extra: [{ collection: "others" }] });
  });

  test.each<[string, Document, Document, boolean]>([
    ["of the same name", { b: 1 }, { name: "contested" }, false],
    ["of the same keys", { a: 1 }, { name: "other" }, false],
    ["of neither", { b: 1 }, { name: "other" }, true],
    ["of both, in another collection", { a: 1 }, { name: "contested", collection: "others" }, true],
  ])("what models contradict each other about is no stray: an index %s", (_what, key, more, isExtra) => {
    const { collection = "things", ...options } = more;
    const present = { ...actualIndex(key, options), collection: String(collection) };
    const contested = [{ ...actualIndex({ a: 1 }, { name: "contested" }) }];
    const found = diffIndexes(
      [],
      [{ ...actualCollection([present]), collection: String(collection) }],
      contested,
    );
    expect(found.extra).toHaveLength(isExtra ? 1 : 0);
  });

  // The closest relation wins over all: no index is taken from the one that it fits better.
  test.each<[string, Declared[], Declared[], Partial<Record<keyof DriftReport, unknown[]>>]>([
    [
      "equal and of the same name, before equal alone",
      [[{ a: 1 }, { name: "x" }]],
      [
        [{ a: 1 }, { name: "y" }],
        [{ a: 1 }, { name: "x" }],
      ],
      { renamed: [], changed: [], extra: [{ name: "y" }] },
    ],
    [
      "equal, before the same name",
      [[{ a: 1 }, { name: "x" }]],
      [
        [{ b: 1 }, { name: "x" }],
        [{ a: 1 }, { name: "y" }],
      ],
      { renamed: [{ actual: { name: "y" } }], changed: [], extra: [{ name: "x" }] },
    ],
    [
      "the same name, before what the server takes for the same",
      [[{ a: 1 }, { name: "x", expireAfterSeconds: 9 }]],
      [
        [{ a: 1 }, { name: "y" }],
        [{ a: 1 }, { name: "x", sparse: true }],
      ],
      { changed: [{ actual: { name: "x" }, how: ["rebuild"] }], extra: [{ name: "y" }] },
    ],
    [
      "what the server takes for the same, under another name",
      [[{ a: 1, b: 1 }, { name: "x" }]],
      [
        [
          { a: 1, b: 1 },
          { name: "y", expireAfterSeconds: 9 },
        ],
      ],
      { changed: [{ actual: { name: "y" }, how: ["rebuild"] }], missing: [], extra: [] },
    ],
    [
      "what can be changed in place, under another name",
      [[{ a: 1 }, { name: "x", unique: true }]],
      [[{ a: 1 }, { name: "y" }]],
      { changed: [{ actual: { name: "y" }, how: ["makeUnique"] }], missing: [], extra: [] },
    ],
  ])("an index is matched with %s", (_what, declared, present, expected) => {
    expect(drift(declared, present)).toMatchObject(expected);
  });

  test("a unique index that the server still prepares is as declared", () => {
    const present: Declared[] = [[{ a: 1 }, { unique: true, prepareUnique: true }]];
    expect(drift([[{ a: 1 }, { unique: true }]], present)).toMatchObject({ inSync: true, changed: [] });
    expect(drift([[{ a: 1 }]], [[{ a: 1 }, { prepareUnique: true }]]).inSync).toBe(false);
  });

  // collMod takes expireAfterSeconds for single-field indexes alone.
  test("an expiry of two fields is no change in place", () => {
    const of = (expireAfterSeconds: number) => actualIndex({ a: 1, b: 1 }, { expireAfterSeconds });
    const report = diffIndexes([{ ...of(5), models: ["Thing"] }], [actualCollection([of(9)])]);
    expect(report.changed[0]?.how).toEqual(["rebuild"]);
  });

  test("the leftover of a rebuild is ours to remove", () => {
    const report = drift([[{ a: 1 }]], [[{ a: 1 }], [{ a: -1 }, { name: "a_1__rebuild_twin" }]]);
    expect(stepKinds(report)).toEqual(["removeTwin"]);
    expect(report.extra).toEqual([]);
  });

  test("_id is the server's business", () => {
    expect(expectedIndexes([modelOf({}, { indexes: [[{ _id: 1 }]] })])).toEqual([]);
  });

  test("declarations that cannot both exist are the models' fault", () => {
    const models = [
      modelOf({}, { name: "A", indexes: [[{ a: 1 }]] }),
      modelOf({}, { name: "B", indexes: [[{ a: 1 }, { sparse: true }]] }),
    ];
    expect(() => expectedIndexes(models)).toThrow(/A, B.*"a_1"/);
    const thrown = (() => {
      try {
        return expectedIndexes(models);
      } catch (error) {
        return error;
      }
    })();
    expect(isOptimizerError(thrown, "MODELS_CONFLICT")).toBe(true);
  });

  test("discriminators: base and child each declare their own", () => {
    const base = new Schema(
      { a: { type: String, index: true } },
      { collection: "things", discriminatorKey: "kind" },
    );
    base.index({ b: 1 });
    const Base = createConnection().model("Base", base);
    const child = new Schema({
      c: { type: String, unique: true },
      s: { type: String, index: true, sparse: true },
    });
    child.index({ d: 1 });
    Base.discriminator("Child", child);
    const found = expectedIndexes([Base]).map((index) => [index.name, index.partialFilterExpression]);
    expect(Object.fromEntries(found)).toEqual({
      a_1: undefined,
      b_1: undefined,
      c_1: { kind: "Child" },
      s_1: undefined,
      d_1: { kind: "Child" },
    });
  });
});

describe("properties", () => {
  const key = fc
    .uniqueArray(fc.constantFrom("a", "b", "c.d", "e"), { minLength: 1, maxLength: 3 })
    .chain((fields) =>
      fc.tuple(...fields.map((field) => fc.tuple(fc.constant(field), fc.constantFrom(1, -1)))),
    )
    .map((entries) => Object.fromEntries(entries));
  const options = fc.record(
    {
      unique: fc.boolean(),
      sparse: fc.boolean(),
      hidden: fc.boolean(),
      collation: fc.constantFrom(
        { locale: "simple" },
        ...[1, 3].map((strength) => ({ locale: "en", strength })),
      ),
    },
    { requiredKeys: [] },
  );
  const index = fc.tuple(key, options);

  test("what is on the server as declared is in sync", () => {
    fc.assert(fc.property(index, ([keys, settings]) => drift([[keys, settings]], [[keys, settings]]).inSync));
  });

  test("equal drift has an equal plan, and the plan hash sees every change", () => {
    fc.assert(
      fc.property(index, index, (one, other) => {
        const hash = (declared: Declared) => planIndexes(drift([declared], [])).hash;
        expect(hash(one)).toBe(hash([...one]));
        const [first, second] = [one, other].map((declared) => drift([declared], []).missing[0]!);
        const same = JSON.stringify(optionTexts(first!)) === JSON.stringify(optionTexts(second!));
        expect(hash(one) === hash(other)).toBe(same);
      }),
    );
  });
});
