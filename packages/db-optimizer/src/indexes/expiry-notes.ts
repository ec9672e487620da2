// Expiries that delete nothing, for the type of their field.
import { type Document, type ModelLike, type SchemaLike, withDiscriminators } from "../core/model.js";
import type { PlanNote } from "./declared.js";
import type { IndexSpec } from "./spec.js";

type Index = Pick<IndexSpec, "collection" | "name" | "keys" | "expireAfterSeconds">;

/**
 * Notes on expiries that delete nothing: of indexes whose field holds no dates by any schema, and those that Mongoose passes
 * over, since `expires` is an option of dates alone. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/core/index-ttl/ (documents expire by a date, or by an array with dates)
 */
export function expiryNotes(models: readonly ModelLike[], indexes: readonly Index[]): PlanNote[] {
  const all = withDiscriminators(models);
  // A discriminator repeats the paths of its base, which comes first.
  const ignored = new Map<string, PlanNote>();
  for (const [place, note] of all.flatMap(ignoredOptions)) if (!ignored.has(place)) ignored.set(place, note);
  return [...indexes.flatMap((index) => dateless(all, index)), ...ignored.values()];
}

function dateless(models: readonly ModelLike[], index: Index): PlanNote[] {
  const { collection, name, keys, expireAfterSeconds } = index;
  const field = keys[0]?.field;
  if (expireAfterSeconds === undefined || field === undefined) return [];
  const types = models
    .filter((model) => model.collection.collectionName === collection)
    .flatMap(({ schema }) => typeAt(schema, field.split(".")) ?? []);
  if (types.length === 0 || !types.every((type) => timeless.has(type))) return [];
  const message = `nothing expires by it: ${field} is ${[...new Set(types)].join(" or ")} in its schema, and the server expires dates only`;
  return [{ collection, index: name, message }];
}

// A type that is not here may hold dates: Mixed, Union, types of plugins.
const timeless: ReadonlySet<string> = new Set(
  "String Number Boolean ObjectId Buffer Decimal128 UUID BigInt Int32 Double Map Embedded".split(" "),
);

interface TypedPath {
  readonly instance: string;
  readonly schema?: SchemaLike;
  readonly embeddedSchemaType?: TypedPath;
  readonly options?: unknown;
}

/** The type that values of a path have, elements of arrays as such; `undefined` for what the schema does not say. */
function typeAt({ paths }: SchemaLike, steps: readonly string[]): string | undefined {
  const own = Object.hasOwn(paths, steps.join(".")) ? (paths[steps.join(".")] as TypedPath) : undefined;
  if (own) return own.instance === "Array" ? elementType(own) : own.instance;
  const length = steps.findIndex((_, at) => Object.hasOwn(paths, steps.slice(0, at + 1).join("."))) + 1;
  const outer = length > 0 ? (paths[steps.slice(0, length).join(".")] as TypedPath) : undefined;
  return outer?.schema && typeAt(outer.schema, steps.slice(length));
}

function elementType({ schema, embeddedSchemaType }: TypedPath): string | undefined {
  return schema ? "Embedded" : embeddedSchemaType?.instance;
}

function ignoredOptions({ modelName, collection, schema }: ModelLike): [string, PlanNote][] {
  const { collectionName } = collection;
  return Object.entries(schema.paths).flatMap(([path, type]) => {
    const { expires } = (type.options ?? {}) as Document;
    if (expires === undefined || expires === null || type.instance === "Date") return [];
    const message = `nothing expires by ${path} of model ${modelName}: expires is an option of dates, and ${path} is ${type.instance}`;
    return [[`${collectionName}.${path}`, { collection: collectionName, message }]];
  });
}
