export { ConfigError } from "@org/service-kit";
export { buildApp } from "./app.js";
export type { Config, ConfigInput } from "./config.js";
export { configSchema, defineConfig, issuerOf, readConfig, variableOf } from "./config.js";
export type { AppDeps } from "./deps.js";
export { SetupError } from "./setup-check.js";
export type { RunningServer, StartDeps } from "./start.js";
export { startServer } from "./start.js";
