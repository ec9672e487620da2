// Joins in the aggregations that the profiler recorded.
import type { mongo } from "mongoose";
import type { Found } from "../core/finding.js";
import type { Document } from "../core/model.js";
import { primary } from "../core/server/own-collection.js";
import { ofOthers } from "../core/server/own-work.js";
import { collectionText, shellText } from "../indexes/command.js";
import type { ActualIndex } from "../indexes/inspect.js";
import { type Join, joinsOf } from "../queries/pipeline.js";

/** The recorded aggregations of one collection that join others. */
export interface LookupFacts {
  readonly collection: string;
  readonly operations: number;
  /** All recorded aggregations of the collection, those without a join among them. */
  readonly aggregations: number;
  readonly totalMillis: number;
  /** Joins in the aggregation that has the most. */
  readonly mostJoins: number;
  readonly joins: readonly Join[];
  readonly since: Date;
}

/** As the profiler records an aggregation. */
export interface AggregateEntry {
  readonly ns: string;
  readonly command: Document;
  readonly millis: number;
  readonly ts: Date;
}

const maxEntries = 2_000;

/** Reads the aggregations that the profiler recorded last, however fast they were. */
export async function readLookups(db: mongo.Db, maxTimeMS: number): Promise<LookupFacts[]> {
  const own = { $regex: `^${db.databaseName}\\.(?!system\\.|org_db_)` };
  const entries = await db
    .collection<AggregateEntry>("system.profile", primary)
    .find({ ns: own, ...ofOthers, "command.aggregate": { $exists: true } }, { maxTimeMS })
    .sort({ ts: -1 })
    .limit(maxEntries)
    .toArray();
  return lookupsOf(entries);
}

/** The joins by collection, those that took the most time in all first. Pure. */
export function lookupsOf(entries: readonly AggregateEntry[]): LookupFacts[] {
  const groups = new Map<string, AggregateEntry[]>();
  for (const entry of entries) {
    const name = entry.ns.slice(entry.ns.indexOf(".") + 1);
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return [...groups]
    .flatMap(([collection, own]) => {
      const joining = own.map((entry) => ({ entry, joins: joinsOf(entry.command.pipeline) }));
      const found = joining.filter(({ joins }) => joins.length > 0);
      return found.length === 0 ? [] : [factsOf(collection, own.length, found)];
    })
    .sort((one, other) => other.totalMillis - one.totalMillis);
}

function factsOf(
  collection: string,
  aggregations: number,
  found: readonly { entry: AggregateEntry; joins: readonly Join[] }[],
): LookupFacts {
  const all = found.flatMap(({ joins }) => joins);
  const distinct = new Map(all.map((join) => [`${join.from} ${join.foreignField ?? ""}`, join]));
  return {
    collection,
    operations: found.length,
    aggregations,
    totalMillis: found.reduce((sum, { entry }) => sum + entry.millis, 0),
    mostJoins: Math.max(...found.map(({ joins }) => joins.length)),
    joins: [...distinct.values()],
    since: new Date(Math.min(...found.map(({ entry }) => entry.ts.getTime()))),
  };
}

/** A warning for each field of an existing collection that joins ask for and no visible index begins with. Pure. */
export function unindexedJoins(
  lookups: readonly LookupFacts[],
  existing: ReadonlySet<string>,
  indexes: readonly Pick<ActualIndex, "collection" | "keys" | "hidden" | "building">[],
): Found[] {
  const visible = indexes.filter(({ hidden, building }) => !hidden && !building);
  const served = new Set(visible.map(({ collection, keys }) => `${collection}.${keys[0]?.field}`));
  const found = new Map<string, Found>();
  for (const { collection, operations, joins } of lookups)
    for (const { from, foreignField = "_id" } of joins) {
      const place = `${from}.${foreignField}`;
      if (foreignField === "_id" || !existing.has(from) || served.has(place) || found.has(place)) continue;
      found.set(place, {
        subject: from,
        message: `A $lookup of ${collection} reads all of ${from} for each document that it joins`,
        evidence: `no index of ${from} begins with ${foreignField}; ${operations} recorded aggregations join`,
        command: `${collectionText(from)}.createIndex(${shellText({ [foreignField]: 1 })})`,
      });
    }
  return [...found.values()];
}
