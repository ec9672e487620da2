import type { IdentityDatabase } from "@org/db-models";
import type { Config } from "./config.js";
import type { Job } from "./job.js";
import { auditRetentionJob } from "./jobs/audit-retention.js";
import { cleanupJob } from "./jobs/cleanup.js";
import { driftJob } from "./jobs/drift.js";
import { healthJob } from "./jobs/health.js";
import type { Metrics } from "./metrics.js";

/** The jobs of an identity database. That of audit retention needs a key to sign with. */
export function identityJobs(database: IdentityDatabase, config: Config): (metrics: Metrics) => Job[] {
  const { auditKeyFile } = config;
  return (metrics) => [
    cleanupJob(database, config, metrics),
    driftJob(database, config, metrics),
    healthJob(database, config, metrics),
    ...(auditKeyFile ? [auditRetentionJob(database, config, auditKeyFile, metrics)] : []),
  ];
}
