import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { limits } from "../src/core/limits.js";
import type { IdentityModels, LearntLogin } from "../src/index.js";
import { recordRiskFeedback } from "../src/risk/feedback.js";
import { counterHashOf, readRiskKnowledge } from "../src/risk/knowledge.js";
import { RiskRecorder } from "../src/risk/recorder.js";
import { openSession } from "../src/sessions/open.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, useIdentityDatabase } from "./database.js";
import { now } from "./moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const norway = { feature: "address", level: "country", value: "NO" };
const firefox = { feature: "agent", level: "browser", value: "Firefox" };
async function login(fields: Partial<LearntLogin> = {}): Promise<LearntLogin> {
  const { _id: userId } = await makeUser(models);
  return { userId, profile: { version: 1, learned: 1 }, keys: [norway, firefox], newUser: true, ...fields };
}

describe("what a risk engine knows", () => {
  it("is read by two finds, and nothing is known at first", async () => {
    const { userId } = await login();
    const { result, commands } = await commandsDuring(database(), () =>
      readRiskKnowledge(contextAt(models), { userId, keys: [norway] }),
    );
    expect(commands).toEqual(["find", "find"]);
    expect(result.profile).toBeUndefined();
    expect(result.population.count("address", "country", "NO")).toBe(0);
    expect(result.population.totals()).toEqual({ logins: 0, users: 0 });
  });

  it("is written in two commands for any number of sign-ins, and adds up over flushes and recorders", async () => {
    const before = (
      await readRiskKnowledge(contextAt(models), { userId: (await login()).userId, keys: [norway] })
    ).population;
    const recorders = [new RiskRecorder(models), new RiskRecorder(models)];
    const logins = await Promise.all(Array.from({ length: 20 }, () => login()));
    const { commands } = await commandsDuring(database(), async () => {
      for (const [index, one] of logins.entries()) recorders[index % 2]?.record(one, now);
      await Promise.all(recorders.map((recorder) => recorder.flush()));
    });
    expect(commands.filter((name) => name === "update")).toHaveLength(4);
    const last = logins.at(-1) as LearntLogin;
    recorders[0]?.record({ ...last, profile: { version: 1, learned: 2 }, newUser: false }, now);
    await recorders[0]?.flush();
    const known = await readRiskKnowledge(contextAt(models), {
      userId: last.userId,
      keys: [norway, firefox],
    });
    expect(known.profile).toEqual({ version: 1, learned: 2 });
    expect(known.population.count("address", "country", "NO")).toBe(
      before.count("address", "country", "NO") + 21,
    );
    expect(known.population.totals()).toEqual({
      logins: before.totals().logins + 21,
      users: before.totals().users + 20,
    });
  });

  it("is newer in the process that has not written it yet", async () => {
    const recorder = new RiskRecorder(models);
    const one = await login();
    expect(recorder.unwrittenProfileOf(one.userId)).toBeUndefined();
    recorder.record(one, now);
    expect(recorder.unwrittenProfileOf(one.userId)).toBe(one.profile);
    await recorder.flush();
    expect(recorder.unwrittenProfileOf(one.userId)).toBeUndefined();
  });

  it("keeps the failures that the defence has counted", async () => {
    const one = await login();
    const key = one.userId.toHexString();
    const stored = {
      subject: "user",
      key,
      counter: { failures: 4 },
      devices: [],
      updatedAt: now,
      purgeAt: now,
    };
    await models.LoginProfile.collection.insertOne({ ...stored, schemaVersion: 1 });
    const recorder = new RiskRecorder(models);
    recorder.record(one, now);
    await recorder.flush();
    expect(await models.LoginProfile.findOne({ subject: "user", key }).lean()).toMatchObject({
      counter: { failures: 4 },
      profile: one.profile,
    });
  });

  it("does not show the values that were counted", async () => {
    const recorder = new RiskRecorder(models);
    const secret = { feature: "address", level: "ip", value: "203.0.113.77" };
    recorder.record(await login({ keys: [secret] }), now);
    await recorder.flush();
    const counters = await models.RiskCounter.find().lean();
    expect(JSON.stringify(counters)).not.toContain("203.0.113");
  });

  it("tells how many users' sign-ins a failed flush has lost", async () => {
    const lost: number[] = [];
    const broken = {
      ...models,
      LoginProfile: { collection: { bulkWrite: () => Promise.reject(new Error("down")) } },
    };
    const recorder = new RiskRecorder(broken as unknown as IdentityModels, {
      onError: (_error, users) => lost.push(users),
    });
    recorder.record(await login(), now);
    recorder.record(await login(), now);
    await recorder.flush();
    expect(lost).toEqual([2]);
  });
});

