import fc from "fast-check";
import type { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { recordLogin } from "../src/analytics/logins.js";
import { parseInput } from "../src/core/input.js";
import { duration } from "../src/core/limits.js";
import { hashPassword } from "../src/core/passwords.js";
import type { IdentityModels } from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { refreshSession } from "../src/sessions/refresh.js";
import { revokeSession } from "../src/sessions/revoke.js";
import {
  authenticateUser,
  readUser,
  registerUser,
  setUserRoles,
  setUserStatus,
} from "../src/users/accounts.js";
import { profileChangesSchema, registrationSchema, securityChangesSchema } from "../src/users/input.js";
import { setPassword } from "../src/users/password.js";
import { updateProfile, updateSecurity } from "../src/users/settings.js";
import { contextAt } from "./context.js";
import { makeUser, separateModels, useIdentityDatabase } from "./database.js";
import { now } from "./moment.js";

const password = "correct horse battery staple";
const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

describe("registerUser", () => {
  it("stores a normalised identity and no readable secret, and returns none", async () => {
    const user = await registerUser(contextAt(models, now), {
      email: "  Ada.Lovelace@Example.COM ",
      username: "Ada",
      password,
      displayName: "Ada",
    });
    expect(user).toMatchObject({ email: "ada.lovelace@example.com", username: "ada", status: "active" });
    expect(user).not.toHaveProperty("passwordHash");
    expect(user).not.toHaveProperty("auditKey");
    const stored = await models.User.collection.findOne({ _id: user._id });
    expect(stored?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(JSON.stringify(stored)).not.toContain(password);
    // The hash is never selected by default.
    expect(await models.User.findById(user._id).lean()).not.toHaveProperty("passwordHash");
  });

  it("lets one of many parallel registrations have an address", async () => {
    const attempts = Array.from({ length: 10 }, (_, index) =>
      registerUser(contextAt(models, now), {
        email: index % 2 ? "Same@example.com" : "same@EXAMPLE.com",
        password,
      }),
    );
    const settled = await Promise.allSettled(attempts);
    const refusals = settled.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    expect(refusals).toEqual(Array(9).fill("EMAIL_TAKEN"));
  });

  it("tells a taken username from a taken address", async () => {
    await registerUser(contextAt(models, now), { email: "first@example.com", username: "taken", password });
    const second = registerUser(contextAt(models, now), {
      email: "second@example.com",
      username: "TAKEN",
      password,
    });
    await expect(second).rejects.toMatchObject({ code: "USERNAME_TAKEN", kind: "caller" });
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["no password", { email: "a@example.com" }],
    ["a short password", { email: "a@example.com", password: "short" }],
    ["a huge password", { email: "a@example.com", password: "x".repeat(100_000) }],
    ["no address", { email: "nobody", password }],
    ["an operator for an address", { email: { $gt: "" }, password }],
    ["a huge address", { email: `${"a".repeat(300)}@example.com`, password }],
    ["an unknown field", { email: "a@example.com", password, status: "active", roles: ["admin"] }],
    ["control characters", { email: "a@example.com", password, displayName: "a\u0000b" }],
  ])("refuses %s, naming the path and never the value", async (_name, input) => {
    const refused = registerUser(contextAt(models, now), input as never);
    await expect(refused).rejects.toMatchObject({ code: "INVALID_INPUT", kind: "caller" });
    await expect(refused).rejects.not.toThrow(/short|xxx|aaa/);
  });

  it("refuses anything arbitrary by the same code", () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        expect(() => parseInput(registrationSchema, input)).toThrow(
          expect.objectContaining({ code: "INVALID_INPUT" }),
        );
      }),
    );
  });
});

