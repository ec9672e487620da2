// Migrations: definitions, phases and what is read of them.

export type { Migration, SourceWrite, TargetDocument, TargetsByCollection } from "./definition.js";
export { assertMigration } from "./definition.js";
export type { MigrateOptions } from "./migrate.js";
export type { Layout, MigrationPhase, MigrationRoute, MigrationWay, UpTo } from "./phases.js";
export { migrationPhases, routeOf } from "./phases.js";
export type { MigrationReport, Mismatch, MismatchKind, VerifyReport } from "./report.js";
export { idText } from "./report.js";
export type { MigrationState, PhaseChange } from "./state.js";
export type { MigrationPlan, MigrationStatus } from "./status.js";
export { jobOf, planMigration } from "./status.js";
