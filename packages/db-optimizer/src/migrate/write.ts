import type { Connection, mongo } from "mongoose";
import { isDuplicate } from "../errors.js";
import { databaseOf } from "../indexes/inspect.js";
import type { Document } from "../model.js";
import type { SourceWrite, TargetDocument } from "./definition.js";

/** What became of documents that were to be written. */
export interface TargetsWritten {
  /** New or changed. */
  readonly written: number;
  /** Positions of those that were simply inserted, their claims included. */
  readonly inserted: ReadonlySet<number>;
  readonly conflicts: readonly TargetConflict[];
}

/** A document that a unique index refuses. */
interface TargetConflict {
  readonly position: number;
  readonly collection: string;
  readonly index: string;
}

const majority = { w: "majority", wtimeoutMS: 30_000 } as const;

/**
 * Writes documents where they are newer than what is stored, or new. Repeating it, in whatever order, changes nothing.
 * A stored one that is newer makes the upsert insert, which its `_id` refuses.
 *
 * @param mostlyNew whether inserting is tried first, which costs less than an upsert, and twice where it is refused
 */
export async function writeTargets(
  connection: Connection,
  documents: readonly TargetDocument[],
  { mostlyNew = false }: { readonly mostlyNew?: boolean } = {},
): Promise<TargetsWritten> {
  let written = 0;
  const inserted = new Set<number>();
  const conflicts: TargetConflict[] = [];
  for (const [collection, positions] of byCollection(documents)) {
    const target = databaseOf(connection).collection(collection);
    if (mostlyNew)
      for (const position of await insertNew(target, documents, positions)) inserted.add(position);
    const rest = positions.filter((position) => !inserted.has(position));
    written += positions.length - rest.length;
    if (rest.length === 0) continue;
    const first = await send(target, documents, rest, true);
    written += first.written;
    for (const position of first.inserted) inserted.add(position);
    // Without its claim a document is taken; what it may claim is for settle to decide.
    const claiming = ({ position }: Refusal) => documents[position]?.claim !== undefined;
    const unclaimed = first.refused.filter(claiming).map(({ position }) => position);
    const second = unclaimed.length > 0 ? await send(target, documents, unclaimed, false) : undefined;
    written += second?.written ?? 0;
    const refused = [...first.refused.filter((one) => !claiming(one)), ...(second?.refused ?? [])];
    const stored = await storedAmong(
      target,
      refused.map(({ position }) => documents[position]?.document._id),
    );
    for (const refusal of refused)
      if (!stored.has(String(documents[refusal.position]?.document._id)))
        conflicts.push({ ...refusal, collection });
  }
  return { written, inserted, conflicts };
}

/** Brings documents of the old layout up to date, in the given order. */
export async function writeSources(
  connection: Connection,
  collection: string,
  writes: readonly SourceWrite[],
): Promise<void> {
  if (writes.length === 0) return;
  const operations = writes.map(({ filter, update, upsert = false }) => ({
    updateOne: { filter, update, upsert },
  }));
  await databaseOf(connection)
    .collection(collection)
    .bulkWrite(operations as mongo.AnyBulkWriteOperation[], { ordered: true, writeConcern: majority });
}

function byCollection(documents: readonly TargetDocument[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [position, { collection }] of documents.entries()) {
    const group = groups.get(collection);
    if (group) group.push(position);
    else groups.set(collection, [position]);
  }
  return groups;
}

interface Sent {
  readonly written: number;
  readonly inserted: readonly number[];
  readonly refused: readonly Refusal[];
}

type Refusal = Omit<TargetConflict, "collection">;

