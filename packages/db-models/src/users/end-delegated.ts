import type { Types } from "mongoose";
import type { Context } from "../context/context.js";

/** The time in which something was made, or the session that made it. */
export type Made =
  | { readonly $lte: Date }
  | { readonly $gte: Date }
  | { readonly addedInSession: Types.ObjectId };

/** Ends what lets programs into an account: the API keys and consents that were made, or made again, so. */
export async function endDelegated(context: Context, userId: Types.ObjectId, made: Made): Promise<void> {
  const { models, now } = context;
  const purgeAt = new Date(now.getTime() + context.policies.retention.tokensMs);
  const live = { userId, revokedAt: null };
  const ended = { $set: { revokedAt: now, purgeAt } };
  await models.ApiKey.collection.updateMany({ ...live, ...keysMade(made) }, ended);
  await models.AppPermission.collection.updateMany(
    { ...live, ...("addedInSession" in made ? made : { grantedAt: made }) },
    { ...ended, $inc: { generation: 1 } },
  );
}

function keysMade(made: Made): Record<string, unknown> {
  if ("addedInSession" in made) return made;
  // Who rotated a key knows its secret too.
  return "$gte" in made ? { $or: [{ createdAt: made }, { "secrets.createdAt": made }] } : { createdAt: made };
}
