import { rm } from "node:fs/promises";
import type { Connection, mongo } from "mongoose";
import type { CleanupRule } from "../../src/index.js";

export const now = new Date("2025-06-01T00:00:00.000Z");
export const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
const month = 30 * 86_400;

/** A rule of each kind, each on a collection of its own. */
export function cleaningRules(archive: string): CleanupRule[] {
  const where = { level: "debug" };
  const base = { field: "at", retentionSeconds: month, where };
  return [
    { ...base, name: "deleting", collection: "deleted" },
    { ...base, name: "filing", collection: "filed", action: { archiveToFile: archive } },
    { ...base, name: "moving", collection: "moved", action: { archiveToCollection: "archive" } },
    {
      ...base,
      name: "erasing",
      collection: "erased",
      action: { anonymise: { set: { who: "nobody" }, unset: ["ip"] } },
    },
  ];
}

export const cleanedCollections = ["deleted", "filed", "moved", "erased"] as const;

/** Documents: of these, the first `old` of each collection are what its rule names. */
export function seedDocuments(old: number): mongo.Document[] {
  const person = (n: number) => ({ n, who: `person ${n}`, ip: `192.0.2.${n % 256}` });
  const due = Array.from({ length: old }, (_, n) => ({
    at: daysAgo(31 + (n % 7)),
    level: "debug",
    ...person(n),
  }));
  const kept = [
    { at: daysAgo(29), level: "debug" },
    { at: daysAgo(300), level: "error" },
    { at: daysAgo(300) },
    { at: "2001-01-01", level: "debug" },
    { at: null, level: "debug" },
    { level: "debug" },
    { at: daysAgo(-1), level: "debug" },
  ];
  return [
    ...due,
    ...kept.flatMap((one, n) => [0, 1, 2].map((copy) => ({ ...one, ...person(1_000 + n * 3 + copy) }))),
  ];
}

/** Empties and fills the collections. */
export async function seedCleaning(connection: Connection, archive: string, old: number): Promise<void> {
  await rm(archive, { force: true });
  await connection.collection("archive").deleteMany({});
  for (const name of cleanedCollections) {
    const collection = connection.collection(name);
    await collection.deleteMany({});
    await collection.createIndex({ at: 1 });
    await collection.insertMany(seedDocuments(old));
  }
}
