import type { IdentityModels } from "@org/db-models";
import { duration } from "@org/db-models/core";
import { queries, runQuery } from "@org/db-models/queries";
import type { Types } from "mongoose";

interface Reading {
  readonly at: number;
  readonly requests: number;
}

/** Sessions whose last reading is remembered; of the others the mean of their whole life is taken. */
const maxReadings = 10_000;

/**
 * The request rates of sessions, from the totals that usage is counted in: what was added since the last look. The
 * totals are those of all instances, so that each sees a burst that the others serve.
 */
export class RequestRates {
  readonly #last = new Map<string, Reading>();

  /** Takes a session's total as of now, and tells how many requests a minute came since the last look. */
  perMinute(
    session: { readonly id: Types.ObjectId; readonly createdAt: Date },
    requests: number,
    now: Date,
  ): number {
    const key = session.id.toHexString();
    const reading: Reading = { at: now.getTime(), requests };
    const last = this.#last.get(key) ?? { at: session.createdAt.getTime(), requests: 0 };
    this.#remember(key, reading);
    return rateBetween(last, reading);
  }

  #remember(key: string, reading: Reading): void {
    // The one that was looked at longest ago stands first.
    this.#last.delete(key);
    this.#last.set(key, reading);
    const [oldest] = this.#last.keys();
    if (this.#last.size > maxReadings && oldest !== undefined) this.#last.delete(oldest);
  }
}

/** Requests a minute; what is shorter than a minute counts as one. */
function rateBetween(from: Reading, to: Reading): number {
  return Math.max(0, to.requests - from.requests) / Math.max(1, (to.at - from.at) / duration.minute);
}

/** Over this time it is looked what is usual for a user. */
const usualOver = 7 * duration.day;

/** Requests a minute in the hours of the last week in which the user made any; the hour under way is left out. */
export async function usualRequestsPerMinute(
  models: IdentityModels,
  userId: Types.ObjectId,
  now: Date,
): Promise<number> {
  const to = new Date(Math.floor(now.getTime() / duration.hour) * duration.hour);
  const period = { from: new Date(to.getTime() - usualOver), to };
  const hours = await runQuery(models, queries.usageOfUser(userId, "hour", period), { requests: 1 });
  const requests = hours.reduce((sum, hour) => sum + hour.requests, 0);
  return requests / Math.max(1, hours.length) / 60;
}
