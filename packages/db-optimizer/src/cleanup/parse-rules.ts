// Checks cleanup rules, each and all of them together.
import { z } from "zod";
import { checked } from "../core/checked.js";
import { OptimizerError } from "../core/errors.js";
import { ruleProblems } from "./rule-problems.js";
import { cleanupRuleSchema, type ParsedCleanupRule } from "./rules.js";
/**
 * Checks rules.
 *
 * @throws {OptimizerError} `INVALID_RULE`, naming each path that is wrong, or rules that cannot stand together
 */
export function parseRules(rules: unknown): ParsedCleanupRule[] {
  const wrong = "The cleanup rules are wrong";
  const parsed = checked(z.array(cleanupRuleSchema), rules, wrong, "rules", "INVALID_RULE");
  const problems = ruleProblems(parsed);
  if (problems.length > 0) throw new OptimizerError("INVALID_RULE", problems.join("; "));
  return parsed;
}
