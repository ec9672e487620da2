import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { type IdentityDatabase, openDatabase } from "@org/db-models";
import type { FastifyInstance } from "fastify";
import { buildApp } from "./app.js";
import type { Config } from "./config.js";
import type { AppDeps } from "./deps.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { metricsServer } from "./metrics-server.js";
import { checkSetup, type MissingIndexes } from "./setup-check.js";

/** Overrides of the configuration. */
export interface StartDeps extends Omit<AppDeps, "config" | "database"> {
  /** A database that is already open; the caller then closes it. */
  database?: IdentityDatabase;
}

/** The address can't be listened on. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code = "LISTEN_FAILED";
}

/** A server that listens. */
export interface RunningServer {
  /** Where it can be reached, such as `http://127.0.0.1:3000`. */
  readonly addresses: readonly string[];
  /** Where Prometheus finds the metrics, if they are on. */
  readonly metricsAddress: string | undefined;
  /**
   * Fails the readiness check, refuses connections, lets requests under way finish within the configured time,
   * writes the usage, and closes the database if it opened it. Later calls wait for the first.
   */
  close(): Promise<void>;
}

/**
 * Opens the database and listens.
 *
 * @throws IdentityError as {@link openDatabase}; SetupError when the database has not been set
 * up; ListenError when the address can't be listened on.
 *
 * @example
 * const server = await startServer(defineConfig({ mongodbUri, insecureCookies: true }));
 * console.log(server.addresses[0]);
 */
export async function startServer(config: Config, deps: StartDeps = {}): Promise<RunningServer> {
  const own = deps.database ? undefined : await open(config);
  const database = deps.database ?? own;
  if (!database) throw new TypeError("unreachable: one of the two is there");
  try {
    const missing = await checkSetup(database);
    const metrics = config.metricsPort === undefined ? undefined : createMetrics();
    metrics?.timeCommands(database.connection);
    const app = await buildApp({ ...deps, database, config, ...(metrics && { metrics }) });
    reportMissing(app, missing);
    await listen(app, config);
    const scraped = metrics && (await serveMetrics(app, metrics, config));
    let closing: Promise<void> | undefined;
    return {
      addresses: app.addresses().map(describeAddress),
      metricsAddress: scraped?.addresses().map(describeAddress)[0],
      close: () => {
        closing ??= shutDown(app, config)
          .finally(() => scraped?.close())
          .finally(() => own?.close());
        return closing;
      },
    };
  } catch (error) {
    await own?.close();
    throw error;
  }
}

function reportMissing({ log }: FastifyInstance, { slow, ttl }: MissingIndexes): void {
  if (slow.length > 0) log.warn({ indexes: slow }, "indexes are missing: requests will be slow");
  if (ttl.length > 0)
    log.warn({ indexes: ttl }, "TTL indexes are missing: the server does not delete what has expired");
}

/** Metrics end with the app, after the last request. */
async function serveMetrics(
  app: FastifyInstance,
  metrics: Metrics,
  config: Config,
): Promise<FastifyInstance> {
  const server = metricsServer(metrics.registry);
  const { metricsHost: host, metricsPort: port = 0 } = config;
  try {
    await listen(server, { host, port });
  } catch (error) {
    await app.close();
    throw error;
  }
  return server;
}

async function listen(app: FastifyInstance, { host, port }: Pick<Config, "host" | "port">): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    // Its timers would keep the process.
    await app.close();
    throw new ListenError(refusalOf(cause, `${host}:${port}`), { cause });
  }
}

function refusalOf(cause: unknown, address: string): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return `Another program listens on ${address} (${code}). Choose another port; 0 takes a free one.`;
  if (code === "EADDRNOTAVAIL")
    return `This machine has no address ${address} (${code}). Choose another host.`;
  return `Cannot listen on ${address}: ${message}`;
}

function open(config: Config): Promise<IdentityDatabase> {
  return openDatabase(config.mongodbUri, {
    appName: "org-api",
    monitorCommands: config.metricsPort !== undefined,
    serverSelectionTimeoutMS: config.databaseTimeoutMs,
    maxPoolSize: config.databaseConnections,
    ...(config.database && { dbName: config.database }),
  });
}

async function shutDown(app: FastifyInstance, config: Config): Promise<void> {
  app.startDraining();
  await wait(config.drainDelayMs);
  // A client that never finishes its request must not hold up the process.
  const impatience = setTimeout(() => {
    app.log.warn("requests under way were cut off");
    app.server.closeAllConnections();
  }, config.shutdownTimeoutMs);
  try {
    await app.close();
  } finally {
    clearTimeout(impatience);
  }
}

function describeAddress(listening: AddressInfo | string): string {
  if (typeof listening === "string") return listening;
  const { address, family, port } = listening;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
