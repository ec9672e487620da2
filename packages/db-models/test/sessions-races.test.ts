import { bundleChild, randomOf, startChild, type WaitingChild } from "@org/dev-kit/children";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { type mongo, Types } from "mongoose";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Context } from "../src/context/context.js";
import { duration } from "../src/core/limits.js";
import {
  type IdentityDatabase,
  type IdentityModels,
  openDatabase,
  type RefreshResult,
  type UserDocument,
} from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { readSessionSlots } from "../src/sessions/read-slots.js";
import { refreshSession } from "../src/sessions/refresh.js";
import { revokeAllSessions, revokeOtherSessions } from "../src/sessions/revoke.js";
import type { SessionRival } from "./children/session-rivals.js";
import { contextAt } from "./context.js";
import { createIndexes, makeUser, separateModels } from "./database.js";
import { liveSessions } from "./live-sessions.js";
import { after, now } from "./moment.js";

const temporary = useTemporaryDatabase({ label: "sessions-races" });
const late = after(duration.hour);
const parallel = 100;
let database: IdentityDatabase;
let models: IdentityModels;
beforeAll(async () => {
  database = await openDatabase(temporary.uri, { monitorCommands: true });
  models = database.models;
  await createIndexes(models);
});
afterAll(() => database?.close());
afterEach(() => {
  vi.restoreAllMocks();
});

const script = await bundleChild(new URL("./children/session-rivals.ts", import.meta.url), { whole: true });

/** Gives half of the rivals to each of two processes; `meanwhile` runs as soon as both have had an answer. */
async function inTwoProcesses(rivals: SessionRival[], meanwhile?: () => Promise<unknown>): Promise<string[]> {
  const children = [0, 1].map(() => startChild(script, temporary.uri));
  await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
  for (const [half, child] of children.entries()) {
    child.tell(JSON.stringify(rivals.filter((_, index) => index % 2 === half)));
  }
  if (meanwhile) {
    await Promise.all(children.map((child) => child.hasPrinted("opened ")));
    await meanwhile();
  }
  await Promise.all(children.map(({ exited }) => exited));
  return children.flatMap(answersOf);
}

const answersOf = (child: WaitingChild) => child.printed().match(/^(opened|refreshed|refused) .+$/gm) ?? [];
const tokensIn = (answers: string[]) =>
  answers.filter((answer) => !answer.startsWith("refused ")).map((answer) => answer.split(" ")[1]);

const alarmsOf = (user: Pick<UserDocument, "_id">) =>
  listSecurityEvents(contextAt(models), { userId: user._id, kind: "reuse_detected" });

/** A session whose token has been rotated, so that the first one is stolen goods once the grace is over. */
async function rotatedSession() {
  const user = await makeUser(models);
  const { id, token: stolen } = await openSession(contextAt(models, now), { userId: user._id });
  const rotated = await refreshSession(contextAt(models, now), stolen);
  if (!rotated.ok) throw new Error(rotated.reason);
  return { user, id, stolen, current: rotated.token };
}

describe("sign-ins with slots that others have changed since", () => {
  it.each([
    ["evict_oldest", 20],
    ["deny", 3],
  ] as const)("stay under the cap with %s", async (limitPolicy, opened) => {
    const { _id: userId } = await makeUser(models, { security: { maxConcurrentSessions: 3, limitPolicy } });
    const slots = await readSessionSlots(contextAt(models, now), { userId });
    const logins = Array.from({ length: 20 }, () => openSession(contextAt(models, now), { userId, slots }));
    const answers = await Promise.allSettled(logins);
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(opened);
    expect(await liveSessions(models, userId, now)).toBe(3);
  });
});

