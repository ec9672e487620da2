// Weighs a shard key.
import type { NamedQuery } from "../core/named-query.js";
import { type IndexKey, type IndexSpec, isByBytes } from "../indexes/spec.js";
import type { KeyMeasure } from "./measure.js";
import { type Target, targetOf } from "./targeting.js";
import { isRefused } from "./writes.js";

/** A problem of a shard key, by code. */
export type ShardKeyProblem =
  | "forbids_unique"
  | "array"
  | "low_cardinality"
  | "frequent_value"
  | "monotonic"
  | "missing_values"
  | "scatters"
  | "refuses_writes";

/** Where one named query would go. */
export interface QueryTarget {
  readonly query: string;
  readonly target: Target;
  /** True for a write that has to name its shard and does not: MongoDB refuses it before 7.1. */
  readonly refused?: true;
}

/** A shard key, weighed. */
export interface ShardKeyCandidate {
  readonly key: readonly IndexKey[];
  /** 0 to 100: 100 less {@link shardKeyCosts} of each problem. */
  readonly points: number;
  readonly problems: readonly ShardKeyProblem[];
  readonly measure: KeyMeasure;
  readonly targets: readonly QueryTarget[];
  /** Unique indexes that could not stay unique. */
  readonly forbids: readonly string[];
}

/**
 * Points that each problem subtracts from the 100 of a shard key; `scatters` by the share of named queries, the rare
 * ones apart, that would ask every shard.
 */
export const shardKeyCosts: Readonly<Record<ShardKeyProblem, number>> = {
  array: 100,
  forbids_unique: 70,
  scatters: 40,
  refuses_writes: 40,
  low_cardinality: 30,
  monotonic: 25,
  frequent_value: 20,
  missing_values: 5,
};

/** Limits of the judgement; of MongoDB's own only the correlation, that of its analyzeShardKey. */
const fewestValues = 100;
const commonShare = 0.1;
const monotonicFrom = 0.7;

/**
 * Weighs a key. Pure.
 *
 * @param collated - whether the collection compares text otherwise than by bytes unless told to.
 */
export function judgeShardKey(
  key: readonly IndexKey[],
  measure: KeyMeasure,
  queries: readonly NamedQuery[],
  indexes: readonly IndexSpec[],
  collated: boolean,
): ShardKeyCandidate {
  const targets = queries.map((query) => ({
    query: query.name,
    target: targetOf(query, key, collated),
    ...(isRefused(query, key, collated) && { refused: true as const }),
  }));
  const hot = queries.filter(({ rare }) => !rare);
  const forbids = forbiddenUnique(key, indexes, collated);
  const scattered = hot.filter((query) => targetOf(query, key, collated) === "all_shards").length;
  const problems: ShardKeyProblem[] = [
    ...(measure.arrays ? (["array"] as const) : []),
    ...(forbids.length > 0 ? (["forbids_unique"] as const) : []),
    ...(scattered > 0 ? (["scatters"] as const) : []),
    ...(targets.some(({ refused }) => refused) ? (["refuses_writes"] as const) : []),
    ...problemsOfValues(key, measure),
  ];
  const cost = problems.reduce((sum, problem) => {
    const share = problem === "scatters" ? scattered / hot.length : 1;
    return sum + shardKeyCosts[problem] * share;
  }, 0);
  return { key, points: Math.max(0, Math.round(100 - cost)), problems, measure, targets, forbids };
}

function problemsOfValues(key: readonly IndexKey[], measure: KeyMeasure): ShardKeyProblem[] {
  const { sampled, distinct, mostCommonShare, missingShare, monotonicity } = measure;
  if (sampled === 0) return [];
  const hashed = key.some(({ kind }) => kind === "hashed");
  return [
    // A chunk cannot be split within one value, so the number of values bounds the number of chunks.
    ...(distinct < fewestValues && distinct < sampled / 2 ? (["low_cardinality"] as const) : []),
    ...(distinct > 1 && mostCommonShare > commonShare && sampled >= fewestValues
      ? (["frequent_value"] as const)
      : []),
    ...(!hashed && Math.abs(monotonicity ?? 0) >= monotonicFrom ? (["monotonic"] as const) : []),
    ...(missingShare > 0 ? (["missing_values"] as const) : []),
  ];
}

/**
 * Unique indexes that the key forbids: all but those that begin with `_id`, or with the fields of the key by their names,
 * hashed or not (`isIndexUniquenessCompatible` in
 * https://github.com/mongodb/mongo/blob/master/src/mongo/s/shard_key_pattern.cpp); and each that compares text by a
 * collation, as what it takes for equal may lie on two shards.
 */
function forbiddenUnique(
  key: readonly IndexKey[],
  indexes: readonly IndexSpec[],
  collated: boolean,
): string[] {
  const begins = ({ keys }: IndexSpec) =>
    keys[0]?.field === "_id" || key.every(({ field }, at) => keys[at]?.field === field);
  return indexes
    .filter((index) => index.unique && !(begins(index) && isByBytes(index, collated)))
    .map(({ name }) => name);
}

/** The better first; of equals the one that forbids less, then of fewer fields, then a ranged before a hashed one. Pure. */
export function byPoints(a: ShardKeyCandidate, b: ShardKeyCandidate): number {
  const forbidden = a.forbids.length - b.forbids.length;
  return b.points - a.points || forbidden || a.key.length - b.key.length || hashes(a) - hashes(b);
}

function hashes({ key }: ShardKeyCandidate): number {
  return key.filter(({ kind }) => kind === "hashed").length;
}
