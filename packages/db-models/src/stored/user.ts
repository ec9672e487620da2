import { duration } from "../core/limits.js";
import type { UserDocument, UserSecurity } from "../schemas/user.js";

/** Settings of a new account; a user with the same has them left out. */
export const defaultSecurity = {
  idleTimeoutMs: 12 * duration.hour,
  absoluteLifetimeMs: 30 * duration.day,
  maxConcurrentSessions: 10,
  limitPolicy: "evict_oldest",
  alerts: { newDevice: true, newLocation: true },
} as const satisfies Omit<UserSecurity, "ipAllowlist">;

/** The settings of an account: the one place that knows what an absent one stands for. */
export function readSecurity(stored: UserDocument["security"]): UserSecurity {
  const { alerts, ...changed } = stored ?? {};
  return {
    ...defaultSecurity,
    ipAllowlist: [],
    ...changed,
    alerts: { ...defaultSecurity.alerts, ...alerts },
  };
}
