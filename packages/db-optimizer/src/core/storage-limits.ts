// Limits of storage, with their defaults.
import { z } from "zod";
import { sampleSchema } from "./sampling.js";

const positive = z.number().positive();

/** From what on storage is worth a finding. */
export const storageLimitsSchema = z.strictObject({
  sample: sampleSchema,
  reusableRatio: positive.max(1).default(0.3).describe("Share of a file that is free inside"),
  reusableBytes: positive.default(100 * 1_048_576).describe("Free bytes inside a file, besides the share"),
  documentBytes: positive
    .default(1_048_576)
    .describe("Bytes of a single document; MongoDB's limit is 16 MiB"),
  medianBytes: positive
    .default(16_384)
    .describe("Bytes of the median document: what every read brings along"),
  arrayLength: positive.default(500).describe("Elements of an array that looks as if nothing bounded it"),
  arrayGrowth: positive.default(5).describe("By how much the longest such array exceeds the median one"),
  indexes: positive.default(20).describe("Indexes of a collection, each of which costs every write"),
  collections: positive.default(1_000).describe("Collections of the database"),
});
