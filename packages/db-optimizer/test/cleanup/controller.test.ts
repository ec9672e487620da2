import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  afterBatch,
  afterThrottle,
  afterTimeout,
  type ControllerState,
  defaultLimits,
  isExhausted,
  limitsOf,
  startController,
} from "../../src/jobs/controller.js";

describe("the batch controller", () => {
  it("follows the published rate filter", () => {
    // pt-online-schema-change: 1000 rows in 1 s, 500 in 0.5 s, 500 in 0.1 s, for batches of half a second.
    const first = afterBatch(
      startController(defaultLimits),
      { documents: 1_000, elapsedMs: 1_000, tooMuch: false },
      defaultLimits,
    );
    expect(first).toMatchObject({ state: { batchSize: 500 }, pauseMs: 30_000 });
    const second = afterBatch(first.state, { documents: 500, elapsedMs: 500, tooMuch: false }, defaultLimits);
    expect(second.state).toEqual({
      batchSize: 500,
      weightedDocuments: 1_250,
      weightedSeconds: 1.25,
      failures: 0,
      patience: 0,
    });
    const third = afterBatch(second.state, { documents: 500, elapsedMs: 100, tooMuch: false }, defaultLimits);
    // The rate alone would say 692; growth is capped at a fifth.
    expect(third.state).toEqual({
      batchSize: 600,
      weightedDocuments: 1_437.5,
      weightedSeconds: 1.0375,
      failures: 0,
      patience: 0,
    });
  });

  it.each([
    [undefined, defaultLimits],
    [{}, defaultLimits],
    [{ niceRatio: 0 }, { ...defaultLimits, niceRatio: 0 }],
    [{ maxBatch: 20 }, { ...defaultLimits, minBatch: 20, maxBatch: 20 }],
    [{ maxBatch: 200 }, { ...defaultLimits, maxBatch: 200 }],
    [
      { minBatch: 1, maxBatch: 20 },
      { ...defaultLimits, minBatch: 1, maxBatch: 20 },
    ],
  ])("of %o makes limits whose least is no more than the most", (given, limits) => {
    expect(limitsOf(given)).toEqual(limits);
  });

  it.each([
    ["grows by a fifth at most", 1_000, { documents: 1_000, elapsedMs: 1, tooMuch: false }, 1_200],
    ["never passes the largest batch", 10_000, { documents: 10_000, elapsedMs: 1, tooMuch: false }, 10_000],
    ["never falls below the least", 100, { documents: 100, elapsedMs: 60_000, tooMuch: false }, 100],
    [
      "takes a batch without time for a millisecond",
      1_000,
      { documents: 10, elapsedMs: 0, tooMuch: false },
      1_200,
    ],
  ])("%s", (_name, batchSize, batch, next) => {
    const state = { batchSize, weightedDocuments: 0, weightedSeconds: 0, failures: 0, patience: 0 };
    expect(afterBatch(state, batch, defaultLimits).state.batchSize).toBe(next);
  });

  it("halves after a timeout, down to the least twice, and from the third on down to one document", () => {
    const sizes: number[] = [];
    let state: ControllerState = { ...startController(defaultLimits), batchSize: 150 };
    for (; !isExhausted(state); state = afterTimeout(state, defaultLimits)) sizes.push(state.batchSize);
    expect(sizes).toEqual([150, 100, 100, 50, 25, 12, 6, 3, 1]);
  });

  it("after a split climbs back step by step, and to its rate in the end", () => {
    let state: ControllerState = { ...startController(defaultLimits), batchSize: 1, failures: 7 };
    const sizes: number[] = [];
    for (let batch = 0; batch < 40; batch++) {
      state = afterBatch(
        state,
        { documents: state.batchSize, elapsedMs: state.batchSize, tooMuch: false },
        defaultLimits,
      ).state;
      sizes.push(state.batchSize);
    }
    expect(sizes.slice(0, 8)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(sizes.at(-1)).toBeGreaterThan(490);
    expect(state.failures).toBe(0);
  });

  it("halves after a pause for the server's sake, down to the least", () => {
    const state = startController(defaultLimits);
    expect(afterThrottle(state, defaultLimits).batchSize).toBe(500);
    expect(afterThrottle({ ...state, batchSize: 150 }, defaultLimits).batchSize).toBe(100);
    expect(afterThrottle({ ...state, batchSize: 12 }, defaultLimits).batchSize).toBe(12);
  });

  it("halves when it was too much for reads, down to the least, and then takes a step up in 32 batches", () => {
    let state: ControllerState = { ...startController(defaultLimits), batchSize: 300 };
    const sizes: number[] = [];
    for (let batch = 0; batch < 3 + 32 + 1; batch++) {
      const done = { documents: state.batchSize, elapsedMs: 1, tooMuch: batch < 3 };
      state = afterBatch(state, done, defaultLimits).state;
      sizes.push(state.batchSize);
    }
    expect(sizes.slice(0, 3)).toEqual([150, 100, 100]);
    expect(new Set(sizes.slice(3, 3 + 31))).toEqual(new Set([100]));
    expect(sizes.slice(-2)).toEqual([120, 120]);
  });

  it("stays within its bounds whatever the batches", () => {
    const batches = fc.array(
      fc.record({
        documents: fc.nat({ max: 10_000 }),
        elapsedMs: fc.double({ min: 0, max: 100_000, noNaN: true }),
        tooMuch: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(batches, (list) => {
        let state = startController(defaultLimits);
        for (const batch of list) {
          const before = state.batchSize;
          const step = afterBatch(state, batch, defaultLimits);
          state = step.state;
          expect(state.batchSize).toBeGreaterThanOrEqual(Math.min(before, defaultLimits.minBatch));
          expect(state.batchSize).toBeLessThanOrEqual(
            Math.max(before * defaultLimits.maxGrowth, defaultLimits.minBatch),
          );
          expect(state.batchSize).toBeLessThanOrEqual(defaultLimits.maxBatch);
          expect(Number.isInteger(state.batchSize)).toBe(true);
          expect(step.pauseMs).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
