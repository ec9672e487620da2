import type { Sink } from "../io.js";
import { printable } from "./printable.js";

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
    const fitting = line.slice(0, (this.#sink.columns || 80) - 1);
    this.#sink.write(`\r${fitting.padEnd(this.#shown)}`);
    this.#shown = fitting.length;
  }

  /** Makes room for other output. */
  clear(): void {
    if (this.#sink.isTTY && this.#shown > 0) this.#sink.write(`\r${" ".repeat(this.#shown)}\r`);
    this.#shown = 0;
    this.#last = Number.NEGATIVE_INFINITY;
  }
}
