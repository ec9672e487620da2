/** A write that an operation makes again and again, and the fields that it changes. */
export interface HotWrite {
  readonly name: string;
  readonly fields: readonly string[];
  /** What the count of indexes does not say. */
  readonly note?: string;
}

/** By collection. An index whose keys or whose condition have one of the fields is written again with it. */
export const hotWrites: Readonly<Record<string, readonly HotWrite[]>> = {
  user_sessions: [
    {
      name: "use",
      fields: ["lastSeenAt", "idleExpiresAt", "purgeAt"],
      note: "`purgeAt` is a midnight, so its entry moves once a day; only sessions at risk are in the other",
    },
    {
      name: "rotation",
      fields: ["tokenHash", "rotations", "generation", "lastSeenAt", "idleExpiresAt", "purgeAt"],
    },
    { name: "usage", fields: ["apiUsage"] },
    { name: "end", fields: ["revokedAt", "revocationReason", "slot", "purgeAt"] },
  ],
  users: [
    {
      name: "sign-in",
      fields: [
        "analytics.logins",
        "analytics.lastLoginAt",
        "analytics.devices",
        "analytics.countries",
        "lastActiveAt",
      ],
    },
    { name: "score", fields: ["analytics.engagementScore"] },
    { name: "usage", fields: ["apiUsage", "lastActiveAt"] },
  ],
  app_tokens: [
    {
      name: "refresh",
      fields: ["tokenHash", "rotations", "generation", "accessTokens", "expiresAt", "purgeAt"],
    },
  ],
  api_keys: [
    { name: "usage", fields: ["usage", "lastUsedAt"] },
    { name: "lease", fields: ["leases", "quota", "rateLimit"] },
  ],
  login_profiles: [{ name: "attempt", fields: ["counter", "devices", "purgeAt", "updatedAt"] }],
};

/** Whether a path of an index is, is in, or has a field that is written. */
export function isWritten(path: string, fields: readonly string[]): boolean {
  return fields.some(
    (field) => path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`),
  );
}
