import type { Sink } from "../io.js";
import { toTerminal } from "./printable.js";

const sequence = `${String.fromCharCode(27)}[`;

/** A terminal view that redraws in place and restores the terminal when it closes. */
export class Screen {
  readonly #sink: Sink;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Switches to the alternate screen; hides the cursor, and cuts long lines off. */
  open(): void {
    this.#sink.write(`${sequence}?1049h${sequence}?25l${sequence}?7l`);
  }

  /** Draws over what stands there, so that nothing flickers; what does not fit is left out, and said so. */
  draw(text: string): void {
    const rows = (this.#sink.rows ?? 24) - 1;
    const lines = toTerminal(text).trimEnd().split("\n");
    const shown =
      lines.length > rows
        ? [...lines.slice(0, rows - 1), `... ${lines.length - rows + 1} more lines`]
        : lines;
    this.#sink.write(`${sequence}H${shown.map((line) => `${line}${sequence}K\r\n`).join("")}${sequence}J`);
  }

  /** Gives the terminal back. */
  close(): void {
    this.#sink.write(`${sequence}?7h${sequence}?25h${sequence}?1049l`);
  }
}
