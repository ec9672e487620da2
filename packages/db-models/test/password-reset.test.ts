import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { Types } from "mongoose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { createApiKey } from "../src/api-keys/manage.js";
import { duration } from "../src/core/limits.js";
import { hashPassword } from "../src/core/passwords.js";
import { mintToken } from "../src/core/secrets.js";
import { readFactors } from "../src/factors/account.js";
import { createIdentity, type IdentityModels, type UserDocument } from "../src/index.js";
import { reserveLoginAttempt } from "../src/logins/reserve.js";
import { settleLoginAttempt } from "../src/logins/settle.js";
import { validateAccessToken } from "../src/oauth/access.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { authenticateUser, readUser, registerUser, setUserStatus } from "../src/users/accounts.js";
import { requestEmailVerification } from "../src/users/email-verification.js";
import { setPassword } from "../src/users/password.js";
import { requestPasswordReset, resetPassword } from "../src/users/password-reset.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, separateModels, useIdentityDatabase } from "./database.js";
import { enrolled } from "./factors-world.js";
import { after, now } from "./moment.js";
import { codeFor, exchange, granted, makeWorld } from "./oauth-world.js";
import { verifyApiKey } from "./recorders.js";

const [before, chosen] = ["the password of before", "the password of after"];
const database = useIdentityDatabase();
let models: IdentityModels;
let passwordHash: string;
beforeAll(async () => {
  models = database().models;
  passwordHash = await hashPassword(before);
});

const makeOwner = (fields: object = {}) => makeUser(models, { passwordHash, ...fields });

async function tokenFor({ email }: Pick<UserDocument, "email">, at = now): Promise<string> {
  const asked = await requestPasswordReset(contextAt(models, at), { email });
  if (!asked.ok) throw new Error(asked.reason);
  return asked.token;
}

const signsIn = async ({ email }: UserDocument, password: string) =>
  (await authenticateUser(contextAt(models), { identifier: email, password })).ok;

