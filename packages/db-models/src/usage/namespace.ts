import type { Shared } from "../context/context.js";
import type { ApiUse, UsageRecorder } from "./recorder.js";

/** API use by user, session, hour and day. */
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
}

export function usageOf({ clock }: Shared, recorder: UsageRecorder): Usage {
  return { track: (use) => recorder.record(use, clock.now()) };
}
