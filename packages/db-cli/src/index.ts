export type { HealthCheck } from "@org/db-optimizer";
export { runCli } from "./cli.js";
export type { DbConfig, Models, ParsedConfig } from "./config.js";
export { configSchema, defineConfig } from "./config.js";
export type { CliErrorCode, ExitCode } from "./errors.js";
export { CliError, exitCodes } from "./errors.js";
export type { CliIo, Sink } from "./io.js";
export { processIo } from "./process-io.js";
