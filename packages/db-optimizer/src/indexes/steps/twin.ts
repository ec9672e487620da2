// The twin of an index: the temporary one that stands in for it during a rebuild.
import type { ExpectedIndex } from "../declared.js";
import { type IndexKey, isWildcard } from "../spec.js";

/** Name ending of the temporary index that stands in during a rebuild. */
export const twinSuffix = "__rebuild_twin";

/**
 * An index that does all that the given one does, and that the server takes for another: the same keys in the opposite
 * direction, which is the same order read backwards. Keys without a direction get `_id` behind them. There is none for
 * text and wildcard indexes: a collection has one text index, and a wildcard key cannot be turned round. Pure.
 */
export function twinOf(index: ExpectedIndex): ExpectedIndex | undefined {
  const kinds = index.keys.map(({ kind }) => kind);
  if (isWildcard(index.keys) || kinds.includes("text")) return undefined;
  const name = `${index.name}${twinSuffix}`;
  const mirrored = index.keys.map(mirror);
  if (mirrored.some((key, position) => key !== index.keys[position]))
    return { ...index, name, keys: mirrored };
  const { expireAfterSeconds: _expiry, ...rest } = index;
  return { ...rest, name, unique: false, keys: [...index.keys, { field: "_id", kind: 1 }] };
}

function mirror(key: IndexKey): IndexKey {
  if (key.kind === 1) return { ...key, kind: -1 };
  return key.kind === -1 ? { ...key, kind: 1 } : key;
}
