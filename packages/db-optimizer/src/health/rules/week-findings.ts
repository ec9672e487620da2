import type { ParsedThresholds } from "../../core/thresholds.js";
import { figureText, measures } from "../facts/measures.js";
import type { FigureComparison } from "../facts/week-ago.js";
import type { HealthFinding } from "./finding.js";

/**
 * What has grown by more than is allowed in a week. Pure.
 *
 * @param at when the check was that is compared with
 */
export function weekFindings(
  comparisons: readonly FigureComparison[],
  at: Date,
  { weekGrowth }: ParsedThresholds,
): HealthFinding[] {
  return comparisons
    .filter(({ figure, now, weekAgo }) => now >= measures[figure].least && now > weekAgo * weekGrowth)
    .map((grown) => {
      const { part, severity, ...more } = measures[grown.figure];
      return {
        code: "WEEK_GROWTH",
        part,
        severity,
        message: `More than ${weekGrowth} times as much as at this hour a week ago: ${grown.label}`,
        evidence: `${figureText(grown.now, grown.unit)} now, ${figureText(grown.weekAgo, grown.unit)} at ${at.toISOString()}`,
        ...("command" in more && { command: more.command }),
      };
    });
}
