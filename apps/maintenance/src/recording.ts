import { createIdentity, type IdentityDatabase } from "@org/db-models";
import type { Recording } from "@org/db-optimizer";

/** Audits the actions of jobs in the database that they change. */
export function recordingFor({ connection }: Pick<IdentityDatabase, "connection">): Recording {
  const identity = createIdentity({ connection });
  return { record: (event) => identity.audit.recordDatabaseEvent(event) };
}