describe("authenticateUser", () => {
  beforeAll(async () => {
    await registerUser(contextAt(models, now), { email: "login@example.com", username: "login", password });
  });

  it("names the account while its password is checked, and for nobody's an id that nobody has", async () => {
    const named: Types.ObjectId[] = [];
    const asked = {
      password: "a password of somebody else",
      beside: (id: Types.ObjectId) => void named.push(id),
    };
    const known = await authenticateUser(contextAt(models), { ...asked, identifier: "login" });
    await authenticateUser(contextAt(models), { ...asked, identifier: "nobody" });
    const [account, nobody] = named;
    expect(named).toHaveLength(2);
    expect(known).toMatchObject({ ok: false, userId: account });
    expect(await models.User.findById(nobody)).toBeNull();
  });

  it.each(["login@example.com", " LOGIN@example.com ", "Login"])("knows %j", async (identifier) => {
    expect(await authenticateUser(contextAt(models), { identifier, password })).toMatchObject({
      ok: true,
    });
  });

  it.each([
    ["login@example.com", "wrong password"],
    ["login@example.com", ""],
    ["nobody@example.com", password],
    ["nobody", password],
    ["", password],
    ["$where", password],
  ])("refuses %j with %j by one answer", async (identifier, attempt) => {
    const answer = await authenticateUser(contextAt(models), { identifier, password: attempt });
    expect(answer).toMatchObject({ ok: false, reason: "bad_credentials" });
  });

  it("accepts a password in another Unicode form, and refuses one that only starts alike", async () => {
    const composed = "pass\u00e9 partout, encore une fois";
    await registerUser(contextAt(models, now), { email: "nfc@example.com", password: composed });
    const attempt = (text: string) =>
      authenticateUser(contextAt(models), { identifier: "nfc@example.com", password: text });
    expect(await attempt(composed.normalize("NFD"))).toMatchObject({ ok: true });
    expect(await attempt(`${composed}!`)).toMatchObject({ ok: false });
  });

  it("tells that an account is not active only to who knows the password", async () => {
    const user = await registerUser(contextAt(models, now), { email: "gone@example.com", password });
    await setUserStatus(contextAt(models, now), { userId: user._id, status: "suspended" });
    const attempt = (text: string) =>
      authenticateUser(contextAt(models), { identifier: "gone@example.com", password: text });
    expect(await attempt(password)).toMatchObject({ reason: "not_active" });
    expect(await attempt("wrong password")).toMatchObject({ reason: "bad_credentials" });
  });

  it("gives the generation that makes a login fail once all sessions were ended", async () => {
    const user = await registerUser(contextAt(models, now), { email: "race@example.com", password });
    const authentication = await authenticateUser(contextAt(models), {
      identifier: "race@example.com",
      password,
    });
    if (!authentication.ok) throw new Error(authentication.reason);
    await setUserStatus(contextAt(models, now), { userId: user._id, status: "suspended" });
    await setUserStatus(contextAt(models, now), { userId: user._id, status: "active" });
    await expect(openSession(contextAt(models, now), authentication)).rejects.toMatchObject({
      code: "SESSIONS_REVOKED",
    });
  });
});

describe("settings", () => {
  it("changes what is named, clears what is null, and keeps the rest", async () => {
    const user = await makeUser(models, { profile: { bio: "old", company: "Old & Co" } });
    const changes = { displayName: "New", company: null, timezone: "Europe/Oslo", language: "nb-NO" };
    const updated = await updateProfile(contextAt(models, now), { userId: user._id, changes });
    expect(updated.profile).toMatchObject({
      displayName: "New",
      bio: "old",
      timezone: "Europe/Oslo",
      theme: "system",
    });
    expect(updated.profile).not.toHaveProperty("company");
    expect(updated.updatedAt).toEqual(now);
  });

  it("keeps an allowlist in canonical form", async () => {
    const user = await makeUser(models);
    const changes = { ipAllowlist: ["192.0.2.77/24", "2001:DB8::1", "::ffff:10.0.0.1"] };
    const updated = await updateSecurity(contextAt(models, now), { userId: user._id, changes });
    expect(updated.security.ipAllowlist).toEqual(["192.0.2.0/24", "2001:db8::1/128", "10.0.0.1/32"]);
    expect(updated.security.maxConcurrentSessions).toBe(10);
  });

  it.each<[string, object]>([
    ["an unknown zone", { timezone: "Mars/Olympus" }],
    ["an unknown language", { language: "not a language" }],
    ["a long bio", { bio: "x".repeat(2_001) }],
    ["a NUL in the bio", { bio: "a\u0000b" }],
    ["an operator", { $set: { status: "active" } }],
    ["a dotted path", { "security.limitPolicy": "deny" }],
    ["a prototype key", JSON.parse('{"__proto__": {"theme": "dark"}}')],
  ])("refuses %s in a profile", (_name, changes) => {
    expect(() => parseInput(profileChangesSchema, changes)).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT" }),
    );
  });

  it.each<[string, object]>([
    ["no session at all", { maxConcurrentSessions: 0 }],
    ["too many sessions", { maxConcurrentSessions: 101 }],
    ["half a session", { maxConcurrentSessions: 1.5 }],
    ["an endless timeout", { idleTimeoutMs: Number.POSITIVE_INFINITY }],
    ["an address with a leading zero", { ipAllowlist: ["010.0.0.1"] }],
    ["too many ranges", { ipAllowlist: Array(65).fill("192.0.2.1") }],
  ])("refuses %s in the security settings", (_name, changes) => {
    expect(() => parseInput(securityChangesSchema, changes)).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT" }),
    );
  });

  it("says so when there is no such user", async () => {
    const userId = new models.User()._id;
    await expect(updateProfile(contextAt(models, now), { userId, changes: {} })).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
    await expect(readUser(contextAt(models), userId)).rejects.toMatchObject({ code: "USER_NOT_FOUND" });
  });
});

