import { setTimeout } from "node:timers/promises";
import type { Types } from "mongoose";
import type { AuditInput } from "../audit/input.js";
import type { Context } from "../context/context.js";
import { clockToleranceMs, isOver } from "../core/clock.js";
import { IdentityError } from "../core/errors.js";
import { duration } from "../core/limits.js";
import { type Failures, noFailures, noteFailure } from "../core/one-by-one.js";
import { endOfImpersonation } from "../impersonators/live.js";
import { type Page, type PagePosition, queries } from "../queries/queries.js";
import { inWindows, runQuery } from "../queries/run-query.js";
import { bringForward, putOff } from "../queries/update.js";
import type { RevocationReason } from "../schemas/user-session.js";
import { endSessions } from "../sessions/revoke.js";
import { absoluteExpiryOf } from "../stored/session.js";
import {
  type EndedImpersonation,
  endAction,
  endedOf,
  type ImpersonationSummary,
  type StoredImpersonation,
  summarise,
} from "./summary.js";
import { tell } from "./tell.js";

/** Who takes an end has so long to note it, before another one takes it. */
const noteWithinMs = duration.minute;
const dueField = "impersonation.sweepAt";
const windowLength = 500;
const pageLength = 200;
/** Who records an end needs moments; a process that was killed holds it until its time is up. */
const maxLooks = 50;
const betweenLooksMs = 100;

export async function listImpersonations(
  { models }: Context,
  { actor, page }: { actor?: Types.ObjectId; page?: Page },
): Promise<ImpersonationSummary[]> {
  const query = actor ? queries.impersonationsBy(actor, page) : queries.newestImpersonations(page);
  return ((await runQuery(models, query)) as StoredImpersonation[]).map(summarise);
}

/** The ends that this call is to record, and those that could not be taken. */
export interface TakenEnds extends Failures<Types.ObjectId> {
  ended: EndedImpersonation[];
}

export async function takeEndedImpersonations(context: Context): Promise<TakenEnds> {
  const taken: TakenEnds = { ended: [], ...noFailures() };
  await bringForward(context.models.UserSession, dueField, context.now, noteWithinMs);
  for await (const session of dueImpersonations(context)) {
    try {
      const ended = await takeEnd(context, session);
      if (ended) taken.ended.push(endedOf(ended));
    } catch (error) {
      noteFailure(taken, session._id, error);
    }
  }
  return taken;
}

async function takeEnd(context: Context, session: StoredImpersonation): Promise<Ended | undefined> {
  const ended = await end(context, session);
  if (!ended || !(await take(context, session))) return undefined;
  await tell(context, session, "impersonation_ended");
  if (!(await isRecorded(context, ended))) return ended;
  await noteEndedImpersonation(context, idsOf(session));
  return undefined;
}

const idsOf = ({ _id: id, userId }: StoredImpersonation) => ({ id, userId });

/** Records an event in the trail. */
export type RecordEvent = (event: AuditInput) => Promise<unknown>;

/**
 * Records the ends of those that an erasure is about to remove: in which somebody acted for the user, or the user for others.
 *
 * @throws IdentityError `CONTENTION` where another process keeps one; what `record` throws.
 */
export async function recordEndsAbout(
  context: Context,
  record: RecordEvent,
  userId: Types.ObjectId,
): Promise<void> {
  const about = { $or: [{ userId }, { "impersonation.actor": userId }] };
  const { collection } = context.models.UserSession;
  await bringForward(context.models.UserSession, dueField, context.now, noteWithinMs);
  for (let look = 1; ; look++) {
    const sessions = collection.find({ ...about, [dueField]: { $exists: true } });
    let kept = 0;
    for await (const session of sessions as unknown as AsyncIterable<StoredImpersonation>) {
      const ended = await end(context, session);
      if (ended && !(await recordEnd(context, record, ended))) kept += 1;
    }
    if (kept === 0) return;
    if (look === maxLooks)
      throw new IdentityError("CONTENTION", "the end of an impersonation is being recorded; try again");
    await setTimeout(betweenLooksMs);
  }
}

