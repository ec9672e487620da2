import type { Document, ModelLike, SchemaLike, SchemaTypeLike } from "../model.js";

/** A node of MongoDB's `$jsonSchema`. */
export interface JsonSchema {
  bsonType?: string | string[];
  required?: string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema;
  items?: JsonSchema;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  anyOf?: JsonSchema[];
}

/** As much of a Mongoose schema type as tells the shape of its values. */
interface Path extends SchemaTypeLike {
  readonly schema?: SchemaLike;
  readonly embeddedSchemaType?: Path;
  readonly $__schemaType?: Path;
  readonly enumValues?: readonly unknown[];
  readonly isRequired?: boolean;
}

const typeOfInstance: Readonly<Record<string, string | string[]>> = {
  String: "string",
  Number: ["int", "long", "double", "decimal"],
  Int32: "int",
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

/**
 * A validator for the documents of a model: types, required fields, enumerations, bounds, lengths, arrays and nested
 * documents. It is never stricter than the schema: what a schema cannot state as data (functions, setters, regular
 * expressions) is left to Mongoose, and absent optional fields may be `null`, as Mongoose writes them so.
 */
export function jsonSchemaOf(model: Pick<ModelLike, "schema">): JsonSchema {
  return objectSchema(model.schema);
}

function objectSchema(schema: SchemaLike): JsonSchema {
  const root: JsonSchema = { bsonType: "object" };
  const discriminated = Object.keys((schema as { discriminators?: object }).discriminators ?? {}).length > 0;
  for (const [path, type] of Object.entries(schema.paths)) {
    if (path.split(".").includes("$*")) continue;
    place(root, path.split("."), type as Path, discriminated);
  }
  return root;
}

function place(root: JsonSchema, steps: readonly string[], type: Path, discriminated: boolean): void {
  const field = steps.at(-1) ?? "";
  let parent = root;
  const parents = [root];
  for (const step of steps.slice(0, -1)) {
    parent.properties ??= {};
    parent.properties[step] ??= { bsonType: "object" };
    parent = parent.properties[step];
    parents.push(parent);
  }
  const required = isRequired(type);
  parent.properties ??= {};
  // A base model sees the documents of its discriminators, whose own schema may say otherwise of a field.
  parent.properties[field] = discriminated ? {} : valueSchema(type, required);
  if (!required) return;
  for (const [level, name] of steps.entries()) {
    const { required: known = [] } = parents[level] ?? {};
    const at = parents[level];
    if (at && !known.includes(name)) at.required = [...known, name];
  }
}

// Required by a function means: required sometimes.
function isRequired({ options, isRequired: flagged }: Path): boolean {
  const { required } = (options ?? {}) as { required?: unknown };
  const rule = Array.isArray(required) ? required[0] : isBag(required) ? required.isRequired : required;
  return flagged === true && rule === true;
}

function valueSchema(type: Path, required: boolean): JsonSchema {
  const own = ownSchema(type);
  const bounds = validatorSchema(type);
  const full = { ...own, ...bounds };
  if (required || !full.bsonType) return full;
  const { enum: values } = full;
  const bsonType = [full.bsonType, "null"].flat();
  return { ...full, bsonType, ...(values && { enum: [...values, null] }) };
}

function ownSchema(type: Path): JsonSchema {
  const bsonType = typeOfInstance[type.instance];
  // Mixed, unions and types of plugins: anything goes.
  if (!bsonType) return {};
  if (type.instance === "Array") return { bsonType, ...items(type) };
  if (type.instance === "Map") {
    return type.$__schemaType
      ? { bsonType, additionalProperties: valueSchema(type.$__schemaType, false) }
      : { bsonType };
  }
  if (type.instance === "Embedded" && type.schema) return objectSchema(type.schema);
  return { bsonType: Array.isArray(bsonType) ? [...bsonType] : bsonType };
}

function items(type: Path): Pick<JsonSchema, "items"> {
  const element = type.schema
    ? { ...objectSchema(type.schema) }
    : type.embeddedSchemaType && valueSchema(type.embeddedSchemaType, false);
  if (!element) return {};
  const nullable = type.schema ? { ...element, bsonType: ["object", "null"] } : element;
  return { items: nullable };
}

function validatorSchema({ instance, validators = [] }: Path): JsonSchema {
  const found: JsonSchema = {};
  for (const validator of validators as Document[]) {
    if (validator.type === "min" && isBound(validator.min)) found.minimum = Number(validator.min);
    if (validator.type === "max" && isBound(validator.max)) found.maximum = Number(validator.max);
    if (validator.type === "maxlength" && isBound(validator.maxlength)) {
      found.maxLength = Number(validator.maxlength);
    }
    // JavaScript counts UTF-16 units and MongoDB characters, of which there may be half as many.
    if (validator.type === "minlength" && isBound(validator.minlength)) {
      found.minLength = Math.ceil(Number(validator.minlength) / 2);
    }
    if (validator.type === "enum" && Array.isArray(validator.enumValues)) {
      found.enum = validator.enumValues.filter((value) => value !== undefined);
    }
  }
  // A validator of an array's length or a date's bounds has no counterpart with the same meaning.
  if (instance !== "Number" && instance !== "String" && instance !== "Int32" && instance !== "Double")
    return {};
  return found;
}

function isBound(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value);
}

function isBag(value: unknown): value is Document {
  return value !== null && typeof value === "object";
}
