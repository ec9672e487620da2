// Options that a collection gets from setup when it is created.
import type { Document, ModelLike } from "../core/model.js";
import { canonicalCollation } from "./collation.js";

/**
 * Names of the options that a collection can get at its creation only, by the collections whose models declare such. The
 * server creates a missing collection for an index without them, and that collection can't become capped, clustered or a time
 * series. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/reference/command/create/
 */
export function lastingOptions(models: readonly ModelLike[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const model of models) {
    const { collectionName } = model.collection;
    const names = found.get(collectionName) ?? new Set();
    for (const name of namesOf(model)) found.set(collectionName, names.add(name));
  }
  return found;
}

function namesOf(model: ModelLike): string[] {
  try {
    return Object.keys(creationOptions(model)).filter((name) => !changeable.has(name));
  } catch {
    // A fault of the model, which setup names.
    return [];
  }
}

// https://www.mongodb.com/docs/manual/reference/command/collMod/ (the size of a capped collection too)
const changeable: ReadonlySet<string> = new Set([
  "validator",
  "validationLevel",
  "validationAction",
  "comment",
  "expireAfterSeconds",
  "size",
  "max",
]);

/** The options of a model's collection, as Model.createCollection puts them together, which would also create whatever else it is told to. */
export function creationOptions({ schema }: ModelLike): Document {
  const { collation, capped, timeseries, clusteredIndex, collectionOptions, expires, expireAfterSeconds } =
    schema.options as Document;
  const expiring = timeseries ?? clusteredIndex;
  const seconds = expireAfterSeconds ?? expiryOf(expires);
  return {
    ...(canonicalCollation(collation as Document | undefined) && { collation }),
    ...(typeof capped === "number" && { capped: true, size: capped }),
    ...(capped !== null && typeof capped === "object" && { capped: true, ...capped }),
    ...(timeseries !== undefined && timeseries !== null && { timeseries }),
    ...(expiring !== undefined &&
      expiring !== null &&
      seconds !== undefined && { expireAfterSeconds: seconds }),
    ...(clusteredIndex !== undefined &&
      clusteredIndex !== null && { clusteredIndex: { ...(clusteredIndex as Document), unique: true } }),
    ...(collectionOptions as Document | undefined),
  };
}

const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  y: 31_557_600,
};

// Mongoose's `expires`: seconds, or a text such as "1d" or "2 hours" as the package `ms` reads it.
function expiryOf(expires: unknown): unknown {
  if (typeof expires !== "string") return expires;
  const [, number = "", word = ""] = /^\s*(-?\d*\.?\d+)\s*([a-z]*)\s*$/i.exec(expires) ?? [];
  const unit = unitOf(word.toLowerCase());
  return number === "" || unit === undefined ? expires : Math.round(Number(number) * unit);
}

function unitOf(word: string): number | undefined {
  if (["", "ms", "msec", "msecs", "millisecond", "milliseconds"].includes(word)) return 1 / 1_000;
  const known = /^(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|y|yrs?|years?)$/.test(
    word,
  );
  return known ? unitSeconds[word[0] ?? ""] : undefined;
}
