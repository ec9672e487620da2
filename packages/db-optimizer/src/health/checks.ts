// Health checks of your own.
import { z } from "zod";
import { checked } from "../core/checked.js";
import { type FindingPart, findingParts, severities } from "../core/finding.js";
import { mapLimited } from "../core/limited.js";
import type { Probed, Within } from "./facts/within.js";

/** Result of a check of your own. */
export const healthCheckResultSchema = z.strictObject({
  ok: z.boolean().describe("Whether all is well"),
  severity: z.enum(severities).default("warning").describe("How bad it is if not"),
  message: z.string().min(1).max(500).describe("What is wrong, or what is right"),
  evidence: z.string().min(1).max(500).describe("What was seen"),
  command: z.string().min(1).max(500).optional().describe("The command that fixes it"),
});

/** A check of your own as `db.config.ts` lists it: whether the audit log is written and unbroken, for one. */
export const healthCheckSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, "must be 1 to 64 letters, digits, _ . : -")
    .describe("Name in reports"),
  part: z.enum(findingParts).default("security").describe("The part of the score that it counts in"),
  run: z
    .custom<() => unknown>((value) => typeof value === "function", "run must be a function")
    .describe("Looks, and answers; it must only read"),
});

/** The answer with its defaults. */
export type HealthCheckResult = z.output<typeof healthCheckResultSchema>;
/** A check of your own. */
export interface HealthCheck extends Omit<z.input<typeof healthCheckSchema>, "run"> {
  readonly run: () =>
    | z.input<typeof healthCheckResultSchema>
    | Promise<z.input<typeof healthCheckResultSchema>>;
}

const atOnce = 4;

/**
 * Runs checks. One that throws or takes too long leaves its question open.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS` for a list or an answer of the wrong shape
 */
export async function runChecks(checks: readonly HealthCheck[], within: Within): Promise<CheckFacts[]> {
  const valid = checked(z.array(healthCheckSchema), checks, "The health checks are wrong", "(all)");
  return mapLimited(valid, atOnce, async ({ name, part, run }) => {
    const answer = await within(`check ${name}`, async () => run());
    if (!answer.known) return { name, part, result: answer };
    const wrong = `The health check ${name} answered wrongly`;
    const value = checked(healthCheckResultSchema, answer.value, wrong, "(all)");
    return { name, part, result: { known: true as const, value } };
  });
}

/** Result of a check from the configuration. */
export interface CheckFacts {
  readonly name: string;
  readonly part: FindingPart;
  readonly result: Probed<HealthCheckResult>;
}
