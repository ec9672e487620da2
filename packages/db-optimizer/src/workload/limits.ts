// Limits of advice, with their defaults.
import { z } from "zod";
import { checked } from "../core/checked.js";

/** A collection of fewer documents is read as quickly without an index. */
export const worthAnIndex = 500;

/** Every limit that advice goes by. */
export const adviceLimitsSchema = z.strictObject({
  slowOperationMs: z
    .number()
    .min(0)
    .default(100)
    .describe("Recorded operations faster than this are left out, ms"),
  minimumWaste: z
    .number()
    .min(0)
    .default(500)
    .describe("Documents read and not returned, over all executions, up to which a query is left alone"),
  minimumDocuments: z
    .number()
    .min(0)
    .default(worthAnIndex)
    .describe("A collection of fewer documents gets no index"),
  sampleDocuments: z
    .number()
    .int()
    .positive()
    .default(10_000)
    .describe("Documents copied of a collection, at most"),
  sampleBytes: z
    .number()
    .int()
    .positive()
    .default(67_108_864)
    .describe("Bytes copied of a collection, at most"),
  queries: z
    .number()
    .int()
    .positive()
    .default(20)
    .describe("Maximum number of queries to analyse, the most wasteful first"),
});

/** Limits as people write them. */
export type AdviceLimits = z.input<typeof adviceLimitsSchema>;

/** Limits with their defaults. */
export type ParsedAdviceLimits = z.output<typeof adviceLimitsSchema>;

/** @throws {OptimizerError} `INVALID_OPTIONS`, naming each limit that is wrong */
export function parseLimits(limits: unknown): ParsedAdviceLimits {
  return checked(adviceLimitsSchema, limits ?? {}, "The limits of advice are wrong", "limits");
}
