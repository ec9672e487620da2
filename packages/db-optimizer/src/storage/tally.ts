// Counts of whole numbers, for their median, in bounded memory.

/** Values with how often each was added. */
export type TallyState = readonly (readonly [value: number, times: number])[];

/** Different values that are kept apart exactly. */
const exactValues = 256;

/**
 * A tally of whole numbers from 0 up. Up to 256 different ones are exact; with more, all are kept to two digits, some ninety for
 * each power of ten.
 */
export class Tally {
  #counts: Map<number, number>;
  #isExact: boolean;

  constructor(state: TallyState = []) {
    this.#counts = new Map(state);
    this.#isExact = state.length <= exactValues;
  }

  get count(): number {
    let sum = 0;
    for (const times of this.#counts.values()) sum += times;
    return sum;
  }

  add(value: number, times = 1): void {
    const kept = this.#isExact ? value : toTwoDigits(value);
    this.#counts.set(kept, (this.#counts.get(kept) ?? 0) + times);
    if (this.#isExact && this.#counts.size > exactValues) this.#coarsen();
  }

  /** The lower one where there are two; 0 of nothing. */
  median(): number {
    const sorted = [...this.#counts].sort(([one], [other]) => one - other);
    let left = Math.floor((this.count - 1) / 2);
    for (const [value, times] of sorted) {
      if (left < times) return value;
      left -= times;
    }
    return 0;
  }

  /** What the constructor takes to go on from here. */
  state(): TallyState {
    return [...this.#counts];
  }

  #coarsen(): void {
    const counts = [...this.#counts];
    this.#counts = new Map();
    this.#isExact = false;
    for (const [value, times] of counts) this.add(value, times);
  }
}

function toTwoDigits(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(value, 1))) - 1);
  return Math.floor(value / unit) * unit;
}
