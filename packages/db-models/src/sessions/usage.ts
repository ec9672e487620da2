import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { limits } from "../core/limits.js";
import { storableText } from "../core/text.js";
import { usageIncrements } from "../stored/session.js";
import type { SessionUse } from "./types.js";

export async function incrementApiUsage(
  context: Context,
  { userId, sessionId, ...use }: SessionUse & { userId: Types.ObjectId; sessionId: Types.ObjectId },
): Promise<void> {
  const { requests = 1, failures = 0 } = use;
  await context.models.UserSession.collection.updateOne(
    { _id: sessionId, userId, revokedAt: null },
    {
      $inc: usageIncrements({ requests, failures }),
      $set: { "apiUsage.lastEndpoint": storableText(use.endpoint, limits.endpoint) },
    },
  );
}
