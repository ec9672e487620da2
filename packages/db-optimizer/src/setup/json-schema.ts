// Derives a validator from a Mongoose schema.
import { isDocument } from "../core/documents.js";
import type { Document, ModelLike, SchemaLike } from "../core/model.js";
import type { JsonSchema, SchemaPath } from "./schema-types.js";
import { valueRules } from "./value-rules.js";

/** Properties that a schema inherits from those around it. */
interface Surroundings {
  /** Schemas that this one is inside of: one that comes again contains itself. */
  readonly around: readonly SchemaLike[];
  /** Documents are changed after they were validated, or never validated: only types are sure. */
  readonly unvalidated: boolean;
  /** Mongoose leaves out objects that are empty. */
  readonly minimized: boolean;
  /** Nodes that may still be written. */
  readonly budget: { nodes: number };
}

const typeOfInstance: Readonly<Record<string, string | string[]>> = {
  String: "string",
  Number: ["int", "long", "double", "decimal"],
  // The driver writes -0 as a double.
  Int32: ["int", "double"],
  Double: ["double", "int"],
  BigInt: ["long", "int"],
  Decimal128: "decimal",
  Boolean: "bool",
  Date: "date",
  ObjectId: "objectId",
  ObjectID: "objectId",
  Buffer: "binData",
  UUID: "binData",
  Map: "object",
  Embedded: "object",
  Array: "array",
};

// A document has at most 100 levels, and schemas that share parts unfold to any size: what is beyond is left open.
const mostNodes = 5_000;
const mostLevels = 30;

/**
 * A validator for the documents of a model: types, required fields, enumerations, bounds, lengths, arrays and nested
 * documents. It is never stricter than the schema: what a schema cannot state as data (functions, setters, regular
 * expressions) is left to Mongoose, absent optional fields may be `null`, as Mongoose writes them so, and a schema whose
 * hooks change documents after they were validated states types only.
 */
export function jsonSchemaOf({ schema }: Pick<ModelLike, "schema">): JsonSchema {
  const budget = { nodes: mostNodes };
  return objectSchema(schema, { around: [], unvalidated: false, minimized: false, budget });
}

function objectSchema(schema: SchemaLike, outer: Surroundings): JsonSchema {
  const root: JsonSchema = { bsonType: "object" };
  if (outer.around.includes(schema) || outer.around.length >= mostLevels) return root;
  const { minimize, validateBeforeSave } = schema.options as Document;
  const within: Surroundings = {
    around: [...outer.around, schema],
    unvalidated: outer.unvalidated || validateBeforeSave === false || changesAfterValidation(schema),
    minimized: outer.minimized || minimize !== false,
    budget: outer.budget,
  };
  const variants = Object.values(
    (schema as { discriminators?: Record<string, SchemaLike> }).discriminators ?? {},
  );
  for (const [path, type] of Object.entries(schema.paths)) {
    if (!path.split(".").includes("$*")) place(root, path, type as SchemaPath, { within, variants });
  }
  return root;
}

interface Placing {
  readonly within: Surroundings;
  /** Schemas of embedded discriminators, which may say otherwise of each path. */
  readonly variants: readonly SchemaLike[];
}

function place(root: JsonSchema, path: string, type: SchemaPath, { within, variants }: Placing): void {
  const steps = path.split(".");
  within.budget.nodes -= steps.length;
  if (within.budget.nodes < 0) return;
  const open = variants.length > 0;
  const levels = [root];
  for (const step of steps.slice(0, -1)) levels.push(nestedObject(levels.at(-1) ?? root, step, open));
  const required =
    isStored(type, within) &&
    variants.every(({ paths }) => isStored((paths[path] ?? {}) as SchemaPath, within));
  const value = open ? {} : valueSchema(type, required, within);
  setProperty(levels.at(-1) ?? root, steps.at(-1) ?? "", value);
  if (required) requireAll(levels, steps);
}

// A path may be called `toString` or `constructor`: what every object inherits is no property of a document.
function nestedObject(parent: JsonSchema, name: string, open: boolean): JsonSchema {
  const { properties = {} } = parent;
  const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
  // A nested path may be set to null as a whole, unless a field in it is required.
  return known ?? setProperty(parent, name, open ? {} : { bsonType: ["object", "null"] });
}

function setProperty(parent: JsonSchema, name: string, value: JsonSchema): JsonSchema {
  parent.properties = { ...parent.properties, [name]: value };
  return value;
}

