// Adds findings up to a score.
import type { Finding, FindingPart, Severity } from "../../core/finding.js";

/** How much each part counts; the weights add up to 100. */
export const partWeights: Readonly<Record<FindingPart, number>> = {
  connection: 5,
  topology: 10,
  security: 15,
  indexes: 30,
  queries: 10,
  operations: 10,
  schema: 10,
  storage: 10,
};

/** Points that a finding subtracts from the 100 of its part. */
export const severityCosts: Readonly<Record<Severity, number>> = { info: 2, warning: 20, critical: 50 };

/** Factor that the worst finding applies to the whole score. */
const severityFactors: Readonly<Record<Severity, number>> = { info: 1, warning: 0.85, critical: 0.6 };

/** One part of the score. */
export interface ScorePart {
  readonly part: FindingPart;
  readonly weight: number;
  /** 0 to 100; `null` where nothing was looked at. */
  readonly points: number | null;
  /** `unknown`: it could not be checked. `empty`: there was nothing to look at, as without named queries. */
  readonly state: "judged" | "unknown" | "empty";
  readonly findings: number;
}

/** The score with all that it is made of. */
export interface HealthScore {
  /** 0 to 100: the weighted mean of the parts that could be looked at, times 0.85 with a warning and 0.6 with a critical finding. */
  readonly score: number;
  readonly parts: readonly ScorePart[];
}

/**
 * Adds findings up to a score. Pure. Information costs little and at most 20 points of a part however often it comes;
 * a part that was not looked at counts neither for nor against.
 *
 * @param unknown parts of which nothing could be looked at
 * @param empty parts in which there was nothing to look at
 */
export function scoreHealth(
  findings: readonly Finding[],
  unknown: ReadonlySet<FindingPart> = new Set(),
  empty: ReadonlySet<FindingPart> = new Set(),
): HealthScore {
  const parts = Object.entries(partWeights).map(([name, weight]) => {
    const part = name as FindingPart;
    const own = findings.filter((finding) => finding.part === part);
    const state = unknown.has(part) ? "unknown" : empty.has(part) ? "empty" : "judged";
    const points = state === "judged" ? pointsOf(own) : null;
    return { part, weight, points, state, findings: own.length } as const;
  });
  const known = parts.filter(({ points }) => points !== null);
  const weight = known.reduce((sum, part) => sum + part.weight, 0);
  const total = known.reduce((sum, part) => sum + part.weight * (part.points ?? 0), 0);
  return { score: weight === 0 ? 0 : Math.round((total / weight) * factorOf(findings)), parts };
}

// A part weighs little, and what is wrong in it may be all that matters: nobody reads 97 as an open door.
function factorOf(findings: readonly Finding[]): number {
  const severities = new Set(
    findings.filter(({ code }) => code !== "UNKNOWN").map(({ severity }) => severity),
  );
  if (severities.has("critical")) return severityFactors.critical;
  return severities.has("warning") ? severityFactors.warning : severityFactors.info;
}

function pointsOf(findings: readonly Finding[]): number {
  const cost = (severity: Severity) =>
    findings.filter((finding) => finding.severity === severity && finding.code !== "UNKNOWN").length *
    severityCosts[severity];
  return Math.max(0, 100 - Math.min(cost("info"), 20) - cost("warning") - cost("critical"));
}
