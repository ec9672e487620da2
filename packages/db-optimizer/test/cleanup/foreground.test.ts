import type { mongo } from "mongoose";
import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../src/cleanup/controller.js";
import { ForegroundWatch, SlowdownJudge } from "../../src/cleanup/foreground.js";

/** A judge to whom the slowest reads at rest take 10 ms, but for a bad moment. */
function judgeOfTen(): SlowdownJudge {
  const judge = new SlowdownJudge(1.5);
  judge.learn([10, 11, 80, 12]);
  return judge;
}

describe("the judge of slowed reads", () => {
  it.each([
    ["as fast as at rest", 200, 10, false],
    ["just as slow as allowed", 200, 15, false],
    ["slower than allowed", 3, 15.1, true],
    ["one that kept others from being asked counts for them", 1, 50, true],
  ])("reads beside batches that are %s", (_name, reads, ms, slowed) => {
    const judge = judgeOfTen();
    for (let read = 0; read < reads; read++) judge.besideBatch(ms);
    expect(judge.verdict()).toBe(slowed);
  });

  it("lets one in a hundred be slow", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn([1]);
    for (let read = 0; read < 5_000; read++) {
      judge.besideBatch(read % 100 === 50 ? 2 : 1);
      expect(judge.verdict()).toBe(false);
    }
  });

  it("judges anew once it has said so", () => {
    const judge = judgeOfTen();
    judge.besideBatch(100);
    expect(judge.verdict()).toBe(true);
    expect(judge.verdict()).toBe(false);
  });

  it("takes half a millisecond more for nothing, however fast reads are at rest", () => {
    const judge = new SlowdownJudge(1.5);
    judge.learn([0.1]);
    for (let read = 0; read < 100; read++) judge.besideBatch(0.5);
    expect(judge.verdict()).toBe(false);
    for (let read = 0; read < 3; read++) judge.besideBatch(0.7);
    expect(judge.verdict()).toBe(true);
  });

  it("has nothing to say before it knows what a read takes at rest", () => {
    const judge = new SlowdownJudge(1.5);
    judge.besideBatch(1_000);
    expect(judge.verdict()).toBe(false);
  });
});

describe("the watch of the foreground", () => {
  it("leaves a server that refuses its reads to the batch, after one read", async () => {
    let reads = 0;
    const collection = {
      findOne: async () => {
        reads += 1;
        throw new Error("the server is away");
      },
    } as unknown as mongo.Collection;
    const watch = new ForegroundWatch(collection, defaultLimits);
    expect(await watch.beside(async () => 7)).toMatchObject({ result: 7, slowed: false });
    expect(reads).toBe(1);
  });
});
