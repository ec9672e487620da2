// Actions of rules on documents: delete, archive, anonymise.
import type { Connection, mongo } from "mongoose";
import { type ExactDocument, exactDocument, exactId, idForMessage } from "../core/bson/exact.js";
import type { Document } from "../core/model.js";
import { majority, primary } from "../core/server/own-collection.js";
import { writeUnordered } from "../core/server/unordered-write.js";
import type { SetAside } from "../jobs/set-aside.js";
import { assertArchiveCollections, isCollated } from "./archive-collection.js";
import { ArchiveFile, assertArchive } from "./archive-file.js";
import type { ParsedCleanupRule } from "./rules.js";

/** Does what a rule says to the documents of these ids that it still names; says how many they were. */
export interface Actor {
  act(ids: readonly unknown[]): Promise<number>;
  close(): Promise<void>;
}

/** The objects that an action works on. */
export interface ActionTarget {
  readonly db: Pick<mongo.Db, "collection" | "listCollections">;
  readonly collection: mongo.Collection;
  readonly rule: ParsedCleanupRule;
  /** The rule at its moment: stated again in each write. */
  readonly filter: Document;
  /** Takes what cannot be archived as it is. */
  readonly aside: SetAside;
}

/** A document as it is archived. */
interface Held {
  readonly id: unknown;
  readonly document: ExactDocument;
}

/** Keeps documents; returns those that are kept, which are all but what the archive refuses. */
type Keep = (documents: readonly Held[]) => Promise<readonly Held[]>;

const writeConcern = { ...majority, j: true } as const;
const durable = { writeConcern } as const;
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
  const collated = await isCollated(target.db, target.rule.collection);
  if ("archiveToCollection" in action) {
    const archive = target.db.collection(action.archiveToCollection);
    const keep: Keep = (documents) => upsertAll(archive, documents, target.aside);
    return { act: (ids) => archiveIds(target, ids, { keep, collated }), close: async () => undefined };
  }
  const file = await ArchiveFile.open(action.archiveToFile);
  const keep: Keep = async (documents) => {
    const whole = documents.map(({ document }) => document);
    await file.append(whole, action.archiveToFile);
    return documents;
  };
  return { act: (ids) => archiveIds(target, ids, { keep, collated }), close: () => file.close() };
}

/**
 * Checks what the actions of rules need, so that no rule is carried out when a later one cannot be.
 *
 * @throws {OptimizerError} `ARCHIVE_FAILED`
 */
export async function assertActions(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
): Promise<void> {
  await assertArchiveCollections(connection, rules);
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
  { keep, collated }: { readonly keep: Keep; readonly collated: boolean },
): Promise<number> {
  let moved = 0;
  for await (const documents of documentsOf(target, ids)) {
    const kept = await keep(documents);
    if (kept.length > 0) moved += await deleteUnchanged(target, kept, collated);
  }
  return moved;
}

// As they are, to the byte: what comes back in another form would not be the document that was kept.
async function* documentsOf(target: ActionTarget, ids: readonly unknown[]): AsyncIterable<Held[]> {
  let held: Held[] = [];
  let size = 0;
  const found = target.collection.find<Uint8Array>(named(target, ids), { ...primary, raw: true });
  for await (const raw of found) {
    const [id, document] = [exactId(raw), exactDocument(raw)];
    if (!id || !document) {
      target.aside.note(id?.id ?? idForMessage(raw), "it has a value that JavaScript cannot hold");
      continue;
    }
    held.push({ id: id.id, document });
    size += raw.length;
    if (size < heldBytes) continue;
    yield held;
    held = [];
    size = 0;
  }
  if (held.length > 0) yield held;
}

// Deletes exactly the archived documents: one that changed after it was read stays, and is archived again.
async function deleteUnchanged(
  target: ActionTarget,
  documents: readonly Held[],
  collated: boolean,
): Promise<number> {
  const unchanged = (document: ExactDocument) => ({ $expr: { $eq: ["$$ROOT", { $literal: document }] } });
  const operations = documents.map(({ id, document }) => ({
    deleteOne: collated
      ? { filter: { $and: [{ _id: id }, dateOf(target, document), unchanged(document)] }, collation: binary }
      : { filter: { $and: [named(target, [id]), unchanged(document)] } },
  }));
  return (await target.collection.bulkWrite(operations as never, { ordered: false, ...durable }))
    .deletedCount;
}

/** By the collation of a collection "ADA" can be "ada", and a document that was changed to it the same as before. */
const binary = { locale: "simple" } as const;

// With another collation than an index has its texts are not found by it, `_id` included; the date of the rule is.
function dateOf({ rule: { field } }: ActionTarget, document: ExactDocument): Document {
  const date: unknown = document instanceof Map ? document.get(field) : (document as Document)[field];
  return date instanceof Date ? { [field]: date } : {};
}

// A validator or a unique index of the archive may refuse some: they stay where they are, and the others go on.
async function upsertAll(
  archive: mongo.Collection,
  documents: readonly Held[],
  aside: SetAside,
): Promise<readonly Held[]> {
  const operations = documents.map(({ id, document }) => ({
    replaceOne: { filter: { _id: id }, replacement: document, upsert: true },
  }));
  const { refused } = await writeUnordered(archive, operations as never, writeConcern);
  for (const [position, { index, reason = `its unique index ${index} has another such document` }] of refused)
    aside.note(documents[position]?.id, `the archive refuses it: ${reason}`);
  return documents.filter((_document, position) => !refused.has(position));
}