// A server may name another unique index than that of _id when a newer state of the same document refuses an insert.
async function storedAmong(target: mongo.Collection, ids: readonly unknown[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const cursor = target.find({ _id: { $in: ids } } as Document, { projection: { _id: 1 } });
  return new Set((await cursor.toArray()).map(({ _id }) => String(_id)));
}

/** Inserts; returns the positions of those that no unique index refused. */
async function insertNew(
  target: mongo.Collection,
  documents: readonly TargetDocument[],
  positions: readonly number[],
): Promise<number[]> {
  const operations = positions.map((at) => {
    const { document, onInsert, claim } = documents[at] as TargetDocument;
    return { insertOne: { document: nested({ ...document, ...onInsert, ...claim }) } };
  });
  try {
    const { errors } = await unordered(target, operations);
    const refused = new Set(errors.map(({ index }) => index));
    return positions.filter((_position, at) => !refused.has(at));
  } catch (error) {
    // For one that takes a place that was given up just now SecantusDB refuses all, and says of none what became of it:
    // the upserts meet each again.
    if (isDuplicate(error)) return [];
    throw error;
  }
}

// An update takes "a.b" for a path; an insert would take it for a name.
function nested(fields: Document): Document {
  const whole: Document = {};
  for (const [path, value] of Object.entries(fields)) {
    const steps = path.split(".");
    const last = steps.pop() as string;
    let inner = whole;
    for (const step of steps) {
      inner[step] ??= {};
      inner = inner[step] as Document;
    }
    inner[last] = value;
  }
  return whole;
}

async function send(
  target: mongo.Collection,
  documents: readonly TargetDocument[],
  positions: readonly number[],
  claiming: boolean,
): Promise<Sent> {
  const operations = positions.map((at) => upsertOf(documents[at] as TargetDocument, claiming));
  const { result, errors } = await unordered(target, operations);
  const refused = errors.flatMap(({ index, key }) =>
    key === "_id" ? [] : [{ position: positions[index] as number, index: key }],
  );
  return {
    written: result.upsertedCount + result.modifiedCount,
    inserted: Object.keys(result.upsertedIds).map((at) => positions[Number(at)] as number),
    refused,
  };
}

function upsertOf(one: TargetDocument, claiming: boolean): mongo.AnyBulkWriteOperation {
  const { _id, ...fields } = one.document;
  const operatorOf = (field: string) =>
    one.raise?.includes(field) ? "$max" : one.lower?.includes(field) ? "$min" : "$set";
  const part = (of: string) =>
    Object.fromEntries(Object.entries(fields).filter(([field]) => operatorOf(field) === of));
  const onInsert = { ...one.onInsert, ...(claiming && one.claim) };
  const operators: Record<string, Document> = {
    $set: part("$set"),
    $max: part("$max"),
    $min: part("$min"),
    $setOnInsert: onInsert,
    $unset: Object.fromEntries((one.unset ?? []).map((field) => [field, ""])),
  };
  const update = Object.fromEntries(Object.entries(operators).filter(([, of]) => Object.keys(of).length > 0));
  // Within $and: with a $or beside `_id` a server may read the whole collection for each document (SecantusDB does).
  return { updateOne: { filter: { _id, $and: [one.supersedes] } as Document, update, upsert: true } };
}

/** A bulk write that goes on after a duplicate; anything else that the server refuses is thrown. */
async function unordered(target: mongo.Collection, operations: mongo.AnyBulkWriteOperation[]) {
  try {
    const options = { ordered: false, writeConcern: majority } as const;
    return { result: await target.bulkWrite(operations, options), errors: [] };
  } catch (error) {
    const { writeErrors, result } = error as Partial<mongo.MongoBulkWriteError>;
    const all = [writeErrors ?? []].flat();
    const onlyDuplicates = all.length > 0 && all.every(isDuplicate);
    if (!result || !onlyDuplicates || result.getWriteConcernError()) throw error;
    return { result, errors: all.map((one) => ({ index: one.index, key: keyOf(one) })) };
  }
}

// "E11000 duplicate key error collection: db.things index: _id_ dup key: { … }"
function keyOf({ errmsg = "" }: mongo.WriteError): string {
  const name = /index: (\S+)/.exec(errmsg)?.[1] ?? "unknown";
  return name === "_id_" ? "_id" : name;
}
