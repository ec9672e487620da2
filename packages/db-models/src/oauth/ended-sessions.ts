import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { type Period, queries } from "../queries/queries.js";
import { findByQuery, inWindows } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { assertionHashOf } from "./assertions.js";

/** A session that something ended, while apps had signed somebody in with it. */
export interface EndedSignIn {
  sessionId: Types.ObjectId;
  userId: Types.ObjectId;
  endedAt: Date;
  apps: Array<{ clientId: string; backChannelLogoutUri: string }>;
}

/** Which ends to find. */
export interface EndedSignInSearch extends Omit<Period, "after"> {
  /** Tells by its id which session to leave out, such as a set. Default: none. */
  readonly known?: { has(sessionId: string): boolean };
}

/** Sessions whose apps are looked up at the same time. */
const lookedUpAtOnce = 20;

/** The sessions that ended in a period, with the apps that want to hear of it: in windows, however many they are. */
export async function* findEndedSignIns(
  { models }: Context,
  { known, ...period }: EndedSignInSearch,
): AsyncGenerator<EndedSignIn, void, void> {
  const windows = inWindows(
    models,
    (after) => queries.sessionsEndedBetween({ ...period, ...after }),
    ({ revokedAt }) => revokedAt,
    { projection: { userId: 1, revokedAt: 1 } },
  );
  for await (const ended of windows) {
    const unknown = ended.filter(({ _id }) => !known?.has(_id.toHexString()));
    for (let first = 0; first < unknown.length; first += lookedUpAtOnce)
      yield* await Promise.all(
        unknown.slice(first, first + lookedUpAtOnce).map((one) => withApps(models, one)),
      );
  }
}

async function withApps(
  models: IdentityModels,
  { _id: sessionId, userId, revokedAt }: Pick<UserSessionDocument, "_id" | "userId" | "revokedAt">,
): Promise<EndedSignIn> {
  // However many tokens each app has got in the session.
  const { filter } = queries.tokensOfSession(userId, sessionId);
  const appIds = await models.AppToken.collection.distinct("appId", filter as Record<string, unknown>);
  const hearing = { _id: { $in: appIds }, status: "active", backChannelLogoutUri: { $exists: true } };
  const projection = { _id: 0, clientId: 1, backChannelLogoutUri: 1 };
  const apps =
    appIds.length === 0
      ? []
      : await models.App.collection.find<EndedSignIn["apps"][number]>(hearing, { projection }).toArray();
  return { sessionId, userId, endedAt: revokedAt as Date, apps };
}

/** Whether the use of an assertion was noted, in whichever process. */
export async function isAssertionUsed(
  { models }: Context,
  { holder, jti }: { holder: string; jti: string },
): Promise<boolean> {
  return (await findByQuery(models, queries.usedAssertion(assertionHashOf(holder, jti)))) !== undefined;
}
