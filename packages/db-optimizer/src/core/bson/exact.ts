// BSON as the server stores it: options and checks that keep patterns and numbers exact.
import { mongo } from "mongoose";
import type { Document } from "../model.js";

const { BSON } = mongo;

/**
 * For reads of anybody's documents: a regular expression of the server need not be one of JavaScript, and text need not be
 * well-formed, which ends no read. What is to be written back is read as bytes, and checked.
 */
export const asStored = { bsonRegExp: true, enableUtf8Validation: false } as const;

const typed = { promoteValues: false, promoteBuffers: false, ...asStored } as const;

/** See {@link exactDocument}. */
export type ExactDocument = Document | ReadonlyMap<string, unknown>;

/** Whether a value is a regular expression, JavaScript's or the server's. Pure. */
export function isPattern(value: unknown): value is RegExp | mongo.BSONRegExp {
  return value instanceof RegExp || (value as { _bsontype?: unknown } | null)?._bsontype === "BSONRegExp";
}

/**
 * A document as values that serialise to the very bytes that were read: with the type of each number, and as a `Map`
 * where JavaScript would put fields in another order (names that are numbers). Nothing where there is no such value: a
 * date beyond those of JavaScript, ill-formed text, types that are deprecated. Pure.
 */
export function exactDocument(raw: Uint8Array): ExactDocument | undefined {
  try {
    const plain = BSON.deserialize(raw, typed);
    if (isSame(plain, raw)) return plain;
    const ordered = new Map(fieldsOf(raw));
    return isSame(ordered, raw) ? ordered : undefined;
  } catch {
    return undefined;
  }
}

/** Canonical extended JSON on one line, the fields in the order that they are in. Pure. */
export function exactText(value: unknown): string {
  if (value instanceof Map)
    return `{${[...value].map(([name, inner]) => `${JSON.stringify(name)}:${exactText(inner)}`).join()}}`;
  return Array.isArray(value)
    ? `[${value.map(exactText).join()}]`
    : BSON.EJSON.stringify(value, { relaxed: false });
}

/** The `_id` of a document as it was read, if there is a value that the server finds it by. Pure. */
export function exactId(raw: Uint8Array): { readonly id: unknown } | undefined {
  try {
    const element = elementsOf(raw).find(([, name]) => name === "_id");
    if (!element) return undefined;
    const alone = documentOf(element);
    const exact = exactDocument(alone);
    if (!exact) return undefined;
    // Ids are told apart, shown and written down: as plain a value as there is.
    return exact instanceof Map ? { id: exact.get("_id") } : { id: simplest(alone, (exact as Document)._id) };
  } catch {
    return undefined;
  }
}

function simplest(alone: Uint8Array, exact: unknown): unknown {
  const plain = BSON.deserialize(alone, asStored);
  const isObject = typeof plain._id === "object" && plain._id !== null;
  return isObject || !isSame(plain, alone) ? exact : plain._id;
}

/** For messages only: what can be told of a document's `_id`, whatever is in it. */
export function idForMessage(raw: Uint8Array): unknown {
  try {
    const element = elementsOf(raw).find(([, name]) => name === "_id");
    return element && BSON.deserialize(documentOf(element), { ...typed, validation: { utf8: false } })._id;
  } catch {
    return undefined;
  }
}

const isSame = (value: ExactDocument, raw: Uint8Array): boolean =>
  Buffer.compare(BSON.serialize(value as Document), raw) === 0;

/** Type, name and bytes of a field. */
type Element = readonly [type: number, name: string, bytes: Uint8Array];

// Types of https://bsonspec.org/spec.html that hold other fields.
const embedded = 3;
const array = 4;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function elementsOf(raw: Uint8Array): Element[] {
  return [...BSON.onDemand.parseToElements(raw)].map(([type, nameAt, nameLength, at, length]) => [
    type,
    utf8.decode(raw.subarray(nameAt, nameAt + nameLength)),
    raw.subarray(at, at + length),
  ]);
}

const fieldsOf = (raw: Uint8Array): [string, unknown][] =>
  elementsOf(raw).map((element) => [element[1], fieldValue(element)]);

function fieldValue([type, , bytes]: Element): unknown {
  if (type === embedded) return new Map(fieldsOf(bytes));
  if (type === array) return fieldsOf(bytes).map(([, value]) => value);
  return BSON.deserialize(documentOf([type, "value", bytes]), typed).value;
}

function documentOf([type, name, bytes]: Element): Uint8Array {
  const head = Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`)]);
  const size = Buffer.alloc(4);
  size.writeInt32LE(4 + head.length + bytes.length + 1);
  return Buffer.concat([size, head, bytes, Buffer.from([0])]);
}
