// Indexes that may serve a query.
import type { Document } from "../core/model.js";
import type { Collation } from "../indexes/collation.js";
import {
  canonicalIndex,
  collationText,
  type IndexKey,
  type IndexSpec,
  isOrdered,
  keysText,
} from "../indexes/spec.js";
import { fieldsOf, filterOf, type QueryShape } from "../queries/shape.js";

/** An index that may serve a query. */
export interface Candidate {
  readonly index: IndexSpec;
  /** How many of its leading keys are compared for equality: their order among each other is free. */
  readonly equality: number;
}

/** Fields of a query in the roles that they have for an index. */
export interface QueryFields {
  readonly equality: readonly string[];
  readonly sort: Readonly<Record<string, 1 | -1>>;
  readonly range: readonly string[];
}

// Beyond these a further key narrows what is hardly left.
const mostEquality = 4;
const mostRange = 2;
/** A key list longer than this is refused by the rules of index advice everywhere; MongoDB's limit is 32. */
const mostKeys = 16;

/** The fields of a command that an index could serve; `_id` has its index already. Pure. */
export function queryFields(command: Document, { sort }: Pick<QueryShape, "sort">): QueryFields {
  const { equality, range } = fieldsOf(filterOf(command));
  const sorted = Object.entries(sort).map(([field, direction]) => [field, direction < 0 ? -1 : 1] as const);
  return {
    equality: equality.filter((field) => field !== "_id"),
    sort: Object.fromEntries(sorted.filter(([field]) => field !== "_id" && !equality.includes(field))),
    range: range.filter((field) => field !== "_id"),
  };
}

/**
 * Key lists to measure for one query, the shortest first: equality by falling cardinality, then the sort, then the
 * range, and the shorter ones among these, any of which may turn out to be enough. Pure.
 *
 * @param cardinality distinct values of each field in the sample
 */
export function candidatesFor(
  collection: string,
  fields: QueryFields,
  cardinality: Readonly<Record<string, number>>,
  collation: Collation | null,
): Candidate[] {
  const byCardinality = (a: string, b: string) => (cardinality[b] ?? 0) - (cardinality[a] ?? 0);
  const equality = [...fields.equality].sort(byCardinality).slice(0, mostEquality).map(ascending);
  const sort = Object.entries(fields.sort).map(([field, kind]): IndexKey => ({ field, kind }));
  const sorted = new Set(Object.keys(fields.sort));
  const ranges = fields.range.filter((field) => !sorted.has(field));
  const range = ranges.sort(byCardinality).slice(0, mostRange).map(ascending);
  const lists = [
    ...equality.map((_, at) => equality.slice(0, at + 1)),
    [...equality, ...sort],
    [...equality, ...sort, ...range],
    [...equality, ...range.slice(0, 1)],
    // A range that narrows can be worth more than a sort that is read in order.
    [...equality, ...fields.range.slice(0, 1).map(ascending)],
  ];
  const unique = new Map(lists.map((keys) => [keysText({ keys }), keys]));
  return [...unique.values()]
    .filter((keys) => keys.length > 0 && keys.length <= mostKeys && noRepeats(keys))
    .sort((a, b) => a.length - b.length)
    .map((keys) => candidate(collection, keys, Math.min(equality.length, keys.length), collation));
}

function ascending(field: string): IndexKey {
  return { field, kind: 1 };
}

function noRepeats(keys: readonly IndexKey[]): boolean {
  return new Set(keys.map(({ field }) => field)).size === keys.length;
}

/** A candidate on these keys. Pure. */
export function candidate(
  collection: string,
  keys: readonly IndexKey[],
  equality: number,
  collation: Collation | null,
): Candidate {
  const key = Object.fromEntries(keys.map(({ field, kind }) => [field, kind]));
  return { index: { ...canonicalIndex(collection, key, {}), collation }, equality };
}

/** Whether one index does all that another does: the same keys or more, in the same or the mirrored order. Pure. */
export function servesAs(other: IndexSpec, index: IndexSpec): boolean {
  if (!isOrdered(other) || other.sparse || other.partialFilterExpression) return false;
  if (other.collection !== index.collection || collationText(other) !== collationText(index)) return false;
  const pairs = index.keys.map((key, at) => [key, other.keys[at]] as const);
  if (!pairs.every(([a, b]) => a.field === b?.field)) return false;
  const same = pairs.filter(([a, b]) => a.kind === b?.kind).length;
  return same === pairs.length || same === 0;
}
