// Work of a migration on each batch: expand, compare, collapse.
import type { Connection } from "mongoose";
import { type Decoded, decoded } from "../core/bson/decode.js";
import { distinctIds, idKey, whyUnfindable } from "../core/bson/id-key.js";
import type { Document } from "../core/model.js";
import { reasonOf } from "../core/reason.js";
import { databaseOf } from "../core/server/database.js";
import { majority, primary } from "../core/server/own-collection.js";
import { isRecordFault } from "../core/server/transient.js";
import { differences, type Expected } from "./compare.js";
import type { Migration, TargetsByCollection } from "./definition.js";
import type { Mismatch } from "./report.js";
import { type TargetsWritten, writeSources, writeTargets } from "./write.js";

/** Context of a pass over documents. */
export interface PassContext {
  readonly connection: Connection;
  readonly migration: Migration;
  now(): Date;
}

/** A document of the old layout with what follows from it. */
export interface Expanded {
  readonly sourceId: unknown;
  readonly expected: readonly Expected[];
  /** Why nothing follows from it, where the migration can make nothing of it: it is set aside. */
  readonly fault?: Mismatch;
}

/** The new layout's documents for a document of the old layout. */
export function expandOne({ migration, now }: PassContext, source: Decoded): Expanded {
  const { id: sourceId, document, reason } = source;
  if (!document || reason !== undefined) return setAside(migration, sourceId, reason ?? "it cannot be read");
  try {
    const expected = migration.expand(document, now()).map((target) => ({ sourceId, target }));
    return { sourceId, expected };
  } catch (error) {
    return setAside(migration, sourceId, reasonOf(error));
  }
}

function setAside({ source }: Migration, sourceId: unknown, reason: string): Expanded {
  return {
    sourceId,
    expected: [],
    fault: { kind: "unreadable", collection: source, id: sourceId, sourceId, reason },
  };
}

/** Sets aside what the server does not find by its `_id` as JavaScript has read that. */
export async function findable(
  context: PassContext,
  batch: readonly Expanded[],
): Promise<readonly Expanded[]> {
  const doubtful = batch.map(({ sourceId }) => sourceId).filter((id) => whyUnfindable(id));
  if (doubtful.length === 0) return batch;
  const lost = new Set((await withoutSource(context, doubtful)).map(idKey));
  return batch.map((one) => (lost.has(idKey(one.sourceId)) ? unfindable(context, one.sourceId) : one));
}

const unfindable = ({ migration }: PassContext, id: unknown): Expanded =>
  setAside(migration, id, whyUnfindable(id) ?? "the server does not find it by its _id");

/**
 * Writes what follows from documents of the old layout. Returns how many were written, and what could not be.
 *
 * @param mostlyNew whether little of it is expected to be there
 */
export async function copyToTarget(
  context: PassContext,
  batch: readonly Expanded[],
  { mostlyNew = false }: { readonly mostlyNew?: boolean } = {},
): Promise<{ readonly written: number; readonly conflicts: readonly Mismatch[] }> {
  const all = batch.flatMap(({ expected }) => expected);
  const targets = all.map(({ target }) => target);
  const result = await writeTargets(context.connection, targets, { mostlyNew });
  const refused = result.conflicts.map(({ position, collection, index, reason }): Mismatch => {
    const { sourceId, target } = all[position] as Expected;
    const place = { collection, id: target.document._id, sourceId };
    return index === undefined
      ? { kind: "refused", ...place, ...(reason !== undefined && { reason }) }
      : { kind: "conflict", ...place, index };
  });
  const unsettled = await settle(context, notSimplyInserted(all, result));
  const faults = batch.flatMap(({ fault }) => fault ?? []);
  return { written: result.written, conflicts: [...refused, ...unsettled, ...faults] };
}

/** Settles what the owners have, one by one where that fails for all of them together. */
async function settle(context: PassContext, ids: readonly unknown[]): Promise<readonly Mismatch[]> {
  const { connection, migration } = context;
  if (!migration.settle || ids.length === 0) return [];
  try {
    await migration.settle(connection, ids, context.now());
    return [];
  } catch (error) {
    if (!isRecordFault(error)) throw error;
    const [id] = ids;
    if (ids.length === 1) return [setAside(migration, id, reasonOf(error)).fault as Mismatch];
  }
  const found: Mismatch[] = [];
  for (const id of ids) found.push(...(await settle(context, [id])));
  return found;
}

function notSimplyInserted(all: readonly Expected[], { inserted }: TargetsWritten): unknown[] {
  return distinctIds(all.filter((_one, position) => !inserted.has(position)).map(({ sourceId }) => sourceId));
}

/** Compares documents of the old layout, read just before, with what is stored of them. */
export async function compareAll(context: PassContext, batch: readonly Expanded[]): Promise<Comparison> {
  const faults = batch.flatMap(({ fault }) => fault ?? []);
  const sound = batch.filter(({ fault }) => !fault);
  const stored = await storedOf(
    context,
    sound.map(({ sourceId }) => sourceId),
  );
  const expected = sound.flatMap((one) => one.expected);
  const found = [...stored.documents.values()].reduce((sum, documents) => sum + documents.length, 0);
  const mismatches = [
    ...differences(context.migration, expected, stored.documents),
    ...stored.faults,
    ...faults,
  ];
  return { expected: expected.length, found, mismatches };
}

/** Result of a comparison. */
export interface Comparison {
  readonly expected: number;
  readonly found: number;
  readonly mismatches: readonly Mismatch[];
}

