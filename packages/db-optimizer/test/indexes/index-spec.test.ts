import fc from "fast-check";
import { mongo } from "mongoose";
import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { canonicalFilter, canonicalProjection, sortKeys, stableText } from "../../src/indexes/canonical.js";
import { canonicalCollation, shortCollation } from "../../src/indexes/collation.js";
import {
  canonicalIndex,
  isOrdered,
  isSimpleOnly,
  isTrue,
  isWildcard,
  keysText,
  optionTexts,
  resolveCollation,
} from "../../src/indexes/spec.js";

const indexOf = (key: Document, options: Document = {}) => canonicalIndex("things", key, options);

// BSONElement::trueValue of the server: any number but 0, and whatever is neither a number nor null.
test.each<[unknown, boolean]>([
  [undefined, false],
  [null, false],
  [false, false],
  [true, true],
  [0, false],
  [-0.5, true],
  [0n, false],
  [1n, true],
  [new mongo.Int32(0), false],
  [new mongo.Int32(2), true],
  [new mongo.Double(0), false],
  [mongo.Long.fromNumber(0), false],
  [mongo.Long.fromNumber(3), true],
  [mongo.Decimal128.fromString("0"), false],
  [mongo.Decimal128.fromString("0.0"), false],
  [mongo.Decimal128.fromString("0.1"), true],
  ["", true],
  ["false", true],
  [{}, true],
  [[], true],
])("the server takes %o for %s", (value, expected) => {
  expect(isTrue(value)).toBe(expected);
  const { unique, sparse, hidden, prepareUnique } = indexOf(
    { a: 1 },
    { unique: value, sparse: value, hidden: value, prepareUnique: value },
  );
  expect([unique, sparse, hidden, prepareUnique]).toEqual(Array(4).fill(expected));
});

describe("keys", () => {
  test.each<[unknown, string | number]>([
    [1, 1],
    [-1, -1],
    [0.5, 1],
    [-0.5, -1],
    [0, 1],
    [5n, 1],
    [-5n, -1],
    [true, 1],
    ["asc", 1],
    ["ascending", 1],
    ["1", 1],
    ["desc", -1],
    ["descending", -1],
    ["-1", -1],
    ["hashed", "hashed"],
    ["2dsphere", "2dsphere"],
    [new mongo.Int32(-1), -1],
    [new mongo.Int32(1), 1],
    [mongo.Long.fromNumber(-2), -1],
  ])("%o stands for %s", (written, kind) => {
    expect(indexOf({ a: written }).keys).toEqual([{ field: "a", kind }]);
    expect(indexOf({ a: written }).name).toBe(`a_${kind}`);
  });

  test("an index without a name gets the server's, one with a name keeps it", () => {
    expect(indexOf({ a: 1, "b.c": "desc", p: "2d" }).name).toBe("a_1_b.c_-1_p_2d");
    expect(indexOf({ a: 1 }, { name: "own" }).name).toBe("own");
    expect(indexOf({ a: 1 }, { name: 5 }).name).toBe("a_1");
  });

  // listIndexes reports the fields of a text index as weights, behind _fts.
  test("a text index is the same declared and reported, wherever its fields stand", () => {
    const declared = indexOf({ x: 1, b: "text", y: -1, a: "text" });
    const fields = ["x", "a", "b", "y"];
    expect(declared.keys.map(({ field }) => field)).toEqual(fields);
    const reported = indexOf({ x: 1, _fts: "text", _ftsx: 1, y: -1 }, { weights: { b: 1, a: 1 } });
    expect(reported.keys).toEqual(declared.keys);
    expect(reported.text).toEqual(declared.text);
    expect(indexOf({ x: 1, _fts: "text", _ftsx: 1 }, { weights: { a: 1 } }).text?.weights).toEqual({ a: 1 });
    expect(indexOf({ x: 1, a: "text" }).text?.weights).toEqual({ a: 1 });
    expect(indexOf({ _fts: "text", _ftsx: 1 }).keys).toEqual([]);
  });

  test("a text index has the server's defaults, and what is given instead", () => {
    expect(indexOf({ b: "text", a: "text" }).text).toEqual({
      weights: { a: 1, b: 1 },
      defaultLanguage: "english",
      languageOverride: "language",
    });
    const given = { weights: { b: 7 }, default_language: "none", language_override: "lang" };
    expect(indexOf({ b: "text", a: "text" }, given).text).toEqual({
      weights: { a: 1, b: 7 },
      defaultLanguage: "none",
      languageOverride: "lang",
    });
    expect(Object.keys(indexOf({ b: "text", a: "text" }, given).text?.weights ?? {})).toEqual(["a", "b"]);
  });

  test.each<[string, Document, boolean, boolean]>([
    ["ordinary", { a: 1, b: -1 }, false, true],
    ["hashed", { a: "hashed" }, false, false],
    ["of everything", { "$**": 1 }, true, false],
    ["of what is below a field", { "a.$**": 1 }, true, false],
    ["compound with a wildcard", { b: 1, "a.$**": 1 }, true, false],
    ["a field that only looks like one", { "$**.a": 1, "b$**": 1 }, false, true],
  ])("%s", (_what, key, wildcard, ordered) => {
    const index = indexOf(key);
    expect([isWildcard(index.keys), isOrdered(index)]).toEqual([wildcard, ordered]);
  });

  test("their text tells fields, kinds and order apart", () => {
    const texts = [{ a: 1, b: 1 }, { b: 1, a: 1 }, { a: 1, b: -1 }, { a: 1 }, { "a,b": 1 }].map((key) =>
      keysText(indexOf(key)),
    );
    expect(new Set(texts).size).toBe(texts.length);
  });
});

