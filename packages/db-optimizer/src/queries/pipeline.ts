// The parts of an aggregation that determine which documents it reads: its first filter and sort, and its joins.
import { asDocument, documentsOf } from "../core/documents.js";
import type { Document } from "../core/model.js";

/** A collection that aggregations join, and by which of its fields; without one they join by a pipeline. */
export interface Join {
  readonly from: string;
  readonly foreignField?: string;
}

/** The part of a pipeline that an index of its own collection can serve. */
export interface PipelineHead {
  readonly filter: Document;
  readonly sort: Document;
}

/** Whether a field still has the stored value. */
type Stored = (field: string) => boolean;

/**
 * The filter and the sort that the server can answer from an index. It moves a `$match` before stages that leave its fields
 * alone, as `$sort`, `$set`, `$project`, `$unwind` and `$lookup` do, and a `$sort` uses an index only if nothing but `$match`
 * precedes it. https://www.mongodb.com/docs/manual/core/aggregation-pipeline-optimization/ Pure.
 */
export function headOf(pipeline: unknown): PipelineHead {
  const filters: Document[] = [];
  let sort: Document | undefined;
  let untouched = true;
  let stored: Stored = () => true;
  for (const stage of documentsOf(pipeline)) {
    const [name = "", body] = Object.entries(stage)[0] ?? [];
    if (name === "$match") filters.push(servable(body, stored));
    else if (name === "$sort") sort ??= untouched ? asDocument(body) : {};
    else {
      const leaves = storedBehind(name, body);
      if (!leaves) break;
      const before = stored;
      stored = (field) => before(field) && leaves(field);
      untouched = false;
    }
  }
  const found = filters.filter((filter) => Object.keys(filter).length > 0);
  const filter = found.length > 1 ? { $and: found } : (found[0] ?? {});
  return { filter, sort: sort ?? {} };
}

/** The fields that a stage leaves alone; `undefined` for one behind which no condition is the collection's. */
function storedBehind(name: string, body: unknown): Stored | undefined {
  switch (name) {
    case "$set":
    case "$addFields":
      return except(Object.keys(asDocument(body)));
    case "$unset":
      return except([body].flat().map(String));
    case "$unwind": {
      const { path = body, includeArrayIndex = "" } = asDocument(body);
      return except([String(path).replace("$", ""), String(includeArrayIndex)]);
    }
    case "$lookup":
    case "$graphLookup":
      return except([String(asDocument(body).as)]);
    case "$project":
      return projected(asDocument(body));
    default:
      return undefined;
  }
}

function except(paths: readonly string[]): Stored {
  const roots = new Set(paths.map(rootOf));
  return (field) => !roots.has(rootOf(field));
}

function projected(body: Document): Stored {
  const isOff = (value: unknown) => value === 0 || value === false;
  const entries = Object.entries(body);
  if (entries.some(([field, value]) => field !== "_id" && !isOff(value))) {
    const kept = new Set(
      entries.filter(([, value]) => value === 1 || value === true).map(([field]) => field),
    );
    return (field) => kept.has(field) || kept.has(rootOf(field)) || (field === "_id" && !isOff(body._id));
  }
  return except(entries.map(([field]) => field));
}

/** The conditions of a `$match` on stored fields. */
function servable(body: unknown, stored: Stored): Document {
  return Object.fromEntries(
    Object.entries(asDocument(body)).filter(([key, value]) => fieldsIn(key, value).every(stored)),
  );
}

/** The fields of a condition. An expression names none: nothing is derived from it. */
function fieldsIn(key: string, value: unknown): string[] {
  if (!key.startsWith("$")) return [key];
  return [value].flat().flatMap((one) => Object.entries(asDocument(one)).flatMap(([k, v]) => fieldsIn(k, v)));
}

const rootOf = (path: string): string => path.split(".", 1)[0] ?? path;

/**
 * The stages of a pipeline by name, each with what it joins: pipelines that differ in them cost differently, whatever they
 * begin with. Pure.
 */
export function stageNames(pipeline: unknown): string[] {
  return documentsOf(pipeline).map((stage) => {
    const joins = joinsOf([stage]).map(({ from, foreignField }) =>
      foreignField ? `${from}.${foreignField}` : from,
    );
    const { $unionWith: union } = stage;
    const united = typeof union === "string" ? union : asDocument(union).coll;
    return [Object.keys(stage)[0] ?? "", ...(united === undefined ? [] : [String(united)]), ...joins].join(
      " ",
    );
  });
}

/** The joins of a pipeline, those in pipelines inside it among them. Pure. */
export function joinsOf(pipeline: unknown): Join[] {
  return documentsOf(pipeline).flatMap((stage) => {
    const { $lookup, $graphLookup, $facet, $unionWith } = stage as Readonly<Record<string, Document>>;
    return [
      ...($lookup?.from ? [joinOf($lookup.from, $lookup.foreignField)] : []),
      ...joinsOf($lookup?.pipeline),
      ...($graphLookup?.from ? [joinOf($graphLookup.from, $graphLookup.connectToField)] : []),
      ...Object.values($facet ?? {}).flatMap(joinsOf),
      ...joinsOf($unionWith?.pipeline),
    ];
  });
}

function joinOf(from: unknown, foreignField: unknown): Join {
  return { from: String(from), ...(typeof foreignField === "string" && { foreignField }) };
}
