import { createIdentity, type IdentityDatabase } from "@org/db-models";
import type { Recording } from "@org/db-optimizer";

/** What jobs do is audited in the database that they do it to. */
export function recordingFor({ connection }: Pick<IdentityDatabase, "connection">): Recording {
  const identity = createIdentity({ connection });
  return { record: (event) => identity.audit.recordDatabaseEvent(event) };
}