/** Stored documents, including ill-formed ones. */
interface Stored {
  readonly documents: TargetsByCollection;
  readonly faults: readonly Mismatch[];
}

async function storedOf(context: PassContext, ids: readonly unknown[]): Promise<Stored> {
  if (ids.length === 0) return { documents: new Map(), faults: [] };
  const { connection, migration } = context;
  const moment = context.now();
  const faults: Mismatch[] = [];
  const read = async (collection: string) => {
    const found = await decodedOf(connection, collection, migration.belongTo(collection, ids, moment));
    for (const one of found)
      if (one.reason !== undefined) faults.push(storedFault(migration, collection, one));
    return [collection, found.flatMap(({ document }) => (document ? [document] : []))] as const;
  };
  return { documents: new Map(await Promise.all(migration.targets.map(read))), faults };
}

function storedFault(
  migration: Migration,
  collection: string,
  { id, document, reason = "" }: Decoded,
): Mismatch {
  const fault = { kind: "unreadable", collection, id, reason } as const;
  try {
    return { ...fault, sourceId: document ? migration.ownerOf(collection, document) : id };
  } catch {
    return { ...fault, sourceId: id };
  }
}

/** Documents one by one, so that one that cannot be read does not end the reading of the others. */
async function decodedOf(
  connection: Connection,
  name: string,
  filter: Document,
  options: { readonly projection?: Document } = {},
): Promise<Decoded[]> {
  const collection = databaseOf(connection).collection(name);
  const found = await collection.find<Uint8Array>(filter, { ...primary, ...options, raw: true }).toArray();
  return found.map((raw) => decoded(raw, collection.bsonOptions));
}

/** Reads documents of the old layout again. */
export async function readAgain(context: PassContext, ids: readonly unknown[]): Promise<Expanded[]> {
  const found = await sourcesOf(context, ids);
  // One that is gone has nothing that follows from it, and what is stored of it is too much.
  return ids.map((id) => {
    const source = found.get(idKey(id));
    if (source) return expandOne(context, source);
    return whyUnfindable(id) ? unfindable(context, id) : { sourceId: id, expected: [] };
  });
}

async function sourcesOf(
  { connection, migration }: PassContext,
  ids: readonly unknown[],
): Promise<Map<string, Decoded>> {
  const found = await decodedOf(connection, migration.source, { _id: { $in: ids } });
  return new Map(found.map((source) => [idKey(source.id), source]));
}

/** Which of these ids no document of the old layout has. */
export async function withoutSource(
  { connection, migration }: PassContext,
  ids: readonly unknown[],
): Promise<unknown[]> {
  const sources = await decodedOf(
    connection,
    migration.source,
    { _id: { $in: ids } },
    { projection: { _id: 1 } },
  );
  const found = new Set(sources.map(({ id }) => idKey(id)));
  return ids.filter((id) => !found.has(idKey(id)));
}

/** Removes documents of the new layout that follow from nothing in the old one, as was read just now. */
export async function removeExtras({ connection }: PassContext, extras: readonly Mismatch[]): Promise<void> {
  for (const { collection, id } of extras)
    await databaseOf(connection)
      .collection(collection)
      .deleteOne({ _id: { $eq: id } } as Document, { writeConcern: majority });
}

/** Brings documents of the old layout up to what the new one says. Returns how many needed it, and what could not be. */
export async function copyToSource(
  context: PassContext,
  ids: readonly unknown[],
): Promise<{ readonly written: number; readonly conflicts: readonly Mismatch[] }> {
  const sources = await sourcesOf(context, ids);
  const { documents, faults } = await storedOf(context, ids);
  const stored = byOwner(context.migration, documents);
  const faulty = new Set(faults.map(({ sourceId }) => idKey(sourceId)));
  const conflicts: Mismatch[] = [...faults];
  let written = 0;
  for (const id of ids) {
    // Ill-formed text that is written back is lost.
    if (faulty.has(idKey(id))) continue;
    try {
      const own = stored.get(idKey(id)) ?? new Map();
      if (await carryOneBack(context, id, sources.get(idKey(id)), own)) written += 1;
    } catch (error) {
      if (!isRecordFault(error)) throw error;
      conflicts.push(setAside(context.migration, id, reasonOf(error)).fault as Mismatch);
    }
  }
  return { written, conflicts };
}

async function carryOneBack(
  context: PassContext,
  id: unknown,
  source: Decoded | undefined,
  own: Map<string, Document[]>,
): Promise<boolean> {
  const { connection, migration } = context;
  if (source?.reason !== undefined) throw new Error(source.reason);
  const expected = source ? expandOne(context, source).expected : [];
  // Documents that only the old layout has were cleaned up in the new one: nothing is copied back for them.
  const behind = differences(migration, expected, own).some(({ kind }) => kind !== "missing");
  if (!behind) return false;
  if (!source && whyUnfindable(id)) throw new Error(unfindable(context, id).fault?.reason);
  await writeSources(connection, migration.source, migration.collapse(own, source?.document));
  return true;
}

function byOwner(migration: Migration, stored: TargetsByCollection): Map<string, Map<string, Document[]>> {
  const owners = new Map<string, Map<string, Document[]>>();
  for (const [collection, documents] of stored) {
    for (const document of documents) {
      const owner = idKey(migration.ownerOf(collection, document));
      const own = owners.get(owner) ?? new Map<string, Document[]>();
      owners.set(owner, own);
      const documentsOfCollection = own.get(collection);
      if (documentsOfCollection) documentsOfCollection.push(document);
      else own.set(collection, [document]);
    }
  }
  return owners;
}
