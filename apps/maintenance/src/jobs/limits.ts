import type { PaceLimits } from "@org/db-optimizer";
import type { Config } from "../config.js";

/** How fast a job may work, as the settings say. */
export function limitsOf({ batchSize, maxSlowdown, maxShare, maxRate }: Config): Partial<PaceLimits> {
  return {
    maxBatch: batchSize,
    maxSlowdown: maxSlowdown === "off" ? Number.POSITIVE_INFINITY : maxSlowdown,
    maxShare,
    ...(maxRate !== undefined && { maxRate }),
  };
}
