import { z } from "zod";
import { RiskError } from "../errors.js";
import { type Feature, featuresOf, keysOf, type Level, levels } from "../features.js";
import type { Attempt } from "../signals.js";
import type { Population } from "./population.js";
import { CountMinSketch, sketchRows } from "./sketch.js";

/** How much a {@link MemoryPopulation} may hold. */
export interface MemoryPopulationOptions {
  /** Values of each level that are counted exactly. Default: 2,048. */
  readonly exactValues?: number;
  /** Cells in each of the four rows of the sketch that estimates the rest. Default: 4,096. */
  readonly sketchWidth?: number;
}

/** A count with the most that it may be too high by, in all but two of a hundred cases. Never too low. */
export interface CountEstimate {
  readonly count: number;
  readonly error: number;
}

interface ExactCount {
  /** The sketch's estimate when the value got a count of its own; it is still in the sketch. */
  base: number;
  /** Counted one by one since. */
  own: number;
}

interface LevelCounts {
  readonly exact: Map<string, ExactCount>;
  readonly rest: CountMinSketch;
}

const stateSchema = z.object({
  version: z.literal(1),
  exactValues: z.number().int().min(1),
  sketchWidth: z.number().int().min(1),
  logins: z.number().min(0),
  users: z.number().min(0),
  levels: z.record(
    z.enum(["ip", "prefix", "asn", "country", "userAgent", "browser", "os", "deviceType"]),
    z.object({
      exact: z.array(z.tuple([z.string(), z.number().min(0), z.number().min(0)])),
      cells: z.array(z.number().min(0)),
      total: z.number().min(0),
    }),
  ),
});

/** A {@link MemoryPopulation} as plain JSON. */
export type MemoryPopulationState = z.output<typeof stateSchema>;

/**
 * Population statistics in bounded memory: with the defaults at most 2,048 values and a sketch of 128 KiB for each of
 * the eight levels, about 3 MB, whatever is counted.
 *
 * The values that were there first, or became frequent, are counted one by one; the rest goes into a count-min sketch.
 * A count is never too low. It is exact for a value that was counted one by one from the start, and otherwise too high
 * by at most e / `sketchWidth` of what the sketch has taken up, in all but e^−4 of the cases. When there is no more room,
 * a value whose estimate passes the smallest count takes its place.
 *
 * Processes that count apart are put together by {@link MemoryPopulation.merge}.
 */
export class MemoryPopulation implements Population {
  readonly #exactValues: number;
  readonly #sketchWidth: number;
  readonly #levels: ReadonlyMap<Level, LevelCounts>;
  #logins = 0;
  #users = 0;

