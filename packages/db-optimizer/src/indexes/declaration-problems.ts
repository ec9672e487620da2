// Finds faults of declared indexes without asking a server.
import { isPattern } from "../core/bson/exact.js";
import { isDocument } from "../core/documents.js";
import type { Document } from "../core/model.js";
import { collationProblems } from "./collation.js";
import { isDirectionName, isTrue, numberOf } from "./spec.js";
import { wildcardProblems } from "./wildcard-problems.js";

const kinds: readonly unknown[] = ["text", "hashed", "2d", "2dsphere"];
const mostKeys = 32;
/** https://www.mongodb.com/docs/manual/core/index-ttl/ */
const mostSeconds = 2_147_483_647;
/** https://www.mongodb.com/docs/manual/core/index-partial/#create-a-partial-index */
const refusedInFilters = new Set([
  "$ne",
  "$nin",
  "$not",
  "$nor",
  "$regex",
  "$expr",
  "$where",
  "$text",
  "$mod",
  "$all",
  "$size",
  "$elemMatch",
]);
// Boolean options of `createIndexes`: a number or a boolean.
const flags = ["unique", "sparse", "hidden", "prepareUnique"] as const;

/**
 * Why no server would build a declared index; empty when nothing is known against it. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/reference/command/createIndexes/
 */
export function declarationProblems(key: Document, options: Document): string[] {
  return [
    ...keyProblems(key),
    ...flags.flatMap((name) => flagProblems(name, options[name])),
    ...expiryProblems(options.expireAfterSeconds, Object.keys(key)),
    ...bagProblems(options),
    ...nameProblems(options.name),
    ...filterProblems(options.partialFilterExpression, "partialFilterExpression"),
    ...combinationProblems(key, options),
    ...wildcardProblems(key, options),
  ];
}

function keyProblems(key: Document): string[] {
  const entries = Object.entries(key);
  if (entries.length === 0) return ["it has no field"];
  if (entries.length > mostKeys) return [`it has ${entries.length} fields, and ${mostKeys} are the most`];
  const problems = entries.flatMap(([field, value]) => {
    const steps = field.split(".");
    if (
      field !== "$**" &&
      steps.some((step, at) => step === "" || (step.startsWith("$") && !isLast(steps, at)))
    )
      return [`${JSON.stringify(field)} is no path`];
    return isDirection(value) || kinds.includes(value)
      ? []
      : [`${field} has ${told(value)} where 1, -1 or the name of a kind of index belongs`];
  });
  return problems.length > 0 && isTakenApart(entries)
    ? ["Mongoose takes apart a text or a list that the schema of a subdocument gives: write { field: 1 }"]
    : problems;
}

// It numbers the letters of "name" as `sub.0` to `sub.3`.
function isTakenApart(entries: readonly [string, unknown][]): boolean {
  return entries.every(([field], at) => field.split(".").at(-1) === String(at));
}

// A wildcard ends a path, and the parts of a DBRef begin with a dollar.
function isLast(steps: readonly string[], at: number): boolean {
  return ["$**", "$id", "$ref", "$db"].includes(steps[at] ?? "") && at === steps.length - 1;
}

function isDirection(value: unknown): boolean {
  const number = numberOf(value);
  if (number !== undefined) return number !== 0 && !Number.isNaN(number);
  return typeof value === "string" && isDirectionName(value);
}

function flagProblems(name: string, value: unknown): string[] {
  if (value === undefined || value === null || typeof value === "boolean") return [];
  return numberOf(value) === undefined
    ? [`${name} is ${told(value)}: the server takes true, false or a number`]
    : [];
}

function expiryProblems(value: unknown, fields: readonly string[]): string[] {
  if (value === undefined) return [];
  if (expirySeconds(value) === undefined)
    return [`expireAfterSeconds is ${told(value)}: it must be a number of seconds from 0 to ${mostSeconds}`];
  return fields.length > 1
    ? ["expireAfterSeconds works on a single field, and this is a compound index: the server refuses it"]
    : [];
}

/** The seconds of an expiry that the server takes, whole as it counts them; nothing of any other value. */
export function expirySeconds(value: unknown): number | undefined {
  const seconds = numberOf(value) ?? Number.NaN;
  return seconds >= 0 && seconds <= mostSeconds ? Math.trunc(seconds) : undefined;
}

function bagProblems(options: Document): string[] {
  const { collation, weights, wildcardProjection, partialFilterExpression } = options;
  const bags = { collation, weights, wildcardProjection, partialFilterExpression };
  const wrong = Object.entries(bags).flatMap(([name, value]) =>
    value === undefined || value === null || isDocument(value)
      ? []
      : [`${name} is ${told(value)}: it must be an object`],
  );
  return isDocument(collation) ? [...wrong, ...collationProblems(collation)] : wrong;
}

function nameProblems(name: unknown): string[] {
  if (name === undefined || name === null) return [];
  if (typeof name !== "string") return [`its name is ${told(name)}: it must be a text`];
  return name === "" || name === "*" || name.includes("\0")
    ? [`its name must not be ${JSON.stringify(name)}`]
    : [];
}

function filterProblems(filter: unknown, path: string, depth = 0): string[] {
  if (depth > 50) return [`${path} is nested too deep`];
  if (Array.isArray(filter)) return filter.flatMap((part) => filterProblems(part, path, depth + 1));
  if (!isDocument(filter)) return [];
  return Object.entries(filter).flatMap(([name, value]) => {
    if (refusedInFilters.has(name))
      return [
        `${path} has ${name}, which the server does not take there; $exists: true, $type, $gt and $eq it does`,
      ];
    if (name === "$exists" && !isTrue(value))
      return [`${path} has $exists: false, which the server does not take there`];
    if (isPattern(value) && !name.startsWith("$"))
      return [`${path} has a regular expression, which the server does not take there`];
    return filterProblems(value, path, depth + 1);
  });
}

function combinationProblems(key: Document, options: Document): string[] {
  const values = Object.values(key);
  const filtered =
    isDocument(options.partialFilterExpression) && Object.keys(options.partialFilterExpression).length > 0;
  return [
    ...(isTrue(options.unique) && values.includes("hashed") ? ["a hashed index cannot be unique"] : []),
    ...(isTrue(options.sparse) && filtered ? ["sparse and partialFilterExpression exclude each other"] : []),
  ];
}

function told(value: unknown): string {
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "a list" : `a value of type ${typeof value}`;
}
