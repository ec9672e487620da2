import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { tsImport } from "tsx/esm/api";

import { configSchema, type ParsedConfig } from "./config.js";
import { CliError } from "./errors.js";

const names = ["db.config.ts", "db.config.mts", "db.config.js", "db.config.mjs"];

/** A configuration, with the Mongoose that its models are made with. */
export interface LoadedConfig {
  readonly path: string;
  readonly config: ParsedConfig;
  readonly mongoose: typeof import("mongoose");
}

/**
 * Finds, runs and checks a project's configuration. TypeScript needs no preparation by the project.
 *
 * @param given path from `--config`; without one the usual names are tried in `cwd`
 * @throws {CliError} `CONFIG_NOT_FOUND`, `CONFIG_FAILED`, `CONFIG_INVALID`
 */
export async function loadConfig(cwd: string, given?: string): Promise<LoadedConfig> {
  const path = findConfig(cwd, given);
  const exported = await importDefault(path);
  if (exported === undefined)
    throw new CliError(
      "CONFIG_INVALID",
      `${path} exports nothing by default: export default defineConfig({ … })`,
    );
  const parsed = configSchema.safeParse(exported);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(
      ({ path: at, message }) => `\n  ${at.length > 0 ? at.map(String).join(".") : "(config)"}: ${message}`,
    );
    throw new CliError("CONFIG_INVALID", `${path} has the wrong shape:${issues.join("")}`);
  }
  return { path, config: parsed.data, mongoose: await mongooseOf(path) };
}

function findConfig(cwd: string, given: string | undefined): string {
  const candidates = given === undefined ? names : [given];
  const found = candidates.map((name) => resolve(cwd, name)).find((path) => existsSync(path));
  if (found) return found;
  throw new CliError(
    "CONFIG_NOT_FOUND",
    given === undefined ? `No ${names.join(", ")} in ${cwd}; name another with --config` : `No file ${given}`,
  );
}

async function importDefault(path: string): Promise<unknown> {
  const url = pathToFileURL(path).href;
  try {
    const namespace = /\.[cm]?ts$/.test(path) ? await tsImport(url, import.meta.url) : await import(url);
    return unwrap(namespace.default);
  } catch (error) {
    throw new CliError("CONFIG_FAILED", `${path} failed: ${messageOf(error)}`, { cause: error });
  }
}

// In a package that is not "type": "module" the default export arrives as a property of the default export.
function unwrap(exported: unknown): unknown {
  const inner = (exported as { __esModule?: boolean; default?: unknown } | undefined) ?? {};
  return inner.__esModule === true && "default" in inner ? inner.default : exported;
}

// A schema of one copy of Mongoose is no schema to another, so the connection has to come from the project's own.
async function mongooseOf(path: string): Promise<typeof import("mongoose")> {
  try {
    return createRequire(path)("mongoose");
  } catch {
    return (await import("mongoose")).default;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
