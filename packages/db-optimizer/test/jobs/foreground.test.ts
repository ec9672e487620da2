import type { mongo } from "mongoose";
import { describe, expect, it } from "vitest";
import { ForegroundWatch, SlowdownJudge } from "../../src/jobs/pacing/foreground.js";
import { defaultPace } from "../../src/jobs/pacing/pace.js";

/** A judge with an idle latency (p95) of 10 ms. */
function judgeOfTen(): SlowdownJudge {
  const judge = new SlowdownJudge(1.5);
  judge.learn(Array.from({ length: 40 }, (_, read) => [14, 10][read] ?? 5));
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
    expect(judge.take(20)).toBe(slowedMs);
    expect(judge.take(20)).toBe(0);
  });

  it("takes a slow read for the time to the next at least", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn([1]);
    judge.note(2);
    expect(judge.take(20)).toBe(5);
  });

  it("ignores as many slow reads as there are when idle, less what may be chance", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn(Array.from({ length: 400 }, (_, read) => (read % 25 === 7 ? 40 : 10)));
    // Sixteen of 400 idle reads are as slow, give or take four: three in a hundred are left.
    expect(judge.slowWhenIdle).toBe(0.03);
    judge.note(40);
    expect(judge.take(1_000)).toBe(10);
    expect(judge.take(100)).toBe(-3);
  });

  it("takes one slow read when idle for chance", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn(Array.from({ length: 200 }, (_, read) => (read === 7 ? 40 : 10)));
    expect(judge.slowWhenIdle).toBe(0);
  });

  it("ignores half a millisecond more, however low the idle latency is", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn([0.1]);
    judge.note(0.6);
    expect(judge.take(20)).toBe(0);
    judge.note(0.7);
    expect(judge.take(20)).toBe(5);
  });

  it("reports nothing before it knows the idle latency", () => {
    const judge = new SlowdownJudge(1.5);
    judge.note(1_000);
    expect(judge.take(20)).toBe(0);
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

  it("reads nothing where the limits ask for no regard", async () => {
    const collection = reading(() => expect.unreachable("nothing is read"));
    const watch = new ForegroundWatch([collection], { maxSlowdown: Number.POSITIVE_INFINITY });
    expect(await watch.beside(async () => 7)).toBe(7);
    await watch.duringPause(async () => undefined);
    expect(watch.take()).toEqual({ watchedMs: 0, slowedMs: 0, slowWhenIdle: 0 });
  });
});
