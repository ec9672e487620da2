// Expired documents that the TTL monitor has not deleted yet, and rules that drain them.
import type { Connection, mongo } from "mongoose";
import { toOptimizerError } from "../core/errors.js";
import { mapLimited } from "../core/limited.js";
import type { Document } from "../core/model.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { type ActualIndex, inspectIndexes } from "../indexes/inspect.js";
import type { CleanupRule } from "./rules.js";

/** Backlog of the TTL monitor in one collection. */
export interface TtlBacklog {
  readonly collection: string;
  readonly index: string;
  readonly field: string;
  readonly expireAfterSeconds: number;
  /** Filter of a partial index. */
  readonly where?: Document;
  /** Documents that expired longer ago than the monitor's passes explain. */
  readonly expired: number;
  /** Date of the oldest of them; `null` when there are none. */
  readonly oldest: Date | null;
  /** Milliseconds since the oldest of them expired. */
  readonly behindMs: number;
}

/** How a backlog is looked for. */
export interface TtlOptions {
  readonly now: Date;
  /** Collections to look at. Default all of the database. */
  readonly collections?: readonly string[];
  /** Seconds after its expiry that a document counts from. Default 180: three of the monitor's passes. */
  readonly graceSeconds?: number;
}

// The monitor passes every 60 s; a pass that finds much may itself take so long.
const defaultGraceSeconds = 180;
const atOnce = 4;

/**
 * Compares the TTL indexes with what is still there: documents that should have gone some passes of the monitor ago.
 * Reads only. Hidden indexes expire documents but can't be read by, and are left out.
 *
 * @returns an entry for each TTL index, the longest behind first; `expired` is 0 where the monitor keeps up
 * @throws {OptimizerError} `NOT_AUTHORIZED`, `UNREACHABLE`
 */
export async function ttlBacklog(connection: Connection, options: TtlOptions): Promise<TtlBacklog[]> {
  const db = databaseOf(connection);
  try {
    const names = options.collections ?? (await collectionsOf(db));
    const found = await inspectIndexes(connection, names);
    const indexes = found
      .filter(({ type }) => type === "collection")
      .flatMap(({ collection, indexes }) => indexes.filter(isTtl).map((index) => ({ collection, index })));
    const backlogs = await mapLimited(indexes, atOnce, ({ collection, index }) =>
      backlogOf(db, collection, index, options),
    );
    return backlogs.sort((a, b) => b.behindMs - a.behindMs);
  } catch (error) {
    throw toOptimizerError(error, "Cannot look for a TTL backlog");
  }
}

/**
 * Rules that drain backlogs ahead of the monitor, which gives each of k busy indexes a k-th of its time: the same
 * documents, in batches that watch the load. Pure.
 *
 * @example
 * const backlog = await ttlBacklog(connection, { now });
 * await runCleanup(connection, drainRules(backlog), { now, run: true });
 */
export function drainRules(backlogs: readonly TtlBacklog[]): CleanupRule[] {
  return backlogs
    .filter(({ expired }) => expired > 0)
    .map(({ collection, index, field, expireAfterSeconds, where }, position) => ({
      name: `ttl:${position}:${`${collection}.${index}`.replaceAll(/[^\w.:-]/g, "-")}`.slice(0, 64),
      collection,
      field,
      retentionSeconds: Math.ceil(expireAfterSeconds),
      ...(where && { where }),
    }));
}

async function collectionsOf(db: mongo.Db): Promise<string[]> {
  const found = await db.listCollections({ type: "collection" }, { nameOnly: true, ...primary }).toArray();
  return found.map(({ name }) => name).filter((name) => !/^(system\.|org_db_)/.test(name));
}

function isTtl({ expireAfterSeconds, hidden, building }: ActualIndex): boolean {
  return expireAfterSeconds !== undefined && !hidden && !building;
}

async function backlogOf(
  db: mongo.Db,
  collection: string,
  { name, keys, expireAfterSeconds = 0, partialFilterExpression }: ActualIndex,
  { now, graceSeconds = defaultGraceSeconds }: TtlOptions,
): Promise<TtlBacklog> {
  const field = keys[0]?.field ?? "";
  const at = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
  const old = { [field]: { $lt: at(expireAfterSeconds + graceSeconds) } };
  const filter = partialFilterExpression ? { ...old, $and: [partialFilterExpression] } : old;
  const documents = db.collection(collection, primary);
  const first = await documents.findOne(filter, {
    sort: { [field]: 1 },
    hint: name,
    projection: { [field]: 1 },
  });
  const oldest = first && field.split(".").reduce<unknown>((value, key) => (value as Document)?.[key], first);
  const since = oldest instanceof Date ? oldest : null;
  return {
    collection,
    index: name,
    field,
    expireAfterSeconds,
    ...(partialFilterExpression && { where: partialFilterExpression }),
    expired: first ? await documents.countDocuments(filter, { hint: name }) : 0,
    oldest: since,
    behindMs: since ? now.getTime() - since.getTime() - expireAfterSeconds * 1_000 : 0,
  };
}
