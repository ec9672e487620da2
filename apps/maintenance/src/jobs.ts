import type { IdentityDatabase } from "@org/db-models";
import type { Config } from "./config.js";
import type { Job } from "./job.js";
import { cleanupJob } from "./jobs/cleanup.js";
import { healthJob } from "./jobs/health.js";
import type { Metrics } from "./metrics.js";

/** The jobs of an identity database. */
export function identityJobs(database: IdentityDatabase, config: Config): (metrics: Metrics) => Job[] {
  return (metrics) => [cleanupJob(database, config, metrics), healthJob(database, config, metrics)];
}
