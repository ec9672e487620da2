import type { Types } from "mongoose";
import type { AuditWriter } from "../audit/writer.js";
import type { Context } from "../context/context.js";
import { duration } from "../core/limits.js";
import { endOfImpersonation } from "../impersonators/live.js";
import { type Page, type PagePosition, queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { RevocationReason } from "../schemas/user-session.js";
import { endSessions } from "../sessions/revoke.js";
import { absoluteExpiryOf } from "../stored/session.js";
import {
  type EndedImpersonation,
  endedOf,
  type ImpersonationSummary,
  type StoredImpersonation,
  summarise,
} from "./summary.js";
import { tell } from "./tell.js";

/** Who takes an end has so long to note it, before another one takes it. */
const noteWithinMs = duration.minute;
const windowLength = 500;

export async function listImpersonations(
  { models }: Context,
  { actor, page }: { actor?: Types.ObjectId; page?: Page },
): Promise<ImpersonationSummary[]> {
  const query = actor ? queries.impersonationsBy(actor, page) : queries.newestImpersonations(page);
  return ((await runQuery(models, query)) as StoredImpersonation[]).map(summarise);
}

export async function takeEndedImpersonations(context: Context): Promise<EndedImpersonation[]> {
  const taken: EndedImpersonation[] = [];
  for await (const session of dueImpersonations(context)) {
    const ended = await end(context, session);
    if (ended && (await take(context, session))) {
      await tell(context, session, "impersonation_ended");
      taken.push(endedOf(ended));
    }
  }
  return taken;
}

/**
 * Records the ends of those that an erasure is about to remove: in which somebody acted for the user, or the user for others.
 * One that a sweep is recording at this moment is recorded twice: the sweep may never get to it.
 */
export async function recordEndsAbout(
  context: Context,
  writer: AuditWriter,
  userId: Types.ObjectId,
): Promise<void> {
  const about = { $or: [{ userId }, { "impersonation.actor": userId }] };
  const { collection } = context.models.UserSession;
  const sessions = collection.find({ ...about, "impersonation.sweepAt": { $exists: true } });
  for await (const session of sessions as unknown as AsyncIterable<StoredImpersonation>) {
    const ended = await end(context, session);
    if (!ended) continue;
    await take(context, session);
    await tell(context, session, "impersonation_ended");
    await writer.append(endedOf(ended).event, context.now);
    await noteEndedImpersonation(context, { id: session._id, userId: session.userId });
  }
}

/** In windows: however many go on, those that have ended are found among them. */
async function* dueImpersonations({ models, now }: Context): AsyncGenerator<StoredImpersonation, void, void> {
  const due = { from: new Date(0), to: new Date(now.getTime() + 1), limit: windowLength };
  for (let after: PagePosition | undefined; ; ) {
    const query = queries.dueImpersonations({ ...due, ...(after && { after }) });
    const found = (await runQuery(models, query)) as StoredImpersonation[];
    yield* found;
    const last = found.at(-1);
    if (found.length < windowLength || !last?.impersonation.sweepAt) return;
    after = { at: last.impersonation.sweepAt, id: last._id };
  }
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
  if (absoluteExpiryOf(session) <= context.now) return "time_up";
  return endOfImpersonation(context, session);
}

/** Of several that look at the same time, one takes it. */
async function take({ models, now }: Context, session: StoredImpersonation): Promise<boolean> {
  const { _id, userId, impersonation } = session;
  const { matchedCount } = await models.UserSession.collection.updateOne(
    { _id, userId, "impersonation.sweepAt": impersonation.sweepAt ?? null },
    { $set: { "impersonation.sweepAt": new Date(now.getTime() + noteWithinMs) } },
  );
  return matchedCount === 1;
}

export async function noteEndedImpersonation(
  { models }: Context,
  { id: _id, userId }: { id: Types.ObjectId; userId: Types.ObjectId },
): Promise<void> {
  await models.UserSession.collection.updateOne({ _id, userId }, { $unset: { "impersonation.sweepAt": "" } });
}
