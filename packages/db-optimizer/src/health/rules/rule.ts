// Types and helpers for the tables of health rules.
import type { Rule } from "../../core/finding.js";
import type { ParsedThresholds } from "../../core/thresholds.js";
import type { HealthFacts } from "../facts/facts.js";
import type { FigureComparison } from "../facts/week-ago.js";
import type { Probed } from "../facts/within.js";

/** Input of rules: the facts, and the comparison of figures with this hour a week ago. */
interface JudgedFacts extends HealthFacts {
  readonly comparisons: readonly FigureComparison[];
}

/** A rule of health. */
export type HealthRule = Rule<JudgedFacts, ParsedThresholds>;

/** The value of a probe; `undefined` if unknown, which is a finding of its own. */
export function known<T>(probe: Probed<T>): T | undefined {
  return probe.known ? probe.value : undefined;
}

/** The same of a list. */
export function listOf<T>(probe: Probed<readonly T[]>): readonly T[] {
  return probe.known ? probe.value : [];
}

/** A share as people read it. */
export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0)} %`;
}
