// Validates the options for a job's pace and waits before any command is sent.
import { z } from "zod";
import { checked } from "../../core/checked.js";
import type { PaceLimits } from "./pace.js";
import { loadSignals, type ThrottleLimits } from "./throttle.js";

/** Settings of a job's pace and waits, as they are given. */
export interface Pacing {
  readonly limits?: Partial<PaceLimits> | undefined;
  readonly throttle?: Partial<ThrottleLimits> | undefined;
}

/** A number that may be infinite, which is "no limit". */
const upTo = (least: number, exclusive: boolean) =>
  z.custom<number>(
    (value) => typeof value === "number" && (exclusive ? value > least : value >= least),
    `must be a number ${exclusive ? "above" : "of at least"} ${least}`,
  );

const share = z.number().gt(0).max(1);
const notNegative = z.number().nonnegative();
const whole = z.number().int().min(1);

const pacingSchema = z.object({
  limits: z
    .object({
      maxSlowdown: upTo(1, false),
      maxShare: share,
      maxRate: upTo(0, true),
      maxBatch: upTo(1, false),
    })
    .partial()
    .optional(),
  throttle: z
    .object({
      checkMs: notNegative,
      pauseLagMs: notNegative,
      resumeLagMs: notNegative,
      resumeChecks: whole,
      holdLagMs: notNegative,
      pauseQueue: notNegative,
      minOplogHours: notNegative,
      minDiskFree: z.number().min(0).max(1),
      holdMs: notNegative,
      unwatched: z.array(z.enum(loadSignals)),
    } satisfies Record<keyof ThrottleLimits, z.ZodType>)
    .partial()
    .optional(),
});

/** @throws {OptimizerError} `INVALID_OPTIONS`, naming each setting that is wrong */
export function checkPacing({ limits, throttle }: Pacing): void {
  checked(pacingSchema, { limits, throttle }, "The settings of the pace are wrong", "limits");
}
