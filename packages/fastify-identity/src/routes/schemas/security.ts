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
  sign_in_reported: "sign_in_reported",
  impersonation_started: "impersonation_started",
  impersonation_ended: "impersonation_ended",
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

const nameList = z.array(z.string());

/** A report of a sign-in as somebody else's. */
export const signInReport = z
  .object({
    id: idOutput,
    sessionId: idOutput,
    state: z.string().describe("pending, done, undoing or undone"),
    reportedAt: z.date(),
    byMail: z.boolean().describe("Whether it was said from a mail, and not from a session"),
    signIn: z.object({
      at: z.date(),
      endedAt: z.date().optional(),
      methods: z.array(z.string()).optional().describe("Ways in which it was proved"),
      device: z.string(),
      network: z.string().optional(),
      country: z.string().optional(),
    }),
    takenOff: z
      .object({
        passkeys: nameList,
        providers: nameList,
        apiKeys: nameList,
        apps: z.number().describe("Apps that lost their consent"),
        totp: z.boolean(),
        recoveryCodes: z.boolean(),
        email: z.string().optional().describe("What became of a change of the address"),
        password: z.boolean().describe("Whether the password opens nothing until another one is set by mail"),
      })
      .describe("What was added from the session, and was taken off"),
    undoUntil: z.date().optional().describe("Until when it can be undone"),
    undoneAt: z.date().optional(),
    restored: z.number().optional().describe("Passkeys and linked accounts that were given back"),
  })
  .meta({ id: "SignInReport" });

/** The answer to feedback on a sign-in. */
export const feedbackTaken = z.object({
  report: signInReport.nullable().describe("What `not_mine` brought about; null for `mine`"),
});

/** A page of reports. */
export const signInReports = z.object({
  reports: z.array(signInReport).describe("The newest first"),
  next: z.string().nullable().describe("`before` of the next page; null at the end"),
});

export const reportsQuery = z.strictObject({
  limit: limitInput,
  before: pageInput.optional().describe("Only older reports: `next` of the page before, or a date"),
});

export const reportParams = z.strictObject({ id: idInput });

/** The token of a mail's button. */
export const mailedReportBody = z.strictObject({ token: z.string().max(128) });

/** Feedback of the account's owner on a sign-in. */
export const feedbackBody = z.strictObject({
  sessionId: idInput.describe("The session that the sign-in opened; it may have ended"),
  verdict: z.enum(feedbackVerdicts),
});
