import { createHash } from "node:crypto";
import { mongo } from "mongoose";
import type { Document } from "../model.js";
import type { Migration, TargetDocument, TargetsByCollection } from "./definition.js";
import type { Mismatch } from "./report.js";

/** SHA-256 of what is compared of a document, whatever the order of its keys. Pure. */
export function canonicalHash(canonical: Document): string {
  return createHash("sha256")
    .update(mongo.BSON.EJSON.stringify(sorted(canonical), { relaxed: false }))
    .digest("hex");
}

function sorted(value: unknown): Document {
  if (Array.isArray(value)) return value.map(sorted) as unknown as Document;
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return value as Document;
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

const keyOf = (id: unknown): string =>
  typeof id === "object" && id !== null ? String(id) : `${typeof id}:${id}`;

/** How what is stored differs from what follows from the old layout. Pure. */
export function differences(
  migration: Pick<Migration, "canonical" | "ownerOf">,
  expected: readonly Expected[],
  stored: TargetsByCollection,
): Mismatch[] {
  const left = new Map<string, Map<string, Document>>();
  for (const [collection, documents] of stored)
    left.set(collection, new Map(documents.map((document) => [keyOf(document._id), document])));
  const found: Mismatch[] = [];
  for (const { sourceId, target } of expected) {
    const { collection, document } = target;
    const place = { collection, id: document._id, sourceId };
    const hash = canonicalHash(migration.canonical(collection, document));
    const actual = left.get(collection)?.get(keyOf(document._id));
    left.get(collection)?.delete(keyOf(document._id));
    if (!actual) {
      found.push({ kind: "missing", ...place, expected: hash });
      continue;
    }
    const actualHash = canonicalHash(migration.canonical(collection, actual));
    if (hash !== actualHash) found.push({ kind: "differs", ...place, expected: hash, actual: actualHash });
  }
  for (const [collection, documents] of left)
    for (const document of documents.values())
      found.push({
        kind: "extra",
        collection,
        id: document._id,
        sourceId: migration.ownerOf(collection, document),
        actual: canonicalHash(migration.canonical(collection, document)),
      });
  return found;
}
