import { type Connection, mongo } from "mongoose";
import { toOptimizerError } from "../../core/errors.js";
import type { Document } from "../../core/model.js";
import { databaseOf } from "../../core/server/database.js";
import { stableText } from "../canonical.js";
import { shellText } from "../command.js";
import type { ActualCollection } from "../inspect.js";
import { expiringText } from "../plan/expiry.js";
import type { CollectionStep, CollectionStepKind } from "../plan/plan-step.js";

const { EJSON } = mongo.BSON;

/** The step, with its command. */
export function collectionStep(step: Omit<CollectionStep, "command">): CollectionStep {
  const { kind, collection, options } = step;
  const verb = kind === "create" ? "create" : "collMod";
  return { ...step, command: `db.runCommand(${shellText({ [verb]: collection, ...options })})` };
}

/** What can go wrong with a step, for people; empty when nothing can. */
export function collectionRisk({ kind, expiring, destructive }: CollectionStep): string {
  if (expiring) return expiringText(expiring);
  return kind === "setValidator" && destructive ? "replaces or weakens a validator that refuses writes" : "";
}

/** What of a collection a step changes, as `collMod` would set it back. */
export function stateOf(kind: CollectionStepKind, options: Document): Document {
  if (kind === "setExpiry") return { expireAfterSeconds: secondsOf(options.expireAfterSeconds) ?? "off" };
  const { validator = {}, validationLevel = "strict", validationAction = "error" } = options;
  const none = Object.keys(validator as Document).length === 0;
  return none
    ? { validator: {}, validationLevel: "strict", validationAction: "error" }
    : { validator, validationLevel, validationAction };
}

/** An expiry as a number, in whatever class the driver hands it over. */
export function secondsOf(value: unknown): number | undefined {
  const seconds =
    value === undefined || value === null || value === "off" ? Number.NaN : Number(String(value));
  return Number.isFinite(seconds) ? Math.trunc(seconds) : undefined;
}

/** The state as the journal keeps it: text, because validators have keys that are no keys of a document. */
export function stateText(state: Document): string {
  return EJSON.stringify(state, { relaxed: false });
}

/** The state that {@link stateText} was given. */
export function stateOfText(text: string): Document {
  return EJSON.parse(text, { relaxed: true }) as Document;
}

/** Whether a collection is in a state. */
export function isIn(found: ActualCollection, kind: CollectionStepKind, state: Document): boolean {
  return stableText(stateOf(kind, found.options)) === stableText(state);
}

/** Carries one step out. Another process that did so first is no failure. */
export async function runCollectionStep(connection: Connection, step: CollectionStep): Promise<void> {
  const db = databaseOf(connection);
  const { collection, options, kind } = step;
  try {
    if (kind === "create") await db.command({ create: collection, ...options });
    else await db.command({ collMod: collection, ...options });
  } catch (error) {
    if (kind === "create" && (error as { code?: unknown }).code === 48) return;
    throw toOptimizerError(error, `Cannot ${doing[kind]} ${collection}`);
  }
}

const doing: Readonly<Record<CollectionStepKind, string>> = {
  create: "create",
  setValidator: "set the validator of",
  setExpiry: "set the expiry of",
};