describe("options", () => {
  test.each<[string, Document, boolean]>([
    ["text", { a: "text" }, false],
    ["2d", { a: "2d" }, false],
    ["2dsphere", { a: "2dsphere" }, false],
    ["wildcard", { "$**": 1 }, false],
    ["2dsphere beside an ordinary key", { a: "2dsphere", b: 1 }, false],
    ["hashed", { a: "hashed" }, true],
    ["ordinary", { a: 1 }, true],
  ])("sparse has a meaning for an index of this kind: %s", (_what, key, expected) => {
    expect(indexOf(key, { sparse: true }).sparse).toBe(expected);
  });

  test.each<[unknown, number | undefined]>([
    [undefined, undefined],
    [60, 60],
    [60.9, 60],
    [0, 0],
    [60n, 60],
    [new mongo.Int32(60), 60],
    [mongo.Long.fromNumber(60), 60],
    [new mongo.Double(60.5), 60],
    ["60", Number.NaN],
    [null, Number.NaN],
    [{}, Number.NaN],
  ])("an expiry of %o counts %s seconds", (expireAfterSeconds, seconds) => {
    expect(indexOf({ d: 1 }, { expireAfterSeconds }).expireAfterSeconds).toBe(seconds);
  });

  test("what is not given is absent, and so is an empty filter", () => {
    for (const options of [{}, { partialFilterExpression: {} }]) {
      expect(Object.keys(indexOf({ a: 1 }, options)).sort()).toEqual(
        ["collation", "collection", "hidden", "keys", "name", "prepareUnique", "sparse", "unique"].sort(),
      );
    }
    const wildcard = indexOf({ "$**": 1 }, { wildcardProjection: { a: 1 } });
    expect(wildcard.wildcardProjection).toEqual({ a: 1 });
    expect(indexOf({ a: 1 }, { partialFilterExpression: { x: 1 } }).partialFilterExpression).toEqual({
      x: 1,
    });
  });

  test("a flat place has the server's bounds, and what is given instead", () => {
    expect(indexOf({ p: "2d" }).geo2d).toEqual({ bits: 26, min: -180, max: 180 });
    expect(indexOf({ p: "2d" }, { min: 0, max: 9, bits: 20, unique: true }).geo2d).toEqual({
      bits: 20,
      min: 0,
      max: 9,
    });
    expect(indexOf({ a: 1 }, { min: 0 })).not.toHaveProperty("geo2d");
  });

  test("each differs in its own text alone", () => {
    const plain = optionTexts(indexOf({ a: 1 }));
    const differing = (options: Document, key: Document = { a: 1 }) => {
      const texts = optionTexts(indexOf(key, options));
      return (Object.keys(plain) as (keyof typeof plain)[]).filter((name) => texts[name] !== plain[name]);
    };
    expect(differing({})).toEqual([]);
    expect(differing({}, { a: -1 })).toEqual(["keys"]);
    expect(differing({ unique: true })).toEqual(["unique"]);
    expect(differing({ sparse: true })).toEqual(["sparse"]);
    expect(differing({ hidden: true })).toEqual(["hidden"]);
    expect(differing({ prepareUnique: true })).toEqual(["prepareUnique"]);
    expect(differing({ expireAfterSeconds: 0 })).toEqual(["expireAfterSeconds"]);
    expect(differing({ partialFilterExpression: { a: 1 } })).toEqual(["partialFilterExpression"]);
    expect(differing({ collation: { locale: "en" } })).toEqual(["collation"]);
    expect(differing({ wildcardProjection: { a: 1 } })).toEqual(["wildcardProjection"]);
    expect(differing({}, { a: "text" })).toEqual(["keys", "text"]);
    expect(differing({}, { a: "2d" })).toEqual(["keys", "geo2d"]);
  });
});

