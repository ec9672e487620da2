// Makes as few indexes as possible of those that queries want.
import { collationText, type IndexKey, keysText } from "../indexes/spec.js";
import { type Candidate, candidate, servesAs } from "./candidates.js";

/** A candidate that serves queries. */
export interface Serving extends Candidate {
  /** Names of the queries. */
  readonly queries: readonly string[];
}

/** Result of consolidating a set of candidates. */
export interface Consolidated {
  readonly kept: readonly Serving[];
  /** Candidates that another one does the work of. */
  readonly merged: readonly { readonly candidate: Serving; readonly into: Serving }[];
}

/**
 * Makes as few indexes as possible of those that the queries want, each for itself. Pure. Keys compared for equality
 * may stand in any order, so a longer candidate is turned to begin with a shorter one where it can.
 */
export function consolidate(candidates: readonly Serving[]): Consolidated {
  const turned = candidates.map((serving) => turnedFor(serving, candidates));
  const kept: Serving[] = [];
  const merged: { candidate: Serving; into: Serving }[] = [];
  for (const serving of [...turned].sort(longestFirst)) {
    const at = kept.findIndex(({ index }) => servesAs(index, serving.index));
    const into = kept[at];
    if (!into) {
      kept.push(serving);
      continue;
    }
    const queries = [...new Set([...into.queries, ...serving.queries])];
    kept[at] = { ...into, queries };
    if (keysText(into.index) !== keysText(serving.index)) merged.push({ candidate: serving, into: kept[at] });
  }
  return { kept, merged };
}

function longestFirst(a: Serving, b: Serving): number {
  return b.index.keys.length - a.index.keys.length || (a.index.name < b.index.name ? -1 : 1);
}

// The shortest first: its fields come first, those of the next behind them, as far as each contains the one before.
function turnedFor(serving: Serving, all: readonly Serving[]): Serving {
  const leading = serving.index.keys.slice(0, serving.equality);
  const fields = new Set(leading.map(({ field }) => field));
  let order: IndexKey[] = [];
  const shorter = all
    .filter((other) => other.index.keys.length <= serving.index.keys.length && isAllEquality(other))
    .filter((other) => sameBasis(other, serving) && other.index.keys.every(({ field }) => fields.has(field)))
    .sort((a, b) => a.index.keys.length - b.index.keys.length || (a.index.name < b.index.name ? -1 : 1));
  for (const { index } of shorter) {
    const named = new Set(index.keys.map(({ field }) => field));
    if (order.every(({ field }) => named.has(field))) order = append(order, index.keys);
  }
  const keys = [...append(order, leading), ...serving.index.keys.slice(serving.equality)];
  const { collection, collation = null } = serving.index;
  return { ...serving, ...candidate(collection, keys, serving.equality, collation) };
}

function isAllEquality({ index, equality }: Candidate): boolean {
  return equality === index.keys.length;
}

function sameBasis(a: Serving, b: Serving): boolean {
  return a.index.collection === b.index.collection && collationText(a.index) === collationText(b.index);
}

function append(order: readonly IndexKey[], keys: readonly IndexKey[]): IndexKey[] {
  const known = new Set(order.map(({ field }) => field));
  return [...order, ...keys.filter(({ field }) => !known.has(field))];
}
