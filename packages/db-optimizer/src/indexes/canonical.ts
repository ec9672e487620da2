// Texts that are equal exactly when values are.
import { mongo } from "mongoose";

import type { Document } from "../core/model.js";

const { EJSON } = mongo.BSON;

/** One text for values that MongoDB holds for equal; the order of keys is kept, as it matters inside a document. */
export function stableText(value: unknown): string {
  return EJSON.stringify({ value: withExactLongs(value) }, { relaxed: true });
}

// Relaxed JSON rounds a long that no double holds: two filters would look alike that are not.
function withExactLongs(value: unknown): unknown {
  if (typeof value === "bigint") return exactLong(value);
  if (mongo.Long.isLong(value)) return exactLong(value.toBigInt());
  if (Array.isArray(value)) return value.map(withExactLongs);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withExactLongs(inner)]));
}

function exactLong(value: bigint): unknown {
  const double = Number(value);
  return BigInt(double) === value ? double : { $numberLong: String(value) };
}

/** The same object with its keys in alphabetical order; undefined values left out. */
export function sortKeys<T>(object: Readonly<Record<string, T>>): Record<string, T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Filters that say the same get the same text: `{a: 1}` and `{a: {$eq: 1}}`, any order of the fields or operators,
 * `$and` written out or implied.
 */
export function canonicalFilter(filter: Document): string {
  return JSON.stringify(conditions(filter));
}

function conditions(filter: Document): string[] {
  const all = Object.entries(filter).flatMap(([field, value]) => {
    if (field === "$and" && Array.isArray(value))
      return value.flatMap((part) => conditions(part as Document));
    if (field.startsWith("$") && Array.isArray(value)) {
      return [`${field} ${JSON.stringify(value.map((part) => canonicalFilter(part as Document)).sort())}`];
    }
    return fieldConditions(field, value);
  });
  return [...new Set(all)].sort();
}

function fieldConditions(field: string, value: unknown): string[] {
  if (!isOperators(value)) return [`${field} $eq ${stableText(value)}`];
  return Object.entries(value).map(([operator, operand]) => {
    const inner = isOperators(operand)
      ? canonicalFilter({ x: operand })
      : stableText(canonicalOperand(operator, operand));
    return `${field} ${operator} ${inner}`;
  });
}

function canonicalOperand(operator: string, operand: unknown): unknown {
  if (operator === "$exists") return Boolean(operand);
  if (operator !== "$in" || !Array.isArray(operand)) return operand;
  return [...operand].sort((a, b) => (stableText(a) < stableText(b) ? -1 : 1));
}

function isOperators(value: unknown): value is Document {
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => key.startsWith("$"));
}

/** Projections that say the same get the same text: `{a: {b: true}}` and `{"a.b": 1}`. */
export function canonicalProjection(projection: Document): string {
  return JSON.stringify(sortKeys(flatten(projection, "")));
}

function flatten(projection: Document, prefix: string): Record<string, number> {
  return Object.assign(
    {},
    ...Object.entries(projection).map(([key, value]) =>
      value !== null && typeof value === "object"
        ? flatten(value as Document, `${prefix}${key}.`)
        : { [prefix + key]: Number(Boolean(value)) },
    ),
  );
}
