import { duration } from "../core/limits.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import type { Severity } from "../schemas/security-event.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { appendAudit } from "./append.js";

/** What `@org/db-optimizer` tells of: something that was done to the database, or a hole in how it is guarded. */
export type DatabaseEvent =
  | {
      readonly kind: "operation";
      readonly operation: string;
      readonly outcome: "success" | "failure";
      readonly at: Date;
      readonly details: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "security_finding";
      readonly code: string;
      readonly severity: Severity;
      readonly at: Date;
    };

const toldAgainAfterMs = duration.day;
const looked = 100;

/**
 * Records what a setup, an apply, a rollback, a cleanup or a migration did as an audit event `database.<operation>`, and
 * what a health check finds about security as a security event of nobody, once a day: for `record` of `db.config.ts`.
 *
 * @throws IdentityError `AUDIT_NOT_WRITTEN`
 *
 * @example
 * export default defineConfig({ models: defineModels, record: recordDatabaseEvent });
 */
export async function recordDatabaseEvent(models: IdentityModels, event: DatabaseEvent): Promise<void> {
  if (event.kind === "operation") {
    const { operation, outcome, at, details } = event;
    await appendAudit(models, { action: `database.${operation}`, outcome, details: { ...details } }, at);
    return;
  }
  const { code, severity, at } = event;
  const since = new Date(at.getTime() - toldAgainAfterMs);
  const last = await runQuery(models, queries.securityEventsByKind("database_exposed", { limit: looked }));
  if (last.some((one) => one.reasons.includes(code) && one.at > since)) return;
  await recordSecurityEvent(models, { kind: "database_exposed", severity, reasons: [code] }, at);
}
