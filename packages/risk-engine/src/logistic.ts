/** 100 / (1 + e^-logOdds): the score that log-odds stand for, 0 to 100. */
export function scoreOfLogOdds(logOdds: number): number {
  return 100 / (1 + Math.exp(-logOdds));
}

/** The value, or the nearest bound. */
export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
