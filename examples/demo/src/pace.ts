/** Batches at a demo's pace: nobody else reads here, and rests for the sake of reads would take minutes. */
export const pace = { maxSlowdown: Number.POSITIVE_INFINITY, maxShare: 0.6 } as const;