function requireAll(levels: readonly JsonSchema[], steps: readonly string[]): void {
  for (const [level, name] of steps.entries()) {
    const at = levels[level];
    if (!at) continue;
    at.required = [...new Set([...(at.required ?? []), name])];
    if (at.bsonType) at.bsonType = "object";
  }
}

/** Whether each document that Mongoose stores has a value there. Required by a function means: required sometimes. */
function isStored(type: SchemaPath, { unvalidated, minimized }: Surroundings): boolean {
  const { options, isRequired: flagged, instance } = type;
  const { required } = (options ?? {}) as { required?: unknown };
  const rule = Array.isArray(required) ? required[0] : isDocument(required) ? required.isRequired : required;
  if (unvalidated || flagged !== true || rule !== true) return false;
  // The required single nested document stays when it is empty; maps, and values of any type, are left out.
  const mayBeEmptied = instance === "Map" || !(instance in typeOfInstance);
  return !(mayBeEmptied && minimized) && !satisfies(type, undefined);
}

// Mongoose lets an application redefine for each type which values count as present: `Schema.Types.String.checkRequired()`.
function satisfies(type: SchemaPath, value: unknown): boolean {
  try {
    return type.checkRequired?.(value, undefined) === true;
  } catch {
    return false;
  }
}

function valueSchema(type: SchemaPath, required: boolean, within: Surroundings): JsonSchema {
  const { encrypt } = (type.options ?? {}) as Document;
  const full = { ...ownSchema(type, within), ...(!within.unvalidated && valueRules(type)) };
  if (!full.bsonType) return {};
  const types = [full.bsonType].flat();
  const optional = required && !satisfies(type, null) ? [] : ["null"];
  // https://www.mongodb.com/docs/manual/core/csfle/reference/encryption-schemas/ (ciphertext is binData, subtype 6)
  if (encrypt) return { bsonType: [...new Set([...types, "binData", ...optional])] };
  if (optional.length === 0) return full;
  const { enum: values } = full;
  const bsonType = [...new Set([...types, ...optional])];
  return { ...full, bsonType, ...(values && { enum: [...new Set([...values, null])] }) };
}

function ownSchema(type: SchemaPath, within: Surroundings): JsonSchema {
  const bsonType = typeOfInstance[type.instance];
  // Mixed, unions and types of plugins: anything goes.
  if (!bsonType || isCastElsewhere(type)) return {};
  if (type.instance === "Array") return { bsonType, ...items(type, within) };
  if (type.instance === "Map") {
    return type.$__schemaType
      ? { bsonType, additionalProperties: valueSchema(type.$__schemaType, false, within) }
      : { bsonType };
  }
  if (type.instance === "Embedded" && type.schema) return objectSchema(type.schema, within);
  return {
    bsonType: Array.isArray(bsonType) ? [...bsonType] : bsonType,
    ...(type.instance === "Int32" && { multipleOf: 1 }),
  };
}

// A class made after a built-in type, and a `cast` of the path's own, may store anything. Classes of single nested
// documents are made for each path.
function isCastElsewhere(type: SchemaPath): boolean {
  const { cast } = (type.options ?? {}) as Document;
  if (typeof cast === "function" || cast === false) return true;
  return type.instance !== "Embedded" && !Object.hasOwn(type.constructor, "schemaName");
}

function items(type: SchemaPath, within: Surroundings): Pick<JsonSchema, "items"> {
  if (type.schema) return { items: { ...objectSchema(type.schema, within), bsonType: ["object", "null"] } };
  return type.embeddedSchemaType ? { items: valueSchema(type.embeddedSchemaType, false, within) } : {};
}

/** Whether hooks of the schema's owner run between validation and writing: `pre("save")` that hashes a password, say. */
function changesAfterValidation(schema: SchemaLike): boolean {
  const { hooks } = (schema as { s?: { hooks?: Hooks } }).s ?? {};
  const late = [...(hooks?._pres?.get("save") ?? []), ...(hooks?._posts?.get("validate") ?? [])];
  return late.some(({ fn }) => !fn?.[builtInMiddleware]);
}

interface Hooks {
  readonly _pres?: ReadonlyMap<string, readonly Hook[]>;
  readonly _posts?: ReadonlyMap<string, readonly Hook[]>;
}

interface Hook {
  readonly fn?: { readonly [builtInMiddleware]?: unknown };
}

const builtInMiddleware = Symbol.for("mongoose:built-in-middleware");
