import { auditRefOf } from "../audit/canonical.js";
import type { Context } from "../context/context.js";
import { recordSecurityEvent } from "../security-events/events.js";
import type { StoredImpersonation } from "./summary.js";

/** Notes for the user that it began or ended; its session names who it was, as long as that is kept. */
export async function tell(
  context: Context,
  { _id: sessionId, userId, impersonation }: Pick<StoredImpersonation, "_id" | "userId" | "impersonation">,
  kind: "impersonation_started" | "impersonation_ended",
): Promise<void> {
  const { models } = context;
  const administrator = await models.User.collection.findOne(
    { _id: impersonation.actor },
    { projection: { auditKey: 1 } },
  );
  await recordSecurityEvent(context, {
    // Of an end that is noted once more after a crash, one event is left.
    ...(kind === "impersonation_ended" && { id: sessionId }),
    userId,
    kind,
    severity: kind === "impersonation_started" ? "warning" : "info",
    sessionId,
    ...(administrator && { actorRef: auditRefOf(String(administrator.auditKey)) }),
  });
}
