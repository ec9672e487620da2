// Ways in which a stored document comes to be damaged: by a repair by hand, another program, or an old release.
import { mongo } from "mongoose";

export type StoredDocument = Record<string, unknown> & { _id: unknown };

/** A damage of one field: its name, and what stands there afterwards; `undefined` takes the field away. */
export type Damage = readonly [name: string, of: (value: unknown) => unknown];

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

export const damages: readonly Damage[] = [
  ["is missing", () => undefined],
  ["is null", () => null],
  ["is a text", (value) => (typeof value === "string" ? 7 : value instanceof Date ? value.toJSON() : "7")],
  ["is no number", () => Number.NaN],
  ["is a list", (value) => (Array.isArray(value) ? { 0: value[0] } : [1, "x", null])],
  ["is an object", (value) => (isPlain(value) ? 5 : { a: { b: 1 } })],
  ["is a 64-bit integer", () => mongo.Long.fromString("9007199254740993")],
  ["is a decimal", () => mongo.Decimal128.fromString("1.5")],
  ["is huge", () => "x".repeat(100_000)],
];

/** The paths of a document's fields and, of each list, of its first entry; without its `_id`. */
export function* pathsOf(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path[0] === "_id") return;
  if (path.length > 0) yield path;
  const [entry] = Array.isArray(value) ? value : [];
  if (entry !== undefined) yield* pathsOf(entry, [...path, "0"]);
  if (!isPlain(value)) return;
  for (const [name, field] of Object.entries(value)) yield* pathsOf(field, [...path, name]);
}

/** A copy of a document with one field damaged. */
export function damaged(document: StoredDocument, path: readonly string[], [, of]: Damage): StoredDocument {
  return changed(document, path, of) as StoredDocument;
}

function changed(value: unknown, [name, ...rest]: readonly string[], of: Damage[1]): unknown {
  if (name === undefined) return of(value);
  if (Array.isArray(value)) {
    const [first, ...others] = value;
    const entry = changed(first, rest, of);
    return entry === undefined ? others : [entry, ...others];
  }
  const fields = value as Record<string, unknown>;
  const entries = Object.entries({ ...fields, [name]: changed(fields[name], rest, of) });
  return Object.fromEntries(entries.filter(([, field]) => field !== undefined));
}
