/** The last look at the account of a session that has just opened. */

import type { Context } from "../context/context.js";
import type { UserDocument } from "../schemas/user.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { endSessions } from "./revoke.js";
import { sessionsRevoked } from "./room.js";

/**
 * Ending all sessions raises the generation first and ends what it finds afterwards. Read after the insert, an
 * unchanged generation means that a later call that raises it finds this session too. If this process dies before,
 * the session is one that nobody has the token of, and its older generation gives its slot to the next login.
 * Roles that changed meanwhile are taken over for the same reason; on those that there were rests whether somebody may act
 * for the user, so an impersonation ends.
 */
export async function settleOpened(context: Context, session: UserSessionDocument): Promise<void> {
  const { models } = context;
  const { _id, userId, userGeneration = 0 } = session;
  const projection = { sessionGeneration: 1, status: 1, roles: 1 };
  const user = await models.User.collection.findOne<Pick<UserDocument, keyof typeof projection>>(
    { _id: userId },
    { projection },
  );
  if (!user) {
    // Nothing is to be left of somebody who was erased meanwhile.
    await models.UserSession.collection.deleteOne({ _id, userId });
    throw sessionsRevoked();
  }
  if (user.sessionGeneration !== userGeneration || user.status !== "active") {
    await endSessions(context, { _id, userId }, "all_signed_out");
    throw sessionsRevoked();
  }
  const { roles } = user;
  if (roles.join("\n") === session.roles.join("\n")) return;
  if (session.impersonation) {
    await endSessions(context, { _id, userId }, "actor_not_allowed");
    throw sessionsRevoked();
  }
  await models.UserSession.collection.updateOne({ _id, userId }, { $set: { roles } });
}
