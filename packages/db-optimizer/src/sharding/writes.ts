// Writes that a router refuses by a shard key.
import type { NamedQuery } from "../core/named-query.js";
import type { IndexKey } from "../indexes/spec.js";
import { targetOf } from "./targeting.js";

const byId: readonly IndexKey[] = [{ field: "_id", kind: 1 }];

/**
 * Whether a write has to name its shard and does not. Pure. A router before MongoDB 7.1 refuses it; a later one looks for
 * the document on every shard, and writes afterwards. An update and a delete of one document need the shard key, or
 * equality on `_id`; a findAndModify and an upsert need the shard key. A part of the key is enough while its values lie on
 * one shard, which no filter tells: it counts as refused.
 * https://www.mongodb.com/docs/v6.0/core/sharded-cluster-requirements/
 *
 * @param collated - whether the collection compares text otherwise than by bytes: a query without a collation then does too.
 */
export function isRefused(
  query: Pick<NamedQuery, "filter" | "collation" | "write">,
  key: readonly IndexKey[],
  collated = false,
): boolean {
  const names = (fields: readonly IndexKey[]) => targetOf(query, fields, collated) === "one_shard";
  switch (query.write) {
    case "updateOne":
    case "deleteOne":
      return !names(key) && !names(byId);
    case "findAndModify":
    case "upsert":
      return !names(key);
    default:
      return false;
  }
}