/** @returns false where somebody else has taken the end, and is recording it. */
async function recordEnd(context: Context, record: RecordEvent, ended: Ended): Promise<boolean> {
  if (wasTaken(ended) && (ended.impersonation.sweepAt ?? context.now) > context.now) return false;
  if (!(await take(context, ended))) return false;
  try {
    await tell(context, ended, "impersonation_ended");
    if (!(await isRecorded(context, ended))) await record(endedOf(ended).event);
  } catch (error) {
    await giveBack(context, ended);
    throw error;
  }
  await noteEndedImpersonation(context, idsOf(ended));
  return true;
}

/** It is due from its beginning on, and later once somebody has taken its end. */
const wasTaken = ({ createdAt, impersonation }: StoredImpersonation): boolean =>
  impersonation.sweepAt?.getTime() !== createdAt.getTime();

/** Whether who took the end before has recorded it, and was killed before noting so. A trail of the application's can't be asked. */
async function isRecorded(context: Context, ended: Ended): Promise<boolean> {
  if (!wasTaken(ended)) return false;
  const targetId = ended._id.toHexString();
  const since = new Date(endedOf(ended).ended.at.getTime() - clockToleranceMs);
  for (let before: PagePosition | undefined; ; ) {
    const page = { limit: pageLength, since, ...(before && { before }) };
    const events = await runQuery(context.models, queries.auditOfAction(endAction, page));
    if (events.some((event) => event.targetId === targetId)) return true;
    const last = events.at(-1);
    if (events.length < pageLength || !last) return false;
    before = { at: last.at, id: last._id };
  }
}

/** In windows: however many go on, those that have ended are found among them. */
async function* dueImpersonations({ models, now }: Context): AsyncGenerator<StoredImpersonation, void, void> {
  const due = { from: new Date(0), to: new Date(now.getTime() + 1), limit: windowLength };
  const windows = inWindows(
    models,
    (after) => queries.dueImpersonations({ ...due, ...after }),
    ({ impersonation }) => impersonation?.sweepAt,
  );
  for await (const found of windows) yield* found as StoredImpersonation[];
}

type Ended = StoredImpersonation & { revokedAt: Date };

const hasEnded = (session: StoredImpersonation): session is Ended => session.revokedAt !== undefined;

/** Ends the session of an impersonation that is over; `undefined` for one that goes on. */
async function end(context: Context, session: StoredImpersonation): Promise<Ended | undefined> {
  if (hasEnded(session)) return session;
  const { _id, userId } = session;
  const reason = await reasonToEnd(context, session);
  if (!reason) return undefined;
  if ((await endSessions(context, { _id, userId }, reason)) === 0) {
    // Somebody has ended it in this moment, for a reason of theirs.
    const found = await context.models.UserSession.collection.findOne<StoredImpersonation>({ _id, userId });
    return found && hasEnded(found) ? found : undefined;
  }
  return { ...session, revokedAt: context.now, revocationReason: reason };
}

async function reasonToEnd(
  context: Context,
  session: StoredImpersonation,
): Promise<RevocationReason | undefined> {
  if (isOver(absoluteExpiryOf(session), context.now)) return "time_up";
  return endOfImpersonation(context, session);
}

/** Of several that look at the same time, one takes it. */
async function take({ models, now }: Context, session: StoredImpersonation): Promise<boolean> {
  const { _id, userId, impersonation } = session;
  const stored = { _id, userId, [dueField]: impersonation.sweepAt ?? null };
  return putOff(models.UserSession, stored, dueField, new Date(now.getTime() + noteWithinMs));
}

/** For the next one who looks, at once. */
async function giveBack({ models, now }: Context, { _id, userId }: StoredImpersonation): Promise<void> {
  await models.UserSession.collection.updateOne(
    { _id, userId, [dueField]: { $exists: true } },
    { $set: { [dueField]: now } },
  );
}

export async function noteEndedImpersonation(
  { models }: Context,
  { id: _id, userId }: { id: Types.ObjectId; userId: Types.ObjectId },
): Promise<void> {
  await models.UserSession.collection.updateOne({ _id, userId }, { $unset: { [dueField]: "" } });
}
