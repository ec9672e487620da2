import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { defineModels, type Identity, type NamedQuery, sampleQueries } from "@org/db-models";
import { DatabaseOptimizer, type HealthReport } from "@org/db-optimizer";
import type { AdminOptions } from "@org/fastify-identity";
import type { Config } from "./config.js";
import type { AppDeps } from "./deps.js";

/** The settings of the admin area; false without it. */
export async function adminOf(
  { config, database, pages }: AppDeps,
  identity: Identity,
): Promise<false | AdminOptions> {
  if (pages === false || config.admin === "off") return false;
  return {
    twoAdministrators: config.admin === "on",
    auditKeys: await auditKeys(config),
    health: healthOf(database.connection, identity),
  };
}

async function auditKeys({ auditPublicKeyFile }: Config) {
  return auditPublicKeyFile === undefined ? [] : [createPublicKey(await readFile(auditPublicKeyFile))];
}

/** The health check of the optimizer over our models and queries. What took reading data is taken from the report before. */
function healthOf(connection: AppDeps["database"]["connection"], { audit, clock }: Identity) {
  const models = defineModels(connection);
  let previous: HealthReport | undefined;
  return async (): Promise<HealthReport> => {
    const queries = Object.values(await sampleQueries(models, clock.now())) as NamedQuery[];
    const optimizer = new DatabaseOptimizer(connection, {
      models: Object.values(models),
      queries,
      record: audit.recordDatabaseEvent,
      clock: () => clock.now(),
    });
    previous = await optimizer.health({ ...(previous && { previous }) });
    return previous;
  };
}
