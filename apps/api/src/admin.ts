import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { defineModels, type Identity, type NamedQuery, sampleQueries } from "@org/db-models";
import { DatabaseOptimizer, type HealthReport } from "@org/db-optimizer";
import type { AdminOptions } from "@org/fastify-identity";
import { ConfigError } from "@org/service-kit";
import { type Config, variableOf } from "./config.js";
import type { AppDeps } from "./deps.js";

/** The settings of the admin area; false without it. */
export async function adminOf(
  { config, database, pages }: AppDeps,
  identity: Identity,
): Promise<false | AdminOptions> {
  if (pages === false || config.admin === "off") return false;
  return {
    twoAdministrators: config.admin === "on",
    impersonation: config.impersonation && { protectedRoles: config.impersonationProtectedRoles },
    auditKeys: await auditKeys(config),
    health: healthOf(database.connection, identity),
  };
}

/** @throws ConfigError for a key that can't be read. */
async function auditKeys({ auditPublicKeyFile: path }: Config): Promise<KeyObject[]> {
  if (path === undefined) return [];
  try {
    const key = createPublicKey(await readFile(path));
    if (key.asymmetricKeyType === "ed25519") return [key];
  } catch (cause) {
    throw new ConfigError(noKey, { cause });
  }
  throw new ConfigError(noKey);
}

const noKey = `${variableOf("auditPublicKeyFile")}: the file can't be read as an Ed25519 public key in PEM`;

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
