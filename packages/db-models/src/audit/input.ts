import { Types } from "mongoose";
import { z } from "zod";
import { limits } from "../core/limits.js";
import { canonicalRange } from "../core/network.js";
import { namesAny, textSchema } from "../core/text.js";
import { auditOutcomes } from "../schemas/audit-event.js";

const storable = (max: number) => textSchema({ min: 1, max });

const personId = z.instanceof(Types.ObjectId);

/** Input of an audit event. */
export const auditInputSchema = z
  .strictObject({
    action: z
      .string()
      .max(64)
      .regex(/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/, "must be words in lower case, separated by points")
      .describe("What happened, such as session.opened"),
    outcome: z.enum(auditOutcomes),
    actorId: personId.optional().describe("The user who did it; absent for the system itself"),
    subjectId: personId.optional().describe("The user whom it was done to"),
    targetType: storable(64).optional(),
    targetId: storable(64).optional(),
    network: z
      .string()
      .refine((network) => canonicalRange(network) === network, "must be a network in canonical form")
      .optional()
      .describe("Where it came from, as networkOf gives it; sealed when the event has a person"),
    details: z
      .record(storable(64), storable(limits.auditValue))
      .refine((details) => Object.keys(details).length <= limits.auditContext, {
        error: `at most ${limits.auditContext} details`,
      })
      .optional()
      .describe("Facts by name; they stay when the person is erased, so nothing personal"),
  })
  .refine(namesNobody, "targetId and details must not carry a person's id: it would outlive the person");

/** An event to record; see `audit.append`. */
export type AuditInput = z.input<typeof auditInputSchema>;

function namesNobody(input: {
  actorId?: Types.ObjectId | undefined;
  subjectId?: Types.ObjectId | undefined;
  targetId?: string | undefined;
  details?: Record<string, string> | undefined;
}): boolean {
  const told = [input.targetId ?? "", ...Object.entries(input.details ?? {}).flat()].join("\n");
  return !namesAny(told, [input.actorId, input.subjectId]);
}
