import { RiskError } from "./errors.js";

/** Shares of legitimate sign-ins that may be bothered. */
export interface CalibrationTargets {
  /** Share that may be of medium or high risk, 0 to 1. */
  readonly challengeRate: number;
  /** Share that may be of high risk, at most the other. Default: a tenth of it. */
  readonly highRate?: number;
}

/** Thresholds, and what they would have done. */
export interface Calibration {
  /** For `policy.thresholds`. */
  readonly thresholds: { readonly medium: number; readonly high: number };
  /** Share of the assessments that were of medium or high risk, and of high risk; never above the targets. */
  readonly challengeRate: number;
  readonly highRate: number;
  /** How many assessments had a score. */
  readonly scored: number;
}

const fewest = 100;

/**
 * Finds the thresholds at which a wanted share of legitimate sign-ins is challenged, from how such sign-ins were judged.
 * Where many have the same score, the threshold goes above them: a target is never passed.
 *
 * @param assessments - of sign-ins that turned out to be legitimate; those without a score are left out.
 * @throws {RiskError} `INVALID_TARGETS`; `TOO_FEW_ASSESSMENTS` when fewer than 100 have a score.
 *
 * @example
 * const { thresholds } = calibrate(lastMonth, { challengeRate: 0.05 });
 * const policy = parsePolicy({ thresholds });
 */
export function calibrate(
  assessments: readonly { readonly score: number | null }[],
  { challengeRate, highRate = challengeRate / 10 }: CalibrationTargets,
): Calibration {
  if (!(challengeRate >= 0 && challengeRate <= 1) || !(highRate >= 0 && highRate <= challengeRate)) {
    throw new RiskError("INVALID_TARGETS", "Wanted: 0 <= highRate <= challengeRate <= 1");
  }
  const scores = assessments
    .map(({ score }) => score)
    .filter((score): score is number => typeof score === "number" && score >= 0 && score <= 100)
    .sort((a, b) => b - a);
  if (scores.length < fewest) {
    throw new RiskError(
      "TOO_FEW_ASSESSMENTS",
      `${scores.length} of at least ${fewest} assessments with a score`,
    );
  }
  const medium = thresholdAt(scores, challengeRate);
  const high = thresholdAt(scores, highRate);
  const share = (threshold: number) => scores.filter((score) => score >= threshold).length / scores.length;
  return {
    thresholds: { medium, high },
    challengeRate: share(medium),
    highRate: share(high),
    scored: scores.length,
  };
}

/** The lowest score that at most the wanted share reaches; 100 when even the highest is reached by more. */
function thresholdAt(falling: readonly number[], rate: number): number {
  let allowed = Math.floor(rate * falling.length + 1e-9);
  while (allowed > 0 && falling[allowed] === falling[allowed - 1]) allowed -= 1;
  return falling[allowed - 1] ?? 100;
}
