export type { Config, ConfigInput } from "./config.js";
export { ConfigError, configSchema, defineConfig, readConfig, variableOf } from "./config.js";
export type { Job, JobContext, JobOutcome, JobReport } from "./job.js";
export { identityJobs } from "./jobs.js";
export type { Maintenance, MaintenanceDeps } from "./maintenance.js";
export { runOnce, startMaintenance } from "./maintenance.js";
export type { Metrics } from "./metrics.js";
export type { RunResult } from "./run-job.js";
export type { RunDocument, RunEnd, RunProgress, RunState, RunWanted } from "./runs.js";
