import type { mongo } from "mongoose";
import type { Subject } from "./invalidations.js";
import { subjectOf } from "./subjects.js";
import { areHarmless, type WatchedCollection, watchedCollections } from "./watched.js";

/** The parts of a change event that decide what it does to memory. */
export interface Change {
  readonly operationType: string;
  readonly ns?: { readonly coll?: string };
  readonly to?: { readonly coll?: string };
  readonly documentKey?: { readonly _id?: unknown };
  readonly clusterTime?: mongo.Timestamp;
  readonly updateDescription?: {
    readonly updatedFields?: Record<string, unknown>;
    readonly removedFields?: readonly string[];
    readonly truncatedArrays?: readonly unknown[];
  };
  readonly fullDocument?: Record<string, unknown>;
}

/** What a change does to memory: nothing, drop what one document is about, drop everything, or let a heartbeat return. */
export type Effect =
  | { readonly kind: "none" }
  | { readonly kind: "drop"; readonly subjects: readonly Subject[] }
  | { readonly kind: "reset" }
  | { readonly kind: "echo"; readonly number: number };

/** Whose heartbeats are its own. */
export interface HeartbeatOrigin {
  readonly collection: string;
  readonly instance: mongo.ObjectId;
}

const none: Effect = { kind: "none" };
const reset: Effect = { kind: "reset" };

/** Decides on a change. What it does not know resets: memory is then empty, and never wrong. */
export function effectOf(change: Change, heartbeats: HeartbeatOrigin): Effect {
  const collection = change.ns?.coll ?? "";
  if (collection === heartbeats.collection) return echoOf(change, heartbeats.instance);
  const watched = watchedCollections[collection];
  if (!watched) return isAboutNothing(change) ? none : reset;
  if (change.operationType === "insert") return none;
  if (!["update", "replace", "delete"].includes(change.operationType)) return reset;
  if (change.operationType === "update" && isHarmlessUpdate(watched, change)) return none;
  const subject = subjectOf(collection, "_id", change.documentKey?._id);
  return subject === undefined ? reset : { kind: "drop", subjects: [subject] };
}

/** A change of a collection that is not watched: one that puts another in the place of a watched one is about that. */
function isAboutNothing({ operationType, to, ns }: Change): boolean {
  if (to?.coll !== undefined && watchedCollections[to.coll]) return false;
  return ns?.coll !== undefined && operationType !== "invalidate";
}

function isHarmlessUpdate(watched: WatchedCollection, { updateDescription }: Change): boolean {
  if (!updateDescription) return false;
  const { updatedFields = {}, removedFields = [], truncatedArrays = [] } = updateDescription;
  const changed = Object.keys(updatedFields);
  if (watched.read) {
    const truncated = truncatedArrays.map((array) => String((array as { field?: unknown }).field));
    return areHarmless(watched, [...changed, ...removedFields, ...truncated]);
  }
  return removedFields.length === 0 && truncatedArrays.length === 0 && areHarmless(watched, changed);
}

function echoOf({ documentKey, updateDescription, fullDocument }: Change, instance: mongo.ObjectId): Effect {
  const { _id } = documentKey ?? {};
  if (!instance.equals(_id as mongo.ObjectId)) return none;
  const number = updateDescription?.updatedFields?.beats ?? fullDocument?.beats;
  return number === undefined ? none : { kind: "echo", number: Number(number) };
}
