// The time by the server's clock.
import type { mongo } from "mongoose";
import { OptimizerError } from "../errors.js";

/** How far the clock of this machine may be ahead of the server's. */
const clockAheadMs = 300_000;

/**
 * Refuses a clock that is ahead of the server's: to one that has jumped ahead everything is old.
 *
 * @param what is not done then: "nothing was removed"
 * @throws {OptimizerError} `CLOCK_AHEAD`
 */
export function assertClock(now: Date, server: Date, what: string): void {
  if (now.getTime() <= server.getTime() + clockAheadMs) return;
  const message = `It is ${now.toISOString()} here, and ${server.toISOString()} on the server: ${what}`;
  throw new OptimizerError("CLOCK_AHEAD", message, { details: { now, server } });
}

/** The server's clock: those of the processes may differ, and this one is the same for all. */
export async function serverTime(db: Pick<mongo.Db, "command">): Promise<Date> {
  const { localTime } = await db.command({ hello: 1 });
  return localTime as Date;
}
