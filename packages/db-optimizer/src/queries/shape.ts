// The shape of a query: its fields and operators without values.
import { createHash } from "node:crypto";
import { isPattern } from "../core/bson/exact.js";
import type { Document } from "../core/model.js";
import { headOf, stageNames } from "./pipeline.js";

/** A query without its values: what two runs of one query have in common. */
export interface QueryShape {
  readonly operation: string;
  readonly collection: string;
  /** Fields with the operators on them, the values left out. */
  readonly filter: Document;
  readonly sort: Readonly<Record<string, 1 | -1>>;
  /** Of an aggregation its stages by name, each with the collections that it joins; empty otherwise. */
  readonly stages: readonly string[];
  /** Twelve hexadecimal digits of a hash of the above: equal shapes have equal fingerprints. */
  readonly fingerprint: string;
}

/** The parts of a filter that an index can serve. */
export interface FilterFields {
  readonly equality: readonly string[];
  readonly range: readonly string[];
}

const logical = new Set(["$and", "$or", "$nor"]);
const equalityOperators = new Set(["$eq", "$in"]);

/** The shape of a `find`, `count`, `update`, `delete`, `findAndModify` or `aggregate` command. Pure. */
export function shapeOf(operation: string, collection: string, command: Document): QueryShape {
  const filter = shapeOfFilter(filterOf(command)) as Document;
  const sort = (command.sort ?? headOf(command.pipeline).sort) as Record<string, 1 | -1>;
  const stages = stageNames(command.pipeline);
  const text = JSON.stringify([operation, collection, filter, sort, stages]);
  return {
    operation,
    collection,
    filter,
    sort,
    stages,
    fingerprint: createHash("sha256").update(text).digest("hex").slice(0, 12),
  };
}

/** The filter of a command that an index can serve, wherever the command keeps it. */
export function filterOf(command: Document): Document {
  return (command.filter ?? command.query ?? command.q ?? headOf(command.pipeline).filter) as Document;
}

function shapeOfFilter(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOfFilter);
  if (!isPlain(value)) return "?";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, shapeOfField(key, inner)]));
}

function shapeOfField(key: string, inner: unknown): unknown {
  if (logical.has(key) || (isPlain(inner) && hasOperators(inner))) return shapeOfFilter(inner);
  return "?";
}

/** Which fields a filter compares for equality and which as a range; `$or` is left alone. Pure. */
export function fieldsOf(filter: Document): FilterFields {
  const equality = new Set<string>();
  const range = new Set<string>();
  const visit = (part: Document, prefix: string) => {
    for (const [key, inner] of Object.entries(part)) {
      if (key === "$and" && Array.isArray(inner)) for (const item of inner) visit(item as Document, prefix);
      if (key.startsWith("$")) continue;
      const element = elementOf(inner);
      // One index on fields of the items serves what is asked of one item; an index on whole items serves none of it.
      if (element) visit(element, `${prefix}${key}.`);
      else (isEquality(inner) ? equality : range).add(prefix + key);
    }
  };
  visit(filter, "");
  return { equality: [...equality], range: [...range].filter((field) => !equality.has(field)) };
}

/** The conditions on the fields of one item: `$elemMatch` that asks no item as a whole. */
function elementOf(value: unknown): Document | undefined {
  const inner = isPlain(value) ? value.$elemMatch : undefined;
  if (!isPlain(inner)) return undefined;
  return Object.keys(inner).every((key) => !key.startsWith("$") || key === "$and") ? inner : undefined;
}

function isEquality(value: unknown): boolean {
  if (!isPlain(value) || !hasOperators(value)) return !isPattern(value);
  return Object.keys(value).every((operator) => equalityOperators.has(operator));
}

function hasOperators(value: Document): boolean {
  return Object.keys(value).some((key) => key.startsWith("$"));
}

function isPlain(value: unknown): value is Document {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
