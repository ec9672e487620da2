import { z } from "zod";
import { OptimizerError } from "../errors.js";

/** Every limit that health and advice go by. */
export const thresholdsSchema = z.strictObject({
  pingMs: z
    .number()
    .positive()
    .default(50)
    .describe("Median round trip above which the connection is slow, ms"),
  slowOperationMs: z.number().int().min(0).default(100).describe("Operations slower than this are slow, ms"),
  examinedPerReturned: z
    .number()
    .min(1)
    .default(2)
    .describe("Documents examined for each one returned above which a query is wasteful; 1 is ideal"),
  longOperationMs: z
    .number()
    .int()
    .positive()
    .default(60_000)
    .describe("An operation that has run this long is a finding, ms"),
  unusedIndexDays: z
    .number()
    .positive()
    .default(7)
    .describe("Days without a read, on every member, after which an index counts as unused"),
  connectionsUsedRatio: z
    .number()
    .positive()
    .max(1)
    .default(0.8)
    .describe("Share of the server's connections in use above which it is short of them"),
  cacheUsedRatio: z
    .number()
    .positive()
    .max(1)
    .default(0.95)
    .describe("Share of the cache in use above which the working set does not fit"),
  indexToDataRatio: z
    .number()
    .positive()
    .default(3)
    .describe("Index bytes per data byte of a collection that are worth a look"),
  probeTimeoutMs: z.number().int().positive().default(10_000).describe("Time that each probe may take, ms"),
});

/** Limits as people write them. */
export type HealthThresholds = z.input<typeof thresholdsSchema>;
/** Limits with their defaults. */
export type ParsedThresholds = z.output<typeof thresholdsSchema>;

/** @throws {OptimizerError} `INVALID_OPTIONS`, naming each path that is wrong */
export function parseThresholds(thresholds: unknown): ParsedThresholds {
  const parsed = thresholdsSchema.safeParse(thresholds ?? {});
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    ({ path, message }) => `${path.join(".") || "thresholds"}: ${message}`,
  );
  throw new OptimizerError("INVALID_OPTIONS", `The health thresholds are wrong: ${issues.join("; ")}`);
}
