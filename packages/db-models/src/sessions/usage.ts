import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { limits } from "../core/limits.js";
import { storableText } from "../core/text.js";
import type { SessionUse } from "./types.js";

export async function incrementApiUsage(
  context: Context,
  { sessionId, ...use }: SessionUse & { sessionId: Types.ObjectId },
): Promise<void> {
  const { models, now } = context;
  await models.UserSession.collection.updateOne(
    { _id: sessionId, revokedAt: null },
    {
      $inc: { "apiUsage.requests": use.requests ?? 1, "apiUsage.failures": use.failures ?? 0 },
      $set: {
        "apiUsage.lastEndpoint": storableText(use.endpoint, limits.endpoint),
        "apiUsage.lastRequestAt": now,
      },
    },
  );
}
