import type { Connection } from "mongoose";

import { databaseOf } from "../indexes/inspect.js";
import type { IndexKey } from "../indexes/spec.js";
import type { Document } from "../model.js";

/**
 * Shard keys by collection; none where the server is no router. An index that supports one must not be advised away.
 *
 * @throws what the driver throws when `config.collections` may not be read
 */
export async function shardKeysOf(connection: Connection): Promise<ReadonlyMap<string, readonly IndexKey[]>> {
  const db = databaseOf(connection);
  const { msg } = await db.command({ hello: 1 });
  if (msg !== "isdbgrid") return new Map();
  const config = connection.getClient().db("config");
  const sharded = await config.collection<{ _id: string; key: Document }>("collections").find().toArray();
  return new Map(
    sharded
      .filter(({ _id }) => String(_id).startsWith(`${db.databaseName}.`))
      .map(({ _id, key }) => [String(_id).slice(db.databaseName.length + 1), keysOf(key)]),
  );
}

function keysOf(key: Document): IndexKey[] {
  return Object.entries(key).map(([field, kind]) => ({ field, kind: kind as IndexKey["kind"] }));
}
