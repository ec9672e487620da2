import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { getTsconfig } from "get-tsconfig";

import { configSchema, type ParsedConfig } from "./config.js";
import { CliError } from "./errors.js";
import { importFile } from "./import-file.js";

const names = ["ts", "mts", "cts", "js", "mjs", "cjs"].map((ending) => `db.config.${ending}`);

/** A configuration, with the Mongoose that its models are made with. */
export interface LoadedConfig {
  readonly path: string;
  readonly config: ParsedConfig;
  readonly mongoose: typeof import("mongoose");
  /** Completes a message about a failure in the project's own code. */
  readonly hint: string;
}

/**
 * Finds, runs and checks a project's configuration. TypeScript needs no preparation by the project: `paths` and the
 * kind of decorators come from the tsconfig.json nearest to the file.
 *
 * @param given path from `--config`; without one the usual names are tried in `cwd`
 * @throws {CliError} `CONFIG_NOT_FOUND`, `CONFIG_FAILED`, `CONFIG_INVALID`
 */
export async function loadConfig(cwd: string, given?: string): Promise<LoadedConfig> {
  const path = findConfig(cwd, given);
  const tsconfig = getTsconfig(realpathSync(path));
  const hint = tsconfig?.config.compilerOptions?.emitDecoratorMetadata
    ? `\n${tsconfig.path} sets emitDecoratorMetadata. org-db does not emit the types of decorated fields: name them in the decorators, ` +
      "or compile the project and give the compiled file with --config"
    : "";
  const exported = await exportOf(path, tsconfig?.path).catch((error: unknown) => {
    throw new CliError("CONFIG_FAILED", `${path} failed: ${messageOf(error)}${hint}`, { cause: error });
  });
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
  return { path, config: parsed.data, mongoose: await mongooseOf(path), hint };
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

async function exportOf(path: string, tsconfig: string | undefined): Promise<unknown> {
  const namespace = (await importFile(path, tsconfig)) as { default?: unknown };
  return await unwrap(namespace.default);
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
