import type { Types } from "mongoose";
import type { Context } from "../context/context.js";

/** Ends what lets programs into an account: the API keys and consents that were made, or made again, in a time. */
export async function endDelegated(
  context: Context,
  userId: Types.ObjectId,
  during: { readonly $lte: Date } | { readonly $gte: Date },
): Promise<void> {
  const { models, now } = context;
  const purgeAt = new Date(now.getTime() + context.policies.retention.tokensMs);
  const live = { userId, revokedAt: null };
  const ended = { $set: { revokedAt: now, purgeAt } };
  // Who rotated a key knows its secret too.
  const made =
    "$gte" in during
      ? { $or: [{ createdAt: during }, { "secrets.createdAt": during }] }
      : { createdAt: during };
  await models.ApiKey.collection.updateMany({ ...live, ...made }, ended);
  await models.AppPermission.collection.updateMany(
    { ...live, grantedAt: during },
    { ...ended, $inc: { generation: 1 } },
  );
}
