import type { HealthFacts } from "./facts.js";
import { type FigureName, type FigureUnit, figuresOf, measures } from "./figures.js";
import type { HealthFinding } from "./finding.js";
import type { ParsedThresholds } from "./thresholds.js";

/** A figure of this check, and the same one of the same hour a week ago. */
export interface FigureComparison {
  readonly figure: FigureName;
  /** The collection that it is of; absent for the whole server. */
  readonly collection?: string;
  /** What it is, for people. */
  readonly label: string;
  readonly unit: FigureUnit;
  readonly now: number;
  readonly weekAgo: number;
}

/** The figures that this check and that of a week ago both have; none where that one is not known. Pure. */
export function compareFigures(facts: HealthFacts): FigureComparison[] {
  if (!facts.weekAgo.known) return [];
  const { figures: before } = facts.weekAgo.value;
  return figuresOf(facts).flatMap(({ name, collection, value: now }) => {
    const weekAgo = before.find((one) => one.name === name && one.collection === collection)?.value;
    if (weekAgo === undefined) return [];
    const { label, unit } = measures[name];
    const named = collection === undefined ? { label } : { collection, label: `${label} of ${collection}` };
    return [{ figure: name, ...named, unit, now, weekAgo }];
  });
}

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
