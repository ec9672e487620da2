import type { Collection, mongo, Schema, Types } from "mongoose";
import { IdentityError } from "../core/errors.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { Projection } from "./projection.js";
import type { NamedQuery, Period } from "./queries.js";
import { type Soundness, soundnessOf } from "./soundness.js";

/**
 * Runs a named query on the driver's collection: plain documents, no hydration, because this is the hot path.
 * The caller's projection decides what travels. A document that is not of the types of its schema is left out and
 * reported, so that one keeps nobody from the others; further ones come in its place.
 *
 * @param readConcern - for what must never be rolled back after it was seen.
 */
export async function runQuery<T>(
  models: IdentityModels,
  query: NamedQuery<T>,
  projection?: Projection,
  readConcern?: { level: "majority" },
): Promise<T[]> {
  const window = await runWindow(models, query, projection, readConcern);
  const { limit } = query;
  for (let read = window.read; limit && read >= limit && window.sound.length < limit; ) {
    const missing = limit - window.sound.length;
    const more = await runWindow(models, { ...query, limit: missing }, projection, readConcern, read);
    window.sound.push(...more.sound);
    read += more.read;
    if (more.read < missing) break;
  }
  return window.sound;
}

/** {@link runQuery} with the damaged ones, for who goes through them one by one and names what fails. */
export async function runUnchecked<T>(models: IdentityModels, query: NamedQuery<T>): Promise<T[]> {
  return findAll(models, query, undefined, {});
}

interface Window<T> {
  readonly sound: T[];
  readonly damaged: readonly IdentityError[];
  /** Documents that were found, with those that were left out. */
  readonly read: number;
  readonly last: T | undefined;
}

async function runWindow<T>(
  models: IdentityModels,
  query: NamedQuery<T>,
  projection: Projection | undefined,
  readConcern?: { level: "majority" },
  skip = 0,
): Promise<Window<T>> {
  const options = { ...(readConcern && { readConcern }), ...(skip > 0 && { skip }) };
  const found = await findAll(models, query, projection, options);
  const [sound, damaged]: [T[], IdentityError[]] = [[], []];
  for (const document of found) {
    const damage = damageOf(models, query.collection, document as object, projection);
    if (damage) {
      leaveOut(models, damage);
      damaged.push(damage);
    } else sound.push(document);
  }
  return { sound, damaged, read: found.length, last: found.at(-1) };
}

async function findAll<T>(
  models: IdentityModels,
  query: NamedQuery<T>,
  projection: Projection | undefined,
  options: mongo.FindOptions,
): Promise<T[]> {
  const { collection } = stored(models, query.collection);
  const cursor = collection.find<T & object>(query.filter as Record<string, unknown>, {
    ...(projection && { projection }),
    ...options,
  });
  if (query.sort) cursor.sort({ ...query.sort });
  if (query.limit) cursor.limit(query.limit);
  return cursor.toArray();
}

interface WindowOptions {
  readonly projection?: Projection;
  readonly onDamage?: (damage: IdentityError) => void;
}

/**
 * Runs a named query by period window by window, so that no number of documents hides one.
 *
 * @param queryAfter - the query of the window after a place.
 * @param atOf - the moment that the query goes by; a window whose last document has none is the last.
 * @param onDamage - takes the damaged documents of a window, before its others.
 */
export async function* inWindows<T extends { _id: Types.ObjectId }>(
  models: IdentityModels,
  queryAfter: (after: Pick<Period, "after">) => NamedQuery<T>,
  atOf: (found: T) => Date | undefined,
  { projection, onDamage }: WindowOptions = {},
): AsyncGenerator<T[], void, void> {
  for (let place: Pick<Period, "after"> = {}; ; ) {
    const query = queryAfter(place);
    const { sound, damaged, read, last } = await runWindow(models, query, projection);
    for (const damage of damaged) onDamage?.(damage);
    yield sound;
    const at = last && atOf(last);
    if (!last || !at || read < (query.limit ?? 0)) return;
    place = { after: { at, id: last._id } };
  }
}

/**
 * Runs a named query that has at most one answer.
 *
 * @throws IdentityError `DOCUMENT_DAMAGED` for one that is not of the types of its schema, for nothing can be decided on it.
 */
export async function findByQuery<T>(
  models: IdentityModels,
  query: NamedQuery<T>,
  projection?: Projection,
  options: mongo.FindOneOptions = {},
): Promise<T | undefined> {
  const { collection } = stored(models, query.collection);
  const found = await collection.findOne(query.filter as Record<string, unknown>, {
    ...(projection && { projection }),
    ...options,
  });
  return found ? (sound(models, query.collection, found, projection) as T) : undefined;
}

/**
 * A document that was read by itself.
 *
 * @throws IdentityError `DOCUMENT_DAMAGED` for one that is not of the types of its schema.
 */
export function sound<T extends object>(
  models: IdentityModels,
  collectionName: string,
  document: T,
  projection?: Projection,
): T {
  const damage = damageOf(models, collectionName, document, projection);
  if (damage) throw damage;
  return document;
}

