import { randomOf } from "./children.js";

/** `all`, or anything else for a sample. */
const FAULTS = "ORG_DB_TEST_FAULTS";
/** Whether every round of the loops of faults runs, not a sample of them. */
export const runsAllFaults = () => process.env[FAULTS] === "all";

/** One round of a loop that injects a fault. */
export interface FaultRound {
  /** From 0: which of the kinds of fault, in turn. */
  readonly kind: number;
  /** When the fault comes, from 0 up to 1: over the rounds of one kind evenly spread, however many they are. */
  readonly at: number;
  /** Further numbers for this round, from 0 up to, not including, 1. */
  readonly random: () => number;
}

export interface FaultLoopOptions {
  /** Seed, unless `TEST_SEED` names another; print it in the test's name. */
  readonly seed: number;
  /** Rounds with `ORG_DB_TEST_FAULTS=all`. Default: 50. */
  readonly all?: number;
  /** Rounds otherwise. Default: 4. */
  readonly sample?: number;
  /** Kinds of fault that take turns. Default: 1. */
  readonly kinds?: number;
}

/** The rounds of a loop that injects faults. */
export interface FaultLoop {
  readonly seed: number;
  /** Rounds that run at least: all of them, or the sample. */
  readonly planned: number;
  /**
   * The rounds, one after the other.
   *
   * @param enough whether the rounds so far met all that the test must have met. A sample goes on, up to all rounds,
   *   until they have: so a sample proves what all rounds prove, and its luck decides nothing. Default: always.
   */
  rounds(enough?: () => boolean): Generator<FaultRound>;
}

// Multiples of the golden ratio, modulo 1, are spread evenly at any length.
const goldenRatio = (Math.sqrt(5) - 1) / 2;

/**
 * The rounds of a loop that injects faults at random moments: a sample, or all with `ORG_DB_TEST_FAULTS=all`, which
 * `npm run test:faults` sets.
 *
 * @example
 * const kills = faultLoop({ seed: 20_961_124 });
 * test(`survives ${kills.planned} kills (seed ${kills.seed})`, async () => {
 *   for (const { at } of kills.rounds()) await killAfter(at * 60);
 * });
 */
export function faultLoop({ seed: usual, all = 50, sample = 4, kinds = 1 }: FaultLoopOptions): FaultLoop {
  const seed = seedOf(usual);
  const planned = runsAllFaults() ? all : Math.min(sample, all);
  function* rounds(enough: () => boolean = () => true): Generator<FaultRound> {
    const random = randomOf(seed);
    const starts = Array.from({ length: kinds }, random);
    for (let round = 0; round < planned || (round < all && !enough()); round++) {
      const kind = round % kinds;
      const at = ((starts[kind] ?? 0) + Math.floor(round / kinds) * goldenRatio) % 1;
      yield { kind, at, random };
    }
  }
  return { seed, planned, rounds };
}

/**
 * Of a list of faults a sample in the list's order, one of each of `size` equal parts, chosen by the seed; or the whole
 * list with `ORG_DB_TEST_FAULTS=all`.
 */
export function faultSample<T>(faults: readonly T[], size: number, seed: number): readonly T[] {
  if (runsAllFaults() || size >= faults.length) return faults;
  const random = randomOf(seedOf(seed));
  const bound = (part: number) => Math.floor((part * faults.length) / size);
  const parts = Array.from({ length: size }, (_, part) => faults.slice(bound(part), bound(part + 1)));
  return parts.flatMap((part) => part.slice(Math.floor(random() * part.length)).slice(0, 1));
}

/** The seed that `TEST_SEED` names, or the usual one. */
function seedOf(usual: number): number {
  const named = process.env.TEST_SEED;
  if (!named) return usual;
  if (/^\d{1,15}$/.test(named)) return Number(named);
  throw new Error(`TEST_SEED is ${JSON.stringify(named)}, but must be a whole number`);
}
