import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Engine, type EnginePreference, startEngine, withDatabase } from "@org/dev-kit";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where the embedded engine of this checkout keeps its data between runs. */
const storagePath = join(root, "node_modules/.cache/org-db/data");

/** The database that the root's scripts work on when no connection string names another. */
export const databaseName = "identity";

/**
 * `MONGODB_URI`, or the embedded engine of this checkout: the one that runs, or one that is started for as long as
 * this process needs it.
 */
export function openEngine(prefer: EnginePreference, signal?: AbortSignal): Promise<Engine> {
  const log = (line: string) => void process.stderr.write(`engine: ${line}\n`);
  return startEngine({ prefer, storagePath, log, ...(signal && { signal }) });
}

/** The engine's connection string with our database's name, unless it has one. */
export function databaseUri({ uri }: Pick<Engine, "uri">): string {
  // No URL: it may name several hosts.
  const namesDatabase = /^[^?]*\/\/[^/?]+\/[^?]/.test(uri);
  return namesDatabase ? uri : withDatabase(uri, databaseName);
}

/** A connection string to show: without its credentials. */
export function shownUri(uri: string): string {
  return uri.replace(/\/\/[^/?]*@/, "//***@");
}

/** Aborts on Ctrl-C or SIGTERM; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  return controller.signal;
}

/** A failure as one line, with its code where it has one. */
export function describeFailure(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === "string" ? `${code}: ${message}` : String(message ?? error);
}
