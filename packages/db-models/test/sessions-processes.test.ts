import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild, type WaitingChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, describe, expect, it } from "vitest";
import { defineModels, type IdentityModels, isIdentityError, type UserDocument } from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { listSessions } from "../src/sessions/list.js";
import { openSession } from "../src/sessions/open.js";
import { refreshSession } from "../src/sessions/refresh.js";
import { revokeSession } from "../src/sessions/revoke.js";
import type { SessionAssignment } from "./children/session-actor.js";
import { contextAt } from "./context.js";
import { createIndexes, makeUser } from "./database.js";
import { liveSessions, watchHighest } from "./live-sessions.js";
import { now } from "./moment.js";

const temporary = useTemporaryDatabase({ label: "sessions-processes" });
let models: IdentityModels;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
});

const kills = faultLoop({ seed: 20_961_124, kinds: 2 });
const cap = 5;
const actor = await bundleChild(new URL("./children/session-actor.ts", import.meta.url), { whole: true });
const start = () => startChild(actor, temporary.uri);

function printedBy(child: WaitingChild, what: "opened" | "refreshed" | "refused"): string[][] {
  return [...child.printed().matchAll(new RegExp(`^${what} (.+)$`, "gm"))].map(([, said]) =>
    (said ?? "").split(" "),
  );
}

/** The same work, half of it in each of two processes at the same time. */
async function inTwoProcesses(assignment: Omit<SessionAssignment, "forever">): Promise<WaitingChild[]> {
  const children = [start(), start()];
  await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
  for (const child of children) {
    child.tell(JSON.stringify({ ...assignment, times: assignment.times / 2, forever: false }));
  }
  await Promise.all(children.map(({ exited }) => exited));
  return children;
}

const makeCapped = (limitPolicy: "evict_oldest" | "deny") =>
  makeUser(models, { security: { maxConcurrentSessions: cap, limitPolicy } });

describe("two processes", () => {
  it("evict_oldest: 100 parallel logins never make more live sessions than the cap", async () => {
    const user = await makeCapped("evict_oldest");
    const highest = watchHighest(models, user._id, now);
    const children = await inTwoProcesses({ userId: user._id.toHexString(), times: 100 });
    expect(await highest()).toBeLessThanOrEqual(cap);
    expect(children.flatMap((child) => printedBy(child, "opened"))).toHaveLength(100);
    expect(await liveSessions(models, user._id, now)).toBe(cap);
  });

  it("deny: of 100 parallel logins as many succeed as the cap allows", async () => {
    const user = await makeCapped("deny");
    const highest = watchHighest(models, user._id, now);
    const children = await inTwoProcesses({ userId: user._id.toHexString(), times: 100 });
    expect(await highest()).toBeLessThanOrEqual(cap);
    expect(children.flatMap((child) => printedBy(child, "opened"))).toHaveLength(cap);
    const refused = children.flatMap((child) => printedBy(child, "refused")).flat();
    expect(new Set(refused)).toEqual(new Set(["SESSION_LIMIT_REACHED"]));
  });

  it("100 parallel refreshes of one token: one successor, no alarm", async () => {
    const user = await makeUser(models);
    const { id, token } = await openSession(contextAt(models, now), { userId: user._id });
    const children = await inTwoProcesses({ token, times: 100 });
    const successors = children.flatMap((child) => printedBy(child, "refreshed")).flat();
    expect(successors).toHaveLength(100);
    expect(new Set(successors).size).toBe(1);
    expect(await models.UserSession.findById(id).lean()).toMatchObject({ generation: 1 });
    expect(await listSecurityEvents(contextAt(models), { userId: user._id, page: {} })).toEqual([]);
  });
});

/** Starts children one after the other and kills each at a random moment, of its first act or of a later one. */
async function killOneByOne(
  firstAnswer: string,
  prepare: () => Promise<SessionAssignment>,
  check: (child: WaitingChild) => Promise<void>,
  enough?: () => boolean,
): Promise<void> {
  const next = childrenAhead(3, kills.planned, start);
  for (const { kind, at } of kills.rounds(enough)) {
    const assignment = await prepare();
    const child = await next();
    child.tell(JSON.stringify(assignment));
    if (kind === 1) await child.hasPrinted(firstAnswer);
    await setTimeout(at * 40);
    child.kill();
    await child.exited;
    await check(child);
  }
}

