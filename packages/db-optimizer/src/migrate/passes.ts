import type { Connection } from "mongoose";
import { databaseOf } from "../indexes/inspect.js";
import type { Document } from "../model.js";
import { differences, type Expected } from "./compare.js";
import type { Migration, TargetsByCollection } from "./definition.js";
import type { Mismatch } from "./report.js";
import { type TargetsWritten, writeSources, writeTargets } from "./write.js";

/** What a pass over documents works with. */
export interface PassContext {
  readonly connection: Connection;
  readonly migration: Migration;
  now(): Date;
}

/** What is written by what was read must not be read where it may be old, whatever the connection prefers. */
export const fresh = { readPreference: "primary" } as const;

/** Documents of the old layout with what follows from them. */
export interface Expanded {
  readonly sourceId: unknown;
  readonly expected: readonly Expected[];
}

/** What a document of the old layout is in the new one. */
export function expandOne({ migration, now }: PassContext, source: Document): Expanded {
  const expected = migration.expand(source, now()).map((target) => ({ sourceId: source._id, target }));
  return { sourceId: source._id, expected };
}

/**
 * Writes what follows from documents of the old layout. Returns how many were written, and what could not be.
 *
 * @param mostlyNew whether little of it is expected to be there
 */
export async function carryOver(
  context: PassContext,
  batch: readonly Expanded[],
  { mostlyNew = false }: { readonly mostlyNew?: boolean } = {},
): Promise<{ readonly written: number; readonly conflicts: readonly Mismatch[] }> {
  const { connection, migration } = context;
  const all = batch.flatMap(({ expected }) => expected);
  const result = await writeTargets(
    connection,
    all.map(({ target }) => target),
    { mostlyNew },
  );
  const unsettled = notSimplyInserted(all, result);
  if (migration.settle && unsettled.length > 0) await migration.settle(connection, unsettled, context.now());
  const conflicts = result.conflicts.map(({ position, collection, index }): Mismatch => {
    const { sourceId, target } = all[position] as Expected;
    return { kind: "conflict", collection, id: target.document._id, sourceId, index };
  });
  return { written: result.written, conflicts };
}

function notSimplyInserted(all: readonly Expected[], { inserted }: TargetsWritten): unknown[] {
  const ids = new Map<string, unknown>();
  for (const [position, { sourceId }] of all.entries())
    if (!inserted.has(position)) ids.set(String(sourceId), sourceId);
  return [...ids.values()];
}

/** Compares documents of the old layout, read just before, with what is stored of them. */
export async function compareAll(context: PassContext, batch: readonly Expanded[]): Promise<Comparison> {
  const { migration } = context;
  const ids = batch.map(({ sourceId }) => sourceId);
  const stored = await storedOf(context, ids);
  const expected = batch.flatMap((one) => one.expected);
  const found = [...stored.values()].reduce((sum, documents) => sum + documents.length, 0);
  return { expected: expected.length, found, mismatches: differences(migration, expected, stored) };
}

/** What a comparison found. */
export interface Comparison {
  readonly expected: number;
  readonly found: number;
  readonly mismatches: readonly Mismatch[];
}

async function storedOf(
  { connection, migration, now }: PassContext,
  ids: readonly unknown[],
): Promise<TargetsByCollection> {
  const moment = now();
  const read = async (collection: string) => {
    const filter = migration.belongTo(collection, ids, moment);
    const documents = databaseOf(connection).collection(collection).find(filter, fresh);
    return [collection, await documents.toArray()] as const;
  };
  return new Map(await Promise.all(migration.targets.map(read)));
}

/** Reads documents of the old layout again. */
export async function readAgain(context: PassContext, ids: readonly unknown[]): Promise<Expanded[]> {
  const found = await sourcesOf(context, ids);
  // One that is gone has nothing that follows from it, and what is stored of it is too much.
  return ids.map((id) => {
    const source = found.get(String(id));
    return source ? expandOne(context, source) : { sourceId: id, expected: [] };
  });
}

async function sourcesOf(
  { connection, migration }: PassContext,
  ids: readonly unknown[],
): Promise<Map<string, Document>> {
  const cursor = databaseOf(connection)
    .collection(migration.source)
    .find({ _id: { $in: ids } } as Document, fresh);
  return new Map((await cursor.toArray()).map((source) => [String(source._id), source]));
}

/** Which of these ids no document of the old layout has. */
export async function withoutSource(
  { connection, migration }: PassContext,
  ids: readonly unknown[],
): Promise<unknown[]> {
  const filter = { _id: { $in: ids } } as Document;
  const cursor = databaseOf(connection)
    .collection(migration.source)
    .find(filter, { ...fresh, projection: { _id: 1 } });
  const found = new Set((await cursor.toArray()).map(({ _id }) => String(_id)));
  return ids.filter((id) => !found.has(String(id)));
}

/** Removes documents of the new layout that follow from nothing in the old one, as was read just now. */
export async function removeExtras({ connection }: PassContext, extras: readonly Mismatch[]): Promise<void> {
  for (const { collection, id } of extras)
    await databaseOf(connection)
      .collection(collection)
      .deleteOne({ _id: id } as Document, { writeConcern: { w: "majority" } });
}

/** Brings documents of the old layout up to what the new one says. Returns how many needed it. */
export async function carryBack(context: PassContext, ids: readonly unknown[]): Promise<number> {
  const { connection, migration } = context;
  const sources = await sourcesOf(context, ids);
  const stored = byOwner(migration, await storedOf(context, ids));
  const moment = context.now();
  let written = 0;
  for (const id of ids) {
    const source = sources.get(String(id));
    const own = stored.get(String(id)) ?? new Map();
    const expected = source
      ? migration.expand(source, moment).map((target) => ({ sourceId: id, target }))
      : [];
    // What only the old layout has was cleaned up in the new one: there is nothing to bring back of it.
    const behind = differences(migration, expected, own).some(({ kind }) => kind !== "missing");
    if (!behind) continue;
    await writeSources(connection, migration.source, migration.collapse(own, source));
    written += 1;
  }
  return written;
}

function byOwner(migration: Migration, stored: TargetsByCollection): Map<string, Map<string, Document[]>> {
  const owners = new Map<string, Map<string, Document[]>>();
  for (const [collection, documents] of stored) {
    for (const document of documents) {
      const owner = String(migration.ownerOf(collection, document));
      const own = owners.get(owner) ?? new Map<string, Document[]>();
      owners.set(owner, own);
      own.set(collection, [...(own.get(collection) ?? []), document]);
    }
  }
  return owners;
}
