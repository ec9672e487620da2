// Counts the documents that an expiry deletes as soon as it is set.
import { ageText, countText } from "../../core/figure-text.js";
import type { Document } from "../../core/model.js";
import type { ExpectedIndex } from "../declared.js";
import { filterText, type IndexSpec, keysText } from "../spec.js";

/** The documents that an expiry deletes. */
export interface ExpiryTarget {
  readonly collection: string;
  /** Holds the date. */
  readonly field: string;
  readonly seconds: number;
  /** Of a partial index: only documents that match it go. */
  readonly filter?: Document | undefined;
}

/** The documents that an expiry deletes as soon as it is set. */
export interface Expiring extends ExpiryTarget {
  /** Absent when they could not be counted. */
  readonly documents?: number;
}

/** The longest that documents are counted for, milliseconds. */
export const longestCountMs = 10_000;

/** Whether an expiry would delete something at once, as far as is known. */
export function deletesNow({ documents }: Pick<Expiring, "documents">): boolean {
  return documents !== 0;
}

/** Describes in words the documents that an expiry deletes. */
export function expiringText({ field, seconds, documents }: Expiring): string {
  const which = agedText(field, seconds);
  if (documents === undefined)
    return `deletes documents ${which} at once; they could not be counted in ${longestCountMs / 1_000} s`;
  if (documents === 0) return `the server deletes documents ${which}; there are none now`;
  return `deletes ${countText(documents)} document${documents === 1 ? "" : "s"} at once: those ${which}`;
}

// An expiry of no seconds is how a date of its own for each document is declared.
function agedText(field: string | undefined, seconds = 0): string {
  return seconds === 0 ? `whose ${field} has passed` : `whose ${field} is over ${ageText(seconds)} old`;
}

/** The documents that the declared expiry of an index deletes; `undefined` if the present index deletes them already. */
export function indexExpiry(expected: ExpectedIndex, actual?: IndexSpec): ExpiryTarget | undefined {
  const { collection, expireAfterSeconds: seconds, keys, partialFilterExpression: filter } = expected;
  const field = keys[0]?.field;
  if (seconds === undefined || field === undefined) return undefined;
  return actual && expiresAlready(expected, actual) ? undefined : { collection, field, seconds, filter };
}

function expiresAlready(expected: IndexSpec, actual: IndexSpec): boolean {
  const { expireAfterSeconds: before = Number.NaN } = actual;
  const alike = keysText(expected) === keysText(actual) && filterText(expected) === filterText(actual);
  return alike && before <= (expected.expireAfterSeconds ?? 0);
}

/** The risk of an expiry, in words. */
export function expiryRisk({ expireAfterSeconds, keys }: ExpectedIndex): string {
  return `the server deletes documents ${agedText(keys[0]?.field, expireAfterSeconds)}`;
}
