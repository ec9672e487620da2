import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantile } from "../../src/core/server/latency.js";
import {
  afterBatch,
  afterPause,
  afterTimeout,
  defaultPace,
  isExhausted,
  type PaceLimits,
  type PaceState,
  regardsReads,
  slowShare,
  startPace,
} from "../../src/jobs/pacing/pace.js";
import { readsOfRun, type StallingServer, type Stalls } from "./simulated-reads.js";
import { bestRate, type SimulatedServer, simulate } from "./simulated-server.js";

const off: PaceLimits = { ...defaultPace, maxSlowdown: Number.POSITIVE_INFINITY };
const calmBatch = (documents: number, elapsedMs: number) => ({
  documents,
  elapsedMs,
  watchedMs: elapsedMs,
  slowedMs: 0,
  longestMs: 1,
  allowedShare: slowShare,
});

describe("the pace of batches", () => {
  it("begins gently where reads are regarded, and at once where they are not", () => {
    expect(startPace(defaultPace)).toMatchObject({ batchSize: 200, share: 0.05 });
    expect(startPace(off)).toMatchObject({ batchSize: 1_000, share: 1 });
    expect(startPace({ ...off, maxShare: 0.5, maxBatch: 20 })).toMatchObject({ batchSize: 20, share: 0.5 });
    expect([regardsReads(defaultPace), regardsReads(off)]).toEqual([true, false]);
  });

  it("follows the published rate filter", () => {
    // pt-online-schema-change: 1000 rows in 1 s, 500 in 0.5 s, 500 in 0.1 s, for batches of half a second.
    const first = afterBatch(startPace(off), calmBatch(1_000, 1_000), off);
    expect(first.state).toMatchObject({ batchSize: 500, weightedDocuments: 1_000, weightedSeconds: 1 });
    const second = afterBatch(first.state, calmBatch(500, 500), off);
    expect(second.state).toMatchObject({ batchSize: 500, weightedDocuments: 1_250, weightedSeconds: 1.25 });
    const third = afterBatch(second.state, calmBatch(500, 100), off);
    expect(third.state).toMatchObject({
      batchSize: 692,
      weightedDocuments: 1_437.5,
      weightedSeconds: 1.0375,
    });
  });

  it.each([
    ["doubles at most", 1_000, calmBatch(1_000, 1), 2_000],
    ["never passes the largest batch", 10_000, calmBatch(10_000, 1), 10_000],
    ["falls below the least for no slowness of its own", 100, calmBatch(100, 60_000), 100],
    ["takes a batch without time for a millisecond", 1_000, calmBatch(10, 0), 2_000],
    ["grows where a rest makes up for slow reads", 1_000, { ...calmBatch(1_000, 100), slowedMs: 5 }, 2_000],
    ["is halved when no rest makes up for them", 1_000, { ...calmBatch(1_000, 100), slowedMs: 60 }, 500],
    ["is halved when a read waited too long", 1_000, { ...calmBatch(1_000, 400), longestMs: 101 }, 500],
    ["is halved down to the least", 150, { ...calmBatch(150, 100), slowedMs: 60 }, 100],
  ])("the size %s", (_name, batchSize, batch, next) => {
    expect(afterBatch({ ...startPace(defaultPace), batchSize }, batch, defaultPace).state.batchSize).toBe(
      next,
    );
  });

  it.each<[string, Partial<PaceLimits>, number]>([
    ["none where nothing asks for one", {}, 0],
    ["as long as it worked at half of the time", { maxShare: 0.5 }, 100],
    ["what is left of a second at ten batches of a hundred a second", { maxRate: 1_000 }, 0],
    ["what is left of the second at a hundred documents a second", { maxRate: 100 }, 900],
    ["the longer of two", { maxShare: 0.5, maxRate: 100 }, 900],
  ])("rests: %s", (_name, given, restMs) => {
    const limits = { ...off, ...given };
    expect(afterBatch(startPace(limits), calmBatch(100, 100), limits).restMs).toBe(restMs);
  });

  it.each([
    ["none", 0, 1],
    ["one, which may be chance", 5, 0.73],
    ["a few", 25, 0.24],
    ["one in ten", 50, 0.13],
    ["all", 500, 0.07],
  ])(
    "after calm works for the part of the time that reads bear, of which were slow: %s",
    (_name, slowedMs, share) => {
      let calm = startPace(defaultPace);
      for (let batch = 0; batch < 50; batch++)
        calm = afterBatch(calm, calmBatch(100, 500), defaultPace).state;
      const { state } = afterBatch(calm, { ...calmBatch(100, 500), slowedMs }, defaultPace);
      expect(state.share).toBeCloseTo(share, 2);
    },
  );

  it("takes what reads bear from the work of all batches, short or long", () => {
    for (const elapsedMs of [5, 50, 500]) {
      let [state, restMs] = [startPace(defaultPace), 0];
      for (let ms = 0; ms < 100_000; ms += restMs + elapsedMs) {
        const batch = { ...calmBatch(100, elapsedMs), slowedMs: elapsedMs / 50 };
        ({ state, restMs } = afterBatch(state, { ...batch, watchedMs: restMs + elapsedMs }, defaultPace));
      }
      // A fiftieth of the work is slow, so a quarter of the time would be as much as allowed.
      expect(state.share).toBeGreaterThan(0.2);
      expect(state.share).toBeLessThanOrEqual(0.25);
    }
  });

  it("halves after a timeout, down to the least twice, and from the third on down to one document", () => {
    const sizes: number[] = [];
    let state: PaceState = { ...startPace(defaultPace), batchSize: 150 };
    for (; !isExhausted(state); state = afterTimeout(state)) sizes.push(state.batchSize);
    expect(sizes).toEqual([150, 100, 100, 50, 25, 12, 6, 3, 1]);
  });

  it("after a split climbs back step by step, and to its rate in the end", () => {
    let state: PaceState = { ...afterTimeout(startPace(off)), batchSize: 1, failures: 7 };
    const sizes: number[] = [];
    for (let batch = 0; batch < 40; batch++) {
      state = afterBatch(state, calmBatch(state.batchSize, state.batchSize), off).state;
      sizes.push(state.batchSize);
    }
    expect(sizes.slice(0, 6)).toEqual([2, 3, 4, 6, 9, 13]);
    expect(sizes.at(-1)).toBeGreaterThan(490);
    expect(state.failures).toBe(0);
  });

  it("halves size and part of the time after a pause for the server's sake", () => {
    const state = { ...startPace(off), share: 0.4 };
    expect(afterPause(state)).toMatchObject({ batchSize: 500, share: 0.2 });
    expect(afterPause({ ...state, batchSize: 150 }).batchSize).toBe(100);
    expect(afterPause({ ...state, batchSize: 12 }).batchSize).toBe(12);
  });

  it("stays within its bounds whatever the batches, and slows no more reads down than allowed", () => {
    const batches = fc.array(
      fc.record({
        elapsedMs: fc.double({ min: 0, max: 100, noNaN: true }),
        slowedPart: fc.double({ min: 0, max: 0.05, noNaN: true }),
      }),
      { minLength: 1, maxLength: 300 },
    );
    fc.assert(
      fc.property(batches, (list) => {
        let [state, restMs, slowed, watched] = [startPace(defaultPace), 0, 0, 0];
        for (const { elapsedMs, slowedPart } of list) {
          const slowedMs = slowedPart * elapsedMs;
          const done = {
            documents: state.batchSize,
            elapsedMs,
            watchedMs: restMs + elapsedMs,
            slowedMs,
            longestMs: slowedMs,
            allowedShare: slowShare,
          };
          watched += done.watchedMs;
          slowed += slowedMs;
          const before = state;
          ({ state, restMs } = afterBatch(state, done, defaultPace));
          expect(Number.isInteger(state.batchSize)).toBe(true);
          expect(state.batchSize).toBeGreaterThanOrEqual(Math.min(before.batchSize, 100));
          expect(state.batchSize).toBeLessThanOrEqual(Math.max(before.batchSize * 2, 100));
          expect(state.share).toBeGreaterThan(0);
          expect(state.share).toBeLessThanOrEqual(1);
          expect(restMs).toBeGreaterThanOrEqual(0);
        }
        // The pause for the last slow reads, 100 ms at most, is still to come.
        expect(slowed).toBeLessThanOrEqual(slowShare * watched + 100 + 1);
      }),
    );
  });
});

