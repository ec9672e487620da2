// A code that a session is opened or stepped up for is used up by exactly the session that comes about.
import { withDatabase } from "@org/dev-kit";
import { bundleChild, startChild } from "@org/dev-kit/children";
import type { Types } from "mongoose";
import { beforeAll, describe, expect, inject, it, vi } from "vitest";
import { totpStepAt } from "../src/core/totp.js";
import { readFactors } from "../src/factors/account.js";
import { checkTotp, useTotp, verifyTotp } from "../src/factors/totp-codes.js";
import type { IdentityModels } from "../src/index.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { refreshSession, stepUpSession } from "../src/sessions/refresh.js";
import type { Spending } from "./children/code-spender.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { codeOf, enrolled } from "./factors-world.js";
import { liveSessions } from "./live-sessions.js";
import { after, now } from "./moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

type LimitPolicy = "deny" | "evict_oldest";
const spender = await bundleChild(new URL("./children/code-spender.ts", import.meta.url), { whole: true });
const refusing = async () => Promise.reject(new Error("used elsewhere"));

async function withSessions(limitPolicy: LimitPolicy, cap: number, live: number) {
  const { _id: userId } = await makeUser(models, { security: { maxConcurrentSessions: cap, limitPolicy } });
  const app = await enrolled(models, userId, now);
  for (let opened = 0; opened < live; opened += 1) await openSession(contextAt(models, now), { userId });
  return { userId, ...app };
}

async function inTwoProcesses(userId: Types.ObjectId, spending: Omit<Spending, "userId">): Promise<string[]> {
  const uri = withDatabase(inject("engine").uri, database().connection.name);
  const children = [0, 1].map(() => startChild(spender, uri));
  await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
  for (const child of children) child.tell(JSON.stringify({ userId, ...spending }));
  await Promise.all(children.map(({ exited }) => exited));
  return children.flatMap((child) => child.printed().trim().split("\n").slice(1));
}

const left = async (userId: Types.ObjectId) =>
  (await readFactors(contextAt(models, now), { userId })).recoveryCodes;
const count = (outcomes: readonly string[], one: string) =>
  outcomes.filter((outcome) => outcome === one).length;

describe("100 sign-ins at once in two processes", () => {
  it.each<[LimitPolicy, number, number]>([
    ["deny", 3, 3],
    ["deny", 3, 1],
    ["evict_oldest", 3, 3],
    ["evict_oldest", 12, 0],
  ])("%s, cap %i, %i live: as many recovery codes are used up as sessions open", async (...setting) => {
    const { userId, codes } = await withSessions(...setting);
    const outcomes = await inTwoProcesses(userId, { codes, times: 50 });
    expect(outcomes).toHaveLength(100);
    const [limitPolicy, cap, live] = setting;
    const opened = count(outcomes, "opened");
    expect(await left(userId)).toBe(10 - opened);
    // Where the cap denies, one that waits for its code's refusal may keep another one out.
    const [least, most] = limitPolicy === "deny" ? [Math.min(1, cap - live), cap - live] : [10, 10];
    expect(opened).toBeGreaterThanOrEqual(least);
    expect(opened).toBeLessThanOrEqual(most);
    expect(await liveSessions(models, userId, now)).toBe(Math.min(cap, live + opened));
  });

  it.each<[LimitPolicy, number, number]>([
    ["deny", 3, 1],
    ["evict_oldest", 3, 3],
  ])("%s, cap %i, %i live: one opens by one code of the app", async (...setting) => {
    const { userId, secret } = await withSessions(...setting);
    const { appId, step } = await right(userId, codeOf(secret, now, 1));
    const outcomes = await inTwoProcesses(userId, { totp: { appId: String(appId), step }, times: 50 });
    const [, cap, live] = setting;
    expect(count(outcomes, "opened")).toBe(1);
    expect(await liveSessions(models, userId, now)).toBe(Math.min(cap, live + 1));
  });

  it("deny, full: the code of the app stays good", async () => {
    const { userId, secret } = await withSessions("deny", 2, 2);
    const code = codeOf(secret, now, 1);
    const { appId, step } = await right(userId, code);
    const outcomes = await inTwoProcesses(userId, { totp: { appId: String(appId), step }, times: 50 });
    expect(count(outcomes, "SESSION_LIMIT_REACHED")).toBe(100);
    expect((await verifyTotp(contextAt(models, now), { userId, code })).ok).toBe(true);
  });
});

async function right(userId: Types.ObjectId, code: string) {
  const check = await checkTotp(contextAt(models, now), { userId, code });
  if (!check.ok) throw new Error(check.reason);
  return check.code;
}

