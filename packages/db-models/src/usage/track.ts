import type { Connection } from "mongoose";
import { duration } from "../core/limits.js";
import type { IdentityModels } from "../schemas/models.js";
import { type ApiUse, UsageRecorder } from "./recorder.js";

/** Milliseconds after a request at the latest by which {@link trackApiUsage} writes it. */
const flushIntervalMs = 5 * duration.second;

const recorders = new WeakMap<Connection, UsageRecorder>();

/**
 * Counts one request of a user, and of its session where there is one: in memory, written in groups within five
 * seconds, so that a request costs no write. Never waits and never throws. A crash loses what was not written yet;
 * `close()` of the database writes it. A service that wants its own interval, or to hear of failed writes, makes a
 * {@link UsageRecorder} instead.
 *
 * @example
 * trackApiUsage(models, { userId, sessionId, endpoint: "GET /profile" }, new Date());
 */
export function trackApiUsage(models: IdentityModels, use: ApiUse, now: Date): void {
  recorderOf(models).record(use, now);
}

/** Writes what {@link trackApiUsage} has counted so far; resolves when it is done. */
export async function flushApiUsage(models: IdentityModels): Promise<void> {
  await recorders.get(models.User.db)?.flush();
}

function recorderOf(models: IdentityModels): UsageRecorder {
  const known = recorders.get(models.User.db);
  if (known) return known;
  const recorder = new UsageRecorder(models, { flushIntervalMs });
  recorders.set(models.User.db, recorder);
  return recorder;
}
