import { createConnection, type Model, Schema, type SchemaDefinition, type SchemaOptions } from "mongoose";
import { canonicalCollation } from "../src/indexes/collation.js";
import type { ActualCollection, ActualIndex } from "../src/indexes/inspect.js";
import { canonicalIndex } from "../src/indexes/spec.js";
import type { Document, ModelLike } from "../src/model.js";

/** A model that needs no server. */
export function modelOf(
  definition: SchemaDefinition,
  options: SchemaOptions & { indexes?: [Document, Document?][]; name?: string } = {},
): ModelLike {
  const { indexes = [], name = "Thing", ...schemaOptions } = options;
  const schema = new Schema(definition, { collection: "things", ...schemaOptions } as SchemaOptions);
  for (const [key, indexOptions] of indexes) schema.index(key as never, indexOptions as never);
  return createConnection().model(name, schema) as unknown as ModelLike;
}

/** An index as `listIndexes` would report it. */
export function actualIndex(key: Document, options: Document & { building?: boolean } = {}): ActualIndex {
  const { building = false, ...rest } = options;
  return { ...canonicalIndex("things", key, rest), building };
}

/** A collection as the server would have it. */
export function actualCollection(indexes: readonly ActualIndex[], options: Document = {}): ActualCollection {
  return {
    collection: "things",
    exists: true,
    type: "collection",
    options,
    collation: canonicalCollation(options.collation as Document | undefined),
    indexes,
  };
}

/** Any Mongoose model as the narrow type that this package asks for. */
export function asModel<T>(model: Model<T>): ModelLike {
  return model;
}
