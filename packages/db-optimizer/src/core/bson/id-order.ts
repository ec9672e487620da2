// The order in which the server sorts `_id`s of all BSON types.
import type { Document } from "../model.js";
import { bsonTypeOf, isNaNumber, isNumber } from "./id-key.js";

/**
 * The types that an `_id` can have, by the names that `$type` takes, in the order in which the server sorts them; those
 * that it compares with each other stand together.
 * https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
 */
const brackets = [
  ["minKey"],
  ["null"],
  ["number"],
  ["string", "symbol"],
  ["object"],
  ["array"],
  ["binData"],
  ["objectId"],
  ["bool"],
  ["date"],
  ["timestamp"],
  ["regex"],
  ["dbPointer"],
  ["javascript"],
  ["javascriptWithScope"],
  ["maxKey"],
] as const;

type Bracket = (typeof brackets)[number][0];

/** The types that have one value each. */
const single: readonly Bracket[] = ["minKey", "null", "maxKey"];

/**
 * Filters that find, one after the other and each in the order of `_id`, all documents whose `_id` comes after this
 * one. There are two of them as `$gt` finds values of the same type only. Pure.
 */
export function filtersAfter(id: unknown): readonly Document[] {
  const bracket = bracketOf(id);
  const position = brackets.findIndex(([first]) => first === bracket);
  const later = brackets.slice(position + 1).flat();
  const filters: Document[] = [];
  // The place of a date beyond those of JavaScript is unknown; nothing is greater than NaN, which sorts before all numbers.
  if (id instanceof Date && Number.isNaN(id.getTime())) filters.push({ _id: { $type: "date" } });
  else if (isNaNumber(id)) filters.push({ _id: { $gte: Number.NEGATIVE_INFINITY } });
  else if (!single.includes(bracket)) filters.push({ _id: { $gt: id } });
  if (later.length > 0) filters.push({ _id: { $type: later } });
  return filters;
}

const bracketsByBsonType: Readonly<Record<string, Bracket>> = {
  MinKey: "minKey",
  MaxKey: "maxKey",
  BSONSymbol: "string",
  Binary: "binData",
  ObjectId: "objectId",
  Timestamp: "timestamp",
  BSONRegExp: "regex",
};

const bracketsByJsType: Readonly<Record<string, Bracket>> = { string: "string", boolean: "bool" };

function bracketOf(id: unknown): Bracket {
  if (id === undefined || id === null) return "null";
  if (isNumber(id)) return "number";
  const bsonType = bsonTypeOf(id);
  if (bsonType === "Code") return Reflect.get(id, "scope") ? "javascriptWithScope" : "javascript";
  const known = bsonType === undefined ? bracketsByJsType[typeof id] : bracketsByBsonType[bsonType];
  return known ?? bracketOfObject(id);
}

function bracketOfObject(id: unknown): Bracket {
  if (id instanceof Date) return "date";
  if (id instanceof RegExp) return "regex";
  if (id instanceof Uint8Array) return "binData";
  return Array.isArray(id) ? "array" : "object";
}
