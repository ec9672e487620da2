// How many documents of a collection are looked at: one setting and one default for all that samples.
import { z } from "zod";
import { checked } from "./checked.js";

/** Documents of each collection to sample: by health checks, storage reports, setup and shard plans. */
export const sampleSchema = z
  .number()
  .int()
  .min(1)
  .max(100_000)
  .default(1_000)
  .describe("Documents of each collection to sample");

/**
 * The sample that is asked for, or the default.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS`
 */
export function parseSample(sample: number | undefined): number {
  return checked(sampleSchema, sample, "The sample is wrong", "sample");
}
