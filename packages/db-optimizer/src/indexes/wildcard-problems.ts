// Rules of wildcard indexes.
import { isDocument } from "../core/documents.js";
import type { Document } from "../core/model.js";
import { isWithin } from "../core/paths.js";
import { isDirectionName, isTrue } from "./spec.js";

/**
 * Why no server builds an index on a pattern of fields, or takes a `wildcardProjection`; empty when nothing is known against
 * it. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/core/indexes/index-types/index-wildcard/reference/restrictions/
 * @see https://www.mongodb.com/docs/manual/core/indexes/index-types/index-wildcard/index-wildcard-compound/
 */
export function wildcardProblems(key: Document, options: Document): string[] {
  const wild = Object.entries(key).filter(([field]) => isPattern(field));
  const plain = Object.entries(key).filter(([field]) => !isPattern(field));
  const projection = options.wildcardProjection as Document | null | undefined;
  const [first] = wild;
  if (!first) return projection ? ["wildcardProjection belongs to an index on $**"] : [];
  const [pattern, kind] = first;
  if (kind === "text") return textProblems(pattern, projection);
  return [
    ...(wild.length > 1 ? ["an index has one wildcard field at most"] : []),
    ...(typeof kind === "string" && !isDirectionName(kind) ? [`a wildcard index cannot be ${kind}`] : []),
    ...plain
      .filter(([, other]) => typeof other === "string" && !isDirectionName(other))
      .map(([field, other]) => `a wildcard index cannot hold ${field} as ${String(other)}`),
    ...(isTrue(options.unique) ? ["a wildcard index cannot be unique"] : []),
    ...(options.expireAfterSeconds === undefined ? [] : ["a wildcard index cannot expire documents"]),
    ...projectionProblems(pattern, projection),
    ...overlaps(
      pattern,
      plain.map(([field]) => field),
      projection,
    ),
  ];
}

function isPattern(field: string): boolean {
  return field === "$**" || field.endsWith(".$**");
}

function textProblems(pattern: string, projection: Document | null | undefined): string[] {
  return [
    ...(pattern === "$**" ? [] : [`a text index is on $** or on fields, not on ${pattern}`]),
    ...(projection ? ["a text index has no wildcardProjection: name its fields instead of $**"] : []),
  ];
}

function projectionProblems(pattern: string, projection: Document | null | undefined): string[] {
  if (!isDocument(projection)) return [];
  if (pattern !== "$**") return [`wildcardProjection belongs to an index on $**, and this is on ${pattern}`];
  const values = leaves(projection, "");
  if (values.length === 0) return ["wildcardProjection names no field"];
  if (values.some(([, value]) => typeof value !== "number" && typeof value !== "boolean"))
    return ["wildcardProjection has values other than 1 and 0"];
  const modes = new Set(values.filter(([path]) => path !== "_id").map(([, value]) => Boolean(value)));
  return modes.size > 1 ? ["wildcardProjection both includes and excludes fields"] : [];
}

// A field of its own must not be one of the pattern as well.
function overlaps(
  pattern: string,
  plain: readonly string[],
  projection: Document | null | undefined,
): string[] {
  if (plain.length === 0) return [];
  if (pattern !== "$**") {
    const root = pattern.slice(0, -".$**".length);
    return plain.filter((field) => isWithin(field, root)).map((field) => `${pattern} has ${field} in it`);
  }
  if (!isDocument(projection))
    return ["beside other fields $** needs a wildcardProjection that leaves them out"];
  const values = leaves(projection, "").filter(([path]) => path !== "_id");
  const includes = values.some(([, value]) => Boolean(value));
  const named = (field: string) => values.some(([path]) => isWithin(field, path));
  return plain
    .filter((field) => field !== "_id" && named(field) === includes)
    .map((field) => `wildcardProjection has to leave out ${field}, which is a field of the index`);
}

function leaves(projection: Document, prefix: string): [path: string, value: unknown][] {
  return Object.entries(projection).flatMap(([name, value]) =>
    isDocument(value)
      ? leaves(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value] as [string, unknown]],
  );
}
