import { type HeldLease, type LeaseStore, renewLease } from "./lease.js";

/** Renewals per lease: two may fail before it runs out. */
const beatsPerLease = 3;

/** Keeps a lease alive while its job runs. */
export interface Heartbeat {
  /** Aborted when the lease is lost, or can't have been renewed for as long as it lasts. */
  readonly lost: AbortSignal;
  /** Stops renewing; resolves when no renewal is under way. */
  stop(): Promise<void>;
}

/** Renews a lease three times per its length. */
export function startHeartbeat(store: LeaseStore, lease: HeldLease, ttlMs: number): Heartbeat {
  const lost = new AbortController();
  let renewedAt = performance.now();
  let beat: Promise<void> = Promise.resolve();
  const renew = async () => {
    const began = performance.now();
    try {
      if (await renewLease(store, lease, ttlMs)) renewedAt = began;
      else lost.abort();
    } catch {
      // The database is away. It may come back before the lease runs out; after that, somebody else may run.
      if (performance.now() - renewedAt >= ttlMs) lost.abort();
    }
  };
  const timer = setInterval(() => {
    beat = beat.then(renew);
  }, ttlMs / beatsPerLease);
  // A renewal that hangs would not notice; this does.
  const watchdog = setInterval(() => {
    if (performance.now() - renewedAt >= ttlMs) lost.abort();
  }, ttlMs / beatsPerLease);
  return {
    lost: lost.signal,
    stop: async () => {
      clearInterval(timer);
      clearInterval(watchdog);
      await beat;
    },
  };
}
