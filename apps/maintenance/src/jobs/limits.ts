import type { ControllerLimits } from "@org/db-optimizer";
import type { Config } from "../config.js";

/** Bounds of the batches of a job, as the settings say. */
export function limitsOf({ batchSize, nice }: Config): Partial<ControllerLimits> {
  return { maxBatch: batchSize, ...(nice !== undefined && { niceRatio: nice }) };
}
