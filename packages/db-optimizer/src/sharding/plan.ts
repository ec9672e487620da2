// Plans the sharding of one collection.

import type { Document } from "../core/model.js";
import type { NamedQuery } from "../core/named-query.js";
import { isWithin } from "../core/paths.js";
import { collectionText, shellText } from "../indexes/command.js";
import { type IndexKey, type IndexSpec, isByBytes, keysText } from "../indexes/spec.js";
import { shardKeyCandidates } from "./candidates.js";
import { byPoints, judgeShardKey, type ShardKeyCandidate } from "./judge.js";
import { measureKey } from "./measure.js";

/** Input of a shard plan, for one collection. */
export interface ShardPlanInput {
  readonly database: string;
  readonly collection: string;
  readonly documents: number;
  readonly dataBytes: number;
  /** Why it cannot be sharded at all: a view, a capped collection. */
  readonly unfit?: string;
  /** Whether it compares text otherwise than by bytes unless told to. */
  readonly collated: boolean;
  readonly indexes: readonly IndexSpec[];
  /** Paths that are arrays by the models, whatever a sample shows: no key may lie in one. */
  readonly arrays: readonly string[];
  /** Of this collection. */
  readonly queries: readonly NamedQuery[];
  readonly sample: readonly Document[];
  /** By which it is sharded now. */
  readonly current?: readonly IndexKey[];
  /** That the model declares: as long as no other is much better, it is the one. */
  readonly declared?: readonly IndexKey[];
  /** Data from which sharding is worth its cost, bytes. */
  readonly worthwhileBytes: number;
}

/** Whether to shard, by what, and how. */
export interface CollectionShardPlan {
  readonly collection: string;
  readonly documents: number;
  readonly dataBytes: number;
  /** `shard`: it pays now. `later`: the key to choose when it grows. `keep`: sharded well enough. `cannot`. */
  readonly verdict: "shard" | "reshard" | "keep" | "later" | "cannot";
  readonly reason: string;
  /** The best first, or the declared one; the key in use is among them. */
  readonly candidates: readonly ShardKeyCandidate[];
  readonly current?: ShardKeyCandidate;
  /** For mongosh, in this order; of the best candidate. */
  readonly commands: readonly string[];
  readonly notes: readonly string[];
}

/** Resharding rewrites the collection: it has to gain this many points. */
const worthResharding = 20;

/** Weighs the shard keys of one collection. Pure. */
export function planSharding(input: ShardPlanInput): CollectionShardPlan {
  const { collection, documents, dataBytes } = input;
  const base = { collection, documents, dataBytes };
  if (input.unfit) {
    return { ...base, verdict: "cannot", reason: input.unfit, candidates: [], commands: [], notes: [] };
  }
  const keys = shardKeyCandidates(input.queries, input.indexes);
  const all = [input.current, input.declared, ...keys].filter((key) => key !== undefined);
  const distinct = [...new Map(all.map((key) => [keysText({ keys: key }), key])).values()];
  const candidates = distinct
    // The index on _id has the collation of its collection, and a shard key's index has none.
    .filter((key) => !(input.collated && isIdAlone(key)))
    .map((key) =>
      judgeShardKey(
        key,
        measureKey(fieldsOf(key), input.sample),
        input.queries,
        input.indexes,
        input.collated,
      ),
    )
    .filter(({ key, problems }) => !problems.includes("array") && !liesIn(key, input.arrays))
    .sort(byPoints);
  preferDeclared(candidates, input.declared);
  const current = candidates.find(({ key }) => isSame(key, input.current));
  const { verdict, reason } = verdictOf(input, candidates[0], current);
  const [best] = candidates;
  const commands =
    best && (verdict === "shard" || verdict === "reshard" || verdict === "later")
      ? commandsFor(input, best, verdict)
      : [];
  return {
    ...base,
    verdict,
    reason,
    candidates,
    ...(current && { current }),
    commands,
    notes: best && commands.length > 0 ? notesOn(input, best) : [],
  };
}

/** Puts the key that the model declares first, unless another gains as much as resharding has to. */
function preferDeclared(candidates: ShardKeyCandidate[], declared: readonly IndexKey[] | undefined): void {
  const at = candidates.findIndex(({ key }) => isSame(key, declared));
  const [best, own] = [candidates[0], candidates[at]];
  if (!best || !own || best.points - own.points >= worthResharding) return;
  candidates.splice(at, 1);
  candidates.unshift(own);
}

function fieldsOf(key: readonly IndexKey[]): string[] {
  return key.map(({ field }) => field);
}

function liesIn(key: readonly IndexKey[], arrays: readonly string[]): boolean {
  return key.some(({ field }) => arrays.some((path) => isWithin(field, path)));
}

function isSame(key: readonly IndexKey[], other: readonly IndexKey[] | undefined): boolean {
  return other !== undefined && keysText({ keys: key }) === keysText({ keys: other });
}

