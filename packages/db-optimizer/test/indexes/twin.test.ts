import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { keysText } from "../../src/indexes/spec.js";
import { estimateBuild } from "../../src/indexes/steps/estimate.js";
import { twinOf } from "../../src/indexes/steps/twin.js";
import { actualIndex } from "../support.js";

const declared = (key: Document, options: Document = {}) => ({
  ...actualIndex(key, options),
  models: ["Thing"],
});

test.each<[string, Document, Document, Document | undefined]>([
  ["one field", { a: 1 }, {}, { a: -1 }],
  ["all directions", { a: 1, b: -1 }, {}, { a: -1, b: 1 }],
  ["a nested field", { "a.b": 1 }, {}, { "a.b": -1 }],
  ["hashed, which has no direction", { a: "hashed" }, {}, { a: "hashed", _id: 1 }],
  ["hashed beside a direction", { b: 1, a: "hashed" }, {}, { b: -1, a: "hashed" }],
  ["a place", { p: "2dsphere" }, {}, { p: "2dsphere", _id: 1 }],
  ["a flat place", { p: "2d" }, {}, { p: "2d", _id: 1 }],
  ["text: a collection has one", { _fts: "text", _ftsx: 1 }, { weights: { a: 1 } }, undefined],
  ["wildcard: its key cannot be turned round", { "$**": 1 }, {}, undefined],
  ["wildcard below a field", { "a.$**": 1 }, {}, undefined],
])("the twin of %s", (_name, key, options, twin) => {
  const found = twinOf(declared(key, options));
  expect(found && keysText(found)).toBe(twin && keysText(actualIndex(twin)));
});

test("a twin enforces and serves what the index does: same options, other keys, a name that is known for ours", () => {
  const options = {
    name: "i",
    unique: true,
    sparse: true,
    collation: { locale: "en" },
    expireAfterSeconds: 5,
  };
  const index = declared({ a: 1 }, options);
  expect(twinOf(index)).toEqual({ ...index, name: "i__rebuild_twin", keys: [{ field: "a", kind: -1 }] });
});

describe("estimates", () => {
  const size = {
    documents: 70_000,
    dataBytes: 20_000_000,
    storageBytes: 0,
    indexBytes: 0,
    indexSizes: { old: 123 },
  };
  test("grow with documents and keys", () => {
    const one = estimateBuild(actualIndex({ a: 1 }), size);
    expect(one).toEqual({ documents: 70_000, bytes: 70_000 * 24, buildMs: 1_100 });
    expect(estimateBuild(actualIndex({ a: 1, b: 1 }), size).bytes).toBe(70_000 * 36);
  });
  test("go by what is replaced, where its size is known", () => {
    expect(estimateBuild(actualIndex({ a: 1 }), size, "old").bytes).toBe(123);
    expect(estimateBuild(actualIndex({ a: 1 }), size, "unknown").bytes).toBe(70_000 * 24);
  });
  test("of nothing are nothing", () => {
    const empty = { ...size, documents: 0, dataBytes: 0, indexSizes: {} };
    expect(estimateBuild(actualIndex({ a: 1 }), empty)).toEqual({ documents: 0, bytes: 0, buildMs: 0 });
  });
});
