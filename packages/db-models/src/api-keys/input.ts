import { z } from "zod";
import { printable, rangeSchema } from "../core/input.js";
import { duration, limits } from "../core/limits.js";
import { scopesSchema } from "../core/scopes.js";

const lifetime = z
  .int()
  .min(duration.minute)
  .max(3_650 * duration.day)
  .describe("Time until the key expires, in milliseconds");

const amount = z.int().min(1).max(1_000_000_000_000);

const refillSchema = z
  .strictObject({
    amount: amount.describe("What remains at the begin of each interval; nothing is carried over"),
    intervalMs: z
      .int()
      .min(duration.second)
      .max(366 * duration.day)
      .describe("Length of an interval, counted from the key's creation"),
  })
  .describe("Default: the quota is never filled up again");

/** An API key as its owner asks for it. */
export const apiKeyInputSchema = z.strictObject({
  name: printable(limits.name).describe("For people to tell keys apart"),
  scopes: scopesSchema.describe("What the key may be used for; without any it only says whose it is"),
  lifetimeMs: lifetime
    .optional()
    .describe("Time until the key expires, in milliseconds. Default: it doesn't"),
  ipAllowlist: z
    .array(rangeSchema)
    .max(limits.allowlist)
    .default([])
    .describe("Addresses and CIDR ranges that the key may be used from. Default: any"),
  rateLimit: z
    .strictObject({
      limit: z.int().min(1).max(1_000_000_000),
      windowMs: z
        .int()
        .min(duration.second)
        .max(31 * duration.day),
    })
    .optional()
    .describe("Verifications per window; windows are aligned to the epoch. Default: unlimited"),
  quota: z
    .strictObject({
      remaining: z
        .int()
        .min(0)
        .max(amount.maxValue ?? 0),
      refill: refillSchema.optional(),
    })
    .optional()
    .describe("Verifications in all, or until the next refill. Default: unlimited"),
});

export type ApiKeyInput = z.input<typeof apiKeyInputSchema>;

/** How a key is rotated. */
export const apiKeyRotationSchema = z.strictObject({
  overlapMs: z
    .int()
    .min(0)
    .max(7 * duration.day)
    .default(duration.day)
    .describe("Time for which the key before stays good, in milliseconds; 0 ends it at once"),
  lifetimeMs: lifetime
    .optional()
    .describe("Time until the new key expires. Default: when the key before would have"),
});

export type ApiKeyRotationInput = z.input<typeof apiKeyRotationSchema>;