function verdictOf(
  { dataBytes, worthwhileBytes, current: key }: ShardPlanInput,
  best: ShardKeyCandidate | undefined,
  current: ShardKeyCandidate | undefined,
): Pick<CollectionShardPlan, "verdict" | "reason"> {
  if (!best) return { verdict: "cannot", reason: "every key that was weighed lies in arrays" };
  if (key) {
    const gain = best.points - (current?.points ?? 0);
    return gain >= worthResharding
      ? { verdict: "reshard", reason: `another key gains ${gain} points` }
      : { verdict: "keep", reason: "no other key is much better than the one in use" };
  }
  if (dataBytes < worthwhileBytes) {
    return {
      verdict: "later",
      reason: `one shard holds so much data easily; sharding costs more than it brings`,
    };
  }
  const lost = best.forbids.length > 0 ? ", but each key costs a unique index" : "";
  const why =
    worthwhileBytes > 0 ? "it has outgrown one shard" : "its best key, whatever the collection's size";
  return { verdict: "shard", reason: `${why}${lost}` };
}

function commandsFor(
  { database, collection, collated, indexes }: ShardPlanInput,
  { key }: ShardKeyCandidate,
  verdict: CollectionShardPlan["verdict"],
): string[] {
  const namespace = JSON.stringify(`${database}.${collection}`);
  const pattern = shellText(patternOf(key));
  const simple = collated ? `, { collation: { locale: "simple" } }` : "";
  const analyse = `db.adminCommand({ analyzeShardKey: ${namespace}, key: ${pattern} }) // MongoDB 7.0 or later, to be sure`;
  if (verdict === "reshard") return [analyse, `sh.reshardCollection(${namespace}, ${pattern}${simple})`];
  const isUnique = indexes.some(
    (index) => index.unique && supports(index, key, collated) && index.keys.length === key.length,
  );
  const rest = simple ? `, ${isUnique}${simple}` : isUnique ? ", true" : "";
  return [
    ...indexCommands(collection, key, collated, indexes),
    analyse,
    `sh.shardCollection(${namespace}, ${pattern}${rest})`,
  ];
}

/** What brings an index that supports the key, where none does. */
function indexCommands(
  collection: string,
  key: readonly IndexKey[],
  collated: boolean,
  indexes: readonly IndexSpec[],
): string[] {
  if (isIdAlone(key) || indexes.some((index) => supports(index, key, collated))) return [];
  const of = collectionText(collection);
  const hidden = indexes.find(
    (index) => index.hidden && supports({ ...index, hidden: false }, key, collated),
  );
  if (hidden) return [`${of}.unhideIndex(${JSON.stringify(hidden.name)})`];
  // Beside a sparse one, for instance, which has the name that the server would give.
  const usual = key.map(({ field, kind }) => `${field}_${kind}`).join("_");
  const taken = indexes.some(({ name }) => name === usual);
  const options = {
    ...(taken && { name: `${usual}_shard_key` }),
    ...(collated && { collation: { locale: "simple" } }),
  };
  const rest = Object.keys(options).length > 0 ? `, ${shellText(options)}` : "";
  return [`${of}.createIndex(${shellText(patternOf(key))}${rest})`];
}

function patternOf(key: readonly IndexKey[]): Document {
  return Object.fromEntries(key.map(({ field, kind }) => [field, kind]));
}

function isIdAlone(key: readonly IndexKey[]): boolean {
  return key.length === 1 && key[0]?.field === "_id" && key[0].kind === 1;
}

// An index that leaves documents out, or compares otherwise than by bytes, cannot hold a shard key.
function supports(index: IndexSpec, key: readonly IndexKey[], collated: boolean): boolean {
  const byBytes = isByBytes(index, collated);
  const whole = !index.sparse && !index.hidden && !index.partialFilterExpression && byBytes;
  return (
    whole &&
    key.every(({ field, kind }, at) => index.keys[at]?.field === field && index.keys[at]?.kind === kind)
  );
}

function notesOn({ collated, indexes, sample }: ShardPlanInput, best: ShardKeyCandidate): string[] {
  const { key, forbids, measure, targets } = best;
  const scattering = targets.filter(({ target }) => target === "all_shards").map(({ query }) => query);
  const refused = targets.filter((one) => one.refused).map(({ query }) => query);
  const byBytes = new Set(indexes.filter((index) => isByBytes(index, collated)).map(({ name }) => name));
  return [
    ...forbids.map((name) =>
      byBytes.has(name)
        ? `${name} cannot stay unique: begin it with the shard key, or enforce it elsewhere`
        : `${name} cannot stay unique: it has a collation; store the text in one form and compare its bytes`,
    ),
    ...(scattering.length > 0 ? [`every shard would be asked by ${scattering.join(", ")}`] : []),
    ...(refused.length > 0
      ? [
          `MongoDB before 7.1 refuses ${refused.join(", ")}, and later asks every shard first: compare the shard key for equality`,
        ]
      : []),
    // Nor is it as the first of several: the others then tell where a document lies.
    ...(key.length === 1 && key[0]?.field === "_id"
      ? []
      : ["_id is then unique within a shard only: let the driver make it"]),
    ...(collated ? ["a shard key compares text by bytes, whatever the collection's collation"] : []),
    ...(sample.length === 0 ? ["there is no document to measure a key on"] : []),
    ...(sample.length > 0 && measure.monotonicity === null
      ? ["whether the key rises with time is unknown: _id tells no time, or the sample is too small"]
      : []),
  ];
}
