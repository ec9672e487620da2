import { type SecurityEventKind, securityChangesSchema } from "@org/db-models";
import { feedbackVerdicts } from "@org/db-models/schemas";
import { z } from "zod";
import { idInput, idOutput, limitInput, pageInput } from "../../http/answers/schemas.js";

/** The security settings of an account. */
export const securitySettings = z
  .object({
    idleTimeoutMs: z.number(),
    absoluteLifetimeMs: z.number(),
    maxConcurrentSessions: z.number(),
    limitPolicy: z.string().describe("evict_oldest or deny"),
    alerts: z.object({ newDevice: z.boolean(), newLocation: z.boolean() }),
    ipAllowlist: z.array(z.string()).describe("CIDR ranges that may sign in; empty means any"),
    secondFactor: z
      .object({ enabled: z.boolean() })
      .describe("Whether the account has a second factor; `GET /v1/factors` lists them"),
  })
  .meta({ id: "SecuritySettings" });

/** The settings that can be changed. */
export const securityChanges = securityChangesSchema.extend({
  confirmed: z
    .boolean()
    .default(false)
    .describe("Take an allowlist although it leaves out the address of this request"),
});

// Those of a person. An object, because it fails to compile when a kind is missing.
const kinds = {
  new_device: "new_device",
  new_location: "new_location",
  reuse_detected: "reuse_detected",
  session_evicted: "session_evicted",
  login_failed: "login_failed",
  login_delayed: "login_delayed",
  allowlist_refused: "allowlist_refused",
  risk_high: "risk_high",
  password_changed: "password_changed",
  password_reset_requested: "password_reset_requested",
  password_reset: "password_reset",
  email_verified: "email_verified",
  email_changed: "email_changed",
  second_factor_changed: "second_factor_changed",
  second_factor_delayed: "second_factor_delayed",
  recovery_code_used: "recovery_code_used",
  passkey_cloned: "passkey_cloned",
  passkey_counter_back: "passkey_counter_back",
  factor_recovery: "factor_recovery",
  external_identity_changed: "external_identity_changed",
} as const satisfies { [Kind in Exclude<SecurityEventKind, "database_exposed">]: Kind };

/** Which security events to list. */
export const eventsQuery = z.strictObject({
  kind: z.enum(kinds).optional(),
  limit: limitInput,
  before: pageInput.optional().describe("Only older events: `next` of the page before, or a date"),
});

const securityEvent = z
  .object({
    id: idOutput,
    kind: z.string(),
    severity: z.string().describe("info, warning or critical"),
    at: z.date(),
    sessionId: idOutput.optional(),
    network: z.string().optional(),
    country: z.string().optional(),
    device: z.string().optional(),
    reasons: z.array(z.string()),
  })
  .meta({ id: "SecurityEvent" });

/** A page of security events. */
export const securityEvents = z.object({
  events: z.array(securityEvent).describe("The newest first"),
  next: z.string().nullable().describe("`before` of the next page; null at the end"),
});

/** Feedback of the account's owner on a sign-in. */
export const feedbackBody = z.strictObject({
  sessionId: idInput.describe("The session that the sign-in opened; it may have ended"),
  verdict: z.enum(feedbackVerdicts),
});
