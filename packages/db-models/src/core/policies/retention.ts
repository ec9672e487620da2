import { z } from "zod";
import { duration } from "../limits.js";

const kept = (defaultMs: number, minMs: number, meaning: string) =>
  z
    .int()
    .min(minMs)
    .max(36_500 * duration.day)
    .default(defaultMs)
    .describe(`${meaning}, in milliseconds`);

/** How long what is over is kept; given when a database is opened. A change holds for what is written from then on. */
export const retentionSchema = z.strictObject({
  sessionsMs: kept(30 * duration.day, 0, "Sessions, after they expired"),
  tokensMs: kept(30 * duration.day, 0, "OAuth codes and tokens, and API keys, after they expired"),
  securityEventsMs: kept(365 * duration.day, duration.day, "Security events"),
  hourlyUsageMs: kept(31 * duration.day, duration.day, "API use by the hour, after the hour"),
  dailyUsageMs: kept(
    2 * 365 * duration.day,
    duration.day,
    "API use by the day, after the day; of users and apps",
  ),
  auditMs: kept(2 * 365 * duration.day, 7 * duration.day, "Audit events; applied by audit.applyRetention"),
  signInReportsMs: kept(365 * duration.day, duration.day, "Reports of sign-ins as somebody else's"),
  bulkJobsMs: kept(
    90 * duration.day,
    2 * duration.day,
    "Bulk jobs with their results, after they were prepared",
  ),
  erasuresMs: kept(3 * 365 * duration.day, duration.day, "Reports of erasures, after the last sweep"),
});

/** As a service configures it; every field has a default. */
export type RetentionInput = z.input<typeof retentionSchema>;

export type Retention = z.output<typeof retentionSchema>;

export const defaultRetention: Retention = retentionSchema.parse({});

/** A retention rule, in the shape that `@org/db-optimizer` takes. */
export interface RetentionRule {
  readonly name: string;
  readonly collection: string;
  /** A date; an index leads with it. */
  readonly field: string;
  /** Seconds after that date. */
  readonly retentionSeconds: number;
}

/**
 * One rule for each collection whose documents carry the date from which they are garbage. The TTL indexes on the
 * same dates do this too, one collection after the other in the background; the rules are for doing it now, in
 * batches that watch the load, and for seeing what it frees. Audit events are not among them: `audit.applyRetention`
 * takes them from the front of a chain, so that the rest verifies.
 */
export const retentionRules: readonly RetentionRule[] = [
  { name: "ended-sessions", collection: "user_sessions", field: "purgeAt", retentionSeconds: 0 },
  { name: "expired-tokens", collection: "app_tokens", field: "purgeAt", retentionSeconds: 0 },
  { name: "expired-api-keys", collection: "api_keys", field: "purgeAt", retentionSeconds: 0 },
  { name: "revoked-permissions", collection: "app_permissions", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-security-events", collection: "security_events", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-usage", collection: "usage_buckets", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-app-usage", collection: "app_usage", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-login-challenges", collection: "login_challenges", field: "purgeAt", retentionSeconds: 0 },
  { name: "unconfirmed-factors", collection: "user_factors", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-passkey-challenges", collection: "passkey_challenges", field: "purgeAt", retentionSeconds: 0 },
  {
    name: "old-authorization-requests",
    collection: "authorization_requests",
    field: "purgeAt",
    retentionSeconds: 0,
  },
  {
    name: "old-device-authorizations",
    collection: "device_authorizations",
    field: "purgeAt",
    retentionSeconds: 0,
  },
  { name: "used-assertions", collection: "used_assertions", field: "purgeAt", retentionSeconds: 0 },
  { name: "retired-signing-keys", collection: "signing_keys", field: "purgeAt", retentionSeconds: 0 },
  { name: "spent-request-limits", collection: "request_limits", field: "purgeAt", retentionSeconds: 0 },
  { name: "stale-risk-counters", collection: "risk_counters", field: "purgeAt", retentionSeconds: 0 },
  { name: "stale-login-profiles", collection: "login_profiles", field: "purgeAt", retentionSeconds: 0 },
  { name: "deleted-apps", collection: "apps", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-admin-approvals", collection: "admin_approvals", field: "purgeAt", retentionSeconds: 0 },
  { name: "gone-cache-instances", collection: "cache_heartbeats", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-sign-in-reports", collection: "sign_in_reports", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-bulk-jobs", collection: "bulk_jobs", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-bulk-job-items", collection: "bulk_job_items", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-erasures", collection: "erasures", field: "purgeAt", retentionSeconds: 0 },
  { name: "deleted-users", collection: "users", field: "purgeAt", retentionSeconds: 0 },
];
