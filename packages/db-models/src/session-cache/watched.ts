/** Which changes of a collection matter to what is kept in memory of it. */
export interface WatchedCollection {
  /** Fields by which writers select documents; an entry is found by each of them. */
  readonly selectors: readonly string[];
  /** Changes of these fields alone matter to no entry; those of any other field do. */
  readonly harmless?: readonly string[];
  /** For a collection of which only some fields are read: changes of any other field matter to no entry. */
  readonly read?: readonly string[];
}

/**
 * The collections that are watched. To be harmless a field may only move forward: what shortens the life of a session has to
 * change another field too, or must leave the list.
 */
export const watchedCollections: Readonly<Record<string, WatchedCollection>> = {
  user_sessions: {
    selectors: ["_id", "userId"],
    harmless: ["lastSeenAt", "idleExpiresAt", "purgeAt", "apiUsage"],
  },
  api_keys: {
    selectors: ["_id", "userId"],
    harmless: ["usage", "lastUsedAt", "leases"],
  },
  // Documents that an access token depends on; its session is watched above.
  app_tokens: { selectors: ["_id", "ownerId", "appId"], harmless: [] },
  app_permissions: { selectors: ["_id", "userId", "appId"], read: ["generation", "revokedAt"] },
  apps: { selectors: ["_id", "clientId"], read: ["status", "clientId"] },
  users: { selectors: ["_id"], read: ["status"] },
};

/** Whether changes of fields, named by their paths, matter to no entry. */
export function areHarmless({ harmless, read }: WatchedCollection, paths: readonly string[]): boolean {
  const fields = paths.map((path) => path.split(".", 1)[0] ?? "");
  if (read) return fields.every((field) => !read.includes(field));
  return fields.every((field) => harmless?.includes(field));
}
