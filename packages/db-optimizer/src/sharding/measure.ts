// Measures a shard key on a sample.
import { createHash } from "node:crypto";

import type { Document } from "../core/model.js";

/** Figures of a shard key from a sample. No value of a document is kept. */
export interface KeyMeasure {
  readonly sampled: number;
  /** Different values, or combinations of values, in the sample. */
  readonly distinct: number;
  /** Share of the sample that has the most common value, 0 to 1. */
  readonly mostCommonShare: number;
  /** Share of the sample in which a field of the key is missing or null, 0 to 1. */
  readonly missingShare: number;
  /**
   * Rank correlation (Spearman's rho) between the key and the moment of insertion, -1 to 1; `null` where no `_id` tells
   * that moment. Near 1 or -1 all new documents go to one shard.
   */
  readonly monotonicity: number | null;
  /** Whether a field of the key is, or lies in, an array: such a key cannot be sharded by. */
  readonly arrays: boolean;
}

type Scalar = readonly [type: number, value: number | string];

const fewestForRanks = 20;

/** Measures a key of these fields on sampled documents. Pure. */
export function measureKey(fields: readonly string[], sample: readonly Document[]): KeyMeasure {
  const values = sample.map((document) => fields.map((field) => valueAt(document, field.split("."))));
  const keys = values.map((tuple) => tuple.map(scalarOf));
  const counts = new Map<string, number>();
  for (const key of keys) {
    const text = JSON.stringify(key);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const of = Math.max(sample.length, 1);
  return {
    sampled: sample.length,
    distinct: counts.size,
    mostCommonShare: Math.max(0, ...counts.values()) / of,
    missingShare:
      values.filter((tuple) => tuple.some((value) => value === undefined || value === null)).length / of,
    monotonicity: monotonicityOf(keys, sample),
    arrays: values.some((tuple) => tuple.some((value) => value === inArray || Array.isArray(value))),
  };
}

const inArray = Symbol("in an array");

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const step of path) {
    if (Array.isArray(value)) return inArray;
    if (value === null || typeof value !== "object") return undefined;
    value = (value as Document)[step];
  }
  return value;
}

// In the order in which MongoDB sorts types: https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
function scalarOf(value: unknown): Scalar {
  if (value === undefined || value === null) return [0, 0];
  if (typeof value === "number" || typeof value === "bigint") return [1, Number(value)];
  if (typeof value === "string") return [2, value];
  if (typeof value === "boolean") return [6, Number(value)];
  if (value instanceof Date) return [7, value.getTime()];
  if (bsonTypeOf(value) === "ObjectId") return [5, String(value)];
  // Anything else counts by its content alone; a hash, for what is compared must not be printed by mistake.
  return [
    3,
    createHash("sha256")
      .update(String(JSON.stringify(value)))
      .digest("hex"),
  ];
}

function bsonTypeOf(value: unknown): unknown {
  return (value as { _bsontype?: unknown } | null)?._bsontype;
}

function monotonicityOf(keys: readonly (readonly Scalar[])[], sample: readonly Document[]): number | null {
  if (sample.length < fewestForRanks) return null;
  if (!sample.every(({ _id }) => bsonTypeOf(_id) === "ObjectId")) return null;
  const ids = sample.map(({ _id }) => [scalarOf(_id)]);
  return correlation(ranksOf(keys), ranksOf(ids));
}

// Equal keys share the mean of their ranks.
function ranksOf(keys: readonly (readonly Scalar[])[]): number[] {
  const order = keys.map((_, at) => at).sort((a, b) => compare(keys[a] ?? [], keys[b] ?? []));
  const ranks: number[] = new Array(keys.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && compare(keys[order[from] ?? 0] ?? [], keys[order[to] ?? 0] ?? []) === 0)
      to += 1;
    for (let at = from; at < to; at++) ranks[order[at] ?? 0] = (from + to - 1) / 2;
    from = to;
  }
  return ranks;
}

function compare(a: readonly Scalar[], b: readonly Scalar[]): number {
  for (const [at, [type, value]] of a.entries()) {
    const [otherType, other] = b[at] ?? [0, 0];
    if (type !== otherType) return type - otherType;
    if (value !== other) return value < other ? -1 : 1;
  }
  return 0;
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (a.length - 1) / 2;
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (const [at, rank] of a.entries()) {
    const [x, y] = [rank - mean, (b[at] ?? 0) - mean];
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  // One value only: it neither rises nor falls.
  return squaresA === 0 || squaresB === 0 ? 0 : product / Math.sqrt(squaresA * squaresB);
}
