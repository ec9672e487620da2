import type { FlowContext } from "../context.js";
import type { FlowLog } from "../flow-log.js";

/** Records every impersonation that has ended, whatever ended it, with both people, the reason and why. */
export async function noteImpersonationEnds(
  { identity, auditTrail }: FlowContext,
  log: FlowLog,
): Promise<void> {
  try {
    for (const { id, userId, event } of await identity.impersonations.takeEnded()) {
      await auditTrail(event);
      await identity.impersonations.noteEnd({ id, userId });
    }
  } catch (err) {
    log.error({ err }, "the ends of impersonations were not recorded: they are tried again");
  }
}
