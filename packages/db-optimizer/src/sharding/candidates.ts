// Shard keys worth weighing.
import type { NamedQuery } from "../core/named-query.js";
import { type IndexKey, type IndexSpec, keysText } from "../indexes/spec.js";
import { fieldsOf } from "../queries/shape.js";

/** More are not weighed: what a plan can't be read with is no plan. */
const most = 40;
const longest = 3;

/**
 * Shard keys worth weighing: fields that queries compare for equality and unique indexes begin with, each by range, by
 * hash and with `_id` behind it; combinations that queries and unique indexes have; and `_id`. Pure.
 */
export function shardKeyCandidates(
  queries: readonly Pick<NamedQuery, "filter">[],
  indexes: readonly Pick<IndexSpec, "keys" | "unique">[],
): IndexKey[][] {
  const unique = indexes.filter((index) => index.unique).map(({ keys }) => ordinaryPrefix(keys));
  const equalities = queries.map(({ filter }) =>
    fieldsOf(filter).equality.filter((field) => !field.startsWith("$")),
  );
  const singles = [
    ...new Set([...equalities.flat(), ...unique.flatMap((fields) => fields.slice(0, 1)), "_id"]),
  ];
  const combinations = [...unique.flatMap(prefixes), ...equalities].filter(
    (fields) => fields.length > 1 && fields.length <= longest,
  );
  const keys: IndexKey[][] = [
    ...singles.map((field) => ranged([field])),
    ...combinations.map(ranged),
    ...singles.filter((field) => field !== "_id").map((field) => ranged([field, "_id"])),
    ...singles.map((field): IndexKey[] => [{ field, kind: "hashed" }]),
  ];
  const seen = new Map(keys.map((key) => [keysText({ keys: key }), key]));
  return [...seen.values()].slice(0, most);
}

function ordinaryPrefix(keys: readonly IndexKey[]): string[] {
  const end = keys.findIndex(({ kind }) => kind !== 1 && kind !== -1);
  return keys.slice(0, end < 0 ? keys.length : end).map(({ field }) => field);
}

function prefixes(fields: readonly string[]): string[][] {
  return fields.map((_, at) => fields.slice(0, at + 1));
}

function ranged(fields: readonly string[]): IndexKey[] {
  return fields.map((field) => ({ field, kind: 1 }));
}
