// Shard keys of a cluster's collections, and the indexes that support them.
import type { Connection } from "mongoose";
import type { Document } from "../core/model.js";
import { databaseOf } from "../core/server/database.js";
import { type Reading, readGranted } from "../core/server/figure.js";
import { primary } from "../core/server/own-collection.js";
import { type IndexKey, type IndexSpec, keysText } from "./spec.js";

/** Shard keys by collection. */
export type ShardKeys = ReadonlyMap<string, readonly IndexKey[]>;

/**
 * {@link shardKeysOf}, or why they cannot be read: `config` is read by `clusterMonitor`, not by a user of one database.
 *
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED`
 */
export function readShardKeys(connection: Connection): Promise<Reading<ShardKeys>> {
  return readGranted(databaseOf(connection), () => shardKeysOf(connection));
}

/**
 * Shard keys by collection; none where the server is no router. An index that supports one must not be advised away.
 *
 * @throws what the driver throws when `config.collections` may not be read
 */
export async function shardKeysOf(connection: Connection): Promise<ShardKeys> {
  const db = databaseOf(connection);
  const { msg } = await db.command({ hello: 1 });
  if (msg !== "isdbgrid") return new Map();
  const config = connection.getClient().db("config");
  const listed = await config.collection<ListedCollection>("collections", primary).find().toArray();
  return new Map(
    listed
      // From 8.0 on collections that are not sharded are listed as well.
      .filter(({ unsplittable, dropped }) => unsplittable !== true && dropped !== true)
      .filter(({ _id }) => String(_id).startsWith(`${db.databaseName}.`))
      .map(({ _id, key }) => [String(_id).slice(db.databaseName.length + 1), keysOf(key)]),
  );
}

interface ListedCollection {
  readonly _id: string;
  readonly key: Document;
  readonly unsplittable?: boolean;
  readonly dropped?: boolean;
}

/** A key pattern as index keys. Pure. */
export function keysOf(key: Document): IndexKey[] {
  return Object.entries(key).map(([field, kind]) => ({ field, kind: kind as IndexKey["kind"] }));
}

/**
 * Whether a router can find documents by their shard key through this index. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/core/sharding-shard-key/#shard-key-indexes
 */
export function supportsShardKey(index: IndexSpec, shardKey: readonly IndexKey[]): boolean {
  const whole = !index.sparse && !index.partialFilterExpression && !index.collation;
  return whole && keysText({ keys: index.keys.slice(0, shardKey.length) }) === keysText({ keys: shardKey });
}