describe("recordLogin", () => {
  it("keeps devices and countries bounded, the longest unseen leaving first", async () => {
    const user = await makeUser(models);
    const device = (index: number) => Buffer.from(String(index).padStart(16, "d"));
    for (let index = 0; index < 40; index++) {
      const login = { userId: user._id, deviceHash: device(index), deviceLabel: "$where", country: "NO" };
      await recordLogin(contextAt(models, new Date(now.getTime() + index * duration.minute)), login);
    }
    const again = new Date(now.getTime() + duration.day);
    await recordLogin(contextAt(models, again), {
      userId: user._id,
      deviceHash: device(20),
      deviceLabel: "x",
      country: "BR",
    });
    const { analytics, lastActiveAt } = await readUser(contextAt(models), user._id);
    expect(analytics.logins).toBe(41);
    expect(analytics.devices).toHaveLength(32);
    expect(analytics.devices[0]).toMatchObject({ deviceHash: device(20), lastSeenAt: again });
    expect(analytics.devices[0]?.firstSeenAt).toEqual(new Date(now.getTime() + 20 * duration.minute));
    expect(analytics.devices.map(({ deviceHash }) => deviceHash)).not.toContain(device(0));
    expect(analytics.countries).toEqual([
      { code: "BR", logins: 1, lastSeenAt: again },
      { code: "NO", logins: 40, lastSeenAt: new Date(now.getTime() + 39 * duration.minute) },
    ]);
    expect(lastActiveAt).toEqual(again);
  });
});

