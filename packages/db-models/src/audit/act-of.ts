import type { AuditEventDocument } from "../schemas/audit-event.js";

/**
 * The act of an audit event, without the people in it.
 *
 * @param network - opened, for who may see it.
 */
export function actOf(event: AuditEventDocument, network: string | undefined) {
  const { at, action, outcome, targetType, targetId, details } = event;
  return {
    at,
    action,
    outcome,
    ...(targetType && { targetType }),
    ...(targetId && { targetId }),
    ...(network && { network }),
    details,
  };
}
