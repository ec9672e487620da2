// Figures of the server that may be absent, forbidden or unreadable.
import type { mongo } from "mongoose";
import { type OptimizerError, toOptimizerError } from "../errors.js";
import { primary } from "./own-collection.js";

/**
 * A figure of the server: known; one that this kind of server does not have; one that this user may not read; or one that
 * could not be read.
 */
export type Reading<T> =
  | { readonly state: "known"; readonly value: T }
  | { readonly state: "absent" }
  | { readonly state: "forbidden"; readonly reason: string }
  | { readonly state: "unreadable"; readonly reason: string };

type Unread = Exclude<Reading<never>, { state: "known" }>;

/** Reads a figure. Never throws: what the server refuses is a reading as well. */
export async function readFigure<T>(db: mongo.Db, ask: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { state: "known", value: await ask() };
  } catch (error) {
    return whyUnreadOn(db, error);
  }
}

/**
 * {@link readFigure} of a server that is there: what one question is refused hides no other answer.
 *
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED`: then no question is answered
 */
export async function readGranted<T>(db: mongo.Db, ask: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { state: "known", value: await ask() };
  } catch (error) {
    const known = toOptimizerError(error);
    if (isAway(known)) throw known;
    return whyUnreadOn(db, error);
  }
}

/** Whether it is the server that cannot be asked anything, and not this one question that it refuses. Pure. */
export function isAway({ code }: OptimizerError): boolean {
  return code === "UNREACHABLE" || code === "AUTHENTICATION_FAILED";
}

/** {@link whyUnread} on the server behind this handle. */
export async function whyUnreadOn(db: mongo.Db, error: unknown): Promise<Unread> {
  // A router refuses what is a member's to say without any code.
  const isCoded = typeof (error as { code?: unknown } | undefined)?.code === "number";
  const mayBeRouter = !isCoded && toOptimizerError(error).code === "SERVER_REFUSED";
  return whyUnread(error, { router: mayBeRouter && (await isRouter(db)) });
}

async function isRouter(db: mongo.Db): Promise<boolean> {
  const hello = await db.command({ hello: 1 }, primary).catch(() => undefined);
  return hello?.msg === "isdbgrid";
}

/**
 * Why a figure was not read: the one place that decides what is absent, forbidden or unreadable. Absent is what the
 * server does not know (59), has no replication for (76), does not support here (115 and the like), leaves out of the
 * API version (323) or its Atlas tier (8000), or what a router says without a code. Pure.
 */
export function whyUnread(error: unknown, { router }: { readonly router: boolean }): Unread {
  const { code, message: reason } = toOptimizerError(error);
  if (code === "UNSUPPORTED" || (router && code === "SERVER_REFUSED")) return { state: "absent" };
  return code === "NOT_AUTHORIZED" ? { state: "forbidden", reason } : { state: "unreadable", reason };
}
