/** Batches at a demo's pace: nobody else reads here, and rests for the sake of reads would take minutes. */
export const pace = { niceRatio: 0.5, maxSlowdown: Number.POSITIVE_INFINITY } as const;
