import { type IdentityDatabase, recordDatabaseEvent } from "@org/db-models";
import type { Recording } from "@org/db-optimizer";

/** What jobs do is audited in the database that they do it to. */
export function recordingFor({ models }: Pick<IdentityDatabase, "models">): Recording {
  return { record: (event) => recordDatabaseEvent(models, event) };
}
