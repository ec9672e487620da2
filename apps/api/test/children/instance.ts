/**
 * An instance of the service in a process of its own, with room for many sign-ins at once; prints where it listens.
 * Arguments: URI, and as JSON what it is given besides its configuration.
 */
import { writeSync } from "node:fs";
import { type ConfigInput, defineConfig } from "../../src/config.js";
import { type StartDeps, startServer } from "../../src/start.js";

/** What a parent asks of it. */
export type InstanceDeps = Pick<StartDeps, "policies"> & { readonly config?: Partial<ConfigInput> };

const [mongodbUri = "", deps = "{}"] = process.argv.slice(2);
const limits = { rateLimit: 1_000_000, signInRateLimit: 1_000_000, maxEventLoopDelayMs: 0 };
const { config: changed, ...given } = JSON.parse(deps) as InstanceDeps;
const fixed = { mongodbUri, port: 0, logLevel: "silent", riskPolicy: "off", ...limits } as const;
const server = await startServer(defineConfig({ ...fixed, ...changed }), given);
writeSync(1, `listening on ${server.addresses[0]}\n`);