describe("two codes of one app at once", () => {
  it("count both, the earlier first: who reads before and writes after loses nothing", async () => {
    const { userId, secret } = await withSessions("deny", 2, 0);
    const context = contextAt(models, after(60_000));
    const [earlier, later] = await Promise.all(
      [1, 2].map(async (steps) => {
        const check = await checkTotp(context, { userId, code: codeOf(secret, now, steps) });
        if (!check.ok) throw new Error(check.reason);
        return check.code;
      }),
    );
    if (!earlier || !later) throw new Error("no codes");
    const { collection } = models.UserFactors;
    const update = collection.updateOne.bind(collection);
    const spy = vi.spyOn(collection, "updateOne").mockImplementationOnce(async (...changes) => {
      expect(await useTotp(context, { userId, code: earlier })).toEqual({ ok: true });
      return update(...changes);
    });
    expect(await useTotp(context, { userId, code: later })).toEqual({ ok: true });
    spy.mockRestore();
    for (const code of [earlier, later])
      expect(await useTotp(context, { userId, code })).toEqual({ ok: false, reason: "code_used" });
  });

  it("of an app that was put in the place of another count nothing for it", async () => {
    const { userId, secret } = await withSessions("deny", 2, 0);
    const { step } = await right(userId, codeOf(secret, now, 1));
    const code = { appId: userId, step };
    expect(await useTotp(contextAt(models, now), { userId, code })).toEqual({
      ok: false,
      reason: "not_enrolled",
    });
    expect(step).toBe(totpStepAt(now) + 1);
  });
});

describe("a claim that refuses", () => {
  it.each<LimitPolicy>(["deny", "evict_oldest"])("under %s leaves no session", async (limitPolicy) => {
    const { userId } = await withSessions(limitPolicy, 2, 1);
    const opening = openSession(contextAt(models, now), { userId, claim: refusing });
    await expect(opening).rejects.toThrow("used elsewhere");
    expect(await models.UserSession.countDocuments({ userId })).toBe(1);
    expect((await openSession(contextAt(models, now), { userId })).evicted).toEqual([]);
  });

  it("evicts nobody", async () => {
    const { userId } = await withSessions("evict_oldest", 2, 2);
    const opening = openSession(contextAt(models, now), { userId, claim: refusing });
    await expect(opening).rejects.toThrow("used elsewhere");
    expect(await liveSessions(models, userId, now)).toBe(2);
  });

  it.each([
    ["once renewed", true],
    ["as it was opened", false],
  ])("leaves a session %s with its token, its proofs and its time", async (_which, isRenewed) => {
    const { _id: userId } = await makeUser(models);
    const opened = await openSession(contextAt(models, now), { userId, proofs: ["password"] });
    let { token } = opened;
    if (isRenewed) {
      const renewal = await stepUpSession(contextAt(models, after(1_000)), {
        userId,
        token,
        proofs: ["totp"],
      });
      if (!renewal.ok) throw new Error(renewal.reason);
      token = renewal.session.token;
    }
    const stored = () => models.UserSession.collection.findOne({ userId });
    const before = await stored();
    const stepUp = { userId, token, proofs: ["recovery_code"] as const, claim: refusing };
    await expect(stepUpSession(contextAt(models, after(2_000)), stepUp)).rejects.toThrow("used elsewhere");
    const kept = ({ tokenHash, authenticatedAt, proofs, rotations }: Record<string, unknown>) => ({
      tokenHash,
      authenticatedAt,
      proofs,
      rotations,
    });
    expect(kept((await stored()) ?? {})).toEqual(kept(before ?? {}));
    expect((await validateSession(contextAt(models, after(3_000)), token)).ok).toBe(true);
  });

  it("brings back no session that ended meanwhile, and the token before a refresh in its grace", async () => {
    const { _id: userId } = await makeUser(models);
    const { token } = await openSession(contextAt(models, now), { userId, proofs: ["password"] });
    const refreshed = await refreshSession(contextAt(models, after(1_000)), token);
    const at = contextAt(models, after(2_000));
    const stepUp = { userId, token, proofs: ["totp"] as const };
    await expect(stepUpSession(at, { ...stepUp, claim: refusing })).rejects.toThrow("used elsewhere");
    expect(await refreshSession(at, token)).toMatchObject({
      ok: true,
      retried: true,
      token: refreshed.ok && refreshed.token,
    });
    const end = async () => {
      await models.UserSession.collection.updateOne(
        { userId },
        { $set: { revokedAt: now }, $unset: { slot: "" } },
      );
      return refusing();
    };
    await expect(stepUpSession(at, { ...stepUp, claim: end })).rejects.toThrow("used elsewhere");
    expect((await validateSession(at, token)).ok).toBe(false);
  });
});
