// Runs a probe within its time: what is refused or late is unknown.
import type { mongo } from "mongoose";
import { OptimizerError, toOptimizerError } from "../../core/errors.js";
import { isAway, readGranted, whyUnreadOn } from "../../core/server/figure.js";

/** Runs one probe within its time. */
export type Within = <T>(doing: string, probe: (each: Each) => Promise<T>) => Promise<Probed<T>>;

/**
 * Asks for one of several things that a probe is about: an array of the answer, or an empty one where the server refuses
 * it, which the probe's result names as unread and which hides none of the others.
 */
export type Each = <T>(what: string, ask: () => Promise<T>) => Promise<T[]>;

/** One of several things that the server did not tell. */
export interface Unread {
  readonly what: string;
  readonly reason: string;
  /** The server has no such thing to tell: no privilege and no second try would help. */
  readonly unsupported?: boolean;
}

/** A probe's value, or the reason for its absence: an unknown value never counts as a good one. */
export type Probed<T> =
  | {
      readonly known: true;
      readonly value: T;
      /** Parts that the value lacks. */
      readonly unread?: readonly Unread[];
    }
  | {
      readonly known: false;
      readonly reason: string;
      /** The server has no such thing to tell: no privilege and no second try would help. */
      readonly unsupported?: boolean;
    };

/**
 * Runs a probe: what the server refuses, or does not answer in time, is unknown.
 *
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED`, and what the caller has done wrong
 */
export async function probed<T>(
  db: mongo.Db,
  doing: string,
  probe: (each: Each) => Promise<T>,
  timeoutMs: number,
): Promise<Probed<T>> {
  const unread: Unread[] = [];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new OptimizerError("TIMED_OUT", `took longer than ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return resultOf(await Promise.race([probe(eachOf(db, unread)), late]), unread);
  } catch (error) {
    const known = toOptimizerError(error, doing);
    if (isAway(known) || known.kind === "caller") throw known;
    const { state } = await whyUnreadOn(db, error);
    return { known: false, reason: known.message, ...(state === "absent" && { unsupported: true }) };
  } finally {
    clearTimeout(timer);
  }
}

function eachOf(db: mongo.Db, unread: Unread[]): Each {
  return async (what, ask) => {
    const reading = await readGranted(db, ask);
    if (reading.state === "known") return [reading.value];
    if (reading.state === "absent") unread.push({ what, reason: absentText, unsupported: true });
    else unread.push({ what, reason: reading.reason });
    return [];
  };
}

const absentText = "this server, or this kind of collection, does not tell it";

// Of a list of which nothing could be read it is not known that it is empty.
function resultOf<T>(value: T, unread: readonly Unread[]): Probed<T> {
  const [first] = unread;
  if (!first) return { known: true, value };
  if (!Array.isArray(value) || value.length > 0) return { known: true, value, unread };
  const { reason } = first;
  return {
    known: false,
    reason,
    ...(unread.every(({ unsupported }) => unsupported) && { unsupported: true }),
  };
}
