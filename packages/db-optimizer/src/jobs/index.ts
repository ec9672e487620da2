// Runs of jobs: the one lease, record, pace and progress, and what can be asked of a run from any process.

export { lowerCpuPriority } from "../core/cpu-priority.js";
export { countText, durationText, rateText } from "../core/figure-text.js";
export type { Latency } from "../core/server/latency.js";
export { serverTime } from "../core/server/time.js";
export type { Lease, LeaseOptions } from "./lease.js";
export { leaseHeldUntil, withLease } from "./lease.js";
export type { PaceLimits, PaceState } from "./pacing/pace.js";
export type { PauseReason, RunStop, UnknownSignal } from "./pacing/pacer.js";
export type { LoadSignal, ThrottleLimits, ThrottleReason } from "./pacing/throttle.js";
export { loadSignals, reserveSignals } from "./pacing/throttle.js";
export type { CleanupWindow } from "./pacing/window.js";
export { cleanupWindowSchema } from "./pacing/window.js";
export type { Run } from "./run.js";
export type { ListOptions, RunTarget } from "./run-control.js";
export {
  controlRun,
  lastServed,
  listRuns,
  queuedJobs,
  queueRun,
  runResults,
  showRun,
} from "./run-control.js";
export type { JobIdentity, JobOptions, JobOutcome, RunOccasion, WithinOptions, WorkDone } from "./run-job.js";
export { attemptJob } from "./run-job.js";
export type { RunRecord } from "./run-record.js";
export { prepareRuns } from "./run-record.js";
export type { FormerHolder, JobState, RunCommand, RunStatus } from "./run-state.js";
export type { SetAsideReport } from "./set-aside.js";
export type { ProgressReport, RunProgress, StepState } from "./step.js";
export { progressOf, progressText } from "./step.js";
export type { Step, WorkOptions } from "./work.js";
export { Work } from "./work.js";
