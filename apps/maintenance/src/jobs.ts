import { type IdentityDatabase, sessionsMigration } from "@org/db-models";
import type { Config } from "./config.js";
import type { Job } from "./job.js";
import { auditRetentionJob } from "./jobs/audit-retention.js";
import { cleanupJob } from "./jobs/cleanup.js";
import { driftJob } from "./jobs/drift.js";
import { healthJob } from "./jobs/health.js";
import { migrationJob } from "./jobs/migration.js";
import { storageJob } from "./jobs/storage.js";
import type { Metrics } from "./metrics.js";

/**
 * The jobs of an identity database. That of audit retention needs a key to sign with, and the migration a collection to
 * migrate from.
 */
export function identityJobs(database: IdentityDatabase, config: Config): (metrics: Metrics) => Job[] {
  const { auditKeyFile, migrationSource: source } = config;
  return (metrics) => [
    cleanupJob(database, config, metrics),
    driftJob(database, config, metrics),
    healthJob(database, config, metrics),
    storageJob(database, config),
    ...(source ? [migrationJob(database, config, sessionsMigration({ source }))] : []),
    ...(auditKeyFile ? [auditRetentionJob(database, config, auditKeyFile, metrics)] : []),
  ];
}
