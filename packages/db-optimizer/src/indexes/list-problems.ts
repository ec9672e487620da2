// Indexes over several lists.
import type { Document, SchemaLike } from "../core/model.js";

/**
 * Why no document could be stored beside an index: the server refuses one whose ascending or descending keys come from two
 * lists, empty ones too, and Mongoose gives a new document an empty list for each path that is one. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/core/indexes/index-types/index-multikey/#compound-multikey-indexes
 */
export function listProblems({ paths }: SchemaLike, key: Document, options: Document): string[] {
  const filter = options.partialFilterExpression as Document | null | undefined;
  if (filter && Object.keys(filter).length > 0) return [];
  const fields = Object.entries(key).filter(([, kind]) => Number(kind) === 1 || Number(kind) === -1);
  const lists = new Set(fields.flatMap(([field]) => certainList(paths, field) ?? []));
  return lists.size > 1
    ? [`${[...lists].join(" and ")} are lists, and the server stores no document with two lists in one index`]
    : [];
}

/** The first path on the way to a field that is a list in each new document. */
function certainList(paths: SchemaLike["paths"], field: string): string | undefined {
  const steps = field.split(".");
  const way = steps.map((_, at) => steps.slice(0, at + 1).join("."));
  const first = way.find((path) => Object.hasOwn(paths, path));
  const type = first === undefined ? undefined : paths[first];
  if (type?.instance !== "Array") return undefined;
  const options = (type.options ?? {}) as Document;
  return Object.hasOwn(options, "default") && !Array.isArray(options.default) ? undefined : first;
}
