import type { NamedQuery } from "@org/db-models";
import type { Connection } from "mongoose";

/** An ascending index on one field. */
export interface UsualIndex {
  readonly collection: string;
  readonly field: string;
}

/**
 * How far the usual indexes serve a query: `all` if it examines as little as with ours and sorts no more in memory, `part`
 * if an index serves it, `nothing` if it scans the collection.
 */
export type UsualGives = "all" | "part" | "nothing";

/** How a query was served. */
interface Served {
  readonly examinedPerReturned: number;
  readonly scans: boolean;
  readonly sortsInMemory: boolean;
}

const usualFields: ReadonlySet<string> = new Set(["email", "tokenHash", "userId", "ownerId"]);

/** The indexes that applications usually have: one on each address, token and user that a query compares. */
export function usualIndexes(queries: readonly NamedQuery[]): UsualIndex[] {
  const found = new Map<string, UsualIndex>();
  for (const { collection, filter } of queries) {
    for (const field of Object.keys(filter)) {
      const isUsual = usualFields.has(field.split(".").at(-1) ?? "");
      if (isUsual) found.set(`${collection} ${field}`, { collection, field });
    }
  }
  return [...found.values()];
}

/** Builds them, does something with them, and drops them again. */
export async function withIndexes<T>(
  connection: Connection,
  indexes: readonly UsualIndex[],
  act: () => Promise<T>,
): Promise<T> {
  for (const { collection, field } of indexes)
    await connection.collection(collection).createIndex({ [field]: 1 });
  const result = await act();
  for (const { collection, field } of indexes)
    await connection.collection(collection).dropIndex({ [field]: 1 } as never);
  return result;
}

export function usualGives(usual: Served, ours: Omit<Served, "scans">): UsualGives {
  if (usual.scans) return "nothing";
  const sortsMore = usual.sortsInMemory && !ours.sortsInMemory;
  return usual.examinedPerReturned > ours.examinedPerReturned || sortsMore ? "part" : "all";
}
