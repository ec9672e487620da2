// Parses the limits of storage.
import type { z } from "zod";
import { checked } from "../core/checked.js";
import { storageLimitsSchema } from "../core/storage-limits.js";

/** Limits as people write them. */
export type StorageLimits = z.input<typeof storageLimitsSchema>;
/** Limits with their defaults. */
export type ParsedStorageLimits = z.output<typeof storageLimitsSchema>;

/** @throws {OptimizerError} `INVALID_OPTIONS`, naming each path that is wrong */
export function parseStorageLimits(limits: unknown): ParsedStorageLimits {
  return checked(storageLimitsSchema, limits ?? {}, "The storage limits are wrong", "limits");
}
