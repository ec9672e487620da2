import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Types } from "mongoose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Identity } from "../src/index.js";
import { metricsOf, openCached, until, untilRemembered, untilTrusted } from "./cached-identity.js";
import { commandsDuring, createIndexes, makeUser } from "./database.js";

const temporary = useTemporaryDatabase({ label: "session-cache" });
let now = new Date();
const clock = { now: () => now };
/** Two instances, as two processes would be: each has a pool, a memory and a stream of its own. */
let here: Identity;
let there: Identity;

beforeAll(async () => {
  here = await openCached(temporary.uri, { clock });
  await createIndexes(here.models);
  there = await openCached(temporary.uri, { clock });
});
afterAll(() => Promise.all([here?.close(), there?.close()]));

async function signIn(
  fields: object = {},
): Promise<{ userId: Types.ObjectId; id: Types.ObjectId; token: string }> {
  const { _id: userId } = await makeUser(here.models, fields);
  const { id, token } = await here.sessions.open({ userId });
  return { userId, id, token };
}

/** A session that both instances have in memory. */
async function rememberedSession(fields: object = {}) {
  const session = await signIn(fields);
  await Promise.all([untilTrusted(here), untilTrusted(there)]);
  await Promise.all([untilRemembered(here, session.token), untilRemembered(there, session.token)]);
  return session;
}

const connectionOf = (identity: Identity) => ({ connection: identity.models.User.db });
const refusal = (reason: string) => ({ ok: false, reason });

describe("a session in memory", () => {
  it("is checked without a command, and tells what the read tells", async () => {
    const { token } = await signIn({ roles: ["member"] });
    await untilTrusted(here);
    const read = await here.sessions.validate(token);
    await untilRemembered(here, token);
    const { result, commands } = await commandsDuring(connectionOf(here), () =>
      here.sessions.validate(token),
    );
    expect(commands).toEqual([]);
    expect(result).toEqual(read);
  });

  it("is read once for a hundred checks at the same time", async () => {
    const { token } = await signIn();
    await untilTrusted(here);
    const { result, commands } = await commandsDuring(connectionOf(here), () =>
      Promise.all(Array.from({ length: 100 }, () => here.sessions.validate(token))),
    );
    expect(result.every(({ ok }) => ok)).toBe(true);
    expect(commands.filter((name) => name === "find")).toHaveLength(1);
  });

  it("is not changed by who changes an answer", async () => {
    const { token } = await rememberedSession({ roles: ["member"] });
    const first = await here.sessions.validate(token);
    if (!first.ok) throw new Error(first.reason);
    first.session.roles.push("identity:admin");
    first.session.absoluteExpiresAt.setFullYear(3000);
    first.session.risk.reasons.push("made-up");
    const second = await here.sessions.validate(token);
    expect(second).toMatchObject({ session: { roles: ["member"], risk: { reasons: [] } } });
    expect(second.ok && second.session.absoluteExpiresAt.getFullYear()).not.toBe(3000);
  });

  it("answers to its own token only", async () => {
    const { token } = await rememberedSession();
    const { hits } = metricsOf(here);
    // The same handle with other secrets: an older token of the session, and an invented one.
    const refreshed = await here.sessions.refresh(token);
    now = new Date(now.getTime() + 31_000);
    expect(await here.sessions.validate(token)).toEqual(refusal("rotated"));
    expect(await here.sessions.validate(`${token.slice(0, 30)}AAAA${token.slice(34)}`)).toEqual(
      refusal("malformed"),
    );
    expect(metricsOf(here).hits).toBe(hits);
    expect(refreshed.ok && (await here.sessions.validate(refreshed.token)).ok).toBe(true);
  });

  it("keeps nothing of what is refused", async () => {
    const { token, id, userId } = await signIn();
    await here.sessions.revoke({ sessionId: id, userId });
    const { entries } = metricsOf(here);
    for (const presented of [token, "", 7, `${token}x`]) await here.sessions.validate(presented);
    expect(metricsOf(here).entries).toBe(entries);
  });

  it("expires at the millisecond at which it expires", async () => {
    const { token } = await rememberedSession({ security: { idleTimeoutMs: 60_000 } });
    const { hits } = metricsOf(here);
    const opened = now;
    now = new Date(opened.getTime() + 59_999);
    expect(await here.sessions.validate(token, { touch: false })).toMatchObject({ ok: true });
    expect(metricsOf(here).hits).toBe(hits + 1);
    now = new Date(opened.getTime() + 60_000);
    expect(await here.sessions.validate(token)).toEqual(refusal("idle_expired"));
  });

  it("is written once per interval, and answers with the expiry that was written", async () => {
    const { token, id } = await rememberedSession();
    now = new Date(now.getTime() + 61_000);
    const checks = await commandsDuring(connectionOf(here), () =>
      Promise.all(Array.from({ length: 20 }, () => here.sessions.validate(token))),
    );
    expect(checks.commands).toEqual(["update"]);
    expect(checks.result.filter((check) => check.ok && check.touched)).toHaveLength(1);
    const stored = await here.models.UserSession.findById(id).lean();
    const again = await here.sessions.validate(token);
    expect(again).toMatchObject({
      ok: true,
      touched: false,
      session: { idleExpiresAt: stored?.idleExpiresAt },
    });
    expect(stored?.lastSeenAt).toEqual(now);
  });

  it("is read again when another instance has written its use first", async () => {
    const { token } = await rememberedSession();
    now = new Date(now.getTime() + 61_000);
    expect(await there.sessions.validate(token)).toMatchObject({ ok: true, touched: true });
    const { untouched } = metricsOf(here);
    expect(await here.sessions.validate(token)).toMatchObject({ ok: true });
    expect(metricsOf(here).untouched).toBe(untouched + 1);
  });
});

