import { Types } from "mongoose";
import { describe, expect, test } from "vitest";
import { findingSchema } from "../../src/core/finding.js";
import type { Document } from "../../src/core/model.js";
import { canonicalIndex, type IndexKey } from "../../src/indexes/spec.js";
import { measureKey } from "../../src/sharding/measure.js";
import { planSharding, type ShardPlanInput } from "../../src/sharding/plan.js";
import { shardFindings } from "../../src/sharding/shard-rules.js";

const oid = (seconds: number) => Types.ObjectId.createFromTime(1_700_000_000 + seconds);
const many = (count: number, make: (n: number) => Document) =>
  Array.from({ length: count }, (_, n) => ({ _id: oid(n), ...make(n) }));
// Not in step with time, and without a generator: 7 and 1000 have no common divisor.
const scrambled = (n: number) => (n * 7_919) % 1_000;

describe("measureKey", () => {
  test.each<[what: string, fields: string[], sample: Document[], expected: object]>([
    ["nothing", ["a"], [], { sampled: 0, distinct: 0, mostCommonShare: 0, monotonicity: null }],
    ["a rising number", ["a"], many(100, (n) => ({ a: n })), { distinct: 100, monotonicity: 1 }],
    ["a falling date", ["a"], many(100, (n) => ({ a: new Date(-n) })), { monotonicity: -1 }],
    ["one value", ["a"], many(100, () => ({ a: 1 })), { distinct: 1, mostCommonShare: 1, monotonicity: 0 }],
    ["_id itself", ["_id"], many(100, () => ({})), { distinct: 100, monotonicity: 1 }],
    ["a missing field", ["a"], many(4, (n) => (n ? { a: n } : {})), { missingShare: 0.25, distinct: 4 }],
    ["a field in an array", ["a.b"], [{ a: [{ b: 1 }] }], { arrays: true }],
    ["a nested field", ["a.b"], [{ a: { b: 1 } }, { a: { b: 1 } }], { distinct: 1, arrays: false }],
    ["few documents", ["a"], many(19, (n) => ({ a: n })), { monotonicity: null }],
    ["other ids", ["a"], Array.from({ length: 50 }, (_, n) => ({ _id: n, a: n })), { monotonicity: null }],
    ["text and numbers", ["a"], [{ a: "1" }, { a: 1 }, { a: true }], { distinct: 3 }],
  ])("%s", (_what, fields, sample, expected) => {
    expect(measureKey(fields, sample)).toMatchObject(expected);
  });

  test("a key that only begins with what rises is as monotonic as it sorts", () => {
    const sample = many(1_000, (n) => ({ tenant: scrambled(n) % 20, at: n }));
    expect(Math.abs(measureKey(["tenant", "at"], sample).monotonicity ?? 1)).toBeLessThan(0.2);
    expect(measureKey(["at", "tenant"], sample).monotonicity).toBe(1);
  });
});

const input = (given: Partial<ShardPlanInput>): ShardPlanInput => ({
  database: "shop",
  collection: "things",
  documents: 1_000,
  dataBytes: 200 * 2 ** 30,
  collated: false,
  indexes: [],
  arrays: [],
  queries: [],
  sample: many(1_000, (n) => ({ user: scrambled(n), kind: n % 3, at: n })),
  worthwhileBytes: 100 * 2 ** 30,
  ...given,
});
const text = (key: readonly IndexKey[] | undefined) =>
  key?.map(({ field, kind }) => `${field}:${kind}`).join(" ");
const ofUser = { name: "ofUser", collection: "things", filter: { user: 1 } };
const ofKind = { name: "ofKind", collection: "things", filter: { kind: 1 } };
const unique = (key: Document, name: string) => canonicalIndex("things", key, { name, unique: true });