describe("on simulated servers", () => {
  const passing: SimulatedServer = { perSecond: 20_000, overheadMs: 3, slowed: () => 0 };
  const waiting = (part: number): SimulatedServer => ({
    ...passing,
    slowed: (_at, doing) => (doing === "batch" ? part : 0),
  });

  it("where reads pass it works all the time, within seconds", () => {
    const run = simulate(passing, defaultPace, 60);
    expect(run.rate(5, 60)).toBeGreaterThan(0.95 * bestRate(passing, 10_000));
    expect(run.batches.at(-1)).toMatchObject({ share: 1, restMs: 0 });
    // Gently at first: of the first half second it works a tenth at most.
    expect(run.rate(0, 0.5)).toBeLessThan(0.1 * bestRate(passing, 10_000));
  });

  it.each([0.01, 0.05, 0.3, 1])(
    "where reads wait for %d of its writes it settles near what is allowed",
    (part) => {
      const server = waiting(part);
      const run = simulate(server, defaultPace, 600);
      const least = run.batches.at(-1)?.documents ?? 0;
      expect(run.slowedPart(60, 600)).toBeLessThanOrEqual(slowShare * 1.05);
      expect(run.rate(60, 600)).toBeGreaterThan(0.6 * bestRate(server, least));
    },
  );

  it("backs off within two batches, and comes back, when a neighbour comes and goes", () => {
    const noisy = (at: number) => at > 60 && at < 90;
    const server: SimulatedServer = { ...passing, slowed: (at) => (noisy(at) ? 0.1 : 0) };
    const run = simulate(server, defaultPace, 240);
    const first = run.batches.findIndex(({ atSeconds }) => noisy(atSeconds));
    const [before, after] = [run.batches[first - 1], run.batches[first + 1]];
    expect(after?.share).toBeLessThanOrEqual((before?.share ?? 0) / 2);
    expect(run.rate(62, 90)).toBeLessThan(0.1 * run.rate(30, 60));
    expect(run.rate(170, 240)).toBeGreaterThan(0.9 * run.rate(30, 60));
  });

  const usual: Stalls = { part: 0.003, ms: 4 };
  it.each<[string, Partial<StallingServer>, number]>([
    ["often and briefly", { stalls: { part: 0.06, ms: 6 } }, 1_000],
    ["seldom and for long", { stalls: { part: 0.06, ms: 25 } }, 200],
    ["for a third of its writes", { stalls: { part: 0.3, ms: 8 } }, 100],
    ["for 8 ms at the end of each batch", { commitMs: 8 }, 2_000],
    ["for the whole of each batch", { blocksReads: true }, 50],
    ["for the whole of each slow batch", { blocksReads: true, perSecond: 2_000, overheadMs: 10 }, 10],
    [
      "beside others that do so too",
      { stalls: { part: 0.08, ms: 8 }, idleStalls: { part: 0.03, ms: 5 } },
      1_000,
    ],
    [
      "that are seldom slow otherwise",
      { stalls: { part: 0.03, ms: 8 }, idleStalls: { part: 0.0005, ms: 2 } },
      2_000,
    ],
    ["never", {}, 10_000],
  ])("where the work stalls reads %s, their p99 stays near what is allowed", (_name, given, least) => {
    const server = { ...passing, stalls: usual, ...given };
    const runs = [1, 2, 3, 4, 5].map((seed) => readsOfRun(server, 120, seed));
    const slowdowns = runs.map(({ slowdown }) => slowdown);
    expect(quantile(slowdowns, 0.5)).toBeLessThanOrEqual(defaultPace.maxSlowdown);
    expect(Math.max(...slowdowns)).toBeLessThan(1.1 * defaultPace.maxSlowdown);
    const rates = runs.map(({ rate }) => rate);
    expect(quantile(rates, 0.5)).toBeGreaterThan(least);
  });

  it("keeps to a part of the time and a rate", () => {
    const half = simulate(passing, { ...defaultPace, maxShare: 0.5 }, 120);
    expect(half.rate(10, 120)).toBeCloseTo(10_000, -3);
    const slow = simulate(passing, { ...defaultPace, maxRate: 650 }, 120);
    expect(slow.rate(10, 120)).toBeLessThanOrEqual(650 * 1.02);
    expect(slow.rate(10, 120)).toBeGreaterThan(600);
  });
});