describe("requestPasswordReset", () => {
  it("gives a token for the account's address, good for an hour, and tells the owner", async () => {
    const user = await makeOwner();
    const asked = await requestPasswordReset(contextAt(models, now), {
      email: ` ${user.email.toUpperCase()} `,
      origin: { device: "curl" },
    });
    expect(asked).toMatchObject({ ok: true, email: user.email, expiresAt: after(duration.hour) });
    expect(await listSecurityEvents(contextAt(models), { userId: user._id })).toMatchObject([
      { kind: "password_reset_requested", device: "curl" },
    ]);
    expect(await readUser(contextAt(models), user._id)).not.toHaveProperty("passwordReset");
  });

  it.each<[string, object, string]>([
    ["pending", { status: "pending" }, "not_active"],
    ["suspended", { status: "suspended" }, "not_active"],
    ["deleted", { status: "deleted" }, "not_active"],
    ["one that signs in through somebody else", { passwordHash: undefined }, "no_password"],
  ])("gives none for an account that is %s, and stores nothing", async (_name, fields, reason) => {
    const user = await makeOwner(fields);
    const stored = () => models.User.collection.findOne({ _id: user._id });
    const untouched = await stored();
    const asked = await requestPasswordReset(contextAt(models, now), { email: user.email });
    expect(asked).toEqual({ ok: false, reason, userId: user._id });
    expect(await stored()).toEqual(untouched);
    expect(await listSecurityEvents(contextAt(models), { userId: user._id })).toEqual([]);
  });

  it("gives none for nobody, and refuses what is no address", async () => {
    expect(await requestPasswordReset(contextAt(models, now), { email: "nobody@example.com" })).toEqual({
      ok: false,
      reason: "unknown",
    });
    for (const email of ["nobody", { $gt: "" }, undefined]) {
      const asked = requestPasswordReset(contextAt(models, now), { email: email as string });
      await expect(asked).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
    for (const policy of [
      { passwordResetLifetimeMs: 2 * duration.day },
      { maxMessages: 0 },
      // The last token would be over while another is refused.
      { passwordResetLifetimeMs: duration.hour, messageWindowMs: 2 * duration.hour },
    ]) {
      const attempt = () => createIdentity({ connection: database().connection, oneTimeTokens: policy });
      expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    }
  });

  const askAtOnce = async ({ email }: UserDocument, requests: number, at: Date) => {
    const asked = separateModels(database(), requests).map((separate) =>
      requestPasswordReset(contextAt(separate, at), { email }),
    );
    return (await Promise.all(asked)).filter(({ ok: issued }) => issued).length;
  };
  const messagesOf = async ({ _id }: UserDocument) =>
    ((await models.User.collection.findOne({ _id })) as unknown as UserDocument).messagesAt;

  it("sends one account no more than five tokens an hour, of 100 requests at once", async () => {
    const user = await makeOwner();
    expect(await askAtOnce(user, 100, now)).toBe(5);
    expect(await askAtOnce(user, 10, after(duration.hour - 1))).toBe(0);
    // The first of them is an hour old.
    expect(await askAtOnce(user, 10, after(duration.hour))).toBe(5);
    expect((await messagesOf(user))?.passwordReset).toHaveLength(10);
  });

  // Taken from public reports: anybody may ask for a reset, and took the owner's verification token away by it.
  it("counts each kind by itself: a stranger's resets leave the owner a verification token", async () => {
    const user = await makeOwner();
    const { _id: userId } = user;
    expect(await askAtOnce(user, 100, now)).toBe(5);
    const asked = separateModels(database(), 100).map((separate) =>
      requestEmailVerification(contextAt(separate, now), { userId }),
    );
    const answers = await Promise.all(asked);
    expect(answers.filter(({ ok: issued }) => issued)).toHaveLength(5);
    expect(answers.find(({ ok: issued }) => !issued)).toEqual({ ok: false, reason: "too_many_messages" });
    // And the other way round.
    expect(await askAtOnce(user, 1, after(duration.hour))).toBe(1);
  });

  it("does not count what a clock that was a year ahead sent, and forgets it", async () => {
    const user = await makeOwner();
    const nextYear = after(365 * duration.day);
    expect(await askAtOnce(user, 10, nextYear)).toBe(5);
    expect(await askAtOnce(user, 10, now)).toBe(5);
    expect((await messagesOf(user))?.passwordReset).toEqual(Array(5).fill(now));
  });

  it("leaves the last token good as long as it refuses another", async () => {
    const user = await makeOwner();
    let last = "";
    for (let count = 0; count < 5; count++) last = await tokenFor(user);
    const at = after(duration.hour - 1);
    expect(await requestPasswordReset(contextAt(models, at), { email: user.email })).toMatchObject({
      ok: false,
    });
    expect(await resetPassword(contextAt(models, at), { token: last, password: chosen })).toMatchObject({
      ok: true,
    });
  });
});

describe("resetPassword", () => {
  it("sets the password, ends every session, and opens none", async () => {
    const user = await makeOwner();
    const userId = user._id;
    const open = [
      await openSession(contextAt(models, now), { userId }),
      await openSession(contextAt(models, now), { userId }),
    ];
    const origin = { network: "203.0.113.0/24" };
    const reset = await resetPassword(contextAt(models, now), {
      token: await tokenFor(user),
      password: chosen,
      origin,
    });
    expect(reset).toEqual({ ok: true, userId, email: user.email, ended: 2 });
    for (const { token } of open) {
      expect(await validateSession(contextAt(models, now), token)).toEqual({
        ok: false,
        reason: "revoked",
      });
    }
    expect([await signsIn(user, before), await signsIn(user, chosen)]).toEqual([false, true]);
    expect(await models.UserSession.countDocuments({ userId, revokedAt: null })).toBe(0);
    const kinds = (await listSecurityEvents(contextAt(models), { userId })).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(["email_verified", "password_reset", "password_reset_requested"]);
  });

  it("leaves the second factor, the status, the roles and the address as they are", async () => {
    const user = await makeOwner({ roles: ["editor"], emailVerifiedAt: now });
    await enrolled(models, user._id, now);
    const factors = await readFactors(contextAt(models, now), { userId: user._id });
    await resetPassword(contextAt(models, now), { token: await tokenFor(user), password: chosen });
    const after = await readUser(contextAt(models), user._id);
    expect(factors).toMatchObject({ totp: { confirmedAt: now }, recoveryCodes: 10 });
    expect(await readFactors(contextAt(models, now), { userId: user._id })).toEqual(factors);
    expect([after.status, after.roles, after.email]).toEqual(["active", ["editor"], user.email]);
  });

  // Taken from public reports (freehire 1238, keycloak 48206): who registers somebody's address makes a key, and waits.
  it("ends what was made before on an account whose address nobody has verified", async () => {
    const world = await makeWorld(models);
    const { user } = world;
    const identity = { key: "oidc:squatter", provider: "oidc", linkedAt: now };
    await models.User.updateOne({ _id: user._id }, { passwordHash, externalIdentities: [identity] });
    await enrolled(models, user._id, now);
    const { accessToken } = granted(await exchange(models, world, await codeFor(models, world)));
    const { key } = await createApiKey(contextAt(models, now), {
      userId: user._id,
      name: "squatter's",
      scopes: [],
    });
    const token = await tokenFor(user);
    await resetPassword(contextAt(models, now), { token, password: chosen });
    expect(await verifyApiKey(models, { key }, now)).toMatchObject({ ok: false, reason: "revoked" });
    expect(await validateAccessToken(contextAt(models, now), accessToken)).toMatchObject({ ok: false });
    expect((await readUser(contextAt(models), user._id)).externalIdentities).toBeUndefined();
    // Nor is the owner asked for a factor that they never had (kody 1977, PostHog 95456, super-productivity 9032).
    expect(await models.UserFactors.findOne({ userId: user._id })).toBeNull();
    await enrolled(models, user._id, after(1));
    const owners = await createApiKey(contextAt(models, after(1)), {
      userId: user._id,
      name: "owner's",
      scopes: [],
    });
    // Presented again, the token completes what a crash may have left, and touches nothing that came later.
    expect(await resetPassword(contextAt(models, after(2)), { token, password: chosen })).toMatchObject({
      reason: "used",
    });
    expect(await verifyApiKey(models, { key: owners.key }, after(2))).toMatchObject({ ok: true });
    // The address is verified now: a second reset leaves the owner's key as it is.
    const second = await tokenFor(user, after(3));
    await resetPassword(contextAt(models, after(4)), { token: second, password: before });
    expect(await verifyApiKey(models, { key: owners.key }, after(5))).toMatchObject({ ok: true });
    expect(await readFactors(contextAt(models, after(5)), { userId: user._id })).toMatchObject({
      totp: { confirmedAt: after(1) },
    });
  });

  // Sudhodanan and Paverd, "Pre-hijacked accounts", 2022: with the stranger's settings the owner would never hear of a new
  // device, and could not sign in while the stranger's one session lives.
  it("leaves no setting of who registered the address before, whatever fields there are", async () => {
    const session = new Types.ObjectId();
    const moment = { at: now, firstSeenAt: now, lastSeenAt: now, linkedAt: now, requestedAt: now };
    const settable = {
      passwordResetAt: after(-duration.day),
      profile: {
        displayName: "M",
        bio: "b",
        company: "c",
        location: "l",
        timezone: "Asia/Tokyo",
        language: "ar",
        theme: "dark",
      },
      security: {
        idleTimeoutMs: duration.minute,
        absoluteLifetimeMs: duration.minute,
        maxConcurrentSessions: 1,
        limitPolicy: "deny",
        alerts: { newDevice: false, newLocation: false },
        ipAllowlist: ["192.0.2.0/24"],
      },
      analytics: {
        engagementScore: 90,
        logins: 7,
        lastLoginAt: now,
        devices: [{ ...moment, deviceHash: randomBytes(16), label: "the stranger's" }],
        countries: [{ ...moment, code: "NO", logins: 1 }],
      },
      externalIdentities: [{ ...moment, key: randomBytes(32), provider: "oidc" }],
      emailChange: { tokenHash: randomBytes(32), email: "m@example.com", expiresAt: now },
      emailUndos: [
        {
          ...moment,
          email: "m@example.com",
          tokenHashes: [randomBytes(32)],
          expiresAt: now,
          requestedInSession: session,
        },
      ],
    };
    const kept = [
      ...[
        "_id",
        "email",
        "username",
        "status",
        "suspendedFrom",
        "roles",
        "subscription",
        "apiUsage",
        "passwordReset",
      ],
      ...["emailVerification", "messagesAt", "sessionGeneration", "auditKey", "createdAt", "updatedAt"],
      ...["lastActiveAt", "purgeAt", "schemaVersion"],
    ];
    const ofTheReset = ["passwordHash", "passwordChangedAt", "emailVerifiedAt"];
    // A new field falls under the rule by itself; a person who adds one says here of what kind it is.
    expect(Object.keys(models.User.schema.paths).sort()).toEqual(
      [...kept, ...ofTheReset, ...Object.keys(settable)].sort(),
    );
    const [squatted, fresh] = [await makeOwner(settable), await makeOwner()];
    for (const user of [squatted, fresh])
      await resetPassword(contextAt(models, now), { token: await tokenFor(user), password: chosen });
    const settingsOf = async ({ _id }: UserDocument) => {
      const stored: Record<string, unknown> = { ...(await models.User.collection.findOne({ _id })) };
      return Object.fromEntries(Object.keys(settable).map((field) => [field, stored[field]]));
    };
    expect(await settingsOf(squatted)).toEqual(await settingsOf(fresh));
    expect(await settingsOf(squatted)).toMatchObject({
      profile: { timezone: "UTC", language: "en", theme: "system" },
      security: undefined,
    });
  });

  // Taken from public reports (saas-starter 813, wasp 4696): a change with the old password wins over the owner's reset.
  it("stands, whatever change of the password is under way with the old one", async () => {
    const user = await makeOwner();
    const { token: session } = await openSession(contextAt(models, now), { userId: user._id });
    const resetBetween = async () => {
      const token = await tokenFor(user);
      expect(await resetPassword(contextAt(models, now), { token, password: chosen })).toMatchObject({
        ok: true,
      });
      return false;
    };
    const context = { ...contextAt(models, now), isBreached: resetBetween };
    const change = (keep: object) =>
      setPassword(context, { userId: user._id, password: "the thief has chosen", ...keep });
    await expect(change({ keepToken: session })).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
    expect(await signsIn(user, chosen)).toBe(true);
    const { token: owners } = await openSession(contextAt(models, now), { userId: user._id });
    await expect(change({})).rejects.toMatchObject({ code: "CONTENTION" });
    expect(await signsIn(user, chosen)).toBe(true);
    expect(await signsIn(user, "the thief has chosen")).toBe(false);
    // Ended by the second reset, not by the change that came to nothing.
    expect(await validateSession(contextAt(models, now), owners)).toMatchObject({ ok: false });
    const { token: last } = await openSession(contextAt(models, now), { userId: user._id });
    expect(await validateSession(contextAt(models, now), last)).toMatchObject({ ok: true });
  });

  // Taken from public reports (fxa-auth-server 690, better-auth 1814, pocketbase 4066, otari 721).
  it("verifies the address that the token was sent to, and leaves an earlier date as it is", async () => {
    const [fresh, verified] = [await makeOwner(), await makeOwner({ emailVerifiedAt: after(-duration.day) })];
    for (const user of [fresh, verified]) {
      await resetPassword(contextAt(models, after(1)), { token: await tokenFor(user), password: chosen });
    }
    const verifiedAt = async ({ _id }: UserDocument) =>
      (await readUser(contextAt(models), _id)).emailVerifiedAt;
    expect([await verifiedAt(fresh), await verifiedAt(verified)]).toEqual([after(1), after(-duration.day)]);
    const { _id: userId } = fresh;
    expect(await requestEmailVerification(contextAt(models, after(2)), { userId })).toMatchObject({
      reason: "already_verified",
    });
  });

  it("refuses a token that a clock ten years ahead minted", async () => {
    const user = await makeOwner();
    const token = await tokenFor(user, after(3_650 * duration.day));
    expect(await resetPassword(contextAt(models, now), { token, password: chosen })).toMatchObject({
      reason: "expired",
    });
    expect(
      await resetPassword(contextAt(models, now), { token: await tokenFor(user), password: chosen }),
    ).toMatchObject({
      ok: true,
    });
  });

  it("lets the owner in from any address again, whatever the allowlist was", async () => {
    const user = await makeOwner({ security: { ipAllowlist: ["192.0.2.0/24"] } });
    const { _id: userId } = user;
    const open = () => openSession(contextAt(models, now), { userId, ip: "203.0.113.7" });
    await expect(open()).rejects.toMatchObject({ code: "ADDRESS_NOT_ALLOWED" });
    await resetPassword(contextAt(models, now), { token: await tokenFor(user), password: chosen });
    expect((await open()).id).toBeDefined();
  });

  it("keeps API keys and what apps were granted, as a change of the password does", async () => {
    const world = await makeWorld(models);
    const { user } = world;
    await models.User.updateOne({ _id: user._id }, { passwordHash, emailVerifiedAt: now });
    const { accessToken } = granted(await exchange(models, world, await codeFor(models, world)));
    const { key } = await createApiKey(contextAt(models, now), { userId: user._id, name: "ci", scopes: [] });
    await resetPassword(contextAt(models, now), { token: await tokenFor(user), password: chosen });
    expect(await verifyApiKey(models, { key }, now)).toMatchObject({ ok: true });
    expect(await validateAccessToken(contextAt(models, now), accessToken)).toMatchObject({ ok: true });
  });

  it("refuses a login that was authenticated with the old password", async () => {
    const user = await makeOwner();
    const login = await authenticateUser(contextAt(models), { identifier: user.email, password: before });
    if (!login.ok) throw new Error(login.reason);
    await resetPassword(contextAt(models, now), { token: await tokenFor(user), password: chosen });
    await expect(openSession(contextAt(models, now), login)).rejects.toMatchObject({
      code: "SESSIONS_REVOKED",
    });
  });

  it("refuses a password out of bounds, and the token stays good", async () => {
    const user = await makeOwner();
    const { token: session } = await openSession(contextAt(models, now), { userId: user._id });
    const token = await tokenFor(user);
    await expect(resetPassword(contextAt(models, now), { token, password: "short" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect(await validateSession(contextAt(models, now), session)).toMatchObject({ ok: true });
    expect(await resetPassword(contextAt(models, now), { token, password: chosen })).toMatchObject({
      ok: true,
    });
  });

  const refused: [string, (user: UserDocument) => Promise<unknown>, string][] = [
    ["is over", async () => undefined, "expired"],
    ["was replaced by a newer one", (user) => tokenFor(user), "unknown"],
    [
      "was overtaken by a changed password",
      (user) => setPassword(contextAt(models, now), { userId: user._id, password: before }),
      "unknown",
    ],
    [
      "was sent to an address that the account no longer has",
      (user) => models.User.updateOne({ _id: user._id }, { email: `new.${user.email}` }),
      "address_changed",
    ],
    [
      "belongs to an account that was suspended since",
      (user) => setUserStatus(contextAt(models, now), { userId: user._id, status: "suspended" }),
      "not_active",
    ],
    [
      "belongs to an account that was deleted since",
      (user) => setUserStatus(contextAt(models, now), { userId: user._id, status: "deleted" }),
      "not_active",
    ],
  ];
  it.each(refused)("refuses a token that %s, and changes nothing", async (_name, meanwhile, reason) => {
    const user = await makeOwner();
    const token = await tokenFor(user);
    await meanwhile(user);
    const stored = () => models.User.collection.findOne({ _id: user._id });
    const untouched = await stored();
    const at = reason === "expired" ? after(duration.hour) : now;
    expect(await resetPassword(contextAt(models, at), { token, password: chosen })).toMatchObject({
      ok: false,
      reason,
    });
    expect(await stored()).toEqual(untouched);
  });

  it("issues a good token after one was used", async () => {
    const user = await makeOwner();
    await resetPassword(contextAt(models, now), { token: await tokenFor(user), password: chosen });
    expect(
      await resetPassword(contextAt(models, now), { token: await tokenFor(user), password: before }),
    ).toMatchObject({
      ok: true,
    });
  });

  it("refuses any token with one character changed, without a read and without a hash", async () => {
    const user = await makeOwner();
    const token = await tokenFor(user);
    const { commands } = await commandsDuring(database(), () =>
      fc.assert(
        fc.asyncProperty(
          fc.nat(token.length - 1),
          fc.constantFrom(..."abcXYZ019_-"),
          async (at, character) => {
            const changed = token.slice(0, at) + character + token.slice(at + 1);
            if (changed === token) return;
            const answer = await resetPassword(contextAt(models, now), { token: changed, password: chosen });
            expect(answer).toEqual({ ok: false, reason: "malformed" });
          },
        ),
      ),
    );
    expect(commands).toEqual([]);
    expect(
      await resetPassword(contextAt(models, now), { token: mintToken("oneTime").raw, password: chosen }),
    ).toEqual({
      ok: false,
      reason: "unknown",
    });
  });

  it("does not take the token of the other flow", async () => {
    const user = await makeOwner();
    const asked = await requestEmailVerification(contextAt(models, now), { userId: user._id });
    if (!asked.ok) throw new Error(asked.reason);
    const answer = await resetPassword(contextAt(models, now), { token: asked.token, password: chosen });
    expect(answer).toEqual({ ok: false, reason: "unknown" });
  });

  it("succeeds for one of 100 parallel uses, and what is opened with its password goes on", async () => {
    const user = await makeOwner();
    const userId = user._id;
    const old = await openSession(contextAt(models, now), { userId });
    const token = await tokenFor(user);
    const opened: string[] = [];
    const uses = separateModels(database(), 100).map(async (separate, index) => {
      const password = `the password of number ${index}`;
      const answer = await resetPassword(contextAt(separate, now), { token, password });
      if (!answer.ok) return answer;
      // At once, while the others are still under way.
      const login = await authenticateUser(contextAt(separate), { identifier: user.email, password });
      if (!login.ok) throw new Error("the new password is not taken");
      opened.push((await openSession(contextAt(separate, now), login)).token);
      return answer;
    });
    const answers = await Promise.all(uses);
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(answers.filter((answer) => !answer.ok && answer.reason === "used")).toHaveLength(99);
    expect(await validateSession(contextAt(models, now), old.token)).toMatchObject({ ok: false });
    expect(await validateSession(contextAt(models, now), opened[0])).toMatchObject({ ok: true });
  });

  it("ends nothing that was opened with the new password, however late a use comes that another has forestalled", async () => {
    const user = await makeOwner();
    const token = await tokenFor(user);
    const { collection } = models.UserSession;
    let goOn = () => {};
    const isHeld = new Promise<void>((resolve) => {
      const held = new Promise<void>((release) => {
        goOn = release;
      });
      vi.spyOn(collection, "updateMany").mockImplementationOnce(async (...command) => {
        resolve();
        await held;
        return collection.updateMany(...command);
      });
    });
    const late = resetPassword(contextAt(models, now), { token, password: before });
    await isHeld;
    await resetPassword(contextAt(models, now), { token, password: chosen });
    const { token: session } = await openSession(contextAt(models, now), { userId: user._id });
    goOn();
    expect(await late).toMatchObject({ ok: false, reason: "used" });
    expect(await validateSession(contextAt(models, now), session)).toMatchObject({ ok: true });
    expect(await signsIn(user, chosen)).toBe(true);
    vi.restoreAllMocks();
  });

  it("leaves no session of logins with the old password that race with it", async () => {
    const user = await makeOwner({ security: { maxConcurrentSessions: 50 } });
    const token = await tokenFor(user);
    const logins = separateModels(database(), 20).map(async (separate) => {
      const login = await authenticateUser(contextAt(separate), { identifier: user.email, password: before });
      return login.ok ? openSession(contextAt(separate, now), login) : undefined;
    });
    const [reset, ...raced] = await Promise.allSettled([
      resetPassword(contextAt(models, now), { token, password: chosen }),
      ...logins,
    ]);
    expect(reset).toMatchObject({ status: "fulfilled", value: { ok: true } });
    for (const login of raced) {
      if (login.status === "rejected") expect(login.reason.code).toBe("SESSIONS_REVOKED");
      else if (login.value) {
        const { token: session } = login.value as { token: string };
        expect(await validateSession(contextAt(models, now), session)).toMatchObject({ ok: false });
      }
    }
    expect(await models.UserSession.countDocuments({ userId: user._id, revokedAt: null })).toBe(0);
  });

  it("ends the delays of the account and of its devices, and not those of the network", async () => {
    const email = "guessed@example.com";
    const { _id: userId } = await registerUser(contextAt(models, now), { email, password: before });
    const guess = async (more: { ip?: string; deviceCookie?: string }, succeeded = false) => {
      const admission = await reserveLoginAttempt(contextAt(models, now), { identifier: email, ...more });
      if (!admission.ok) return false;
      const { deviceCookie } = more;
      await settleLoginAttempt(contextAt(models, now), {
        attempt: admission.attempt,
        succeeded,
        userId,
        ...(deviceCookie && { deviceCookie }),
      });
      return true;
    };
    await guess({ deviceCookie: "known" }, true);
    const isDelayed = async (more: { ip?: string; deviceCookie?: string }) =>
      !(await reserveLoginAttempt(contextAt(models, now), { identifier: email, ...more })).ok;
    while (await guess({ ip: "203.0.113.7" }));
    while (await guess({ deviceCookie: "known" }));
    expect([await isDelayed({}), await isDelayed({ deviceCookie: "known" })]).toEqual([true, true]);
    const network = () => models.LoginProfile.findOne({ subject: "network", key: "203.0.113.0/24" }).lean();
    const failures = (await network())?.counter.failures;
    expect(failures).toBeGreaterThanOrEqual(5);
    await resetPassword(contextAt(models, now), { token: await tokenFor({ email }), password: chosen });
    expect([await isDelayed({}), await isDelayed({ deviceCookie: "known" })]).toEqual([false, false]);
    expect((await network())?.counter.failures).toBe(failures);
  });
});
