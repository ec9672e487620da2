// Limits of health and advice, with their defaults.
import { z } from "zod";
import { checked } from "./checked.js";
import { sampleSchema } from "./sampling.js";
import { storageLimitsSchema } from "./storage-limits.js";

const { documentBytes, medianBytes, arrayLength, arrayGrowth } = storageLimitsSchema.shape;
const limit = (what: string) => z.number().positive().optional().describe(what);
const ratio = (normal: number, what: string) =>
  z
    .number()
    .positive()
    .max(1)
    .default(normal)
    .describe(`Share of its processors used by the server process ${what}`);

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
  keysPerReturned: z
    .number()
    .min(1)
    .default(100)
    .describe("Index keys examined for each document returned above which a query scans its index"),
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
  cacheDirtyRatio: z
    .number()
    .positive()
    .max(1)
    .default(0.2)
    .describe("Share of the cache that waits to be written above which writes are throttled"),
  cacheHitRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.95)
    .describe(
      "Share of page requests answered from the cache below which it is cold; from an hour's uptime on",
    ),
  processorBusyRatio: ratio(0.7, "above which it is busy: information"),
  processorHighRatio: ratio(0.85, "above which it is a warning"),
  processorFullRatio: ratio(0.95, "above which it is critical"),
  queuedOperations: z
    .number()
    .int()
    .min(0)
    .default(100)
    .describe("Operations that wait for a ticket or a lock above which the server is overloaded"),
  idleTransactions: z
    .number()
    .int()
    .min(0)
    .default(100)
    .describe("Idle open transactions above which an application leaves them open"),
  replicationLagMs: z
    .number()
    .int()
    .positive()
    .default(5_000)
    .describe("A secondary that is further behind than this lags, ms; its configured delay not counted"),
  memberSilentMs: z
    .number()
    .int()
    .min(0)
    .default(120_000)
    .describe(
      "A member that has been silent, or seen RECOVERING, for longer is critical, ms; before it is a warning",
    ),
  oplogHours: z
    .number()
    .min(0)
    .default(24)
    .describe(
      "An oplog that reaches less far back is short, hours: a member away for longer must copy all data",
    ),
  collections: z
    .number()
    .int()
    .positive()
    .default(1_000)
    .describe("Collections in the database that are worth a look: each costs files and memory"),
  indexesPerCollection: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(20)
    .describe("Indexes on one collection that are worth a look: each write pays for every one"),
  sampleDocuments: z
    .union([z.literal(0), sampleSchema.unwrap()])
    .default(sampleSchema.def.defaultValue)
    .describe("Documents of each collection that are compared with its schema; 0: none"),
  documentBytes,
  medianBytes,
  arrayLength,
  arrayGrowth,
  lookupOperations: z
    .number()
    .int()
    .min(1)
    .default(50)
    .describe("Recorded aggregations of a collection with a $lookup from which on they are worth a look"),
  lookupStages: z
    .number()
    .int()
    .min(1)
    .default(3)
    .describe("Joins in a single aggregation from which on it is worth a look"),
  growthDays: z.number().int().min(1).max(365).default(7).describe("Days over which growth is measured"),
  limitDays: z
    .number()
    .positive()
    .default(30)
    .describe("A limit that will be reached within so many days is a finding"),
  limits: z
    .record(
      z.string().min(1),
      z.strictObject({ documents: limit("Documents"), dataBytes: limit("Bytes of data") }),
    )
    .default({})
    .describe("Size limit of each collection, by its name; `*` is the whole database"),
  weekGrowth: z
    .number()
    .min(1)
    .default(2)
    .describe("A figure that is more than so many times that of the same hour a week ago is a finding"),
  deepSeconds: z
    .number()
    .int()
    .min(0)
    .default(60)
    .describe("Seconds after which a watch refreshes samples, queries, growth and checks"),
  probeTimeoutMs: z.number().int().positive().default(10_000).describe("Time that each probe may take, ms"),
});

/** Limits as people write them. */
export type HealthThresholds = z.input<typeof thresholdsSchema>;
/** Limits with their defaults. */
export type ParsedThresholds = z.output<typeof thresholdsSchema>;

/** @throws {OptimizerError} `INVALID_OPTIONS`, naming each path that is wrong */
export function parseThresholds(thresholds: unknown): ParsedThresholds {
  return checked(thresholdsSchema, thresholds ?? {}, "The health thresholds are wrong", "thresholds");
}
