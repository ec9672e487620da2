// Options that a collection gets from setup when it is created, and not later.
import { isDocument } from "../core/documents.js";
import type { Document, ModelLike } from "../core/model.js";
import { canonicalCollation } from "./collation.js";

/**
 * Names of the options that models declare for a collection at its creation. The server creates a missing collection for an
 * index without them, and that collection can't become capped, clustered or a time series. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/reference/command/create/
 */
export function creationOptionsOf(models: readonly ModelLike[], collection: string): string[] {
  const own = models.filter((model) => model.collection.collectionName === collection);
  return [...new Set(own.flatMap(({ schema }) => declaredOptions(schema.options as Document)))];
}

function declaredOptions({
  collation,
  capped,
  timeseries,
  clusteredIndex,
  collectionOptions,
}: Document): string[] {
  const others = isDocument(collectionOptions) ? Object.keys(collectionOptions) : [];
  return [
    ...(isDocument(collation) && canonicalCollation(collation) ? ["collation"] : []),
    ...(capped ? ["capped"] : []),
    ...(timeseries ? ["timeseries"] : []),
    ...(clusteredIndex ? ["clusteredIndex"] : []),
    ...others.filter((name) => !changeable.has(name)),
  ];
}

// https://www.mongodb.com/docs/manual/reference/command/collMod/
const changeable: ReadonlySet<string> = new Set([
  "validator",
  "validationLevel",
  "validationAction",
  "comment",
]);
