// Compares documents of the new layout with what the old one says.
import { createHash } from "node:crypto";
import { mongo } from "mongoose";
import { idKey } from "../core/bson/id-key.js";
import type { Document } from "../core/model.js";
import { reasonOf } from "../core/reason.js";
import type { Migration, TargetDocument, TargetsByCollection } from "./definition.js";
import type { Mismatch } from "./report.js";

/** SHA-256 of what is compared of a document, whatever the order of its keys. Pure. */
export function canonicalHash(canonical: Document): string {
  return createHash("sha256")
    .update(mongo.BSON.EJSON.stringify(sorted(canonical) as Document, { relaxed: false }))
    .digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** An expanded document with the owner that it came from. */
export interface Expected {
  readonly sourceId: unknown;
  readonly target: TargetDocument;
}

/** How what is stored differs from what follows from the old layout. Pure. */
export function differences(
  migration: Pick<Migration, "canonical" | "ownerOf">,
  expected: readonly Expected[],
  stored: TargetsByCollection,
): Mismatch[] {
  const left = new Map<string, Map<string, Document>>();
  for (const [collection, documents] of stored)
    left.set(collection, new Map(documents.map((document) => [idKey(document._id), document])));
  const found: Mismatch[] = [];
  for (const { sourceId, target } of expected) {
    const key = idKey(target.document._id);
    const actual = left.get(target.collection)?.get(key);
    left.get(target.collection)?.delete(key);
    found.push(...difference(migration, sourceId, target, actual));
  }
  for (const [collection, documents] of left)
    for (const document of documents.values()) found.push(extra(migration, collection, document));
  return found;
}

function difference(
  migration: Pick<Migration, "canonical">,
  sourceId: unknown,
  { collection, document }: TargetDocument,
  stored: Document | undefined,
): Mismatch[] {
  const place = { collection, id: document._id, sourceId };
  try {
    const expected = canonicalHash(migration.canonical(collection, document));
    if (!stored) return [{ kind: "missing", ...place, expected }];
    const actual = canonicalHash(migration.canonical(collection, stored));
    return expected === actual ? [] : [{ kind: "differs", ...place, expected, actual }];
  } catch (error) {
    return [{ kind: "unreadable", ...place, reason: reasonOf(error) }];
  }
}

function extra(
  migration: Pick<Migration, "canonical" | "ownerOf">,
  collection: string,
  document: Document,
): Mismatch {
  const place = { collection, id: document._id };
  try {
    const sourceId = migration.ownerOf(collection, document);
    const actual = canonicalHash(migration.canonical(collection, document));
    return { kind: "extra", ...place, sourceId, actual };
  } catch (error) {
    return { kind: "unreadable", ...place, sourceId: document._id, reason: reasonOf(error) };
  }
}
