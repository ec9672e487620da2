export { ConfigError } from "@org/service-kit";
export type { Config, ConfigInput } from "./config.js";
export { configSchema, defineConfig, readConfig, variableOf } from "./config.js";
export type { Job, JobContext, JobDone } from "./job.js";
export { identityJobs } from "./jobs.js";
export type { Maintenance, MaintenanceDeps } from "./maintenance.js";
export { runOnce, startMaintenance } from "./maintenance.js";
export type { Metrics } from "./metrics.js";
export type { RunEnd, RunResult } from "./run-job.js";