describe("revokeAllSessions while two processes sign in", () => {
  it.each([1, 2, 3])(`leaves none of ${parallel} that authenticated before, round %i`, async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: parallel } });
    const login = { login: user._id.toHexString(), sessionGeneration: 0 };
    const answers = await inTwoProcesses(Array<SessionRival>(parallel).fill(login), () =>
      revokeAllSessions(contextAt(models, now), { userId: user._id }),
    );
    const opened = tokensIn(answers);
    expect(opened.length).toBeGreaterThan(0);
    expect(answers.filter((answer) => answer === "refused SESSIONS_REVOKED")).toHaveLength(
      parallel - opened.length,
    );
    const checks = await Promise.all(opened.map((token) => validateSession(contextAt(models, now), token)));
    expect(new Set(checks.map((check) => check.ok || check.reason))).toEqual(new Set(["revoked"]));
    expect(await models.UserSession.countDocuments({ userId: user._id, revokedAt: null })).toBe(0);
    // A later authentication succeeds.
    const next = await openSession(contextAt(models, now), { userId: user._id, sessionGeneration: 1 });
    expect(await validateSession(contextAt(models, now), next.token)).toMatchObject({ ok: true });
  });
});

describe("a sign-in whose session is ended while it waits for a slot", () => {
  it.each([
    ["every session", revokeAllSessions],
    [
      "every other session",
      (context: Context, { userId }: { userId: Types.ObjectId }) =>
        revokeOtherSessions(context, { userId, sessionId: new Types.ObjectId() }),
    ],
  ])("by the end of %s is refused, and holds no slot", async (_what, revoke) => {
    const { _id: userId } = await makeUser(models, { security: { maxConcurrentSessions: 1 } });
    const context = contextAt(models, now);
    await openSession(context, { userId });
    const { collection } = models.UserSession;
    const update = collection.updateOne.bind(collection);
    vi.spyOn(collection, "updateOne").mockImplementationOnce(async (...input) => {
      await revoke(context, { userId });
      return update(...input);
    });
    // It has an old reading of the slots: it does not get the first one that it tries.
    const login = openSession(context, { userId, slots: [] });
    await expect(login).rejects.toMatchObject({ code: "SESSIONS_REVOKED" });
    expect(await models.UserSession.countDocuments({ userId, slot: { $exists: true } })).toBe(0);
    expect(await models.UserSession.countDocuments({ userId })).toBe(1);
  });
});

describe("revokeAllSessions that is killed between two steps", () => {
  const killed = () => Promise.reject(new Error("killed"));

  it("leaves no session that was there at the call", async () => {
    const user = await makeUser(models);
    const { token } = await openSession(contextAt(models, now), { userId: user._id });
    const dying = { ...models, User: { collection: { findOneAndUpdate: killed } } };
    const revoking = revokeAllSessions(contextAt(dying as unknown as IdentityModels, now), {
      userId: user._id,
    });
    await expect(revoking).rejects.toThrow("killed");
    expect(await validateSession(contextAt(models, now), token)).toEqual({
      ok: false,
      reason: "revoked",
    });
  });

  it("is completed by the next call: a login that came in between ends too", async () => {
    const user = await makeUser(models);
    const { collection } = models.User;
    const raise = collection.findOneAndUpdate.bind(collection);
    let token = "";
    vi.spyOn(collection, "findOneAndUpdate").mockImplementationOnce((async (
      ...args: Parameters<typeof raise>
    ) => {
      token = (await openSession(contextAt(models, now), { userId: user._id })).token;
      await raise(...args);
      return killed();
    }) as typeof raise);
    const again = () => revokeAllSessions(contextAt(models, now), { userId: user._id });
    await expect(again()).rejects.toThrow("killed");
    expect(await again()).toBe(1);
    expect(await validateSession(contextAt(models, now), token)).toEqual({
      ok: false,
      reason: "revoked",
    });
  });
});

