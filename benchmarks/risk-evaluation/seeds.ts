/** Worlds that weights and thresholds were fitted on, and worlds that figures are reported of. Never the same. */
export const tuningSeeds = [101, 102] as const;
export const reportingSeeds = [1, 2] as const;