/**
 * Opens as many sessions as there are slots, ending what else is live: a slot that a crash kept would be missing. A
 * server still does what it was sent before the client died, so a session may appear while this looks.
 */
async function expectEverySlotFree({ _id: userId }: Pick<UserDocument, "_id">): Promise<void> {
  const own = new Set<string>();
  const endOthers = async () => {
    const others = (await listSessions(contextAt(models, now), { userId })).filter(
      ({ id }) => !own.has(id.toHexString()),
    );
    for (const { id: sessionId } of others)
      await revokeSession(contextAt(models, now), { userId, sessionId });
    return others.length;
  };
  await endOthers();
  while (own.size < cap) {
    try {
      own.add((await openSession(contextAt(models, now), { userId })).id.toHexString());
    } catch (error) {
      // Without a session in the list that holds it, a slot is lost.
      if (!isIdentityError(error, "SESSION_LIMIT_REACHED") || (await endOthers()) === 0) throw error;
    }
  }
  await expect(openSession(contextAt(models, now), { userId })).rejects.toMatchObject({
    code: "SESSION_LIMIT_REACHED",
  });
}

describe(`${kills.planned} kills at random moments (seed ${kills.seed})`, () => {
  it("of logins that evict break no cap, and lose no session but to an eviction", async () => {
    let user: UserDocument;
    let opened = 0;
    await killOneByOne(
      "opened ",
      async () => {
        user = await makeCapped("evict_oldest");
        return { userId: user._id.toHexString(), times: 8, forever: true };
      },
      async (child) => {
        expect(await liveSessions(models, user._id, now)).toBeLessThanOrEqual(cap);
        for (const [id, token] of printedBy(child, "opened")) {
          opened += 1;
          const check = await validateSession(contextAt(models, now), token);
          if (check.ok) continue;
          expect(await models.UserSession.findById(id).lean()).toMatchObject({ revocationReason: "evicted" });
        }
        await models.User.updateOne({ _id: user._id }, { "security.limitPolicy": "deny" });
        await expectEverySlotFree(user);
      },
    );
    expect(opened).toBeGreaterThanOrEqual(kills.planned / 2);
  });

  it("of logins that are denied lose no slot", async () => {
    let user: UserDocument;
    await killOneByOne(
      "opened ",
      async () => {
        user = await makeCapped("deny");
        return { userId: user._id.toHexString(), times: 8, forever: true };
      },
      async (child) => {
        const live = await liveSessions(models, user._id, now);
        expect(live).toBeLessThanOrEqual(cap);
        expect(live).toBeGreaterThanOrEqual(printedBy(child, "opened").length);
        await expectEverySlotFree(user);
      },
    );
  });

  it("of rotations leave the last token that was heard of good, and raise no alarm", async () => {
    let userId: UserDocument["_id"];
    let first = "";
    let rotations = 0;
    const retried: boolean[] = [];
    await killOneByOne(
      "refreshed ",
      async () => {
        userId = (await makeUser(models))._id;
        first = (await openSession(contextAt(models, now), { userId })).token;
        return { token: first, times: 1, forever: true };
      },
      async (child) => {
        const heard = printedBy(child, "refreshed").flat();
        rotations += heard.length;
        const result = await refreshSession(contextAt(models, now), heard.at(-1) ?? first);
        if (!result.ok) throw new Error(`the client is locked out: ${result.reason}`);
        retried.push(result.retried);
        expect(await validateSession(contextAt(models, now), result.token)).toMatchObject({ ok: true });
        expect(await listSecurityEvents(contextAt(models), { userId, page: {} })).toEqual([]);
      },
      () => retried.includes(true),
    );
    expect(rotations).toBeGreaterThanOrEqual(kills.planned / 2);
    // Some were killed between the rotation and its answer.
    expect(retried).toContain(true);
  });
});
