import type { Subject } from "./invalidations.js";
import { type WatchedCollection, watchedCollections } from "./watched.js";

/** Names what all documents of a collection with a value in a field are about; `undefined` for a value that names nothing. */
export function subjectOf(collection: string, field: string, value: unknown): Subject | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : `${collection}.${field}=${text}`;
}

/** The subjects of a document: one for each selector of its collection that it has. */
export function subjectsOfDocument(collection: string, document: object): Subject[] {
  const { selectors } = watchedCollection(collection);
  return selectors.flatMap(
    (field) => subjectOf(collection, field, (document as Record<string, unknown>)[field]) ?? [],
  );
}

/** The subjects of all documents that a filter can match; `undefined` when it names none, so any may be among them. */
export function subjectsOfFilter(collection: string, filter: unknown): Subject[] | undefined {
  if (typeof filter !== "object" || filter === null) return undefined;
  const conditions = filter as Record<string, unknown>;
  for (const field of watchedCollection(collection).selectors) {
    const subjects = valuesOf(conditions[field])?.map((value) => subjectOf(collection, field, value));
    if (subjects?.every((subject) => subject !== undefined)) return subjects;
  }
  return undefined;
}

/** @throws TypeError for a collection that is not watched. */
export function watchedCollection(name: string): WatchedCollection {
  const watched = watchedCollections[name];
  if (!watched) throw new TypeError(`the collection ${name} is not watched`);
  return watched;
}

function valuesOf(condition: unknown): unknown[] | undefined {
  if (condition === undefined) return undefined;
  const listed = (condition as { $in?: unknown } | null)?.$in;
  return Array.isArray(listed) ? listed : [condition];
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const bson = value as {
    _bsontype?: unknown;
    toHexString?(): string;
    toString(format: "hex"): string;
  } | null;
  if (bson?._bsontype === "ObjectId") return bson.toHexString?.();
  if (bson?._bsontype === "Binary" || Buffer.isBuffer(value)) return bson?.toString("hex");
  return undefined;
}
