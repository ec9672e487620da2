import { type AuditInput, auditInputSchema } from "@org/db-models";
import { networkOf } from "@org/db-models/core";
import type { AuditTrail, FlowContext } from "./context.js";
import { IdentityProblem } from "./problems.js";
import type { Requester } from "./requester.js";
import { withTimeLimit } from "./time-limit.js";

/**
 * Records what a request did, with the network that it came from.
 *
 * @throws IdentityError `AUDIT_NOT_WRITTEN`: then the request must not be answered as if nothing had happened.
 */
export async function audit(context: FlowContext, requester: Requester, event: AuditInput): Promise<void> {
  const network = networkOf(requester.address);
  await context.auditTrail({ ...by(requester.actor, event), ...(network && { network }) });
}

/** An event as who caused it: an administrator who acts for a user is not the user. */
function by(actor: AuditInput["actorId"], event: AuditInput): AuditInput {
  const { actorId, subjectId = actorId } = event;
  return actor && actorId ? { ...event, actorId: actor, subjectId } : event;
}

/**
 * A trail of the application's. An event that is malformed never reaches it, and fails as with the trail of the database:
 * only input of the request can make it so. Whatever stops the trail, and time, fail with the one code of an event that is not
 * recorded; that the trail takes no such event is no fault of the request's.
 */
export function boundedTrail(record: AuditTrail, timeoutMs: number): AuditTrail {
  const late = `auditTrail took longer than ${timeoutMs} ms`;
  return async (event) => {
    assertWellFormed(event);
    try {
      await withTimeLimit(timeoutMs, late, () => record(event));
    } catch (cause) {
      throw new IdentityProblem("AUDIT_NOT_WRITTEN", {}, { cause });
    }
  };
}

function assertWellFormed(event: AuditInput): void {
  const { error } = auditInputSchema.safeParse(event);
  if (!error) return;
  const issues = error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  throw new IdentityProblem("INVALID_INPUT", { issues }, { cause: error });
}

/** An event that a user caused in their own account. */
export function byOwner(
  userId: NonNullable<AuditInput["actorId"]>,
  action: string,
  details?: AuditInput["details"],
): AuditInput {
  const event = { action, outcome: "success", actorId: userId, subjectId: userId } as const;
  return { ...event, ...(details && { details }) };
}

/** A failed attempt, with the account if there is one. */
export function failedAttempt(
  action: string,
  { reason, userId: subjectId }: { reason: string; userId?: AuditInput["subjectId"] },
): AuditInput {
  const failure = { action, outcome: "failure", details: { reason } } as const;
  return { ...failure, ...(subjectId && { subjectId }) };
}
