/** A step of long work, shown while it runs. */
export interface Step {
  progress(done: number, total: number, unit: string): void;
  done(summary: string): void;
}

/** Shows progress: on a terminal one line that is rewritten, elsewhere a line every few seconds. */
export class Screen {
  readonly #stream: NodeJS.WriteStream;
  readonly #clock: () => number;

  constructor(stream: NodeJS.WriteStream, clock: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#clock = clock;
  }

  line(text = ""): void {
    this.#stream.write(`${text}\n`);
  }

  step(title: string): Step {
    const started = this.#clock();
    let shown = started;
    // Each kind of document has a pace of its own: its rate counts from the last word of the kind before.
    let [kind, kindBegan, heard] = ["", started, started];
    const interactive = this.#stream.isTTY === true;
    if (!interactive) this.line(`${title} …`);
    return {
      progress: (done, total, unit) => {
        const now = this.#clock();
        if (unit !== kind) [kind, kindBegan] = [unit, heard];
        heard = now;
        if (now - shown < (interactive ? 100 : 5_000)) return;
        shown = now;
        const text = `${title}: ${describeProgress(done, total, unit, now - kindBegan)}`;
        if (interactive) this.#stream.write(`\r\x1b[2K${text.slice(0, this.#stream.columns - 1)}`);
        else this.line(`  ${text}`);
      },
      done: (summary) => {
        const seconds = ((this.#clock() - started) / 1_000).toFixed(1);
        if (interactive) this.#stream.write("\r\x1b[2K");
        this.line(`${interactive ? `✓ ${title}` : "  done"}: ${summary} (${seconds} s)`);
      },
    };
  }
}

/** Share, rate and time left. */
export function describeProgress(done: number, total: number, unit: string, elapsedMs: number): string {
  const share = total > 0 ? Math.min(done / total, 1) : 1;
  const rate = done / Math.max(elapsedMs / 1_000, 0.001);
  const left = rate > 0 ? Math.ceil((total - done) / rate) : 0;
  return `${Math.floor(share * 100)} %, ${Math.round(done)} ${unit}, ${describeRate(rate)}, ${left} s left`;
}

// Without an index a query may take minutes: "0/s" would say nothing.
const describeRate = (rate: number) =>
  rate >= 1 || rate === 0 ? `${Math.round(rate)}/s` : `${Math.round(rate * 60)}/min`;
