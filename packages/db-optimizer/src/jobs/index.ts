// Shared by runs in batches: the lease, the pace, the load signals.

export { lowerCpuPriority } from "../core/cpu-priority.js";
export type { Latency } from "../core/server/latency.js";
export type { Lease, LeaseOptions } from "./lease.js";
export { leaseHeldUntil, withLease } from "./lease.js";
export type { PaceLimits, PaceState } from "./pace.js";
export type { PauseReason, RunStop, UnknownSignal } from "./pacer.js";
export type { SetAsideReport } from "./set-aside.js";
export type { LoadSignal, ThrottleLimits, ThrottleReason } from "./throttle.js";
export { loadSignals, reserveSignals } from "./throttle.js";
export type { CleanupWindow } from "./window.js";
export { cleanupWindowSchema } from "./window.js";
