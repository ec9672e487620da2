/** What may be removed once its retention is over; the shape that `@org/db-optimizer` takes. */
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
 * batches that watch the load, and for seeing what it frees. Audit events are not among them: taking one out of a
 * chain is a matter of its own.
 */
export const retentionRules: readonly RetentionRule[] = [
  { name: "ended-sessions", collection: "user_sessions", field: "purgeAt", retentionSeconds: 0 },
  { name: "expired-tokens", collection: "app_tokens", field: "purgeAt", retentionSeconds: 0 },
  { name: "expired-api-keys", collection: "api_keys", field: "purgeAt", retentionSeconds: 0 },
  { name: "revoked-permissions", collection: "app_permissions", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-security-events", collection: "security_events", field: "purgeAt", retentionSeconds: 0 },
  { name: "old-usage", collection: "usage_buckets", field: "purgeAt", retentionSeconds: 0 },
  { name: "stale-login-profiles", collection: "login_profiles", field: "purgeAt", retentionSeconds: 0 },
  { name: "deleted-apps", collection: "apps", field: "purgeAt", retentionSeconds: 0 },
  { name: "deleted-users", collection: "users", field: "purgeAt", retentionSeconds: 0 },
];
