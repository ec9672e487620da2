import { progressOf, progressText } from "@org/db-optimizer/jobs";
import type { Sink } from "../io.js";
import { printable } from "./printable.js";
import { fitting, widthOf } from "./width.js";

const lineEveryMs = 3_000;
const rewriteEveryMs = 100;

/** One line that tells how far something is: rewritten on a terminal, elsewhere repeated every few seconds. */
export class ProgressLine {
  readonly #sink: Sink;
  readonly #now: () => number;
  #last = Number.NEGATIVE_INFINITY;
  #shown = 0;

  constructor(sink: Sink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
  }

  /** Shows the text, unless another was shown a moment ago. */
  update(text: string): void {
    const now = this.#now();
    if (now - this.#last < (this.#sink.isTTY ? rewriteEveryMs : lineEveryMs)) return;
    this.#last = now;
    const line = printable(text);
    if (!this.#sink.isTTY) {
      this.#sink.write(`${line}\n`);
      return;
    }
    // A terminal that nobody has told its size has 0 columns.
    const shown = fitting(line, (this.#sink.columns || 80) - 1);
    const width = widthOf(shown);
    this.#sink.write(`\r${shown}${" ".repeat(Math.max(0, this.#shown - width))}`);
    this.#shown = width;
  }

  /** Makes room for other output. */
  clear(): void {
    if (this.#sink.isTTY && this.#shown > 0) this.#sink.write(`\r${" ".repeat(this.#shown)}\r`);
    this.#shown = 0;
    this.#last = Number.NEGATIVE_INFINITY;
  }
}

/**
 * Shows a count in the one form of progress: "timing orders.byUser: 3 of 12 (25 %), 2 per second, 4.5 s left".
 *
 * @returns to be told of each; the rate is that since the count began
 */
export function counting(
  line: ProgressLine,
  now: () => Date,
): (what: string, done: number, total: number) => void {
  const began = now().getTime();
  return (what, done, total) => {
    const step = { step: what, collection: "", hash: "", batches: 0, cursor: null, pace: null };
    line.update(progressText(progressOf({ ...step, done, total, activeMs: now().getTime() - began })));
  };
}
