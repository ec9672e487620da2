import type { Types } from "mongoose";
import type { AuditWriter } from "../audit/writer.js";
import type { Context } from "../context/context.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { endEverySession } from "../sessions/revoke.js";
import { readUser } from "../users/accounts.js";

export interface FactorReset {
  /** False when the account had no factors. */
  removed: boolean;
  /** How many sessions were ended. */
  ended: number;
}

/** Recorded before anything changes: what the trail cannot take is not done. */
export async function resetFactors(
  context: Context,
  writer: AuditWriter,
  { userId, actorId }: { userId: Types.ObjectId; actorId: Types.ObjectId },
): Promise<FactorReset> {
  const { models, now } = context;
  await readUser(context, userId);
  const event = { action: "factors.reset", actorId, subjectId: userId } as const;
  await writer.append({ ...event, outcome: "success" }, now);
  try {
    const { deletedCount } = await models.UserFactors.collection.deleteOne({ userId });
    const { ended } = await endEverySession(context, { userId, reason: "credentials_changed" });
    await recordSecurityEvent(context, {
      userId,
      kind: "factor_recovery",
      severity: "critical",
      reasons: ["reset_by_staff"],
    });
    return { removed: deletedCount > 0, ended };
  } catch (error) {
    await writer.append({ ...event, outcome: "failure" }, now);
    throw error;
  }
}
