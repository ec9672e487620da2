import { setTimeout } from "node:timers/promises";
import { isIdentityError, openDatabase } from "@org/db-models";
import { isOptimizerError } from "@org/db-optimizer";
import { lowerCpuPriority } from "@org/db-optimizer/jobs";
import { ConfigError, UsageError } from "@org/service-kit";
import { type Logger, pino } from "pino";
import { exitCodes, parseArguments, usage } from "./cli.js";
import { type Config, readConfig } from "./config.js";
import { identityJobs } from "./jobs.js";
import { type MaintenanceDeps, prepareControls, runOnce, startMaintenance } from "./maintenance.js";
import { RunError } from "./run-control.js";
import { ListenError } from "./status-server.js";
import { steer } from "./steer.js";

/** A server that hangs gets this long to close its connections. */
const closingMs = 2_000;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${failureText(error)}\n`);
  process.exitCode = exitCodes.error;
}
// Connections to a server that hangs do not keep the process alive.
globalThis.setTimeout(() => process.exit(), closingMs).unref();

async function main(args: readonly string[]): Promise<number> {
  const { help, command, target } = parseArguments(args);
  if (help) {
    process.stdout.write(usage);
    return exitCodes.ok;
  }
  const config = readConfig(process.env);
  const log = pino({ level: config.logLevel });
  const stopping = stopSignal(config, log);
  const database = await openDatabase(config.mongodbUri, {
    appName: "org-maintenance",
    serverSelectionTimeoutMS: config.databaseTimeoutMs,
    ...(config.database && { dbName: config.database }),
  });
  try {
    const deps = { database, config, log, jobs: identityJobs(database, config) };
    if ((!command || command === "once") && config.maxSlowdown !== "off") lowerCpuPriority();
    if (!command) return await serve(deps, stopping);
    if (command === "once") return await runAndReport(deps, stopping, target);
    const reading = command === "list" || command === "show";
    process.stdout.write(await steer(await prepareControls(deps, reading), command, target));
    return exitCodes.ok;
  } finally {
    await Promise.race([database.close(), setTimeout(closingMs, undefined, { ref: false })]);
  }
}

async function runAndReport(deps: MaintenanceDeps, stopping: AbortSignal, job?: string): Promise<number> {
  const results = await runOnce(deps, stopping, job);
  if (results.some((result) => result.ran && result.state !== "succeeded")) return exitCodes.error;
  if (results.some((result) => !result.ran)) {
    deps.log.warn("another instance holds the lease");
    return exitCodes.locked;
  }
  return exitCodes.ok;
}

async function serve(deps: MaintenanceDeps, stopping: AbortSignal): Promise<number> {
  const maintenance = await startMaintenance(deps);
  deps.log.info({ address: maintenance.address, upcoming: maintenance.upcoming() }, "maintenance started");
  if (!stopping.aborted) {
    await new Promise((resolve) => stopping.addEventListener("abort", resolve, { once: true }));
  }
  await maintenance.stop();
  deps.log.info("maintenance stopped");
  return exitCodes.ok;
}

function failureText(error: unknown): string {
  const expected =
    error instanceof ConfigError ||
    error instanceof UsageError ||
    error instanceof RunError ||
    error instanceof ListenError ||
    isOptimizerError(error) ||
    isIdentityError(error);
  return expected ? `${error.code}: ${error.message}` : String((error as Error).stack);
}

/** Aborted by SIGTERM and SIGINT; a second signal, or too long a wait, ends the process at once. */
function stopSignal(config: Config, log: Logger): AbortSignal {
  const controller = new AbortController();
  const stop = (signal: string) => {
    // As the first process of a container this one would not die of a signal by itself.
    if (controller.signal.aborted) process.exit(exitCodes.error);
    log.info({ signal }, "stopping after the batch under way");
    controller.abort();
    globalThis.setTimeout(() => process.exit(exitCodes.error), config.shutdownTimeoutMs).unref();
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
  return controller.signal;
}
