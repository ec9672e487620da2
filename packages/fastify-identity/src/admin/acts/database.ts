import { type Acting, noteRead } from "../acting.js";
import type { CheckedHealth, HealthChecks } from "../database-health.js";

/** The health of the database: of this minute, or checked now. */
export async function readHealth(acting: Acting, checks: HealthChecks): Promise<CheckedHealth> {
  const checked = await checks.read();
  const { score, findings } = checked.health;
  const details = { score: String(score), findings: String(findings.length) };
  await noteRead(acting, { action: "admin.database_read", details });
  return checked;
}
