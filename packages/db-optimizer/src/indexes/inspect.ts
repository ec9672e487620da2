// Reads collections and indexes from the server: the only reader that plans go by.
import type { Connection, mongo } from "mongoose";
import { asStored } from "../core/bson/exact.js";
import { toOptimizerError } from "../core/errors.js";
import { mapLimited } from "../core/limited.js";
import type { Document } from "../core/model.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { type Collation, canonicalCollation } from "./collation.js";
import { canonicalIndex, type IndexSpec, keysText } from "./spec.js";

/** An index that the server has. */
export interface ActualIndex extends IndexSpec {
  /** Still being built: the planner cannot use it yet. */
  readonly building: boolean;
  /** Made by the server or the driver, which need it: nobody declares it, and nobody is to drop it. */
  readonly serverMade?: boolean;
}

/** A collection as the server has it, without its `_id` index. */
export interface ActualCollection {
  readonly collection: string;
  readonly exists: boolean;
  readonly type: "collection" | "timeseries" | "view";
  /** As `listCollections` reports them: validator, collation, capped and the like. */
  readonly options: Document;
  readonly collation: Collation | null;
  readonly indexes: readonly ActualIndex[];
}

/**
 * Reads collections and their indexes: the only function through which plans learn what the server has.
 *
 * @param collections names; one that does not exist is reported with `exists: false`
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED`, `NOT_AUTHORIZED`
 */
export async function inspectIndexes(
  connection: Connection,
  collections: readonly string[],
): Promise<ActualCollection[]> {
  try {
    const db = databaseOf(connection);
    const wanted = { name: { $in: [...collections] } };
    const infos = await db.listCollections(wanted, { nameOnly: false, ...primary }).toArray();
    const byName = new Map(infos.map((info) => [info.name, info as mongo.CollectionInfo]));
    return await mapLimited(collections, 8, (name) => inspectCollection(db, name, byName.get(name)));
  } catch (error) {
    throw toOptimizerError(error, "Cannot read the indexes");
  }
}

async function inspectCollection(
  db: mongo.Db,
  collection: string,
  info: mongo.CollectionInfo | undefined,
): Promise<ActualCollection> {
  const options = (info?.options ?? {}) as Document;
  const type = (info?.type ?? "collection") as ActualCollection["type"];
  const listed = info && type !== "view" ? await listIndexes(db, collection) : [];
  return {
    collection,
    exists: info !== undefined,
    type,
    options,
    collation: canonicalCollation(options.collation as Document | undefined),
    indexes: listed.flatMap((entry) => actualIndex(collection, entry, options)),
  };
}

async function listIndexes(db: mongo.Db, collection: string): Promise<Document[]> {
  const batchOfAll = { batchSize: 10_000 };
  try {
    return await readAll(db, { listIndexes: collection, includeBuildUUIDs: true, cursor: batchOfAll });
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === 26) return []; // dropped since it was listed
    // Not every service knows the flag that marks builds in progress.
    if (code === 9 || code === 40415 || code === 72 || code === 323) {
      return await readAll(db, { listIndexes: collection, cursor: batchOfAll });
    }
    throw error;
  }
}

async function readAll(db: mongo.Db, command: Document): Promise<Document[]> {
  const answer = await db.command(command, asStored);
  return answer.cursor.firstBatch as Document[];
}

function actualIndex(collection: string, entry: Document, options: Document): ActualIndex[] {
  const spec = (entry.spec ?? entry) as Document;
  const index = canonicalIndex(collection, spec.key as Document, spec);
  if (keysText(index) === '[["_id",1]]' || spec.clustered === true) return [];
  const building = "buildUUID" in entry || "indexBuildInfo" in entry;
  return [{ ...index, building, ...(isServerMade(index, options) && { serverMade: true }) }];
}

/**
 * Since 6.3 a time series has an index on its two own fields; the driver gives one to collections with Queryable Encryption.
 *
 * @see https://www.mongodb.com/docs/manual/core/timeseries/timeseries-secondary-index/
 */
function isServerMade(index: IndexSpec, { timeseries }: Document): boolean {
  const keys = keysText(index);
  const { timeField, metaField } = (timeseries ?? {}) as Document;
  const own =
    metaField === undefined ? undefined : JSON.stringify([metaField, timeField].map((field) => [field, 1]));
  return keys === own || keys === '[["__safeContent__",1]]';
}
