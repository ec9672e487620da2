import type { HealthFacts } from "./facts.js";
import { type FigureUnit, measures } from "./figures.js";
import type { HealthFinding } from "./finding.js";
import type { ParsedThresholds } from "./thresholds.js";
import { compareFigures } from "./week-ago.js";

/** What has grown by more than is allowed in a week. Pure. */
export function weekFindings(facts: HealthFacts, { weekGrowth }: ParsedThresholds): HealthFinding[] {
  if (!facts.weekAgo.known) return [];
  const at = facts.weekAgo.value.at.toISOString();
  return compareFigures(facts)
    .filter(({ figure, now, weekAgo }) => now >= measures[figure].least && now > weekAgo * weekGrowth)
    .map((grown) => {
      const { part, severity, ...more } = measures[grown.figure];
      return {
        code: "WEEK_GROWTH",
        part,
        severity,
        message: `More than ${weekGrowth} times as much as at this hour a week ago: ${grown.label}`,
        evidence: `${valueText(grown.now, grown.unit)} now, ${valueText(grown.weekAgo, grown.unit)} at ${at}`,
        ...("command" in more && { command: more.command }),
      };
    });
}

const mebibyte = 1_048_576;

function valueText(value: number, unit: FigureUnit): string {
  switch (unit) {
    case "ms":
      return `${value.toFixed(1)} ms`;
    case "ratio":
      return `${(value * 100).toFixed(0)} %`;
    case "bytes":
      return `${(value / mebibyte).toFixed(1)} MiB`;
    case "perSecond":
      return `${value.toFixed(1)} per second`;
    case "count":
      return String(value);
  }
}
