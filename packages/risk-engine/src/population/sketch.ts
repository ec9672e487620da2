import { hash32 } from "../text.js";

/** Rows of a sketch; the bound fails with a probability of e^-rows, under two in a hundred. */
export const sketchRows = 4;

/**
 * A count-min sketch: estimates that are never too low, and too high by more than e / width of all it has counted in
 * at most one case of e^rows. Two of the same width add up cell by cell.
 *
 * Source: Cormode and Muthukrishnan, "An Improved Data Stream Summary", 2005.
 */
export class CountMinSketch {
  readonly width: number;
  readonly #cells: Float64Array;
  #total = 0;

  constructor(width: number, cells: ArrayLike<number> = new Float64Array(width * sketchRows), total = 0) {
    this.width = width;
    this.#cells = Float64Array.from(cells);
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  get cells(): readonly number[] {
    return Array.from(this.#cells);
  }

  add(value: string, amount: number): void {
    this.#total += amount;
    for (let row = 0; row < sketchRows; row++) {
      const cell = this.#cellOf(value, row);
      this.#cells[cell] = (this.#cells[cell] ?? 0) + amount;
    }
  }

  estimate(value: string): number {
    let least = Number.POSITIVE_INFINITY;
    for (let row = 0; row < sketchRows; row++) {
      least = Math.min(least, this.#cells[this.#cellOf(value, row)] ?? 0);
    }
    return least;
  }

  addAll(other: CountMinSketch): void {
    this.#total += other.#total;
    for (const [index, amount] of other.#cells.entries()) {
      this.#cells[index] = (this.#cells[index] ?? 0) + amount;
    }
  }

  #cellOf(value: string, row: number): number {
    return row * this.width + (hash32(value, Math.imul(row + 1, 0x9e3779b1)) % this.width);
  }
}
