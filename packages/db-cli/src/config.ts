import type {
  CleanupRule,
  DatabaseEvent,
  HealthCheck,
  HealthThresholds,
  Migration,
  ModelLike,
  NamedQuery,
} from "@org/db-optimizer";
import { cleanupRuleSchema } from "@org/db-optimizer/cleanup";
import { thresholdsSchema } from "@org/db-optimizer/health";
import { assertMigration } from "@org/db-optimizer/migrate";
import type { Connection, ConnectOptions } from "mongoose";
import { z } from "zod";

/** Models as an array, or by name as many projects keep them. */
export type Models = readonly ModelLike[] | Readonly<Record<string, ModelLike>>;

type MaybePromise<T> = T | Promise<T>;

const isFunction = (value: unknown) => typeof value === "function";
const functionOf = <T>(name: string) => z.custom<T>(isFunction, `${name} must be a function`);

const migrationSchema = z.custom<Migration>().transform((given, context) => {
  try {
    return assertMigration(given);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
    return z.NEVER;
  }
});

/** The one schema of `db.config.ts`: type, defaults and descriptions come from it. */
export const configSchema = z.strictObject({
  uri: z
    .union([z.string().min(1), functionOf<() => MaybePromise<string>>("uri")])
    .optional()
    .describe("Connection string, or a function that finds it; MONGODB_URI and --uri come before it"),
  connect: z
    .custom<ConnectOptions>(
      (value) => value !== null && typeof value === "object",
      "connect must be an object",
    )
    .optional()
    .describe("Options of Mongoose's createConnection"),
  // A function's return type would tie the caller's models to one type, so it is checked when it has run.
  models: functionOf<(connection: Connection) => MaybePromise<object>>("models").describe(
    "Binds the models to the connection, and returns them as an array or by name",
  ),
  queries: functionOf<(models: never) => MaybePromise<readonly object[]>>("queries")
    .optional()
    .describe("The queries that matter, built from what `models` returned: they are explained and timed"),
  cleanup: z.array(cleanupRuleSchema).default([]).describe("What may be removed, and when"),
  checks: functionOf<(models: never) => MaybePromise<readonly object[]>>("checks")
    .optional()
    .describe("Checks of your own for health, built from what `models` returned"),
  migrations: z
    .array(migrationSchema)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "two migrations have one name")
    .default([])
    .describe("How data moves from one layout to another"),
  record: functionOf<(models: never, event: DatabaseEvent) => unknown>("record")
    .optional()
    .describe("Writes to your audit log what a command has changed, and what health finds about security"),
  thresholds: thresholdsSchema.optional().describe("Limits that health and optimize go by"),
  validation: z
    .enum(["warn", "error", "off"])
    .default("warn")
    .describe("What a document does that its collection's validator refuses; off: no validators"),
});

/** A configuration with its defaults. */
export type ParsedConfig = z.output<typeof configSchema>;

/** The default export of `db.config.ts`. */
export interface DbConfig<M extends object = Models> {
  /** Connection string, or a function that finds it. `MONGODB_URI` and `--uri` come before it. */
  readonly uri?: string | (() => MaybePromise<string>);
  /** Options of Mongoose's `createConnection`. */
  readonly connect?: ConnectOptions;
  /** Binds the models to the connection, and returns them as an array or by name. */
  readonly models: (connection: Connection) => MaybePromise<M>;
  /** The queries that matter, built from what `models` returned: they are explained and timed. */
  readonly queries?: (models: M) => MaybePromise<readonly NamedQuery[]>;
  /** Cleanup rules. */
  readonly cleanup?: readonly CleanupRule[];
  /** Checks of your own for `health`: whether the audit log is unbroken, whether backups are made. */
  readonly checks?: (models: M) => MaybePromise<readonly HealthCheck[]>;
  /** How data moves from one layout to another. */
  readonly migrations?: readonly Migration[];
  /** Writes to your audit log what a command has changed, and what `health` finds about security. */
  readonly record?: (models: M, event: DatabaseEvent) => unknown;
  /** Limits that `health` and `optimize` go by. */
  readonly thresholds?: HealthThresholds;
  /** Action on a document that fails its collection's validator. Default `warn`. */
  readonly validation?: "warn" | "error" | "off";
}

/**
 * Gives `db.config.ts` its types; returns its argument.
 *
 * @example
 * export default defineConfig({
 *   uri: "mongodb://127.0.0.1/shop",
 *   models: (connection) => [connection.model("Order", orderSchema)],
 *   cleanup: [{ name: "old-carts", collection: "carts", field: "updatedAt", retentionSeconds: 30 * 86_400 }],
 * });
 */
export function defineConfig<M extends object>(config: DbConfig<M>): DbConfig<M> {
  return config;
}
