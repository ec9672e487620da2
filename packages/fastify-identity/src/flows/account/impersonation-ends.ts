import type { FlowContext } from "../context.js";
import type { FlowLog } from "../flow-log.js";

/** Records every impersonation that has ended, whatever ended it, with both people, the reason and why. */
export async function noteImpersonationEnds(
  { identity, auditTrail }: FlowContext,
  log: FlowLog,
): Promise<void> {
  const failed = (err: unknown) =>
    log.error({ err }, "the end of an impersonation was not recorded: it is tried again");
  try {
    for (const { id, userId, event } of await identity.impersonations.takeEnded()) {
      await auditTrail(event)
        .then(() => identity.impersonations.noteEnd({ id, userId }))
        .catch(failed);
    }
  } catch (err) {
    failed(err);
  }
}