  constructor({ exactValues = 2_048, sketchWidth = 4_096 }: MemoryPopulationOptions = {}) {
    this.#exactValues = exactValues;
    this.#sketchWidth = sketchWidth;
    this.#levels = new Map(
      levels.map((level) => [level, { exact: new Map(), rest: new CountMinSketch(sketchWidth) }]),
    );
  }

  /** Counts a legitimate sign-in. `newUser`: the first of its user. */
  record(attempt: Attempt, { newUser }: { readonly newUser: boolean }): void {
    this.#logins += 1;
    if (newUser) this.#users += 1;
    for (const { level, value } of keysOf(featuresOf(attempt, false))) this.#add(level, value);
  }

  count(_feature: Feature, level: Level, value: string): number {
    const counts = this.#countsOf(level);
    const known = counts.exact.get(value);
    return known ? known.base + known.own : counts.rest.estimate(value);
  }

  /** A count with its error. */
  estimate(level: Level, value: string): CountEstimate {
    const { exact, rest } = this.#countsOf(level);
    const { base, own } = exact.get(value) ?? { base: rest.estimate(value), own: 0 };
    const bound = Math.ceil((Math.E / this.#sketchWidth) * rest.total);
    return { count: base + own, error: Math.min(base, bound) };
  }

  totals(): { readonly logins: number; readonly users: number } {
    return { logins: this.#logins, users: this.#users };
  }

  /**
   * Adds what another process has counted. Users whom both have seen count twice.
   *
   * @throws {RiskError} `POPULATIONS_DIFFER` when the two sketches have different widths.
   */
  merge(other: MemoryPopulation): void {
    if (other.#sketchWidth !== this.#sketchWidth) {
      throw new RiskError("POPULATIONS_DIFFER", "Only populations of the same sketch width can be merged");
    }
    this.#logins += other.#logins;
    this.#users += other.#users;
    for (const level of levels) this.#mergeLevel(this.#countsOf(level), other.#countsOf(level));
  }

  #mergeLevel(mine: LevelCounts, theirs: LevelCounts): void {
    for (const [value, known] of mine.exact) {
      if (!theirs.exact.has(value)) known.base += theirs.rest.estimate(value);
    }
    const added = [...theirs.exact].map(([value, { base, own }]) => {
      const mineSoFar = mine.exact.has(value) ? 0 : mine.rest.estimate(value);
      return { value, base: base + mineSoFar, own };
    });
    mine.rest.addAll(theirs.rest);
    for (const { value, base, own } of added) {
      const known = mine.exact.get(value);
      if (known) {
        known.base += base;
        known.own += own;
      } else if (mine.exact.size < this.#exactValues) {
        mine.exact.set(value, { base, own });
      } else {
        mine.rest.add(value, own);
        this.#promote(mine, value);
      }
    }
  }

  /** State for {@link MemoryPopulation.from}. */
  toJSON(): MemoryPopulationState {
    const stored = [...this.#levels].map(([level, { exact, rest }]) => [
      level,
      {
        exact: [...exact].map(([value, { base, own }]) => [value, base, own]),
        cells: rest.cells,
        total: rest.total,
      },
    ]);
    return {
      version: 1,
      exactValues: this.#exactValues,
      sketchWidth: this.#sketchWidth,
      logins: this.#logins,
      users: this.#users,
      levels: Object.fromEntries(stored),
    };
  }

  /** @throws {RiskError} `INVALID_POPULATION` for what is no state of a population. */
  static from(state: unknown): MemoryPopulation {
    const parsed = stateSchema.safeParse(state);
    if (!parsed.success) {
      throw new RiskError("INVALID_POPULATION", "Not a stored population", { cause: parsed.error });
    }
    const { exactValues, sketchWidth, logins, users } = parsed.data;
    const made = new MemoryPopulation({ exactValues, sketchWidth });
    made.#logins = logins;
    made.#users = users;
    for (const [level, { exact, cells, total }] of Object.entries(parsed.data.levels)) {
      if (cells.length !== sketchWidth * sketchRows || exact.length > exactValues) {
        throw new RiskError("INVALID_POPULATION", `The counts of ${level} are of another size than stated`);
      }
      const counts = made.#countsOf(level as Level);
      counts.rest.addAll(new CountMinSketch(sketchWidth, cells, total));
      for (const [value, base, own] of exact) counts.exact.set(value, { base, own });
    }
    return made;
  }

  #add(level: Level, value: string): void {
    const counts = this.#countsOf(level);
    const known = counts.exact.get(value);
    if (known) {
      known.own += 1;
    } else if (counts.exact.size < this.#exactValues && counts.rest.total === 0) {
      counts.exact.set(value, { base: 0, own: 1 });
    } else {
      counts.rest.add(value, 1);
      this.#promote(counts, value);
    }
  }

  // The smallest exact count is looked for only when an estimate is a power of two: a search costs as much as the table
  // is long, and so each value pays for few of them.
  #promote({ exact, rest }: LevelCounts, value: string): void {
    const estimate = rest.estimate(value);
    if (estimate < 2 || !Number.isInteger(Math.log2(estimate))) return;
    let smallest: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [known, { base, own }] of exact) {
      if (base + own < least) [smallest, least] = [known, base + own];
    }
    if (smallest === undefined || least >= estimate) return;
    rest.add(smallest, exact.get(smallest)?.own ?? 0);
    exact.delete(smallest);
    exact.set(value, { base: estimate, own: 0 });
  }

  #countsOf(level: Level): LevelCounts {
    const counts = this.#levels.get(level);
    if (!counts) throw new RiskError("INVALID_POPULATION", `There is no level ${String(level)}`);
    return counts;
  }
}