describe("a change", () => {
  const changes: Record<
    string,
    (by: Identity, session: { userId: Types.ObjectId; id: Types.ObjectId; token: string }) => Promise<unknown>
  > = {
    "of one session that is revoked": (by, { userId, id }) => by.sessions.revoke({ userId, sessionId: id }),
    "of every session that is revoked": (by, { userId }) => by.sessions.revokeAll({ userId }),
    "of an account that is suspended": (by, { userId }) =>
      by.users.setStatus({ userId, status: "suspended" }),
    "of a password": (by, { userId }) =>
      by.users.setPassword({ userId, password: "a quiet harbour in november" }),
    "of a person who is erased": (by, { userId }) => by.privacy.erase({ userId }),
    "by an application of its own": (by, { id }) =>
      by.models.UserSession.collection.updateOne({ _id: id }, { $set: { revokedAt: now } }),
  };

  it.each(Object.keys(changes))("%s is seen at once by the process that makes it", async (name) => {
    const session = await rememberedSession();
    await changes[name]!(here, session);
    expect(await here.sessions.validate(session.token)).toMatchObject({ ok: false });
  });

  it.each(Object.keys(changes))("%s is seen by another process that had it in memory", async (name) => {
    const session = await rememberedSession();
    const { hits } = metricsOf(there);
    expect(await there.sessions.validate(session.token)).toMatchObject({ ok: true });
    expect(metricsOf(there).hits).toBe(hits + 1);
    await changes[name]!(here, session);
    await until(async () => !(await there.sessions.validate(session.token)).ok);
  });

  it("of roles comes with the next check here, and soon elsewhere", async () => {
    const { userId, token } = await rememberedSession({ roles: ["member"] });
    await here.users.setRoles({ userId, roles: ["editor"] });
    expect(await here.sessions.validate(token)).toMatchObject({ session: { roles: ["editor"] } });
    await until(async () => {
      const check = await there.sessions.validate(token);
      return check.ok && check.session.roles.includes("editor");
    });
  });

  it("of the token leaves the one before good for its grace, and no longer", async () => {
    const { token } = await rememberedSession();
    const refreshed = await there.sessions.refresh(token);
    if (!refreshed.ok) throw new Error(refreshed.reason);
    for (const one of [token, refreshed.token]) await untilRemembered(there, one);
    now = new Date(now.getTime() + 29_999);
    const { hits } = metricsOf(there);
    expect(await there.sessions.validate(token)).toMatchObject({ ok: true });
    expect(metricsOf(there).hits).toBe(hits + 1);
    now = new Date(now.getTime() + 1);
    expect(await there.sessions.validate(token)).toEqual(refusal("rotated"));
    expect(await there.sessions.validate(refreshed.token)).toMatchObject({ ok: true });
  });

  it("of use alone is kept from the stream", async () => {
    const { token, id, userId } = await rememberedSession();
    await here.sessions.incrementApiUsage({ userId, sessionId: id, endpoint: "GET /things" });
    now = new Date(now.getTime() + 61_000);
    await here.sessions.validate(token);
    const { echoes, hits } = metricsOf(there);
    // A heartbeat that returns later was sent later: the use would have come before.
    await until(async () => {
      await there.sessions.validate("ids_");
      return metricsOf(there).echoes > echoes + 1;
    });
    expect(await there.sessions.validate(token, { touch: false })).toMatchObject({ ok: true });
    expect(metricsOf(there).hits).toBe(hits + 1);
  });
});
