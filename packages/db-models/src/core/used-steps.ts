/**
 * The time steps whose codes were accepted, with all that can't be told from them: closed ranges, ascending, as
 * [from, to, from, to, …]. No code of them is accepted again, whatever the clock does meanwhile: what the server's clock
 * closed while it was ahead leaves the present open.
 */
export type UsedSteps = readonly number[];

interface Range {
  readonly from: number;
  readonly to: number;
}

/** More are joined to fewer, which closes what lies between. */
const maxRanges = 8;
/** The highest gaps stay: a clock that was ahead for so many codes closes none of the present. */
const sparedGaps = 3;

export const usedStepsLimit = 2 * maxRanges;

export const isUsedStep = (used: UsedSteps, step: number): boolean =>
  rangesOf(used).some(({ from, to }) => from <= step && step <= to);

/**
 * Closes a step whose code was accepted.
 *
 * @param windowSteps - steps by which an app's clock may differ: those below are closed too, for their codes were to be seen.
 */
export function withUsedStep(used: UsedSteps, step: number, windowSteps: number): UsedSteps {
  const closed = { from: Math.max(0, step - 2 * windowSteps), to: step };
  const ranges = joined([...rangesOf(used), closed].sort((one, other) => one.from - other.from));
  return (ranges.length > maxRanges ? withoutGap(ranges) : ranges).flatMap(({ from, to }) => [from, to]);
}

function rangesOf(used: UsedSteps): Range[] {
  return Array.from({ length: used.length / 2 }, (_, at) => ({
    from: used[2 * at] ?? 0,
    to: used[2 * at + 1] ?? 0,
  }));
}

/** Joins ranges that touch. */
function joined(ranges: readonly Range[]): Range[] {
  const all: Range[] = [];
  for (const range of ranges) {
    const last = all.at(-1);
    if (last && range.from <= last.to + 1)
      all[all.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
    else all.push(range);
  }
  return all;
}

/** Closes the smallest gap, but for the highest ones. */
function withoutGap(ranges: readonly Range[]): Range[] {
  const gaps = ranges.slice(1).map(({ from }, at) => from - (ranges[at]?.to ?? 0));
  const smallest = gaps.indexOf(Math.min(...gaps.slice(0, -sparedGaps)));
  const { from = 0 } = ranges[smallest] ?? {};
  const { to = 0 } = ranges[smallest + 1] ?? {};
  return [...ranges.slice(0, smallest), { from, to }, ...ranges.slice(smallest + 2)];
}
