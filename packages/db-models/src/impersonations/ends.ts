import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { duration } from "../core/limits.js";
import { endOfImpersonation } from "../impersonators/live.js";
import { type Page, queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { RevocationReason } from "../schemas/user-session.js";
import { endSessions } from "../sessions/revoke.js";
import { absoluteExpiryOf } from "../stored/session.js";
import {
  type EndedImpersonation,
  type ImpersonationSummary,
  type StoredImpersonation,
  summarise,
} from "./summary.js";
import { tell } from "./tell.js";

/** Who takes an end has so long to note it, before another one takes it. */
const noteWithinMs = duration.minute;

export async function listImpersonations(
  { models }: Context,
  { actor, page }: { actor?: Types.ObjectId; page?: Page },
): Promise<ImpersonationSummary[]> {
  const query = actor ? queries.impersonationsBy(actor, page) : queries.newestImpersonations(page);
  return ((await runQuery(models, query)) as StoredImpersonation[]).map(summarise);
}

export async function takeEndedImpersonations(context: Context): Promise<EndedImpersonation[]> {
  const { models, now } = context;
  const due = (await runQuery(models, queries.dueImpersonations(now))) as StoredImpersonation[];
  const taken: EndedImpersonation[] = [];
  for (const session of due) {
    const ended = await end(context, session);
    if (ended?.revokedAt && (await take(context, session))) {
      await tell(context, session, "impersonation_ended");
      taken.push(summarise(ended) as EndedImpersonation);
    }
  }
  return taken;
}

/** Ends the session of an impersonation that is over; `undefined` for one that goes on. */
async function end(context: Context, session: StoredImpersonation): Promise<StoredImpersonation | undefined> {
  if (session.revokedAt) return session;
  const { _id, userId } = session;
  const reason = await reasonToEnd(context, session);
  if (!reason) return undefined;
  if ((await endSessions(context, { _id, userId }, reason)) === 0) {
    // Somebody has ended it in this moment, for a reason of theirs.
    const found = await context.models.UserSession.collection.findOne({ _id, userId });
    return (found ?? undefined) as StoredImpersonation | undefined;
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
