import { z } from "zod";
import { OptimizerError } from "../errors.js";
import type { Document } from "../model.js";

/** What may be removed, as data. */
export const cleanupRuleSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, "must be 1 to 64 letters, digits, _ . : -")
    .describe("Name in plans, reports and logs"),
  collection: z.string().min(1).max(255).describe("Collection to remove from"),
  field: z.string().min(1).max(255).describe("Date field that decides; it must lead an index"),
  retentionSeconds: z
    .number()
    .int()
    .min(0)
    .max(100 * 366 * 86_400)
    .describe("A document may go once its field is this many seconds in the past"),
  where: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("Further condition; only documents that match it are removed"),
  action: z.literal("delete").default("delete").describe("What happens to the documents"),
});

/** A rule as people write it. */
export type CleanupRule = z.input<typeof cleanupRuleSchema>;
/** A rule with its defaults. */
export type ParsedCleanupRule = z.output<typeof cleanupRuleSchema>;

/**
 * Checks rules.
 *
 * @throws {OptimizerError} `INVALID_RULE`, naming each path that is wrong, or two rules of one name
 */
export function parseRules(rules: unknown): ParsedCleanupRule[] {
  const parsed = z.array(cleanupRuleSchema).safeParse(rules);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "rules"}: ${message}`);
    throw new OptimizerError("INVALID_RULE", `The cleanup rules are wrong: ${issues.join("; ")}`);
  }
  const names = parsed.data.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new OptimizerError("INVALID_RULE", `Two cleanup rules are named "${twice}"`);
  return parsed.data;
}

/** What a rule removes at a moment; dates only, so that a missing or misspelt date never makes a document old. */
export function ruleFilter(rule: ParsedCleanupRule, now: Date): Document {
  const cutoff = new Date(now.getTime() - rule.retentionSeconds * 1_000);
  const old = { [rule.field]: { $lt: cutoff, $type: "date" } };
  return rule.where ? { ...old, $and: [rule.where] } : old;
}
