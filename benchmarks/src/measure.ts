/** One operation of a contender; `index` counts up from 0. */
export type Contender = (index: number) => Promise<unknown>;

const budgetMs = 120_000;
const fewestCalls = 3;

export interface Comparison {
  /** Milliseconds per call: the median and the 99th percentile of each. */
  subject: { p50: number; p99: number };
  baseline: { p50: number; p99: number };
  /** Subject over baseline: the median of the ratios of the rounds, and the lowest and highest. */
  ratio: Range;
}

/**
 * Measures two contenders side by side: in rounds, in each of which both run the same number of calls in turn, so
 * that a machine that slows down slows both. The order changes from round to round. Slow contenders are called less
 * often, so that a comparison takes a few minutes at most.
 */
export async function compare(
  subject: Contender,
  baseline: Contender,
  {
    rounds = 15,
    calls: most = 100,
    prepare,
  }: {
    rounds?: number;
    calls?: number;
    /** What the subject needs before a call, which is not timed. */
    prepare?: (index: number) => Promise<void>;
  } = {},
): Promise<Comparison> {
  await prepare?.(0);
  const pairMs = (await timeOf(subject, 0)) + (await timeOf(baseline, 0));
  const calls = Math.max(fewestCalls, Math.min(most, Math.floor(budgetMs / (rounds + 1) / pairMs)));
  const times = { subject: [] as number[], baseline: [] as number[] };
  const ratios: number[] = [];
  let index = 1;
  // The first round warms both up and is not counted.
  for (let round = -1; round < rounds; round++) {
    const measured = { subject: [] as number[], baseline: [] as number[] };
    for (let call = 0; call < calls; call++, index++) {
      await prepare?.(index);
      const turns =
        (call + round) % 2 === 0 ? (["subject", "baseline"] as const) : (["baseline", "subject"] as const);
      for (const turn of turns) {
        measured[turn].push(await timeOf(turn === "subject" ? subject : baseline, index));
      }
    }
    if (round < 0) continue;
    times.subject.push(...measured.subject);
    times.baseline.push(...measured.baseline);
    ratios.push(quantile(measured.subject, 0.5) / quantile(measured.baseline, 0.5));
  }
  return {
    subject: { p50: quantile(times.subject, 0.5), p99: quantile(times.subject, 0.99) },
    baseline: { p50: quantile(times.baseline, 0.5), p99: quantile(times.baseline, 0.99) },
    ratio: rangeOf(ratios),
  };
}

async function timeOf(contender: Contender, index: number): Promise<number> {
  const started = performance.now();
  await contender(index);
  return performance.now() - started;
}

/** Results of the rounds of a comparison. */
export interface Range {
  median: number;
  low: number;
  high: number;
}

export function rangeOf(values: readonly number[]): Range {
  return { median: quantile(values, 0.5), low: Math.min(...values), high: Math.max(...values) };
}

/** A range for people. */
export function rangeText({ median, low, high }: Range): string {
  return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

export function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * fraction), sorted.length - 1)] ?? Number.NaN;
}

/** Commands that one call of a contender sends to the server; the client must monitor commands. */
export async function commandsPerCall(
  client: {
    on(event: "commandStarted", note: (started: { commandName: string }) => void): unknown;
    off(event: "commandStarted", note: (started: { commandName: string }) => void): unknown;
  },
  contender: Contender,
  calls: number,
): Promise<Record<string, number>> {
  const sent: Record<string, number> = {};
  const note = ({ commandName }: { commandName: string }) => {
    sent[commandName] = (sent[commandName] ?? 0) + 1;
  };
  client.on("commandStarted", note);
  for (let call = 0; call < calls; call++) await contender(call);
  client.off("commandStarted", note);
  return Object.fromEntries(Object.entries(sent).map(([name, count]) => [name, count / calls]));
}

/** A comparison as a line says it: the ratio, its range, and both medians. */
export function beside({ subject, baseline, ratio }: Comparison, what: string): string {
  const range = `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`;
  const medians = `p50 ${subject.p50.toFixed(2)} ms against ${baseline.p50.toFixed(2)} ms`;
  return `${ratio.median.toFixed(2)} times ${what} (${range}); ${medians}`;
}

export function perCall(commands: Record<string, number>): string {
  return Object.entries(commands)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}
