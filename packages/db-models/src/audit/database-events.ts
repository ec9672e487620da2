import type { Context } from "../context/context.js";
import { duration } from "../core/limits.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { Severity } from "../schemas/security-event.js";
import { recordSecurityEvent } from "../security-events/events.js";
import type { AuditWriter } from "./writer.js";

/** An event of `@org/db-optimizer`: a change to the database, or a security finding. */
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

export async function recordDatabaseEvent(
  context: Context,
  writer: AuditWriter,
  event: DatabaseEvent,
): Promise<void> {
  if (event.kind === "operation") {
    const { operation, outcome, at, details } = event;
    await writer.append({ action: `database.${operation}`, outcome, details: { ...details } }, at);
    return;
  }
  const { code, severity, at } = event;
  const since = new Date(at.getTime() - toldAgainAfterMs);
  const last = await runQuery(
    context.models,
    queries.securityEventsByKind("database_exposed", { limit: looked }),
  );
  if (last.some((one) => one.reasons.includes(code) && one.at > since)) return;
  await recordSecurityEvent({ ...context, now: at }, { kind: "database_exposed", severity, reasons: [code] });
}