describe("a stolen token that is used while the session rotates", () => {
  it.each([1, 2, 3])(
    `in ${parallel} calls of two processes leaves no live child and raises one alarm, round %i`,
    async () => {
      const { user, id, stolen, current } = await rotatedSession();
      // Two of each in turn, so that both processes have both.
      const rivals = Array.from({ length: parallel }, (_, index) => ({
        refresh: index & 2 ? stolen : current,
        at: late.getTime(),
      }));
      const answers = await inTwoProcesses(rivals);
      expect(answers).toHaveLength(parallel);
      expect(answers).toContain("refused reused");
      for (const token of [stolen, current, ...tokensIn(answers)]) {
        expect(await validateSession(contextAt(models, late), token)).toEqual({
          ok: false,
          reason: "revoked",
        });
        expect(await refreshSession(contextAt(models, late), token)).toEqual({
          ok: false,
          reason: "revoked",
        });
      }
      expect(await models.UserSession.findById(id).lean()).toMatchObject({
        revocationReason: "reuse_detected",
      });
      expect(await alarmsOf(user)).toHaveLength(1);
    },
  );

  it.each(["before", "after"] as const)("just %s the rotation's claim leaves no live child", async (when) => {
    const { user, stolen, current } = await rotatedSession();
    const { collection } = models.UserSession;
    const claim = collection.findOneAndUpdate.bind(collection);
    let reuse: RefreshResult | undefined;
    const useStolen = async () => {
      reuse = await refreshSession(contextAt(models, late), stolen);
    };
    vi.spyOn(collection, "findOneAndUpdate").mockImplementationOnce((async (
      ...args: Parameters<typeof claim>
    ) => {
      if (when === "before") await useStolen();
      const claimed = await claim(...args);
      if (when === "after") await useStolen();
      return claimed;
    }) as typeof claim);
    const rotation = await refreshSession(contextAt(models, late), current);
    expect(reuse).toEqual({ ok: false, reason: "reused" });
    expect(rotation.ok).toBe(when === "after");
    const child = rotation.ok ? rotation.token : current;
    expect(await validateSession(contextAt(models, late), child)).toEqual({
      ok: false,
      reason: "revoked",
    });
    expect(await alarmsOf(user)).toHaveLength(1);
  });
});

describe("the use of a session", () => {
  it(`is written once in a touch interval, by ${parallel} requests at once`, async () => {
    const user = await makeUser(models);
    const { id, token } = await openSession(contextAt(models, now), { userId: user._id });
    let changed = 0;
    const note = ({ commandName, reply }: mongo.CommandSucceededEvent) => {
      if (commandName === "update") changed += (reply as { nModified: number }).nModified;
    };
    const client = database.connection.getClient().on("commandSucceeded", note);
    // Each at a moment of its own: writing what is there already would change nothing.
    const moments = Array.from({ length: parallel }, (_, index) => after(2 * duration.minute + index));
    const requests = separateModels(database, parallel);
    await Promise.all(
      requests.map((separate, index) => validateSession(contextAt(separate, moments[index] ?? now), token)),
    );
    client.off("commandSucceeded", note);
    expect(changed).toBe(1);
    expect(moments).toContainEqual((await models.UserSession.findById(id).lean())?.lastSeenAt);
  });

  it("keeps it alive to within a touch interval of the idle timeout, and never longer", async () => {
    const idleMs = 10 * duration.minute;
    const touchIntervalMs = duration.minute;
    const random = randomOf(20_961_126);
    const user = await makeUser(models, {
      security: { idleTimeoutMs: idleMs, absoluteLifetimeMs: duration.day, maxConcurrentSessions: 100 },
    });
    const check = async (token: string, at: number) =>
      (await validateSession(contextAt(models, after(at), { sessions: { touchIntervalMs } }), token)).ok;
    for (let pair = 0; pair < 10; pair++) {
      const [early, exact] = await Promise.all(
        [1, 2].map(() => openSession(contextAt(models, now), { userId: user._id })),
      );
      let lastUse = 0;
      for (let use = 0; use < 12; use++) {
        // Within the interval, or far beyond it: what is not written, and what is.
        lastUse += Math.floor(random() * (use % 2 ? 8 * duration.minute : touchIntervalMs));
        expect(await check(early?.token ?? "", lastUse)).toBe(true);
        expect(await check(exact?.token ?? "", lastUse)).toBe(true);
      }
      expect(await check(early?.token ?? "", lastUse + idleMs - touchIntervalMs)).toBe(true);
      expect(await check(exact?.token ?? "", lastUse + idleMs)).toBe(false);
    }
  });
});
