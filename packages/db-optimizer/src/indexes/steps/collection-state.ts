// Shared by the kinds of steps on collections: their command, and the options of a collection that they change.

import { OptimizerError, toOptimizerError } from "../../core/errors.js";
import type { Document } from "../../core/model.js";
import { databaseOf } from "../../core/server/database.js";
import { stableText } from "../canonical.js";
import { shellText } from "../command.js";
import type { ActualCollection } from "../inspect.js";
import { type StepContext, write } from "./context.js";
import type { CollectionChange, OnCollection } from "./kind.js";
import type { StepEnd } from "./outcome.js";

/** The step that sends this command. */
export function onCollection<Kind extends string>(
  kind: Kind,
  verb: "create" | "collMod",
  { collection, reason, options, destructive = false }: CollectionChange,
): OnCollection<Kind> {
  return {
    kind,
    collection,
    reason,
    risk: destructive ? "high" : "low",
    riskReason: "",
    reversible: true,
    destructive,
    commands: [`db.runCommand(${shellText({ [verb]: collection, ...options })})`],
    options,
  };
}

/** Sends the command. */
export async function sendOnCollection(
  context: StepContext,
  { collection, options }: OnCollection<string>,
  verb: "create" | "collMod",
  what: string,
): Promise<StepEnd> {
  const db = databaseOf(context.connection);
  try {
    await write(context, () => db.command({ [verb]: collection, ...options }));
  } catch (error) {
    throw toOptimizerError(error, `Cannot ${what} ${collection}`);
  }
  return { outcome: "done" };
}

/** The step, as long as its collection is there. */
export function onFound<S extends OnCollection<string>>(step: S, found: ActualCollection | undefined): S {
  const { collection } = step;
  if (found?.exists) return step;
  throw new OptimizerError("COLLECTION_CONFLICT", `${collection} is gone`, { details: { collection } });
}

/** Whether two states of a collection are the same. */
export function sameState(a: Document, b: Document): boolean {
  return stableText(a) === stableText(b);
}

/** An expiry as a number, in whatever class the driver hands it over. */
export function secondsOf(value: unknown): number | undefined {
  const seconds =
    value === undefined || value === null || value === "off" ? Number.NaN : Number(String(value));
  return Number.isFinite(seconds) ? Math.trunc(seconds) : undefined;
}
