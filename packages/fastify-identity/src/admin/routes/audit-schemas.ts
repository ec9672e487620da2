import { keptCheckpoint } from "@org/db-models/schemas";
import { z } from "zod";
import {
  idInput,
  idOutput,
  limitInput,
  momentInput,
  pageInput,
  wholeNumberInput,
} from "../../http/answers/schemas.js";
import { reason } from "./schemas.js";

export const auditQuery = z
  .strictObject({
    subjectId: idInput.optional().describe("Only what was done to a user"),
    actorId: idInput.optional().describe("Only what a user did"),
    action: z.string().min(1).max(64).optional().describe("Only this action, such as session.opened"),
    since: momentInput.optional().describe("Only events from this moment on"),
    limit: limitInput,
    before: pageInput.optional().describe("Only older events: `next` of the page before, or a date"),
  })
  .refine(
    ({ subjectId, actorId, action }) => [subjectId, actorId, action].filter(Boolean).length < 2,
    "name one of subjectId, actorId and action",
  );

const auditEvent = z
  .object({
    id: idOutput,
    at: z.date(),
    action: z.string(),
    outcome: z.string().describe("success, failure or denied"),
    actorId: idOutput.optional().describe("Present for administrators and for the user that was asked for"),
    actorEmail: z.string().optional(),
    subjectId: idOutput.optional(),
    subjectEmail: z.string().optional(),
    hasActor: z.boolean().describe("Whether a person did it, named or not"),
    hasSubject: z.boolean(),
    targetType: z.string().optional(),
    targetId: z.string().optional(),
    network: z.string().optional(),
    details: z.array(z.object({ key: z.string(), value: z.string() })),
    chainId: z.string(),
    sequence: z.int(),
  })
  .meta({ id: "AdminAuditEvent" });

export const auditPage = z.object({
  events: z.array(auditEvent).describe("The newest first"),
  next: z.string().nullable().describe("`before` of the next page; null at the end"),
});

export const verificationBody = z.strictObject({
  checkpoint: keptCheckpoint
    .optional()
    .describe("A checkpoint that was kept elsewhere: with it what was cut off later is found"),
});
export const verificationLines = z
  .string()
  .describe(
    "`{ type: progress, chains, done, events }`, and at last `{ type: result, intact, chains, events, checkpoints, breaks }`",
  );

export const exportBody = z.strictObject({
  reason,
  since: momentInput.optional().describe("Default: the first event"),
  until: momentInput.optional().describe("Default: now"),
  approvalId: idInput.optional().describe("What another administrator has approved"),
});
export const exportLines = z
  .string()
  .describe(
    "One JSON object a line: a header, the events, and an end that counts them. Without its end it was cut.",
  );

const number = wholeNumberInput(0, 999_999_999);
export const checkpointsQuery = z.strictObject({
  limit: limitInput,
  before: number.optional().describe("Only those with a lower number: `next` of the page before"),
});
export const checkpointPage = z.object({
  checkpoints: z.array(z.object({ number: z.int(), at: z.date(), keyId: z.string(), chains: z.int() })),
  next: z.int().nullable(),
});
export const checkpointParams = z.strictObject({ number });
export const checkpoint = z
  .object({
    number: z.int(),
    at: z.date(),
    chains: z.array(
      z.object({
        chainId: z.string(),
        from: z.int(),
        fromHash: z.string(),
        sequence: z.int(),
        eventHash: z.string(),
      }),
    ),
    previousHash: z.string(),
    checkpointHash: z.string(),
    keyId: z.string(),
    signature: z.string(),
    schemaVersion: z.int(),
  })
  .meta({ id: "AuditCheckpoint" });
