// Counts what the expiries of a plan would delete at once.
import type { Connection } from "mongoose";
import { toOptimizerError } from "../../core/errors.js";
import { mapLimited } from "../../core/limited.js";
import { databaseOf } from "../../core/server/database.js";
import { isAway } from "../../core/server/figure.js";
import { ownWork } from "../../core/server/own-work.js";
import { serverTime } from "../../core/server/time.js";
import { isTransient } from "../../core/server/transient.js";
import type { ActualCollection } from "../inspect.js";
import {
  deletesNow,
  type Expiring,
  type ExpiryTarget,
  expiringText,
  longestCountMs,
} from "../steps/expiring.js";
import { kindOf, type PlanStep } from "../steps/steps.js";

const atOnce = 2;

/** Counts what expiries would delete at once, by the server's clock. Reads only. */
async function countExpiring(connection: Connection, targets: readonly ExpiryTarget[]): Promise<Expiring[]> {
  if (targets.length === 0) return [];
  const now = await serverTime(databaseOf(connection));
  return mapLimited(targets, atOnce, async (target) => {
    const documents = await countOne(connection, target, now);
    return { ...target, ...(documents !== undefined && { documents }) };
  });
}

async function countOne(
  connection: Connection,
  { collection, field, seconds, filter = {} }: ExpiryTarget,
  now: Date,
): Promise<number | undefined> {
  // Of an array the server takes the earliest date, and what is no date never expires: as a range of dates matches.
  const over = { [field]: { $lte: new Date(now.getTime() - seconds * 1_000) } };
  try {
    return await databaseOf(connection)
      .collection(collection, { readPreference: "primary" })
      .countDocuments({ $and: [over, filter] }, { maxTimeMS: longestCountMs, ...ownWork });
  } catch (error) {
    if (isTransient(error)) throw error;
    if (isAway(toOptimizerError(error))) throw error;
    return undefined;
  }
}

/**
 * Steps that start or shorten an expiry, with what each deletes at once; one that deletes something waits for consent.
 * Reads only.
 *
 * @param collections as inspected, for what they expire by now
 */
export async function withExpiring<S extends PlanStep>(
  connection: Connection,
  steps: readonly S[],
  collections: readonly ActualCollection[],
): Promise<S[]> {
  const found = new Map(collections.map((one) => [one.collection, one]));
  const targets = new Map(
    steps.flatMap((step) => {
      const target = kindOf(step).expiry?.(step, found.get(step.collection));
      return target ? [[step, target] as const] : [];
    }),
  );
  const counted = await countExpiring(connection, [...targets.values()]);
  const byStep = new Map([...targets.keys()].map((step, at) => [step, counted[at]]));
  return steps.map((step) => {
    const expiring = byStep.get(step);
    if (!expiring) return step;
    const { riskReason, destructive } = step;
    // The step may destroy more than documents: keep its first reason.
    const told = [...(destructive && riskReason ? [riskReason] : []), expiringText(expiring)].join("; ");
    return { ...step, expiring, riskReason: told, destructive: destructive || deletesNow(expiring) };
  });
}
