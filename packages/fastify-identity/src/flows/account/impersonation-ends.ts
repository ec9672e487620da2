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
    const { ended, failures } = await identity.impersonations.takeEnded();
    for (const { error } of failures) failed(error);
    for (const { id, userId, event } of ended) {
      try {
        await auditTrail(event);
        await identity.impersonations.noteEnd({ id, userId });
      } catch (err) {
        failed(err);
      }
    }
  } catch (err) {
    failed(err);
  }
}
