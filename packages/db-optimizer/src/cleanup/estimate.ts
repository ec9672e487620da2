import type { Connection } from "mongoose";
import { toOptimizerError } from "../core/errors.js";
import type { TimeEstimate } from "./report.js";
import { runsOf } from "./run-store.js";

const assumedPerSecond = 1_000;
/** Runs back that a pace is taken from. */
const runsBack = 20;

/** Documents per second, rests included, of each rule in its last runs. */
export async function measuredPaces(connection: Connection): Promise<Map<string, number>> {
  const runs = await runsOf(connection)
    .find()
    .sort({ _id: -1 })
    .limit(runsBack)
    .toArray()
    .catch((error: unknown) => {
      // A dry run needs no more than to read what it counts.
      if (toOptimizerError(error).code === "NOT_AUTHORIZED") return [];
      throw error;
    });
  const paces = new Map<string, number>();
  for (const { rule, done, activeMs } of runs.flatMap(({ rules }) => rules)) {
    if (done > 0 && activeMs > 0 && !paces.has(rule)) paces.set(rule, (done / activeMs) * 1_000);
  }
  return paces;
}

/** How long so many documents take at a pace. Pure. */
export function timeFor(documents: number, perSecond: number | undefined): TimeEstimate {
  const pace = perSecond ?? assumedPerSecond;
  return { ms: (documents / pace) * 1_000, basis: perSecond === undefined ? "assumed" : "measured" };
}
