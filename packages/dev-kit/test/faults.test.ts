import { afterEach, describe, expect, test, vi } from "vitest";
import { faultLoop, faultSample } from "../src/faults.js";

// A sample that met less than all rounds did would pass where they fail; a nightly run that took the sample would find
// nothing that the day had not.

afterEach(() => void vi.unstubAllEnvs());
const inMode = (mode: string, seed?: string) => {
  vi.stubEnv("ORG_DB_TEST_FAULTS", mode);
  vi.stubEnv("TEST_SEED", seed);
};

describe("the rounds of a loop", () => {
  test("are a sample, or all of them", () => {
    inMode("");
    const loop = faultLoop({ seed: 1, all: 50, sample: 8 });
    expect([loop.planned, [...loop.rounds()].length]).toEqual([8, 8]);
    inMode("all");
    const whole = faultLoop({ seed: 1, all: 50, sample: 8 });
    expect([whole.planned, [...whole.rounds()].length]).toEqual([50, 50]);
  });

  test("of a sample go on until they have met what they must, but not for ever", () => {
    inMode("");
    let met = 0;
    for (const _ of faultLoop({ seed: 1, sample: 3 }).rounds(() => met > 11)) met += 1;
    expect(met).toBe(12);
    expect([...faultLoop({ seed: 1, all: 20, sample: 3 }).rounds(() => false)]).toHaveLength(20);
  });

  test.each([1, 2, 3])("of %i kinds take turns, and spread each kind over the whole range", (kinds) => {
    inMode("");
    for (let seed = 0; seed < 200; seed++) {
      const rounds = [...faultLoop({ seed, sample: 5 * kinds, kinds }).rounds()];
      expect(rounds.map(({ kind }) => kind)).toEqual(rounds.map((_, round) => round % kinds));
      for (let kind = 0; kind < kinds; kind++) {
        const places = rounds.filter((round) => round.kind === kind).map(({ at }) => at);
        const sorted = [...places].sort((a, b) => a - b);
        expect(sorted[0]).toBeGreaterThanOrEqual(0);
        expect(sorted.at(-1)).toBeLessThan(1);
        const gaps = sorted.map((at, index) => (sorted[index + 1] ?? (sorted[0] ?? 0) + 1) - at);
        expect(Math.max(...gaps)).toBeLessThan(0.4);
      }
    }
  });

  test("are the same for one seed, and others for another", () => {
    const draw = (seed: number) => [...faultLoop({ seed }).rounds()].map(({ at, random }) => [at, random()]);
    inMode("");
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const two = draw(2);
    inMode("", "2");
    expect(faultLoop({ seed: 1 }).seed).toBe(2);
    expect(draw(1)).toEqual(two);
  });
});

test.each(["night", "-1", "1.5", "1e3"])("TEST_SEED=%s is refused: all would draw the same", (named) => {
  inMode("", named);
  expect(() => faultLoop({ seed: 1 })).toThrow(`TEST_SEED is "${named}", but must be a whole number`);
  inMode("", "");
  expect(faultLoop({ seed: 1 }).seed).toBe(1);
});

describe("a sample of a list", () => {
  const list = Array.from({ length: 24 }, (_, index) => index);

  test("has one of each part, in order, by the seed", () => {
    inMode("");
    const samples = Array.from({ length: 50 }, (_, seed) => faultSample(list, 8, seed));
    for (const sample of samples) expect(sample.map((one) => Math.floor(one / 3))).toEqual(list.slice(0, 8));
    expect(new Set(samples.flat()).size).toBe(24);
    expect(faultSample(list, 8, 3)).toEqual(samples[3]);
  });

  test("is the list when all is asked for, or when it is short", () => {
    inMode("");
    expect(faultSample([1, 2], 8, 1)).toEqual([1, 2]);
    inMode("all");
    expect(faultSample(list, 8, 1)).toEqual(list);
  });
});