describe("collations", () => {
  test.each<[string, Document | null | undefined]>([
    ["none", undefined],
    ["null", null],
    ["without a locale", { strength: 2 }],
    ["whose locale is no text", { locale: 5 }],
    ["simple", { locale: "simple", strength: 2 }],
  ])("%s is binary comparison", (_what, collation) => {
    expect(canonicalCollation(collation)).toBeNull();
  });

  // https://www.mongodb.com/docs/manual/reference/collation-locales-defaults/
  // and ICU's data: what each locale sets was read from its collators.
  test.each<[string, Document]>([
    ["fr_CA", { backwards: true }],
    ["fr", {}],
    ["da", { caseFirst: "upper" }],
    ["mt", { caseFirst: "upper" }],
    ["th", { alternate: "shifted", normalization: true }],
    ["vi", { normalization: true }],
    ["el", { normalization: true }],
    ["he", { normalization: true }],
    ["hi", { normalization: true }],
    ["fa_AF", { normalization: true }],
    ["da@collation=search", { normalization: true }],
    ["vi@collation=traditional", { normalization: true }],
    ["es@collation=traditional", {}],
    ["zh@collation=unihan", {}],
    ["de", {}],
  ])("%s has its own defaults, which need not be written", (locale, own) => {
    const filled = canonicalCollation({ locale, version: "57.1" });
    expect(filled).toEqual({
      locale,
      caseLevel: false,
      caseFirst: "off",
      strength: 3,
      numericOrdering: false,
      alternate: "non-ignorable",
      maxVariable: "punct",
      normalization: false,
      backwards: false,
      ...own,
    });
    if (!filled) throw new Error("a locale has a collation");
    expect(shortCollation(filled)).toEqual({ locale });
    expect(shortCollation({ ...filled, strength: 1 })).toEqual({ locale, strength: 1 });
  });

  test("an option that is undefined is one that is not given", () => {
    expect(canonicalCollation({ locale: "en", strength: 2, caseLevel: undefined })).toEqual(
      canonicalCollation({ locale: "en", strength: 2 }),
    );
  });

  const english = canonicalCollation({ locale: "en" });
  test.each<[string, Document, Document, unknown]>([
    ["an ordinary index inherits it", { a: 1 }, {}, english],
    ["one of its own stays", { a: 1 }, { collation: { locale: "de" } }, canonicalCollation({ locale: "de" })],
    ["a text index compares bytes", { a: "text" }, {}, null],
    ["so does a 2d one", { a: "2d" }, {}, null],
    ["one behind an ordinary key, too", { b: 1, a: "text" }, {}, null],
    ["a 2dsphere one inherits it", { a: "2dsphere" }, {}, english],
  ])("of a collection: %s", (_what, key, options, expected) => {
    const index = { ...indexOf(key, options), ...(!options.collation && { collation: undefined }) };
    expect(resolveCollation(index, english).collation).toEqual(expected);
  });

  test("text and 2d indexes have none", () => {
    expect(["text", "2d", "hashed", 1].map((kind) => isSimpleOnly([1, kind]))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("filters", () => {
  test.each<[string, Document, Document]>([
    ["a value and $eq", { a: 1 }, { a: { $eq: 1 } }],
    ["any order of fields", { a: 1, b: 2 }, { b: 2, a: 1 }],
    ["any order of operators", { a: { $gt: 1, $lt: 5 } }, { a: { $lt: 5, $gt: 1 } }],
    ["$and written out", { a: 1, b: { $gt: 1 } }, { $and: [{ b: { $gt: 1 } }, { a: 1 }] }],
    ["$and inside $and", { a: 1, b: 2 }, { $and: [{ $and: [{ a: 1 }] }, { b: 2 }] }],
    ["the same condition twice", { a: 1 }, { $and: [{ a: 1 }, { a: { $eq: 1 } }] }],
    ["any order of $or", { $or: [{ a: 1 }, { b: 2 }] }, { $or: [{ b: 2 }, { a: 1 }] }],
    ["any order of $in", { a: { $in: [3, 1, 2] } }, { a: { $in: [1, 2, 3] } }],
    ["any true value of $exists", { a: { $exists: 1 } }, { a: { $exists: true } }],
    ["operators below an operator", { a: { $not: { $gt: 1, $lt: 5 } } }, { a: { $not: { $lt: 5, $gt: 1 } } }],
    ["a long, however it is written", { a: 5n }, { a: mongo.Long.fromNumber(5) }],
    ["a double and the long that it holds exactly", { a: 2 ** 60 }, { a: 2n ** 60n }],
    ["longs that no double holds", { a: 2n ** 53n + 1n }, { a: mongo.Long.fromString("9007199254740993") }],
    ["longs inside documents and arrays", { a: { x: [5n] } }, { a: { x: [mongo.Long.fromNumber(5)] } }],
  ])("%s: the same text", (_what, one, other) => {
    expect(canonicalFilter(one)).toBe(canonicalFilter(other));
  });

  test.each<[string, Document, Document]>([
    ["another field", { a: 1 }, { b: 1 }],
    ["another value", { a: 1 }, { a: 2 }],
    ["another type", { a: 1 }, { a: "1" }],
    ["longs that differ beyond 2^53", { a: 2n ** 53n + 1n }, { a: 2n ** 53n }],
    ["such longs of the driver", { a: [mongo.Long.MAX_VALUE] }, { a: [mongo.Long.MAX_VALUE.sub(1)] }],
    ["another value in $in", { a: { $in: [1, 2] } }, { a: { $in: [1, 3] } }],
    ["another branch of $or", { $or: [{ a: 1 }, { b: 2 }] }, { $or: [{ a: 1 }, { b: 3 }] }],
    ["another condition below $not", { a: { $not: { $gt: 1 } } }, { a: { $not: { $gt: 2 } } }],
    ["an empty document and no condition", { a: {} }, {}],
    ["a document that has an operator's name in it", { a: { x: 1, $y: 2 } }, { a: { $x: 1, $y: 2 } }],
    ["another operator", { a: { $gt: 1 } }, { a: { $gte: 1 } }],
    ["an operator and a document", { a: { $eq: { x: 1 } } }, { a: { $eq: { x: 2 } } }],
    ["documents whose order differs", { a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } }],
    ["$or and $and", { $or: [{ a: 1 }, { b: 2 }] }, { $and: [{ a: 1 }, { b: 2 }] }],
    ["$or and $nor", { $or: [{ a: 1 }] }, { $nor: [{ a: 1 }] }],
    ["$exists: false", { a: { $exists: false } }, { a: { $exists: true } }],
    ["$in and $nin", { a: { $in: [1, 2] } }, { a: { $nin: [1, 2] } }],
    ["$all, whose order is told", { a: { $all: [1, 2] } }, { a: { $all: [2, 1] } }],
    ["an empty document and a condition", { a: {} }, { a: { $exists: true } }],
    ["null and no condition", { a: null }, {}],
    ["a date and its text", { a: new Date(0) }, { a: "1970-01-01T00:00:00.000Z" }],
    ["ids", { a: new mongo.ObjectId("0".repeat(24)) }, { a: new mongo.ObjectId("1".repeat(24)) }],
    ["half a document of operators", { a: { $gt: 1, x: 1 } }, { a: { $gt: 1 } }],
    ["a field whose name begins with $ and a value", { $comment: "a" }, { $comment: "b" }],
  ])("%s: another text", (_what, one, other) => {
    expect(canonicalFilter(one)).not.toBe(canonicalFilter(other));
  });

  test("projections that say the same have the same text", () => {
    const text = canonicalProjection({ a: { b: true, c: 0 }, z: 1 });
    expect(canonicalProjection({ z: true, "a.c": false, "a.b": 1 })).toBe(text);
    expect(canonicalProjection({ z: true, "a.c": true, "a.b": 1 })).not.toBe(text);
    expect(canonicalProjection({ z: null })).toBe(canonicalProjection({ z: 0 }));
  });
});

test("keys are sorted, and undefined values left out", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.option(fc.nat(), { nil: undefined })), (object) => {
      const sorted = sortKeys(object);
      const names = Object.keys(object).filter((name) => object[name] !== undefined);
      expect(JSON.stringify(Object.entries(sorted).sort())).toBe(
        JSON.stringify(names.map((name) => [name, object[name]]).sort()),
      );
      // Names that are whole numbers come first in every object.
      const ordered = Object.keys(sorted).filter((name) => !/^\d+$/.test(name));
      expect(ordered).toEqual([...ordered].sort((a, b) => (a < b ? -1 : 1)));
    }),
  );
});

test("a text keeps the order of keys, which matters inside a document", () => {
  expect(stableText({ a: 1, b: [2n, null] })).not.toBe(stableText({ b: [2n, null], a: 1 }));
  expect(stableText({ b: [2n, null] })).toBe('{"value":{"b":[2,null]}}');
});
