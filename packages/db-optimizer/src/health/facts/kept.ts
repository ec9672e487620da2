// Keeps the figures of checks for five weeks.
import { randomUUID } from "node:crypto";
import type { Connection, mongo } from "mongoose";
import type { OptimizerErrorCode } from "../../core/error-codes.js";
import { OptimizerError, toOptimizerError } from "../../core/errors.js";
import { databaseOf } from "../../core/server/database.js";
import { primary } from "../../core/server/own-collection.js";
import { assertClock, serverTime } from "../../core/server/time.js";
import type { HealthFacts, KeptHealth, OperationCount } from "./facts.js";
import { figuresOf } from "./figures.js";

const keptCollection = "org_db_health";
const minuteMs = 60_000;
const weekMs = 7 * 24 * 60 * minuteMs;
/** How long reports are kept: long enough for the comparison with a week ago, and for some weeks of history. */
const retentionMs = 5 * weekMs;
/** How far from the very minute of a week ago a report may be to stand for that hour. */
const toleranceMs = 30 * minuteMs;
/** How far back the operations of a server may have been counted to tell how many there are per second now. */
const countedMs = 60 * minuteMs;

/**
 * Result of keeping the figures of a check; if they were not kept, the reason: `NOT_AUTHORIZED`, `CLOCK_AHEAD` (by this
 * machine's clock everything that is kept would be old), or another refusal of the server.
 */
export type HealthKeeping =
  | { readonly kept: true }
  | { readonly kept: false; readonly code: OptimizerErrorCode; readonly reason: string };

/** Keeps the figures of a check, and forgets those of five weeks ago. The check is worth telling even where it cannot. */
export async function keepHealth(
  connection: Connection,
  { facts, score }: { readonly facts: HealthFacts; readonly score: number },
): Promise<HealthKeeping> {
  const { at, server } = facts;
  try {
    const db = databaseOf(connection);
    assertClock(at, await serverTime(db), "the health report was not kept");
    const counted = server.known ? server.value.counted : undefined;
    const kept = keptOf(db);
    await kept.insertOne({
      _id: `${at.toISOString()} ${randomUUID().slice(0, 8)}`,
      at,
      score,
      figures: figuresOf(facts),
      ...(counted && { counted }),
    });
    await kept.deleteMany({ _id: { $lt: idAt(at.getTime() - retentionMs) } });
    return { kept: true };
  } catch (error) {
    const { code, message } = toOptimizerError(error, "Cannot keep the health report");
    return { kept: false, code, reason: message };
  }
}

/**
 * The report that is nearest to this hour a week ago.
 *
 * @throws {OptimizerError} `UNSUPPORTED` when there is none within half an hour of it
 */
export async function readWeekAgo(db: mongo.Db, now: Date): Promise<KeptHealth> {
  const hour = now.getTime() - weekMs;
  const [before] = await between(db, hour - toleranceMs, hour, -1);
  const [after] = await between(db, hour, hour + toleranceMs, 1);
  const distance = (kept: KeptHealth) => Math.abs(kept.at.getTime() - hour);
  const nearest = before && after ? (distance(after) < distance(before) ? after : before) : (before ?? after);
  if (nearest) return nearest;
  throw new OptimizerError(
    "UNSUPPORTED",
    "nothing was kept at this hour a week ago yet: `org-db health --keep`, from a scheduler, keeps it",
  );
}

/** When the operations of a server were last counted, if that was within the last hour. */
export async function lastCounted(db: mongo.Db, now: Date): Promise<OperationCount | undefined> {
  const [last] = await between(db, now.getTime() - countedMs, now.getTime(), -1);
  return last?.counted;
}

function between(db: mongo.Db, from: number, until: number, order: 1 | -1): Promise<KeptHealth[]> {
  return keptOf(db)
    .find({ _id: { $gte: idAt(from), $lt: idAt(until) } })
    .sort({ _id: order })
    .limit(1)
    .toArray();
}

function idAt(moment: number): string {
  return new Date(moment).toISOString();
}

function keptOf(db: mongo.Db): mongo.Collection<KeptHealth> {
  return db.collection<KeptHealth>(keptCollection, primary);
}
