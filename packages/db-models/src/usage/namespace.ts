import { operationsOf, type Shared } from "../context/context.js";
import type { AppUsageRecorder, AppUse } from "./app-recorder.js";
import { type AppUsageDay, readAppUsage } from "./app-usage.js";
import type { ApiUse, UsageRecorder } from "./recorder.js";

/** API use by user, session, hour and day, and by app and day. */
export interface Usage {
  /**
   * Counts one request of a user, and of its session where there is one: in memory, written in groups within
   * `flushIntervalMs` and by `close()`, so that a request costs no write. Never waits and never throws. A crash loses what
   * was not written yet.
   *
   * @example
   * identity.usage.track({ userId, sessionId, endpoint: "GET /profile" });
   */
  track(use: ApiUse): void;
  /** Counts one request of an OAuth app, in the same way; by day. */
  trackApp(use: AppUse): void;
  /** What an app did, day by day, the newest first. The last seconds may be missing. */
  ofApp(input: { clientId: string; from: Date; to: Date }): Promise<AppUsageDay[]>;
}

export function usageOf(
  identity: Shared,
  { usage, appUsage }: { usage: UsageRecorder; appUsage: AppUsageRecorder },
): Usage {
  const { clock } = identity;
  return {
    track: (use) => usage.record(use, clock.now()),
    trackApp: (use) => appUsage.record(use, clock.now()),
    ofApp: operationsOf(identity)(readAppUsage),
  };
}