describe("a counter that cannot be counted in", () => {
  it("loses what belongs to it, and nothing of the others", async () => {
    const key = (value: string) => ({ feature: "address", level: "ip", value });
    const [broken, sound] = [key("198.51.100.201"), key("198.51.100.202")];
    // A repair by hand has made text of a number.
    const stored = { key: counterHashOf(broken), logins: "many", updatedAt: now, purgeAt: now };
    await models.RiskCounter.collection.insertOne(stored as never);
    const lost: number[] = [];
    const recorder = new RiskRecorder(models, { onError: (_error, users) => lost.push(users) });
    const people = [await login({ keys: [broken] }), await login({ keys: [sound] })];
    for (const one of people) recorder.record(one, now);
    await recorder.flush();
    expect(lost).toEqual([1]);
    expect(await models.RiskCounter.findOne({ key: counterHashOf(sound) })).toMatchObject({ logins: 1 });
    for (const { userId, profile } of people)
      expect(await models.LoginProfile.findOne({ key: userId.toHexString() }).lean()).toMatchObject({
        profile,
      });
    await models.RiskCounter.deleteOne({ key: counterHashOf(broken) });
  });
});

describe("what a person says of a sign-in", () => {
  const client = { ip: "198.51.100.7", userAgent: "curl/8.5.0" };
  const knownOf = (userId: Types.ObjectId) => readRiskKnowledge(contextAt(models), { userId, keys: [] });
  const say = async (userId: Types.ObjectId, verdict: "mine" | "not_mine", about?: Types.ObjectId) => {
    const aboutSessionId = about ?? (await openSession(contextAt(models, now), { userId, ...client })).id;
    const input = { userId, verdict, aboutSessionId, fromSessionId: new Types.ObjectId() };
    expect(await recordRiskFeedback(contextAt(models, now), input)).toBe(true);
    return aboutSessionId;
  };

  it("is read with the profile, and stays when the profile is written", async () => {
    const one = await login();
    const about = await say(one.userId, "not_mine");
    const recorder = new RiskRecorder(models);
    recorder.record(one, now);
    await recorder.flush();
    const { profile, feedback } = await knownOf(one.userId);
    expect(profile).toEqual(one.profile);
    expect(feedback).toMatchObject([{ verdict: "not_mine", aboutSessionId: about, at: now, ...client }]);
    const stored = await models.LoginProfile.findOne({
      subject: "user",
      key: one.userId.toHexString(),
    }).orFail();
    await stored.validate();
  });

  it("counts once about one session, and no confirmation pushes a report out", async () => {
    const { userId } = await login();
    const reported = await say(userId, "not_mine");
    await say(userId, "not_mine", reported);
    expect((await knownOf(userId)).feedback).toHaveLength(1);
    for (let index = 0; index < limits.riskFeedback + 3; index++) await say(userId, "mine");
    const { feedback } = await knownOf(userId);
    expect(feedback).toHaveLength(limits.riskFeedback);
    expect(feedback.filter(({ verdict }) => verdict === "not_mine")).toMatchObject([
      { aboutSessionId: reported },
    ]);
  });

  it("is both kept when two sessions speak at once", async () => {
    const { userId } = await login();
    await Promise.all([say(userId, "not_mine"), say(userId, "mine"), say(userId, "mine")]);
    expect((await knownOf(userId)).feedback).toHaveLength(3);
  });

  it("is refused about a session of somebody else", async () => {
    const [one, other] = [await login(), await login()];
    const aboutSessionId = await say(other.userId, "mine");
    const input = {
      userId: one.userId,
      verdict: "mine",
      aboutSessionId,
      fromSessionId: new Types.ObjectId(),
    } as const;
    expect(await recordRiskFeedback(contextAt(models, now), input)).toBe(false);
    expect((await knownOf(one.userId)).feedback).toEqual([]);
  });
});
