import type { Types } from "mongoose";
import { limits } from "../core/limits.js";
import { storableText } from "../core/text.js";
import type { IdentityModels } from "../schemas/models.js";
import type { SessionUse } from "./types.js";

/** Adds to a session's API usage, in one update. A session that has ended counts nothing. */
export async function incrementApiUsage(
  models: IdentityModels,
  sessionId: Types.ObjectId,
  use: SessionUse,
  now: Date,
): Promise<void> {
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
