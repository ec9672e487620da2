import type { mongo } from "mongoose";
import { describe, expect, it } from "vitest";
import { ForegroundWatch, SlowdownJudge } from "../../src/jobs/pacing/foreground.js";
import { defaultPace, leastAllowedShare, slowShare } from "../../src/jobs/pacing/pace.js";

/** A judge with an idle latency (p99) of 10 ms. */
function judgeOfTen(): SlowdownJudge {
  const judge = new SlowdownJudge(1.5);
  judge.learn(Array.from({ length: 200 }, (_, read) => [14, 10, 10][read] ?? 5));
  return judge;
}

describe("the judge of slowed reads", () => {
  it.each([
    ["none", [], 0],
    ["as fast as when idle", [10, 10, 10], 0],
    ["just as slow as allowed", [15], 0],
    ["slower than allowed", [16], 16],
    ["slower than allowed, one of many", [1, 2, 16, 3], 16],
  ])("counts how long reads were slowed down, of reads that are: %s", (_name, reads, slowedMs) => {
    const judge = judgeOfTen();
    for (const ms of reads) judge.note(ms);
    const longestMs = Math.max(0, ...reads);
    expect(judge.take(20)).toEqual({ slowedMs, longestMs, allowedShare: slowShare });
    expect(judge.take(20)).toEqual({ slowedMs: 0, longestMs: 0, allowedShare: slowShare });
  });

  it("takes a slow read for the time to the next at least", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn([1]);
    judge.note(2);
    expect(judge.take(20).slowedMs).toBe(5);
  });

  it("ignores as many slow reads as there are when idle, less what may be chance, and allows half of the rest", () => {
    const judge = new SlowdownJudge(1.5);
    // Nine of 1,000 idle reads are slow, give or take three: six in a thousand are left.
    judge.learn(Array.from({ length: 1_000 }, (_, read) => (read % 100 === 7 && read > 100 ? 40 : 10)));
    judge.note(40);
    const { slowedMs, allowedShare } = judge.take(1_000);
    expect(slowedMs).toBeCloseTo(34, 9);
    expect(allowedShare).toBe(leastAllowedShare);
    expect(judge.take(100).slowedMs).toBeCloseTo(-0.6, 9);
  });

  it("allows slow reads in half of what the idle ones leave of a hundredth", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn(Array.from({ length: 1_000 }, (_, read) => (read % 250 === 7 ? 40 : 10)));
    expect(judge.take(0).allowedShare).toBeCloseTo(0.003, 9);
  });

  it("takes one slow read when idle for chance", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn(Array.from({ length: 200 }, (_, read) => (read === 7 ? 40 : 10)));
    judge.note(16);
    expect(judge.take(1_000).slowedMs).toBe(16);
  });

  it("ignores half a millisecond more, however low the idle latency is", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn([0.1]);
    judge.note(0.6);
    expect(judge.take(20).slowedMs).toBe(0);
    judge.note(0.7);
    expect(judge.take(20).slowedMs).toBe(5);
  });

  it("reports nothing before it knows the idle latency", () => {
    const judge = new SlowdownJudge(1.5);
    judge.note(1_000);
    expect(judge.take(20).slowedMs).toBe(0);
  });
});

describe("the watch of the foreground", () => {
  /** A collection whose reads do so. */
  const reading = (findOne: () => Promise<unknown>) => ({ findOne }) as unknown as mongo.Collection;
  const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  it("leaves a server that refuses its reads to the work, after one read while it learns and one beside", async () => {
    let reads = 0;
    const collection = reading(async () => {
      reads += 1;
      throw new Error("the server is away");
    });
    const watch = new ForegroundWatch([collection], defaultPace);
    expect(await watch.beside(async () => 7)).toBe(7);
    expect(watch.take().slowedMs).toBe(0);
    expect(reads).toBeLessThanOrEqual(2);
  });

  it("sees what slows reads down, beside a batch and in the rest after it", async () => {
    let slow = false;
    const collection = reading(() => wait(slow ? 40 : 0));
    const watch = new ForegroundWatch([collection], defaultPace);
    await watch.beside(() => wait(50));
    watch.take();
    slow = true;
    await watch.beside(() => wait(100));
    const beside = watch.take();
    expect(beside.watchedMs).toBeGreaterThanOrEqual(99);
    expect(beside.slowedMs).toBeGreaterThan(30);
    await watch.duringPause(() => wait(100));
    expect(watch.take().slowedMs).toBeGreaterThan(30);
  });

  it("counts reads of a rest as idle from a second after the work on, and expects no slow ones of the work then", async () => {
    let read = 0;
    // One in 125 takes far longer than the rest, so some slow reads are to be expected.
    const watch = new ForegroundWatch([reading(() => wait(read++ % 125 === 60 ? 20 : 0))], defaultPace);
    await watch.beside(() => wait(10));
    watch.take();
    await wait(1_001);
    await watch.duringPause(() => wait(200));
    const { watchedMs, slowedMs } = watch.take();
    expect(watchedMs).toBeGreaterThan(190);
    expect(Math.abs(slowedMs)).toBe(0);
  });

  it("reads nothing where the limits ask for no regard", async () => {
    const collection = reading(() => expect.unreachable("nothing is read"));
    const watch = new ForegroundWatch([collection], { maxSlowdown: Number.POSITIVE_INFINITY });
    expect(await watch.beside(async () => 7)).toBe(7);
    await watch.duringPause(async () => undefined);
    expect(watch.take()).toEqual({ watchedMs: 0, slowedMs: 0, longestMs: 0, allowedShare: slowShare });
  });
});
