// Writes documents of the new layout, in any order and again.
import type { Connection, mongo } from "mongoose";
import { idKey } from "../core/bson/id-key.js";
import { isDuplicate } from "../core/errors.js";
import type { Document } from "../core/model.js";
import { reasonOf } from "../core/reason.js";
import { databaseOf } from "../core/server/database.js";
import { majority, primary } from "../core/server/own-collection.js";
import { isRecordFault } from "../core/server/transient.js";
import { writeUnordered } from "../core/server/unordered-write.js";
import type { SourceWrite, TargetDocument } from "./definition.js";

/** Result of writing documents. */
export interface TargetsWritten {
  /** New or changed. */
  readonly written: number;
  /** Positions of those that were simply inserted, their claims included. */
  readonly inserted: ReadonlySet<number>;
  readonly conflicts: readonly TargetConflict[];
}

/** A document that is refused: by a unique index, or by the server or driver for a reason of another kind. */
interface TargetConflict {
  readonly position: number;
  readonly collection: string;
  readonly index?: string;
  readonly reason?: string;
}

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
    const claiming = ({ position, index }: Refusal) =>
      index !== undefined && documents[position]?.claim !== undefined;
    const unclaimed = first.refused.filter(claiming).map(({ position }) => position);
    const second = unclaimed.length > 0 ? await send(target, documents, unclaimed, false) : undefined;
    written += second?.written ?? 0;
    const refused = [...first.refused.filter((one) => !claiming(one)), ...(second?.refused ?? [])];
    const duplicates = refused.filter(({ index }) => index !== undefined);
    const stored = await storedAmong(
      target,
      duplicates.map(({ position }) => documents[position]?.document._id),
    );
    for (const refusal of refused)
      if (refusal.index === undefined || !stored.has(idKey(documents[refusal.position]?.document._id)))
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
  const cursor = target.find({ _id: { $in: ids } } as Document, { ...primary, projection: { _id: 1 } });
  return new Set((await cursor.toArray()).map(({ _id }) => idKey(_id)));
}

/** Inserts; returns the positions of those that were taken. The others are for the upserts to meet again. */
async function insertNew(
  target: mongo.Collection,
  documents: readonly TargetDocument[],
  positions: readonly number[],
): Promise<number[]> {
  // The driver gives a document whose `_id` is null another one.
  const named = positions.filter((at) => (documents[at]?.document._id ?? null) !== null);
  if (named.length === 0) return [];
  try {
    const operations = named.map((at) => {
      const { document, onInsert, claim } = documents[at] as TargetDocument;
      return { insertOne: { document: nested({ ...document, ...onInsert, ...claim }) } };
    });
    const { refused } = await writeUnordered(target, operations);
    return named.filter((_position, at) => !refused.has(at));
  } catch (error) {
    // Refused as a whole, it says of none what became of it.
    if (isRecordFault(error)) return [];
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
  try {
    const operations = positions.map((at) => upsertOf(documents[at] as TargetDocument, claiming));
    const { result, refused } = await writeUnordered(target, operations);
    return {
      written: result.upsertedCount + result.modifiedCount,
      inserted: Object.keys(result.upsertedIds).map((at) => positions[Number(at)] as number),
      refused: [...refused].flatMap(([at, why]) =>
        why.index === "_id" ? [] : [{ position: positions[at] as number, ...why }],
      ),
    };
  } catch (error) {
    if (!isRecordFault(error)) throw error;
    const [position] = positions;
    if (positions.length === 1) {
      const why = isDuplicate(error) ? { index: "unknown" } : { reason: reasonOf(error) };
      return { written: 0, inserted: [], refused: [{ position: position as number, ...why }] };
    }
  }
  // Refused as a whole, for one that is too large, say: each by itself shows which.
  const sent: Sent[] = [];
  for (const position of positions) sent.push(await send(target, documents, [position], claiming));
  return {
    written: sent.reduce((sum, one) => sum + one.written, 0),
    inserted: sent.flatMap(({ inserted }) => inserted),
    refused: sent.flatMap(({ refused }) => refused),
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
