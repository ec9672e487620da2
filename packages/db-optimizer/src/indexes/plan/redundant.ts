// Indexes that others cover.
import type { Reading } from "../../core/server/figure.js";
import type { ActualCollection, ActualIndex } from "../inspect.js";
import type { ShardKeys } from "../shard-keys.js";
import { collationText, filterText, type IndexKey, isOrdered, keysText, optionTexts } from "../spec.js";

/** An index that another one makes superfluous. */
export interface RedundantIndex {
  readonly index: ActualIndex;
  /** Serves all that `index` serves. Not itself recommended for removal. */
  readonly coveredBy: ActualIndex;
  /** `mirror`: the same fields, each in the opposite direction, which reads the same order backwards. */
  readonly why: "prefix" | "duplicate" | "mirror";
}

/**
 * Indexes of one collection that others make superfluous. Pure. Says nothing about unique, TTL, hashed, text, geo or
 * wildcard indexes, nor about one that is the shard key.
 *
 * @param shardKey keys of the collection's shard key, if it has one
 */
export function redundantIndexes(
  indexes: readonly ActualIndex[],
  shardKey: readonly IndexKey[] = [],
): RedundantIndex[] {
  const removable = new Set<ActualIndex>();
  const found: RedundantIndex[] = [];
  const shard = shardKey.length > 0 ? keysText({ keys: shardKey }) : undefined;
  for (const index of [...indexes].sort(longestFirst)) {
    if (keysText(index) === shard || index.serverMade) continue;
    const covers = indexes.filter(
      (other) => other !== index && !removable.has(other) && isCovered(index, other),
    );
    const coveredBy = covers.find((other) => keysText(other) === keysText(index)) ?? covers[0];
    if (!coveredBy) continue;
    removable.add(index);
    found.push({ index, coveredBy, why: whyCovered(index, coveredBy) });
  }
  return found.sort((a, b) => indexes.indexOf(a.index) - indexes.indexOf(b.index));
}

/** Redundant indexes of all collections. */
export interface Redundancy {
  readonly redundant: readonly RedundantIndex[];
  /** Why the shard keys could not be read: any index may be needed by one, so none is called redundant. */
  readonly shardKeysUnread?: string;
}

/** {@link redundantIndexes} of several collections. Pure. */
export function redundancyOf(
  collections: readonly Pick<ActualCollection, "collection" | "indexes">[],
  shardKeys: Reading<ShardKeys>,
): Redundancy {
  if (shardKeys.state === "absent")
    return { redundant: [], shardKeysUnread: "the server does not tell them" };
  if (shardKeys.state !== "known") return { redundant: [], shardKeysUnread: shardKeys.reason };
  const redundant = collections.flatMap(({ collection, indexes }) =>
    redundantIndexes(indexes, shardKeys.value.get(collection)),
  );
  return { redundant };
}

function isCovered(index: ActualIndex, by: ActualIndex): boolean {
  return (
    isPlain(index) && isOrdered(by) && isUsable(by) && begins(index.keys, by.keys) && sameCoverage(index, by)
  );
}

function whyCovered(index: ActualIndex, by: ActualIndex): RedundantIndex["why"] {
  if (keysText(index) === keysText(by)) return "duplicate";
  return index.keys.length === by.keys.length ? "mirror" : "prefix";
}

// Longer indexes first, so that no index counts as covered by one that is itself dropped. Among equals the higher name
// is dropped before the lower.
function longestFirst(a: ActualIndex, b: ActualIndex): number {
  return b.keys.length - a.keys.length || Number(a.unique) - Number(b.unique) || (a.name < b.name ? 1 : -1);
}

function isPlain(index: ActualIndex): boolean {
  return isOrdered(index) && !index.unique && !index.prepareUnique && index.expireAfterSeconds === undefined;
}

function isUsable({ hidden, building }: ActualIndex): boolean {
  return !hidden && !building;
}

function sameCoverage(a: ActualIndex, b: ActualIndex): boolean {
  const sparse = (index: ActualIndex) => optionTexts(index).sparse;
  return sparse(a) === sparse(b) && filterText(a) === filterText(b) && collationText(a) === collationText(b);
}

function begins(short: readonly IndexKey[], long: readonly IndexKey[]): boolean {
  const pairs = short.map((key, position) => [key, long[position]] as const);
  if (!pairs.every(([a, b]) => a.field === b?.field)) return false;
  const same = pairs.filter(([a, b]) => a.kind === b?.kind).length;
  // A whole index can be read backwards, so all directions may be opposite; a mixture may not.
  return same === pairs.length || same === 0;
}
