// Indexes on fields that no schema has.
import {
  type Document,
  type ModelLike,
  type SchemaLike,
  type SchemaTypeLike,
  withDiscriminators,
} from "../core/model.js";
import type { PlanNote } from "./declared.js";
import type { IndexSpec } from "./spec.js";

type Index = Pick<
  IndexSpec,
  "collection" | "name" | "keys" | "unique" | "sparse" | "partialFilterExpression" | "expireAfterSeconds"
>;

/** Notes on indexes with fields that no schema of their collection has: Mongoose stores nothing there. Pure. */
export function unknownFieldNotes(models: readonly ModelLike[], indexes: readonly Index[]): PlanNote[] {
  return indexes.flatMap((index) => {
    const unknown = unknownFields(models, index);
    if (unknown.length === 0) return [];
    const parts = [
      `no schema of its collection has ${unknown.join(", ")}, and Mongoose stores nothing there`,
      ...(index.expireAfterSeconds === undefined ? [] : ["nothing expires by it"]),
      ...(admitsOneDocument(models, index) ? ["it is unique, and lets in one document without a value"] : []),
    ];
    return [{ collection: index.collection, index: index.name, message: parts.join("; ") }];
  });
}

/** Whether the server refuses a second document that Mongoose stores: a unique index takes missing values for equal. Pure. */
export function admitsOneDocument(models: readonly ModelLike[], index: Index): boolean {
  const whole = index.unique && !index.sparse && !index.partialFilterExpression;
  return whole && unknownFields(models, index).length === index.keys.length;
}

function unknownFields(models: readonly ModelLike[], { collection, keys }: Index): string[] {
  const schemas = withDiscriminators(models)
    .filter((model) => model.collection.collectionName === collection)
    .map(({ schema }) => schema);
  if (schemas.length === 0) return [];
  const fields = keys.map(({ field }) => field);
  return fields.filter((field) => schemas.every((schema) => !mayHold(schema, field.split("."))));
}

function mayHold(schema: SchemaLike, steps: readonly string[]): boolean {
  if ((schema.options as Document).strict === false || steps.some((step) => step.startsWith("$")))
    return true;
  const paths = Object.keys(schema.paths);
  const known = steps
    .map((_, at) => at + 1)
    .find((length) => Object.hasOwn(schema.paths, steps.slice(0, length).join(".")));
  // The whole of nested fields.
  if (known === undefined) return paths.some((path) => path.startsWith(`${steps.join(".")}.`));
  const type = schema.paths[steps.slice(0, known).join(".")];
  const rest = steps.slice(known).filter((step) => !/^\d+$/.test(step));
  return rest.length === 0 || typeMayHold(type, rest);
}

// A field that the schema says nothing about, or has in variants, may hold anything.
function typeMayHold(type: SchemaTypeLike | undefined, steps: readonly string[]): boolean {
  const { schema } = (type ?? {}) as { schema?: SchemaLike & { discriminators?: unknown } };
  return !schema || schema.discriminators != null || mayHold(schema, steps);
}
