// Derives findings from the facts of a health check, rule by rule.
import { applyRules, type Finding } from "../../core/finding.js";
import type { ParsedThresholds } from "../../core/thresholds.js";
import type { HealthFacts } from "../facts/facts.js";
import type { FigureComparison } from "../facts/week-ago.js";
import { dataRules } from "./data-rules.js";
import { indexRules } from "./index-rules.js";
import type { HealthRule } from "./rule.js";
import { securityFindings } from "./security-rules.js";
import { serverRules } from "./server-rules.js";
import { topologyRules } from "./topology-rules.js";
import { unknownsOf } from "./unknowns.js";

const unknownRule: HealthRule = {
  code: "UNKNOWN",
  part: "connection",
  severity: "info",
  find: (facts) =>
    unknownsOf(facts).map(({ part, what, reason }) => ({
      part,
      subject: what,
      message: `Part of ${part} could not be checked: ${what}`,
      evidence: reason,
    })),
};

/**
 * Findings from the facts. Pure.
 *
 * @param comparisons with the same hour a week ago
 */
export function findingsOf(
  facts: HealthFacts,
  thresholds: ParsedThresholds,
  comparisons: readonly FigureComparison[],
): Finding[] {
  const judged = { ...facts, comparisons };
  return [
    ...applyRules([unknownRule, ...topologyRules], judged, thresholds),
    ...securityFindings(facts.security, facts.database),
    ...applyRules([...indexRules, ...serverRules, ...dataRules], judged, thresholds),
  ];
}
