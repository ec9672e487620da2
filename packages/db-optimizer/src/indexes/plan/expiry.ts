import type { Connection } from "mongoose";
import { toOptimizerError } from "../../core/errors.js";
import { mapLimited } from "../../core/limited.js";
import { databaseOf } from "../../core/server/database.js";
import { isAway } from "../../core/server/figure.js";
import { ownWork } from "../../core/server/own-work.js";
import { serverTime } from "../../core/server/time.js";
import { isTransient } from "../../core/server/transient.js";
import type { ActualCollection } from "../inspect.js";
import { filterText, type IndexSpec, keysText } from "../spec.js";
import type { CollectionStep, Expiring, ExpiryTarget, PlanStep } from "./plan-step.js";

const longestMs = 10_000;
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
      .countDocuments({ $and: [over, filter] }, { maxTimeMS: longestMs, ...ownWork });
  } catch (error) {
    if (isTransient(error)) throw error;
    if (isAway(toOptimizerError(error))) throw error;
    return undefined;
  }
}

/** Whether an expiry would delete something at once, as far as is known. */
export function deletesNow({ documents }: Pick<Expiring, "documents">): boolean {
  return documents !== 0;
}

/** What an expiry deletes, in words. */
export function expiringText({ field, seconds, documents }: Expiring): string {
  const which = `whose ${field} is over ${seconds} s old`;
  if (documents === undefined)
    return `deletes documents ${which} at once; they could not be counted in ${longestMs / 1_000} s`;
  if (documents === 0) return `the server deletes documents ${which}; none is so old now`;
  return `deletes ${documents} document${documents === 1 ? "" : "s"} at once: those ${which}`;
}

/**
 * Steps that start or shorten an expiry, with what each deletes at once; one that deletes something waits for consent.
 * Reads only.
 */
export async function withExpiring(connection: Connection, steps: readonly PlanStep[]): Promise<PlanStep[]> {
  const targets = new Map(steps.flatMap((step) => targetOf(step).map((target) => [step, target] as const)));
  const counted = await countExpiring(connection, [...targets.values()]);
  const found = new Map([...targets.keys()].map((step, at) => [step, counted[at]]));
  return steps.map((step) => {
    const expiring = found.get(step);
    if (!expiring) return step;
    const { kind, riskReason, destructive } = step;
    const told = kind === "rebuild" ? `${riskReason}; ${expiringText(expiring)}` : expiringText(expiring);
    return { ...step, expiring, riskReason: told, destructive: destructive || deletesNow(expiring) };
  });
}

/** The same for steps on collections: time series and clustered ones expire as a whole. Reads only. */
export async function withCollectionExpiring(
  connection: Connection,
  steps: readonly CollectionStep[],
  collections: readonly ActualCollection[],
): Promise<CollectionStep[]> {
  return mapLimited(steps, atOnce, async (step) => {
    const { kind, collection, options } = step;
    const { expireAfterSeconds: seconds } = options;
    if (kind !== "setExpiry" || typeof seconds !== "number") return step;
    const found = collections.find((one) => one.collection === collection)?.options ?? {};
    const { timeField: field = "_id" } = (found.timeseries ?? {}) as { timeField?: string };
    const before = found.expireAfterSeconds;
    if (typeof before === "number" && before <= seconds) return step;
    const [expiring] = await countExpiring(connection, [{ collection, field, seconds }]);
    return expiring ? { ...step, expiring, destructive: step.destructive || deletesNow(expiring) } : step;
  });
}

function targetOf({ kind, collection, expected, actual }: PlanStep): ExpiryTarget[] {
  const { expireAfterSeconds: seconds, keys, partialFilterExpression: filter } = expected ?? {};
  const field = keys?.[0]?.field;
  if (seconds === undefined || field === undefined || !expected) return [];
  const starts = kind === "create" || kind === "setTtl" || kind === "rebuild";
  return starts && !(actual && expiresAlready(expected, actual))
    ? [{ collection, field, seconds, filter }]
    : [];
}

function expiresAlready(expected: IndexSpec, actual: IndexSpec): boolean {
  const { expireAfterSeconds: before = Number.NaN } = actual;
  const alike = keysText(expected) === keysText(actual) && filterText(expected) === filterText(actual);
  return alike && before <= (expected.expireAfterSeconds ?? 0);
}
