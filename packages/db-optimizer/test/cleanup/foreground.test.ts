import fc from "fast-check";
import type { mongo } from "mongoose";
import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../src/jobs/controller.js";
import { ForegroundWatch, SlowdownJudge } from "../../src/jobs/foreground.js";

/** A judge to whom all but the slowest reads at rest take 10 ms at most. */
function judgeOfTen(): SlowdownJudge {
  const judge = new SlowdownJudge(1.5);
  judge.learn(Array.from({ length: 40 }, (_, read) => [14, 10][read] ?? 5));
  return judge;
}

/** Milliseconds of rest after a round of 20 ms beside which reads took so long. */
function restAfter(judge: SlowdownJudge, ...readMs: number[]): number {
  for (const ms of readMs) judge.besideWork(ms);
  return judge.endRound(20);
}

describe("the judge of slowed reads", () => {
  it.each([
    ["none", [], 0],
    ["as fast as at rest", [10, 10, 10], 0],
    ["just as slow as allowed", [15], 0],
    ["slower than allowed", [16], 16 / 0.0025 - 20],
    ["slower than allowed, one of many", [1, 2, 16, 3], 16 / 0.0025 - 20],
    ["slowed so much that it would rest for a minute", [300], 10_000],
  ])("rests for reads beside the work that are: %s", (_name, reads, restMs) => {
    expect(restAfter(judgeOfTen(), ...reads)).toBeCloseTo(restMs, 6);
  });

  it("takes a slow read for the time to the next at least", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn([1]);
    expect(restAfter(judge, 2)).toBeCloseTo(5 / 0.0025 - 20, 6);
  });

  it("does not answer for reads that are as slow at rest", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn(Array.from({ length: 40 }, (_, read) => (read === 7 ? 40 : 10)));
    judge.besideWork(40);
    // One in 40 reads at rest is as slow: of 1,600 ms that is all of the 40.
    expect(judge.endRound(1_600)).toBe(0);
    judge.besideWork(40);
    expect(judge.endRound(100)).toBeGreaterThan(0);
  });

  it("remembers what earlier rounds did to reads, less and less", () => {
    const judge = judgeOfTen();
    const rests = [restAfter(judge, 16), restAfter(judge), restAfter(judge), restAfter(judge)];
    // 16 ms of one round; of two weighing 0.75 and 1; and so on.
    const slowed = [16, 12 / 1.75, 9 / 2.3125, 6.75 / 2.734375];
    rests.forEach((rest, round) => {
      expect(rest).toBeCloseTo((slowed[round] as number) / 0.0025 - 20, 6);
    });
  });

  it("keeps slowed time under one part in a hundred, as far as a rest may make up for it", () => {
    const rounds = fc.array(fc.record({ slowMs: fc.integer({ min: 0, max: 20 }), workMs: fc.nat(500) }), {
      minLength: 50,
      maxLength: 200,
    });
    fc.assert(
      fc.property(rounds, (list) => {
        const judge = judgeOfTen();
        let [slowed, whole] = [0, 0];
        for (const { slowMs, workMs } of list) {
          const ms = slowMs > 15 ? slowMs : 0;
          judge.besideWork(slowMs);
          slowed += ms;
          whole += workMs + judge.endRound(workMs);
        }
        expect(slowed).toBeLessThanOrEqual(whole * 0.01);
      }),
    );
  });

  it.each([
    ["reads were slowed down for no longer than a long rest makes up for", [6, 1], [[10]], false],
    ["they were slowed down for longer", [6, 1], [[11]], true],
    ["they were, but in an earlier round only", [6, 1], [[11], []], false],
    ["they were, but in the last round only", [6, 1], [[], [], [], [16]], false],
    ["one read waited very long", [6, 1], [[], [], [], [50]], true],
  ])("says whether it was too much at a time: %s", (_name, atRest, rounds, tooMuch) => {
    const judge = new SlowdownJudge(1.5);
    judge.learn(atRest);
    const said = rounds.map((reads) => {
      restAfter(judge, ...reads);
      return judge.takeTooMuch();
    });
    expect(said.at(-1)).toBe(tooMuch);
    expect(judge.takeTooMuch()).toBe(false);
  });

  it("takes half a millisecond more for nothing, however fast reads are at rest", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn([0.1]);
    expect(restAfter(judge, 0.6)).toBe(0);
    expect(restAfter(judge, 0.7)).toBeGreaterThan(0);
  });

  it("has nothing to say before it knows what a read takes at rest", () => {
    const judge = new SlowdownJudge(1.5);
    expect(restAfter(judge, 1_000)).toBe(0);
    judge.besideWork(1_000);
    expect(judge.takeTooMuch()).toBe(false);
  });
});

describe("the watch of the foreground", () => {
  /** A collection whose reads do so. */
  const reading = (findOne: () => Promise<unknown>) => ({ findOne }) as unknown as mongo.Collection;

  it("leaves a server that refuses its reads to the work, after one read", async () => {
    let reads = 0;
    const collection = reading(async () => {
      reads += 1;
      throw new Error("the server is away");
    });
    const watch = new ForegroundWatch([collection], defaultLimits);
    expect(await watch.beside(async () => 7)).toEqual({ result: 7, restMs: 0 });
    expect(reads).toBe(1);
  });

  it("reads nothing where the limits ask for no regard", async () => {
    const collection = reading(() => expect.unreachable("nothing is read"));
    const watch = new ForegroundWatch([collection], { ...defaultLimits, niceRatio: 0 });
    expect(await watch.beside(async () => 7)).toEqual({ result: 7, restMs: 0 });
  });
});