/**
 * {@link findByQuery} for a document of entries that stand for themselves: one that is damaged is reported.
 *
 * @param instead - what takes the place of a damaged entry; nothing does where it returns `undefined`.
 */
export async function findEntries<T extends object>(
  models: IdentityModels,
  query: NamedQuery<T>,
  list: keyof T & string,
  instead: (entry: unknown) => object | undefined,
): Promise<T | undefined> {
  const kept = stored(models, query.collection);
  const found = await kept.collection.findOne<Record<string, unknown>>(
    query.filter as Record<string, unknown>,
  );
  if (!found) return undefined;
  for (;;) {
    const path = kept.faultIn(found, undefined);
    if (path === undefined) return found as T;
    const damage = damageAt(query.collection, found, path);
    const [name, index] = path.split(".");
    const entries = found[list];
    if (name !== list || index === undefined || !Array.isArray(entries)) throw damage;
    leaveOut(models, damage);
    const sound = instead(entries[Number(index)]);
    entries.splice(Number(index), 1, ...(sound ? [sound] : []));
  }
}

/** {@link findByQuery} for what a bearer presents: one that is damaged is as unknown as one that is not there. */
export async function findBearer<T>(
  models: IdentityModels,
  query: NamedQuery<T>,
  options: mongo.FindOneOptions = {},
): Promise<T | undefined> {
  const { collection } = stored(models, query.collection);
  const found = await collection.findOne(query.filter as Record<string, unknown>, options);
  return found && isSound(models, query.collection, found, undefined) ? (found as T) : undefined;
}

/** Whether a document is of the types of its schema; one that is not is reported. */
export function isSound(
  models: IdentityModels,
  collectionName: string,
  document: object,
  projection?: Projection,
): boolean {
  const damage = damageOf(models, collectionName, document, projection);
  if (damage) leaveOut(models, damage);
  return !damage;
}

/** Reports a damaged document, or a part of one, that is left out. */
export function leaveOut(models: IdentityModels, damage: IdentityError): void {
  stored(models, String(damage.details.collection)).report(damage);
}

function damageOf(
  models: IdentityModels,
  collectionName: string,
  document: object,
  projection: Projection | undefined,
): IdentityError | undefined {
  const path = stored(models, collectionName).faultIn(document, projection);
  return path === undefined ? undefined : damageAt(collectionName, document, path);
}

/** The error that names what is wrong in a stored document. */
export function damageAt(collectionName: string, document: object, path: string): IdentityError {
  const { _id } = document as { _id?: unknown };
  const details = { collection: collectionName, id: String(_id), path };
  const message = `${collectionName}: the document ${details.id} is damaged: ${path} is missing or of the wrong type`;
  return new IdentityError("DOCUMENT_DAMAGED", message, { details });
}

/** A collection, and who is told of a damaged document that is left out of a read. */
class StoredIn {
  readonly collection: Collection;
  report: (damage: IdentityError) => void = () => undefined;
  readonly #schema: Schema;
  #soundness: Soundness | undefined;

  constructor({ collection, schema }: { readonly collection: Collection; readonly schema: Schema }) {
    this.collection = collection;
    this.#schema = schema;
  }

  /**
   * The path of the first fault of a document; a process reads few of the collections. A newer version of the package may
   * have other types: who decides on its documents refuses them as such.
   */
  faultIn(document: object, projection: Projection | undefined): string | undefined {
    const { schemaVersion } = document as { schemaVersion?: unknown };
    if (typeof schemaVersion === "number" && schemaVersion > currentSchemaVersion) return undefined;
    this.#soundness ??= soundnessOf(this.#schema);
    return this.#soundness(document as Record<string, unknown>, projection);
  }
}

/** The collections of models by their names: what each request looks for is not to be searched for. */
const collections = new WeakMap<IdentityModels, ReadonlyMap<string, StoredIn>>();

/** Faults that were reported, and are not again. */
const remembered = 1_000;

/** Tells of each damaged document that is left out of a read of these models, once for each of its faults. */
export function reportDamage(models: IdentityModels, report: (damage: IdentityError) => void): void {
  const told = new Set<string>();
  const tellOnce = (damage: IdentityError) => {
    const { collection, id, path } = damage.details;
    const key = [collection, id, path].join();
    if (told.has(key)) return;
    if (told.size >= remembered) told.clear();
    told.add(key);
    report(damage);
  };
  for (const one of collectionsOf(models).values()) one.report = tellOnce;
}

function stored(models: IdentityModels, name: string): StoredIn {
  const one = collectionsOf(models).get(name);
  if (!one) throw new TypeError(`no model has the collection ${name}`);
  return one;
}

function collectionsOf(models: IdentityModels): ReadonlyMap<string, StoredIn> {
  const known = collections.get(models);
  if (known) return known;
  const byName = new Map<string, StoredIn>(
    Object.values(models).map((model) => [model.collection.name, new StoredIn(model)]),
  );
  collections.set(models, byName);
  return byName;
}
