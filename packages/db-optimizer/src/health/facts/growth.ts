// Growth of collections, and when it reaches a limit.
import { mongo } from "mongoose";
import { collectionSize } from "../../core/server/collection-size.js";
import { primary } from "../../core/server/own-collection.js";
import { ownWork } from "../../core/server/own-work.js";
import type { ParsedThresholds } from "../../core/thresholds.js";
import type { GrowthFacts } from "./facts.js";

const dayMs = 86_400_000;
/** A collection that made more than this is measured over the time it took to make the last so many. */
const mostCounted = 100_000;

/**
 * How many documents were made per day, told by the timestamps in their `_id`s. Reads index keys only, at most 100,000.
 *
 * @param expires whether a TTL index removes documents again
 */
export async function probeGrowth(
  db: mongo.Db,
  collection: string,
  { now, days, expires, maxTimeMS }: { now: Date; days: number; expires: boolean; maxTimeMS: number },
): Promise<GrowthFacts> {
  const { documents, dataBytes } = await collectionSize(db, collection);
  const base = { collection, documents, dataBytes, expires };
  if (documents === 0) return { ...base, perDay: 0, overDays: days };
  const ids = db.collection(collection, primary);
  const timed = { _id: { $gte: idAt(new Date(0)), $lte: new mongo.ObjectId("f".repeat(24)) } };
  if (!(await ids.findOne(timed, { projection: { _id: 1 }, maxTimeMS, ...ownWork }))) {
    return { ...base, perDay: null, overDays: days };
  }
  const recent = { _id: { $gte: idAt(new Date(now.getTime() - days * dayMs)), $lte: idAt(now, "f") } };
  const made = await ids.countDocuments(recent, { limit: mostCounted, maxTimeMS, ...ownWork });
  if (made < mostCounted) return { ...base, perDay: made / days, overDays: days };
  const [oldest] = await ids
    .find(recent, { projection: { _id: 1 }, maxTimeMS })
    .sort({ _id: -1 })
    .skip(mostCounted - 1)
    .limit(1)
    .toArray();
  const from = (oldest?._id as mongo.ObjectId | undefined)?.getTimestamp().getTime() ?? 0;
  const overDays = Math.max(now.getTime() - from, 1_000) / dayMs;
  return { ...base, perDay: mostCounted / overDays, overDays };
}

// The smallest id of a second, or the greatest.
function idAt(moment: Date, rest: "0" | "f" = "0"): mongo.ObjectId {
  const seconds = Math.floor(moment.getTime() / 1_000);
  return new mongo.ObjectId(seconds.toString(16).padStart(8, "0") + rest.repeat(16));
}

/** When a limit will be reached if growth goes on as it is. */
export interface Projection {
  /** A collection, or `*` for the whole database. */
  readonly subject: string;
  readonly measure: "documents" | "dataBytes";
  readonly limit: number;
  readonly now: number;
  readonly perDay: number;
  /** Days until the limit; 0 when it is reached; `null` when there is no telling: no growth, or documents that expire. */
  readonly days: number | null;
}

/** Projects growth on the limits of the configuration. Pure. */
export function projectGrowth(
  growth: readonly GrowthFacts[],
  limits: ParsedThresholds["limits"],
): Projection[] {
  return Object.entries(limits).flatMap(([subject, limit]) => {
    const of = growth.filter(({ collection }) => subject === "*" || collection === subject);
    // Its size could not be read, which is no size of zero.
    if (of.length === 0) return [];
    const steady = of.map(({ perDay, expires }) => (expires ? 0 : (perDay ?? 0)));
    const sum = (value: (facts: GrowthFacts, at: number) => number) =>
      of.reduce((total, facts, at) => total + value(facts, at), 0);
    const bytesPerDay = sum(
      ({ dataBytes, documents }, at) => (dataBytes / Math.max(documents, 1)) * (steady[at] ?? 0),
    );
    const project = (measure: Projection["measure"], now: number, perDay: number): Projection[] => {
      const most = limit[measure];
      return most === undefined
        ? []
        : [{ subject, measure, limit: most, now, perDay, days: daysTo(most, now, perDay) }];
    };
    return [
      ...project(
        "documents",
        sum(({ documents }) => documents),
        sum((_, at) => steady[at] ?? 0),
      ),
      ...project(
        "dataBytes",
        sum(({ dataBytes }) => dataBytes),
        bytesPerDay,
      ),
    ];
  });
}

function daysTo(limit: number, now: number, perDay: number): number | null {
  if (now >= limit) return 0;
  return perDay > 0 ? (limit - now) / perDay : null;
}
