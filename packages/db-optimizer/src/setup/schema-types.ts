// JSON schemas as MongoDB takes them.
import type { SchemaLike, SchemaTypeLike } from "../core/model.js";
/** A node of MongoDB's `$jsonSchema`. */
export interface JsonSchema {
  title?: string;
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
  multipleOf?: number;
  anyOf?: JsonSchema[];
}

/** The parts of a Mongoose schema type that determine the shape of its values. */
export interface SchemaPath extends SchemaTypeLike {
  readonly schema?: SchemaLike;
  readonly embeddedSchemaType?: SchemaPath;
  readonly $__schemaType?: SchemaPath;
  readonly isRequired?: boolean;
  checkRequired?(value: unknown, document: unknown): unknown;
}