test("a collection that wants a shard key, or a better one, is a finding like any other", () => {
  const due = planSharding(input({ queries: [ofUser] }));
  const poor = planSharding(input({ queries: [ofUser], current: [{ field: "at", kind: 1 }] }));
  const later = planSharding(input({ queries: [ofUser], dataBytes: 1 }));
  const findings = shardFindings([due, poor, later]);
  expect(findings).toMatchObject([
    { code: "SHARD_KEY_WANTED", severity: "warning", subject: "things", command: due.commands.join("\n") },
    {
      code: "SHARD_KEY_POOR",
      evidence: expect.stringMatching(/^best shard key \{ user: .* instead of \{ at: 1 \} with \d+ points$/),
    },
  ]);
  for (const finding of findings) expect(findingSchema.parse(finding)).toEqual(finding);
});

describe("planSharding", () => {
  test("the field that every query asks for, if its values spread", () => {
    const plan = planSharding(input({ queries: [ofUser] }));
    expect(plan.verdict).toBe("shard");
    expect(text(plan.candidates[0]?.key)).toBe("user:1");
    expect(plan.candidates[0]).toMatchObject({ points: 100, problems: [] });
    expect(plan.commands).toEqual([
      "db.things.createIndex({ user: 1 })",
      expect.stringContaining('analyzeShardKey: "shop.things"'),
      'sh.shardCollection("shop.things", { user: 1 })',
    ]);
  });

  test("a key that a write does not name is weighed down, and the write is named", () => {
    const queries = [ofUser, { ...ofKind, name: "closeOne", write: "findAndModify" as const, rare: true }];
    const { candidates, notes } = planSharding(input({ queries, declared: [{ field: "user", kind: 1 }] }));
    const byUser = candidates.find(({ key }) => text(key) === "user:1");
    expect(byUser).toMatchObject({
      points: 60,
      problems: ["refuses_writes"],
      targets: [
        { query: "ofUser", target: "one_shard" },
        { query: "closeOne", target: "all_shards", refused: true },
      ],
    });
    expect(byUser?.targets[0]).not.toHaveProperty("refused");
    expect(notes).toContain(
      "MongoDB before 7.1 refuses closeOne, and later asks every shard first: compare the shard key for equality",
    );
  });

  test("few values are no key, even if all queries ask for them", () => {
    const plan = planSharding(input({ queries: [ofKind] }));
    const kind = plan.candidates.find(({ key }) => text(key) === "kind:1");
    expect(kind?.problems).toEqual(["low_cardinality", "frequent_value"]);
    expect(text(plan.candidates[0]?.key)).toBe("kind:1 _id:1");
  });

  test("what rises with time is hashed instead", () => {
    const plan = planSharding(input({ queries: [{ name: "at", collection: "things", filter: { at: 5 } }] }));
    expect(plan.candidates.find(({ key }) => text(key) === "at:1")?.problems).toContain("monotonic");
    expect(text(plan.candidates[0]?.key)).toBe("at:hashed");
  });

  test("a unique index that the key forbids is named, and weighs more than a scattered query", () => {
    const plan = planSharding(input({ queries: [ofUser], indexes: [unique({ at: 1, user: 1 }, "once")] }));
    expect(plan.candidates.find(({ key }) => text(key) === "user:1")?.forbids).toEqual(["once"]);
    // Hashed, it does not rise with time, and forbids no more.
    expect(text(plan.candidates[0]?.key)).toBe("at:hashed");
    expect(plan.notes).toContain("every shard would be asked by ofUser");
    expect(plan.commands.at(-1)).toBe('sh.shardCollection("shop.things", { at: "hashed" })');
  });

  // By names alone: isIndexUniquenessCompatible in mongodb/mongo, src/mongo/s/shard_key_pattern.cpp.
  test("a unique index that begins with the fields of the key stays, hashed or not", () => {
    const indexes = [unique({ user: 1, kind: 1 }, "once")];
    const { candidates } = planSharding(input({ queries: [ofUser], indexes }));
    const forbids = (key: string) => candidates.find((candidate) => text(candidate.key) === key)?.forbids;
    expect([forbids("user:1"), forbids("user:hashed"), forbids("_id:1")]).toEqual([[], [], ["once"]]);
  });

  test("what has outgrown a shard and would lose a unique index either way is told so", () => {
    const indexes = [unique({ at: 1 }, "one"), unique({ kind: 1 }, "two")];
    expect(planSharding(input({ indexes })).reason).toContain("each key costs a unique index");
  });

  test("what is weighed at any size has outgrown nothing", () => {
    const reasons = [0, 1].map((worthwhileBytes) => {
      const { verdict, reason } = planSharding(
        input({ queries: [ofUser], dataBytes: 59_000, worthwhileBytes }),
      );
      return [verdict, reason];
    });
    expect(reasons).toEqual([
      ["shard", "its best key, whatever the collection's size"],
      ["shard", "it has outgrown one shard"],
    ]);
  });

  test.each<[what: string, given: Partial<ShardPlanInput>, verdict: string, commands: number]>([
    ["a small collection", { dataBytes: 1, queries: [ofUser] }, "later", 3],
    ["a view", { unfit: "it is a view" }, "cannot", 0],
    ["sharded well", { current: [{ field: "user", kind: 1 }], queries: [ofUser] }, "keep", 0],
    ["sharded badly", { current: [{ field: "kind", kind: 1 }], queries: [ofUser] }, "reshard", 2],
    ["empty", { sample: [], documents: 0, dataBytes: 0, queries: [ofUser] }, "later", 3],
  ])("%s", (_what, given, verdict, commands) => {
    const plan = planSharding(input(given));
    expect([plan.verdict, plan.commands.length]).toEqual([verdict, commands]);
  });

  test("an index of another collation does not carry the key", () => {
    const indexes = [canonicalIndex("things", { user: 1 }, { collation: { locale: "en" } })];
    const plan = planSharding(input({ queries: [ofUser], indexes, collated: true }));
    const options = '{ name: "user_1_shard_key", collation: { locale: "simple" } }';
    expect(plan.commands[0]).toBe(`db.things.createIndex({ user: 1 }, ${options})`);
    expect(plan.commands.at(-1)).toContain('{ user: 1 }, false, { collation: { locale: "simple" } })');
    const bytewise = [canonicalIndex("things", { user: 1 }, {})];
    expect(planSharding(input({ queries: [ofUser], indexes: bytewise })).commands).toHaveLength(2);
  });

  test("in a collated collection text asks every shard, and _id is a key by hash only", () => {
    const byName = { name: "byName", collection: "things", filter: { name: "x" } };
    const sample = many(200, (n) => ({ name: `n${scrambled(n)}` }));
    const of = (collated: boolean) => {
      const { candidates } = planSharding(input({ queries: [byName], sample, collated }));
      const target = candidates.find(({ key }) => text(key) === "name:1")?.targets[0]?.target;
      return [target, candidates.filter(({ key }) => /^_id:(1|hashed)$/.test(text(key) ?? "")).length];
    };
    expect([of(false), of(true)]).toEqual([
      ["one_shard", 2],
      ["all_shards", 1],
    ]);
  });

  test("a unique index with a collation is lost by every key, and the plan says what to do instead", () => {
    const options = { name: "once", unique: true, collation: { locale: "en", strength: 2 } };
    const indexes = [canonicalIndex("things", { user: 1 }, options)];
    const { candidates, notes } = planSharding(input({ queries: [ofUser], indexes }));
    expect(candidates.every(({ forbids }) => forbids.includes("once"))).toBe(true);
    expect(notes).toContain(
      "once cannot stay unique: it has a collation; store the text in one form and compare its bytes",
    );
  });

  test.each<[key: IndexKey[], isUnique: boolean]>([
    [[{ field: "_id", kind: "hashed" }], true],
    [
      [
        { field: "_id", kind: 1 },
        { field: "user", kind: 1 },
      ],
      false,
    ],
  ])("by %j _id stays unique across shards: %j", (declared, isUnique) => {
    const { notes } = planSharding(input({ declared, sample: [] }));
    expect(notes.some((note) => note.startsWith("_id is then unique within a shard only"))).toBe(!isUnique);
  });

  test("a field that lies in arrays is left out", () => {
    const sample = many(50, (n) => ({ user: [n] }));
    const { candidates } = planSharding(input({ sample, queries: [ofUser] }));
    const declared = planSharding(input({ sample: [], queries: [ofUser], arrays: ["user"] }));
    expect(declared.candidates.map(({ key }) => text(key))).toEqual(["_id:1", "_id:hashed"]);
    expect(candidates.map(({ key }) => text(key))).toEqual(["_id:hashed", "_id:1"]);
  });
});
