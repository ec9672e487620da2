// Where a document breaks a validator.
import type { Document } from "../core/model.js";
import type { JsonSchema } from "./schema-types.js";

/** The way in which a document fails a validator. */
export type ViolationKind = "missing" | "type" | "enum" | "bounds" | "length";

/** One place of a document that a validator refuses; `*` stands for any item or any key of a map. */
export interface Violation {
  readonly path: string;
  readonly kind: ViolationKind;
}

/**
 * Where a document breaks a validator of {@link jsonSchemaOf}, as MongoDB would judge it. Pure.
 *
 * @param document as the driver reads it with `promoteValues: false`, so that `int` and `double` are told apart
 */
export function violationsOf(schema: JsonSchema, document: unknown): Violation[] {
  return visit(schema, document, "");
}

function visit(schema: JsonSchema, value: unknown, path: string): Violation[] {
  const type = bsonTypeOf(value);
  const allowed = schema.bsonType === undefined ? undefined : [schema.bsonType].flat();
  if (allowed && !allowed.includes(type)) return [{ path, kind: "type" }];
  if (schema.enum && !schema.enum.some((option) => option === plainOf(value)))
    return [{ path, kind: "enum" }];
  return [
    ...boundsOf(schema, value, type, path),
    ...(type === "object" ? visitFields(schema, value as Document, path) : []),
    ...(type === "array" && schema.items ? visitItems(schema.items, value as unknown[], path) : []),
  ];
}

function visitFields(schema: JsonSchema, value: Document, path: string): Violation[] {
  const { required = [], properties = {}, additionalProperties } = schema;
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const missing = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name): Violation => ({ path: at(name), kind: "missing" }));
  const found = Object.entries(value).flatMap(([name, inner]) => {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known) return visit(known, inner, at(name));
    return additionalProperties ? visit(additionalProperties, inner, at("*")) : [];
  });
  return [...missing, ...found];
}

function visitItems(schema: JsonSchema, values: readonly unknown[], path: string): Violation[] {
  return values.flatMap((value) => visit(schema, value, `${path}.*`));
}

function boundsOf(schema: JsonSchema, value: unknown, type: string, path: string): Violation[] {
  const { minimum = -Infinity, maximum = Infinity, minLength = 0, maxLength = Infinity } = schema;
  if (numeric.has(type)) {
    const number = Number(String(value));
    if (schema.multipleOf !== undefined && number % schema.multipleOf !== 0) return [{ path, kind: "type" }];
    return number < minimum || number > maximum ? [{ path, kind: "bounds" }] : [];
  }
  if (type !== "string") return [];
  // MongoDB counts characters.
  const length = [...(value as string)].length;
  return length < minLength || length > maxLength ? [{ path, kind: "length" }] : [];
}

const numeric = new Set(["int", "long", "double", "decimal"]);
const wrapped: Readonly<Record<string, string>> = {
  Int32: "int",
  Long: "long",
  Double: "double",
  Decimal128: "decimal",
  ObjectId: "objectId",
  Binary: "binData",
  UUID: "binData",
  BSONRegExp: "regex",
  Timestamp: "timestamp",
  MinKey: "minKey",
  MaxKey: "maxKey",
  Code: "javascript",
};

function bsonTypeOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "undefined";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  if (value instanceof RegExp) return "regex";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "double";
  if (typeof value === "bigint") return "long";
  if (typeof value === "string") return "string";
  const { _bsontype: name } = value as { _bsontype?: unknown };
  return typeof name === "string" ? (wrapped[name] ?? name) : "object";
}

function plainOf(value: unknown): unknown {
  return numeric.has(bsonTypeOf(value)) ? Number(String(value)) : value;
}
