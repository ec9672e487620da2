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

interface LevelCounts {
  /** Value, count, and the part of the count that was once an estimate. */
  readonly exact: Map<string, { count: number; error: number }>;
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
 * a value whose estimate passes the smallest exact count takes its place.
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
    for (const { level, value } of keysOf(featuresOf(attempt, false))) this.#add(level, value, 1, 0);
  }

  count(_feature: Feature, level: Level, value: string): number {
    const counts = this.#countsOf(level);
    return counts.exact.get(value)?.count ?? counts.rest.estimate(value);
  }

  /** A count with its error. */
  estimate(level: Level, value: string): CountEstimate {
    const { exact, rest } = this.#countsOf(level);
    const known = exact.get(value);
    if (known) return { ...known };
    const count = rest.estimate(value);
    return { count, error: Math.min(count, this.#errorOf(rest)) };
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
    for (const level of levels) {
      const { exact, rest } = other.#countsOf(level);
      this.#countsOf(level).rest.addAll(rest);
      for (const [value, { count, error }] of exact) this.#add(level, value, count, error);
    }
  }

  /** What {@link MemoryPopulation.from} reads. */
  toJSON(): MemoryPopulationState {
    const stored = [...this.#levels].map(([level, { exact, rest }]) => [
      level,
      {
        exact: [...exact].map(([value, { count, error }]) => [value, count, error]),
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
      for (const [value, count, error] of exact) counts.exact.set(value, { count, error });
    }
    return made;
  }

  #add(level: Level, value: string, amount: number, error: number): void {
    const { exact, rest } = this.#countsOf(level);
    const known = exact.get(value);
    if (known) {
      known.count += amount;
      known.error += error;
    } else if (exact.size < this.#exactValues && rest.total === 0) {
      exact.set(value, { count: amount, error });
    } else {
      rest.add(value, amount);
      this.#promote(level, value);
    }
  }

  // The smallest exact count is looked for only when an estimate has doubled: a search costs as much as the table is
  // long, and a value that is asked for often pays for it a few times in its life.
  #promote(level: Level, value: string): void {
    const { exact, rest } = this.#countsOf(level);
    const count = rest.estimate(value);
    if (count < 2 || !Number.isInteger(Math.log2(count))) return;
    let smallest: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [known, entry] of exact) {
      if (entry.count < least) [smallest, least] = [known, entry.count];
    }
    if (smallest === undefined || least >= count) return;
    exact.delete(smallest);
    rest.add(smallest, least);
    exact.set(value, { count, error: Math.min(count, this.#errorOf(rest)) });
  }

  #errorOf(rest: CountMinSketch): number {
    return Math.ceil((Math.E / this.#sketchWidth) * rest.total);
  }

  #countsOf(level: Level): LevelCounts {
    const counts = this.#levels.get(level);
    if (!counts) throw new RiskError("INVALID_POPULATION", `There is no level ${String(level)}`);
    return counts;
  }
}
