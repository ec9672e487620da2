// Sizes of collections and of each of their indexes.
import type { Connection, mongo } from "mongoose";
import { isOptimizerError, toOptimizerError } from "../../core/errors.js";
import { mapLimited } from "../../core/limited.js";
import type { Document } from "../../core/model.js";
import { storageStats, sumSizes } from "../../core/server/collection-size.js";
import { databaseOf } from "../../core/server/database.js";
import type { IndexedSize } from "../steps/estimate.js";

/**
 * Sizes of collections and their indexes, for the estimates of a plan. A collection whose size may not be read is left
 * out: an estimate is a help, not a condition.
 *
 * @throws {OptimizerError} `UNREACHABLE`
 */
export async function inspectSizes(
  connection: Connection,
  collections: readonly string[],
): Promise<Map<string, IndexedSize>> {
  const db = databaseOf(connection);
  const sizes = await mapLimited([...new Set(collections)], 4, async (name) => {
    const size = await sizeOf(db, name).catch(unlessAway);
    return size ? ([[name, size]] as const) : [];
  });
  return new Map(sizes.flat());
}

async function sizeOf(db: mongo.Db, name: string): Promise<IndexedSize> {
  const parts = await storageStats(db, name);
  const indexSizes: Record<string, number> = {};
  for (const part of parts) {
    for (const [index, bytes] of Object.entries((part.indexSizes ?? {}) as Document)) {
      indexSizes[index] = (indexSizes[index] ?? 0) + Number(bytes);
    }
  }
  return { ...sumSizes(parts), indexSizes };
}

function unlessAway(error: unknown): undefined {
  const known = toOptimizerError(error, "Cannot read the sizes");
  if (isOptimizerError(known, "UNREACHABLE")) throw known;
}
