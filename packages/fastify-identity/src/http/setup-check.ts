import type { FastifyInstance } from "fastify";
import type { Model } from "mongoose";
import { OptionsError } from "../flows/options.js";
import { withTimeLimit } from "../flows/time-limit.js";
import { isLoopback } from "../options.js";
import type { Service } from "../service.js";

/** Less than Fastify gives a hook: a database that does not answer must not keep the app from starting. */
const longestCheckMs = 5_000;

type Checked = Pick<Model<unknown>, "schema" | "collection">;

/**
 * Checks, when the app becomes ready, that the database enforces what must be unique: without those indexes two accounts
 * could have one address, and a user more sessions than the cap. On a loopback issuer a warning says so, for development;
 * elsewhere the app does not start. A database that can't be asked is reported and does not stop it.
 */
export function checkUniqueIndexes(app: FastifyInstance, { identity, settings }: Service): void {
  app.addHook("onReady", async () => {
    const models = Object.values(identity.models) as Checked[];
    const late = `the database did not answer within ${longestCheckMs} ms`;
    const missing = await withTimeLimit(longestCheckMs, late, () => missingOf(models)).catch(
      (err: unknown) => {
        app.log.warn({ err }, "Cannot check whether the unique indexes exist.");
        return [];
      },
    );
    if (missing.length === 0) return;
    const message = `Unique indexes are missing: ${missing.join(", ")}. Create them with org-db setup.`;
    if (!isLoopback(settings.issuer)) throw new OptionsError(message);
    app.log.warn(message);
  });
}

async function missingOf(models: readonly Checked[]): Promise<string[]> {
  const missing = await Promise.all(models.map(missingIn));
  return missing.flat();
}

async function missingIn({ schema, collection }: Checked): Promise<string[]> {
  const unique = schema.indexes().filter(([, options]) => options.unique);
  if (unique.length === 0) return [];
  const stored = await collection.indexes().catch((error: unknown) => {
    // NamespaceNotFound: the collection does not exist yet.
    if ((error as { code?: unknown }).code === 26) return [];
    throw error;
  });
  const inForce = new Set(stored.filter((index) => index.unique).map(({ key }) => JSON.stringify(key)));
  return unique
    .filter(([key]) => !inForce.has(JSON.stringify(key)))
    .map(([key, { name }]) => `${collection.collectionName}.${name ?? JSON.stringify(key)}`);
}