describe("setPassword", () => {
  it("ends every session but the one it was changed in, which counts for the cap as before", async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 3, limitPolicy: "deny" } });
    const userId = user._id;
    const [mine, other] = [
      await openSession(contextAt(models, now), { userId }),
      await openSession(contextAt(models, now), { userId }),
    ];
    const input = { userId, password: "another fine password", keepToken: mine.token };
    const { ended, session } = await setPassword(contextAt(models, now), input);
    expect([ended, session?.id]).toEqual([1, mine.id]);
    expect(await validateSession(contextAt(models, now), session?.token)).toMatchObject({ ok: true });
    expect(await validateSession(contextAt(models, now), other.token)).toMatchObject({ reason: "revoked" });
    const credentials = { identifier: user.email, password: "another fine password" };
    expect(await authenticateUser(contextAt(models), credentials)).toMatchObject({ ok: true });
    await openSession(contextAt(models, now), { userId });
    await openSession(contextAt(models, now), { userId });
    await expect(openSession(contextAt(models, now), { userId })).rejects.toMatchObject({
      code: "SESSION_LIMIT_REACHED",
    });
    expect(await listSecurityEvents(contextAt(models), { userId, page: {} })).toMatchObject([
      { kind: "password_changed" },
    ]);
  });

  it("refuses a login that was authenticated with the old password", async () => {
    const user = await makeUser(models);
    const before = { userId: user._id, sessionGeneration: user.sessionGeneration };
    const input = { userId: user._id, password: "another fine password" };
    expect(await setPassword(contextAt(models, now), input)).toEqual({ ended: 0 });
    await expect(openSession(contextAt(models, now), before)).rejects.toMatchObject({
      code: "SESSIONS_REVOKED",
    });
  });

  it("refuses a short password and an unknown user", async () => {
    const { _id: userId } = await makeUser(models);
    await expect(setPassword(contextAt(models, now), { userId, password: "short" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    const unknown = { userId: new models.User()._id, password: "another fine password" };
    await expect(setPassword(contextAt(models, now), unknown)).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
  });

  it("gives the session that goes on another token, and the ones before are dead at once", async () => {
    const { _id: userId } = await makeUser(models);
    const first = await openSession(contextAt(models, now), { userId });
    const rotated = await refreshSession(contextAt(models, now), first.token);
    if (!rotated.ok) throw new Error(rotated.reason);
    const later = new Date(now.getTime() + 10 * duration.second);
    // In its grace, so good enough to be kept.
    const input = { userId, password: "another fine password", keepToken: first.token };
    const { session } = await setPassword(contextAt(models, later), input);
    for (const token of [first.token, rotated.token]) {
      expect(await validateSession(contextAt(models, later), token)).toEqual({
        ok: false,
        reason: "rotated",
      });
    }
    expect(await validateSession(contextAt(models, later), session?.token)).toMatchObject({
      ok: true,
      session: { id: first.id, authenticatedAt: later, idleExpiresAt: session?.idleExpiresAt },
    });
    expect(await refreshSession(contextAt(models, later), session?.token)).toMatchObject({ ok: true });
  });

  it("changes nothing for a token that stands for no live session of the user", async () => {
    const { _id: userId, email } = await makeUser(models, { passwordHash: await hashPassword(password) });
    const stranger = await openSession(contextAt(models, now), { userId: (await makeUser(models))._id });
    const ended = await openSession(contextAt(models, now), { userId });
    const live = await openSession(contextAt(models, now), { userId });
    await revokeSession(contextAt(models, now), { userId, sessionId: ended.id });
    for (const keepToken of [stranger.token, ended.token, "ids_typo", null]) {
      const change = setPassword(contextAt(models, now), {
        userId,
        password: "another fine password",
        keepToken,
      });
      await expect(change).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
    }
    expect(await validateSession(contextAt(models, now), live.token)).toMatchObject({ ok: true });
    expect(await authenticateUser(contextAt(models), { identifier: email, password })).toMatchObject({
      ok: true,
    });
  });

  it("lets one of 20 parallel changes from one session have it, and the others change nothing", async () => {
    const user = await makeUser(models);
    const { token } = await openSession(contextAt(models, now), { userId: user._id });
    const attempts = separateModels(database(), 20).map(async (separate, index) => {
      const chosen = `a password of number ${index}`;
      return {
        chosen,
        ...(await setPassword(contextAt(separate, now), {
          userId: user._id,
          password: chosen,
          keepToken: token,
        })),
      };
    });
    const settled = await Promise.allSettled(attempts);
    const done = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    expect(refused).toEqual(Array(19).fill("SESSION_NOT_FOUND"));
    expect(await validateSession(contextAt(models, now), done[0]?.session?.token)).toMatchObject({
      ok: true,
    });
    const credentials = { identifier: user.email, password: done[0]?.chosen ?? "" };
    expect(await authenticateUser(contextAt(models), credentials)).toMatchObject({ ok: true });
  });
});

describe("setUserRoles", () => {
  it("reaches live sessions, and logins that race with it", async () => {
    const { _id: userId } = await makeUser(models, { security: { maxConcurrentSessions: 50 } });
    const first = await openSession(contextAt(models, now), { userId });
    const [, ...raced] = await Promise.all([
      setUserRoles(contextAt(models, now), { userId, roles: ["editor", "editor", "admin"] }),
      ...separateModels(database(), 20).map((separate) => openSession(contextAt(separate, now), { userId })),
    ]);
    for (const { token } of [first, ...raced]) {
      const check = await validateSession(contextAt(models, now), token);
      expect(check).toMatchObject({ ok: true, session: { roles: ["editor", "admin"] } });
    }
  });

  it("refuses roles out of bounds and an unknown user", async () => {
    const { _id: userId } = await makeUser(models);
    const tooMany = { userId, roles: Array.from({ length: 33 }, (_, index) => `role-${index}`) };
    await expect(setUserRoles(contextAt(models, now), tooMany)).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    const unknown = { userId: new models.User()._id, roles: [] };
    await expect(setUserRoles(contextAt(models, now), unknown)).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
  });
});
