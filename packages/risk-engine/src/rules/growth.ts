/** Points for an amount over a limit: a fixed part, plus a part for each doubling, up to a maximum. */
export function growth(amount: number, limit: number, perDoubling: number, most: number): number {
  return amount > limit ? Math.min(most, perDoubling * (1 + Math.log2(amount / limit))) : 0;
}
