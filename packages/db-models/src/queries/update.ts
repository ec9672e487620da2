import type { Model, mongo } from "mongoose";
import { clockToleranceMs } from "../core/clock.js";
import { isDuplicateKey } from "../core/errors.js";
import type { Projection } from "./projection.js";

/** The fields of a document after a projection: `_id` and the named fields, or all but those, or everything. */
type Projected<D, P> =
  P extends Readonly<Record<string, 1>>
    ? Pick<D, Extract<keyof P | "_id", keyof D>>
    : P extends Readonly<Record<string, 0>>
      ? Omit<D, keyof P>
      : D;

interface UpdateOptions<P> {
  projection?: P & Projection;
  /** Which document is returned. Default `before`. */
  returnDocument?: "before" | "after";
  upsert?: boolean;
  /** Which of several is changed: the first one. */
  sort?: Readonly<Record<string, 1 | -1>>;
}

/** Changes one document on the driver's collection, and returns it as it was or has become; `undefined` for none. */
export async function findAndUpdate<D, const P extends Projection | undefined = undefined>(
  model: Model<D>,
  filter: Record<string, unknown>,
  update: Record<string, unknown> | Record<string, unknown>[],
  { sort, ...options }: UpdateOptions<P> = {},
): Promise<Projected<D, P> | undefined> {
  // The driver knows no types of these collections.
  const found: unknown = await model.collection.findOneAndUpdate(filter, update, {
    ...options,
    ...(sort && { sort: { ...sort } }),
  });
  return (found ?? undefined) as Projected<D, P> | undefined;
}

/**
 * Makes due now what was put off further ahead than anything is, for a wrong clock did, and what has a text or a number for
 * its moment: nobody would ever take it up. To be called before what is due is looked for.
 *
 * @param mostMs - how far ahead anything is put off by a clock that is right.
 */
export async function bringForward<D>(
  model: Model<D>,
  field: string,
  now: Date,
  mostMs: number,
): Promise<void> {
  const ahead = new Date(now.getTime() + mostMs + clockToleranceMs);
  // A range has values of one type. Each is one of the index.
  const stuck = [{ $gt: ahead }, { $gte: "" }, { $gte: Number.NEGATIVE_INFINITY }];
  const writes = stuck.map((range) => ({
    updateMany: { filter: { [field]: range }, update: { $set: { [field]: now } } },
  }));
  // The driver knows no types of these collections.
  await model.collection.bulkWrite(writes as never, { ordered: false });
}

/**
 * Puts off what is due, for the one process of any number that takes it up.
 *
 * @param stored - the document as it was found, with the moment that it was due at.
 * @returns false where another process was first.
 */
export async function putOff<D>(
  model: Model<D>,
  stored: Record<string, unknown>,
  field: string,
  until: Date,
): Promise<boolean> {
  // The driver knows no types of these collections.
  const { matchedCount } = await model.collection.updateOne(stored, { $set: { [field]: until } } as never);
  return matchedCount === 1;
}

/** An update that applies a merge patch (RFC 7396) to fields: null takes one away, and what is undefined stays. */
export function mergePatch(
  changes: Readonly<Record<string, unknown>>,
  pathOf: (field: string) => string = (field) => field,
): { $set: Record<string, unknown>; $unset?: Record<string, ""> } {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const gone = given.filter(([, value]) => value === null).map(([field]) => [pathOf(field), ""]);
  const kept = given.filter(([, value]) => value !== null).map(([field, value]) => [pathOf(field), value]);
  return { $set: Object.fromEntries(kept), ...(gone.length > 0 && { $unset: Object.fromEntries(gone) }) };
}

/** Inserts a document; false where another one has a value of it that is unique. */
export async function isFirst<D>(
  model: Model<D>,
  document: object,
  options?: mongo.InsertOneOptions,
): Promise<boolean> {
  try {
    // The driver adds an `_id` to what it is given.
    await model.collection.insertOne({ ...document }, options);
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}
