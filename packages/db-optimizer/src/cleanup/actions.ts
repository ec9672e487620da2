import { mongo } from "mongoose";
import type { Document } from "../model.js";
import { majority } from "../own-collection.js";
import { ArchiveFile, assertArchive } from "./archive-file.js";
import type { ParsedCleanupRule } from "./rules.js";

/** Does what a rule says to the documents of these ids that it still names; says how many they were. */
export interface Actor {
  act(ids: readonly unknown[]): Promise<number>;
  close(): Promise<void>;
}

/** What an action works on. */
export interface ActionTarget {
  readonly db: Pick<mongo.Db, "collection">;
  readonly collection: mongo.Collection;
  readonly rule: ParsedCleanupRule;
  /** The rule at its moment: stated again in each write. */
  readonly filter: Document;
}

const durable = { writeConcern: { ...majority, j: true } } as const;
/** Documents are held in memory while they are archived: this many bytes of them. */
const heldBytes = 16 * 1024 * 1024;

/**
 * The action of a rule. Each can be repeated after a failure at any point: what was done is not named any more.
 *
 * @throws {OptimizerError} `ARCHIVE_FAILED`
 */
export async function openActor(target: ActionTarget): Promise<Actor> {
  const { action } = target.rule;
  if (action === "delete") return { act: (ids) => deleteIds(target, ids), close: async () => undefined };
  if ("anonymise" in action)
    return { act: (ids) => anonymise(target, action.anonymise, ids), close: async () => undefined };
  if ("archiveToCollection" in action) {
    const archive = target.db.collection(action.archiveToCollection);
    const keep = (documents: readonly Document[]) => upsertAll(archive, documents);
    return { act: (ids) => archiveIds(target, ids, keep), close: async () => undefined };
  }
  const file = await ArchiveFile.open(action.archiveToFile);
  const keep = (documents: readonly Document[]) => file.append(documents, action.archiveToFile);
  return { act: (ids) => archiveIds(target, ids, keep), close: () => file.close() };
}

/**
 * Checks what the actions of rules need, so that no rule is carried out when a later one cannot be.
 *
 * @throws {OptimizerError} `ARCHIVE_FAILED`
 */
export async function assertActions(rules: readonly ParsedCleanupRule[]): Promise<void> {
  for (const { action } of rules)
    if (typeof action === "object" && "archiveToFile" in action) await assertArchive(action.archiveToFile);
}

// The ids stand at the top, where every planner sees them.
function named({ filter }: ActionTarget, ids: readonly unknown[]): Document {
  return "_id" in filter ? { $and: [{ _id: { $in: ids } }, filter] } : { _id: { $in: ids }, ...filter };
}

async function deleteIds(target: ActionTarget, ids: readonly unknown[]): Promise<number> {
  return (await target.collection.deleteMany(named(target, ids), durable)).deletedCount;
}

async function anonymise(
  target: ActionTarget,
  { set, unset, mark }: { set: Record<string, unknown>; unset: readonly string[]; mark: string },
  ids: readonly unknown[],
): Promise<number> {
  const change = {
    ...(Object.keys(set).length > 0 && { $set: set }),
    ...(unset.length > 0 && { $unset: Object.fromEntries(unset.map((path) => [path, ""])) }),
    $addToSet: { [mark]: target.rule.name },
  };
  return (await target.collection.updateMany(named(target, ids), change as Document, durable)).modifiedCount;
}

async function archiveIds(
  target: ActionTarget,
  ids: readonly unknown[],
  keep: (documents: readonly Document[]) => Promise<void>,
): Promise<number> {
  let moved = 0;
  for await (const documents of documentsOf(target, ids)) {
    await keep(documents);
    moved += await deleteUnchanged(target, documents);
  }
  return moved;
}

// With their types: a number that comes back as another kind of number would not be the document that was kept.
async function* documentsOf(target: ActionTarget, ids: readonly unknown[]): AsyncIterable<Document[]> {
  const exact = { promoteValues: false, promoteBuffers: false, bsonRegExp: true } as const;
  let held: Document[] = [];
  let size = 0;
  for await (const document of target.collection.find(named(target, ids), exact)) {
    held.push(document);
    size += mongo.BSON.calculateObjectSize(document);
    if (size < heldBytes) continue;
    yield held;
    held = [];
    size = 0;
  }
  if (held.length > 0) yield held;
}

// Exactly what was kept goes: a document that changed after it was read stays, and is archived anew.
async function deleteUnchanged(target: ActionTarget, documents: readonly Document[]): Promise<number> {
  const unchanged = (document: Document) => ({ $expr: { $eq: ["$$ROOT", { $literal: document }] } });
  const operations = documents.map((document) => ({
    deleteOne: { filter: { $and: [named(target, [document._id]), unchanged(document)] } },
  }));
  return (await target.collection.bulkWrite(operations as never, { ordered: false, ...durable }))
    .deletedCount;
}

async function upsertAll(archive: mongo.Collection, documents: readonly Document[]): Promise<void> {
  const operations = documents.map((document) => ({
    replaceOne: { filter: { _id: document._id }, replacement: document, upsert: true },
  }));
  await archive.bulkWrite(operations as never, { ordered: false, ...durable });
}
