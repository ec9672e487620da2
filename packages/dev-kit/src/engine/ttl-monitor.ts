import type { Engine } from "./engine.js";
import { withAdmin } from "./server-facts.js";

const reachedWithinMs = 10_000;
const aDaySeconds = 86_400;

/**
 * Keeps expired documents from being removed by themselves, while something is measured or shown. Does nothing to the server
 * of `MONGODB_URI`, which has other databases.
 *
 * @returns false where there is no such parameter (SecantusDB's Python server).
 */
export async function holdTtlMonitor({ kind, uri }: Pick<Engine, "kind" | "uri">): Promise<boolean> {
  if (kind === "external") return true;
  try {
    await withAdmin(uri, reachedWithinMs, (admin) =>
      admin.command({ setParameter: 1, ttlMonitorSleepSecs: aDaySeconds }),
    );
    return true;
  } catch (error) {
    if ((error as { codeName?: unknown }).codeName === "InvalidOptions") return false;
    throw error;
  }
}
