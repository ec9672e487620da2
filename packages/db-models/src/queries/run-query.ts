import type { Collection, mongo, Types } from "mongoose";
import type { IdentityModels } from "../schemas/models.js";
import type { NamedQuery, Period } from "./queries.js";

export type Projection = Readonly<Record<string, 0 | 1>>;

/**
 * Runs a named query on the driver's collection: plain documents, no hydration, because this is the hot path.
 * The caller's projection decides what travels.
 *
 * @param readConcern - for what must never be rolled back after it was seen.
 */
export function runQuery<T>(
  models: IdentityModels,
  query: NamedQuery<T>,
  projection?: Projection,
  readConcern?: { level: "majority" },
): Promise<T[]> {
  const collection = collectionOf(models, query.collection);
  const cursor = collection.find<T & object>(query.filter as Record<string, unknown>, {
    ...(projection && { projection }),
    ...(readConcern && { readConcern }),
  });
  if (query.sort) cursor.sort({ ...query.sort });
  if (query.limit) cursor.limit(query.limit);
  return cursor.toArray();
}

/**
 * Runs a named query by period window by window, so that no number of documents hides one.
 *
 * @param queryAfter - the query of the window after a place.
 * @param atOf - the moment that the query goes by; a window whose last document has none is the last.
 */
export async function* inWindows<T extends { _id: Types.ObjectId }>(
  models: IdentityModels,
  queryAfter: (after: Pick<Period, "after">) => NamedQuery<T>,
  atOf: (found: T) => Date | undefined,
  projection?: Projection,
): AsyncGenerator<T[], void, void> {
  for (let place: Pick<Period, "after"> = {}; ; ) {
    const query = queryAfter(place);
    const window = await runQuery(models, query, projection);
    yield window;
    const last = window.at(-1);
    const at = last && atOf(last);
    if (!last || !at || window.length < (query.limit ?? 0)) return;
    place = { after: { at, id: last._id } };
  }
}

/** Runs a named query that has at most one answer. */
export async function findByQuery<T>(
  models: IdentityModels,
  query: NamedQuery<T>,
  projection?: Projection,
  options: mongo.FindOneOptions = {},
): Promise<T | undefined> {
  const found = await collectionOf(models, query.collection).findOne(
    query.filter as Record<string, unknown>,
    {
      ...(projection && { projection }),
      ...options,
    },
  );
  return (found ?? undefined) as T | undefined;
}

/** The collections of models by their names: what each request looks for is not to be searched for. */
const collections = new WeakMap<IdentityModels, ReadonlyMap<string, Collection>>();

function collectionOf(models: IdentityModels, name: string): Collection {
  const collection = (collections.get(models) ?? collectionsOf(models)).get(name);
  if (!collection) throw new TypeError(`no model has the collection ${name}`);
  return collection;
}

function collectionsOf(models: IdentityModels): ReadonlyMap<string, Collection> {
  const byName = new Map<string, Collection>(
    Object.values(models).map(({ collection }) => [collection.name, collection]),
  );
  collections.set(models, byName);
  return byName;
}
