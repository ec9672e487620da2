import { isIdentityError } from "@org/db-models";
import { ConfigError } from "@org/service-kit";
import { readConfig } from "./config.js";
import { SetupError } from "./setup-check.js";
import { ListenError, startServer } from "./start.js";

/** Time for the last writes and for closing the database, after the requests had theirs. */
const closingTimeMs = 5_000;

try {
  const config = readConfig(process.env);
  const server = await startServer(config);
  process.stdout.write(`listening on ${server.addresses.join(", ")}\n`);
  let stopping = false;
  const stop = () => {
    // As the first process of a container this one would not die of a signal by itself.
    if (stopping) process.exit(1);
    stopping = true;
    const limit = config.drainDelayMs + config.shutdownTimeoutMs + closingTimeMs;
    setTimeout(() => process.exit(1), limit).unref();
    server.close().catch(fail);
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  const expected =
    error instanceof ConfigError ||
    error instanceof SetupError ||
    error instanceof ListenError ||
    isIdentityError(error);
  process.stderr.write(`${expected ? `${error.code}: ${error.message}` : (error as Error).stack}\n`);
  process.exitCode = 1;
}
