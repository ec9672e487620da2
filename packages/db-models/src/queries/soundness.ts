// Whether a stored document has the types that its schema declares: what somebody else wrote may not.
import { mongo, type Schema, type SchemaType } from "mongoose";
import type { Projection } from "./projection.js";

/**
 * Whether a path was read whole; absent where all of a document was. What was left out of a read is not missing.
 */
type IsRead = ((path: string) => boolean) | undefined;

/** The path of what is wrong in a value, within it; `""` for the value itself, `undefined` where nothing is. */
type Check = (value: unknown, path: string, isRead: IsRead) => string | undefined;

interface Field {
  readonly name: string;
  /** A document without it is damaged. */
  readonly isRequired: boolean;
  /** What holds fields or items is read into: null there is damage, and not an absent value. */
  readonly isContainer: boolean;
  readonly check: Check;
}

const isRight: Check = () => undefined;
const typed = (test: (value: unknown) => boolean): Check => {
  return (value) => (value !== null && test(value) ? undefined : "");
};

const bsonType = (name: string) => (value: unknown) => (value as { _bsontype?: unknown })._bsontype === name;

/** By the name that Mongoose gives a type; what is none of these, such as `Mixed`, takes anything. */
const scalars: Readonly<Record<string, Check>> = {
  String: typed((value) => typeof value === "string"),
  Number: typed((value) => Number.isFinite(value)),
  Boolean: typed((value) => typeof value === "boolean"),
  Date: typed((value) => value instanceof Date && !Number.isNaN(value.getTime())),
  ObjectId: typed(bsonType("ObjectId")),
  Buffer: typed((value) => value instanceof Uint8Array || value instanceof mongo.Binary),
};

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function checkOf(type: SchemaType): Check {
  const { embeddedSchemaType, schema } = type as SchemaType & {
    embeddedSchemaType?: SchemaType;
    schema?: Schema;
  };
  if (embeddedSchemaType) return listOf(schema ? objectOf(fieldsOf(schema)) : checkOf(embeddedSchemaType));
  if (schema) return objectOf(fieldsOf(schema));
  return scalars[type.instance] ?? isRight;
}

function listOf(item: Check): Check {
  return (value, path, isRead) => {
    if (!Array.isArray(value)) return "";
    for (const [index, one] of value.entries()) {
      const fault = item(one, path, isRead);
      if (fault !== undefined) return joined(String(index), fault);
    }
    return undefined;
  };
}

function objectOf(fields: readonly Field[]): Check {
  return (value, path, isRead) => (isPlain(value) ? faultIn(fields, value, path, isRead) : "");
}

/** Takes an absent value for null in what is read: in a schema they are the same. */
function faultIn(
  fields: readonly Field[],
  value: Record<string, unknown>,
  path: string,
  isRead: IsRead,
): string | undefined {
  for (const { name, isRequired, isContainer, check } of fields) {
    if (value[name] === null && !isContainer) delete value[name];
    const found = value[name];
    const within = isRead && joined(path, name);
    if (found === undefined) {
      if (isRequired && (!within || isRead(within))) return name;
      continue;
    }
    const fault = check(found, within ?? "", isRead);
    if (fault !== undefined) return joined(name, fault);
  }
  return undefined;
}

const joined = (...names: string[]) => names.filter((name) => name !== "").join(".");

/** The fields of a schema; what it has as dotted paths, such as `quota.remaining`, are the fields of one. */
function fieldsOf(schema: Schema, isWhole = false): Field[] {
  const nested = new Map<string, [string, SchemaType][]>();
  const fields: Field[] = [];
  schema.eachPath((path, type) => {
    const [name = "", ...rest] = path.split(".");
    if (rest.length === 0) fields.push(fieldOf(name, type));
    else nested.set(name, [...(nested.get(name) ?? []), [rest.join("."), type]]);
  });
  for (const [name, paths] of nested) {
    const check = objectOf(paths.map(([path, type]) => fieldOf(path, type)));
    // Of a document they are always stored; settings of an account that are as usual are left out.
    fields.push({ name, isRequired: isWhole, isContainer: true, check });
  }
  return fields;
}

function fieldOf(name: string, type: SchemaType): Field {
  const check = checkOf(type);
  const { default: ofSchema } = type.options as { default?: unknown };
  const isContainer = !(type.instance in scalars) && check !== isRight;
  const isRequired = Boolean(type.isRequired) || (isContainer && ofSchema !== undefined);
  return { name, isRequired, isContainer, check };
}

/** Names the path of the first fault of a document that was read with a projection; `undefined` where there is none. */
export type Soundness = (
  document: Record<string, unknown>,
  projection: Projection | undefined,
) => string | undefined;

/** A check for the documents of a schema. Values are compared by their types alone: other rules are for who writes. */
export function soundnessOf(schema: Schema): Soundness {
  const fields = fieldsOf(schema, true);
  return (document, projection) => faultIn(fields, document, "", projection && readBy(projection));
}

function readBy(projection: Projection): (path: string) => boolean {
  const names = Object.keys(projection);
  const isWithin = (path: string, name: string) => path === name || path.startsWith(`${name}.`);
  if (names.some((name) => projection[name] === 1))
    // Of what has a field that was read, too: an object that is not there has none.
    return (path) =>
      names.some((name) => projection[name] === 1 && (isWithin(path, name) || isWithin(name, path)));
  return (path) => !names.some((name) => isWithin(path, name));
}
