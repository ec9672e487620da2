// A document's identity: its `_id` by BSON bytes, as a text.
import { mongo } from "mongoose";

/**
 * A text that two values of `_id` share exactly when the server takes them for the same: the type and every byte count,
 * and so does the order of fields; of numbers only the value does, as `_id` 1, 1.0 and Long 1 cannot be beside each
 * other. Pure.
 */
export function idKey(id: unknown): string {
  if (typeof id === "string") return `s${id}`;
  return isNumber(id) ? `n${numberText(id)}` : keyOfOther(id);
}

function keyOfOther(id: unknown): string {
  if (id === undefined || id === null) return "0";
  // Serialised it would be the beginning of 1970.
  if (id instanceof Date && Number.isNaN(id.getTime())) return "d";
  const type = bsonTypeOf(id);
  if (type === "ObjectId") return `o${(id as mongo.ObjectId).toHexString()}`;
  if (type === "BSONSymbol") return `s${(id as mongo.BSONSymbol).value}`;
  if (type === "DBRef") return fieldsKey(Object.entries((id as mongo.DBRef).toJSON()));
  if (Array.isArray(id)) return `[${id.map(nestedKey).join()}]`;
  if (id instanceof Map) return fieldsKey([...id]);
  if (type === undefined && isPlain(id)) return fieldsKey(Object.entries(id));
  return `b${Buffer.from(mongo.BSON.serialize({ "": id })).toString("latin1")}`;
}

const fieldsKey = (fields: readonly (readonly [unknown, unknown])[]): string =>
  `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${nestedKey(value)}`).join()}}`;

// Quoted, so that no text can look like the end of what it stands in.
const nestedKey = (value: unknown): string => JSON.stringify(idKey(value));

/** The distinct ones among these ids, the first of each. Pure. */
export function distinctIds(ids: Iterable<unknown>): unknown[] {
  const byKey = new Map<string, unknown>();
  for (const id of ids) if (!byKey.has(idKey(id))) byKey.set(idKey(id), id);
  return [...byKey.values()];
}

/**
 * Whether JavaScript may have put the fields of an `_id` in another order than the server has them in: names that are
 * numbers come first in an object. Asked for by such an `_id`, the server may find nothing. Pure.
 */
function mayBeReordered(id: unknown): boolean {
  if (typeof id !== "object" || id === null || bsonTypeOf(id) !== undefined || !isPlain(id)) return false;
  const names = Object.keys(id);
  return (
    (names.length > 1 && names.some((name) => arrayIndex.test(name))) ||
    Object.values(id).some(mayBeReordered)
  );
}

/** Why the server may find nothing by an `_id` as JavaScript has read it, if there is a reason to fear so. Pure. */
export function whyUnfindable(id: unknown): string | undefined {
  if (holdsNoDate(id)) return "its _id has a date beyond those of JavaScript";
  if (maybeIllFormed(id)) return "its _id has text that is not well-formed UTF-8";
  return mayBeReordered(id)
    ? "its _id has fields whose names are numbers: JavaScript does not keep their order"
    : undefined;
}

/** Whether a value is or holds a date that the server has and JavaScript has not. */
const holdsNoDate = (id: unknown): boolean =>
  holds(id, (value) => value instanceof Date && Number.isNaN(value.getTime()));

/** Whether a value is or holds a replacement character, which ill-formed text is read as. Pure. */
export const maybeIllFormed = (id: unknown): boolean =>
  holds(id, (value) => typeof value === "string" && value.includes("\uFFFD"));

/** Whether a value, or one within it, is as the test wants it. */
function holds(value: unknown, is: (value: unknown) => boolean): boolean {
  if (is(value)) return true;
  if (typeof value !== "object" || value === null || bsonTypeOf(value) !== undefined) return false;
  return Object.values(value).some((inner) => holds(inner, is));
}

const arrayIndex = /^(0|[1-9]\d{0,9})$/;

/** The name that the BSON library gives a value's type; nothing for plain values. Pure. */
export function bsonTypeOf(value: unknown): string | undefined {
  const type = typeof value === "object" && value !== null ? Reflect.get(value, "_bsontype") : undefined;
  return typeof type === "string" ? type : undefined;
}

const isPlain = (value: object): boolean =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

type Numeric = number | bigint | mongo.Long | mongo.Int32 | mongo.Double | mongo.Decimal128;

const numericTypes: readonly unknown[] = ["Long", "Int32", "Double", "Decimal128"];

/** Whether a value is of one of the types that the server compares as numbers. Pure. */
export function isNumber(value: unknown): value is Numeric {
  return typeof value === "number" || typeof value === "bigint" || numericTypes.includes(bsonTypeOf(value));
}

function numberText(value: Numeric): string {
  if (typeof value === "bigint" || bsonTypeOf(value) === "Long") return value.toString();
  if (bsonTypeOf(value) === "Decimal128") return decimalText(value.toString());
  const plain = Number(value);
  return Number.isInteger(plain) ? BigInt(plain).toString() : String(plain);
}

/** Digits of the longest integer that is written out: no other type of number has more. */
const longest = 310;

// A decimal with a fraction is held apart from a double: 0.1 is not the same number in both.
function decimalText(text: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/.exec(text);
  if (!parts) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return power >= 0 && power + significant.length <= longest
    ? `${sign}${significant}${"0".repeat(power)}`
    : `d${sign}${significant}E${power}`;
}

/** Whether a value is the number that is none; the server compares nothing with it. Pure. */
export function isNaNumber(value: unknown): boolean {
  return isNumber(value) && numberText(value) === "NaN";
}
