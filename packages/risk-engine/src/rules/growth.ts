/** What an amount adds that passes a limit: so much for passing it, so much more for each doubling, and no more. */
export function growth(amount: number, limit: number, perDoubling: number, most: number): number {
  return amount > limit ? Math.min(most, perDoubling * (1 + Math.log2(amount / limit))) : 0;
}
