import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { type Period, queries } from "../queries/queries.js";
import { findByQuery, runQuery } from "../queries/run-query.js";
import { assertionHashOf } from "./assertions.js";

/** A session that something ended, while apps had signed somebody in with it. */
export interface EndedSignIn {
  sessionId: Types.ObjectId;
  userId: Types.ObjectId;
  endedAt: Date;
  apps: Array<{ clientId: string; backChannelLogoutUri: string }>;
}

/** The sessions that ended in a period, with the apps that want to hear of it. */
export async function findEndedSignIns(
  { models }: Context,
  { known, ...period }: Period & { known?: ReadonlySet<string> },
): Promise<EndedSignIn[]> {
  const ended = await runQuery(models, queries.sessionsEndedBetween(period), { userId: 1, revokedAt: 1 });
  const found: EndedSignIn[] = [];
  for (const { _id: sessionId, userId, revokedAt } of ended) {
    if (known?.has(sessionId.toHexString()) || !revokedAt) continue;
    const tokens = await runQuery(models, queries.tokensOfSession(userId, sessionId, { limit: 200 }), {
      appId: 1,
    });
    const apps = await models.App.collection
      .find<EndedSignIn["apps"][number]>(
        {
          _id: { $in: tokens.map(({ appId }) => appId) },
          status: "active",
          backChannelLogoutUri: { $exists: true },
        },
        { projection: { _id: 0, clientId: 1, backChannelLogoutUri: 1 } },
      )
      .toArray();
    found.push({ sessionId, userId, endedAt: revokedAt, apps });
  }
  return found;
}

/** Whether the use of an assertion was noted, in whichever process. */
export async function isAssertionUsed(
  { models }: Context,
  { holder, jti }: { holder: string; jti: string },
): Promise<boolean> {
  return (await findByQuery(models, queries.usedAssertion(assertionHashOf(holder, jti)))) !== undefined;
}
