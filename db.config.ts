import { defineConfig, type HealthCheck } from "@org/db-cli";
import {
  createIdentity,
  defineModels,
  type IdentityModels,
  type NamedQuery,
  retentionRules,
  sampleQueries,
  sessionsMigration,
} from "@org/db-models";

/** Ties our models to `org-db`: the file that every project which uses it writes. */
export default defineConfig({
  models: defineModels,
  queries: async (models) => Object.values(await sampleQueries(models, new Date())) as NamedQuery[],
  checks: (models): HealthCheck[] => [{ name: "audit-wired", run: () => auditIsWired(models) }],
  cleanup: retentionRules,
  migrations: [sessionsMigration()],
  record: ({ User }, event) => createIdentity({ connection: User.db }).audit.recordDatabaseEvent(event),
});

/** Opening a session is audited, so an audit log that has been silent since the last one is not connected. */
async function auditIsWired({ UserSession, AuditEvent }: IdentityModels) {
  const newest = { _id: -1 } as const;
  const session = await UserSession.findOne({}, { _id: 1 }, { sort: newest });
  const event = await AuditEvent.findOne({}, { _id: 1 }, { sort: newest });
  const opened = session?._id.getTimestamp();
  const audited = event?._id.getTimestamp();
  const tolerance = 60_000;
  return {
    ok: !opened || (audited !== undefined && audited.getTime() >= opened.getTime() - tolerance),
    message: "Sessions are opened and nothing is audited",
    evidence: `last session ${opened?.toISOString() ?? "none"}, last audit event ${audited?.toISOString() ?? "none"}`,
  };
}
