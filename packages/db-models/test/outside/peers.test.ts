// Taken from public reports of other identity services; each case names its source, and why the right value is right.

import { beforeAll, describe, expect, it } from "vitest";
import { recordLogin } from "../../src/analytics/logins.js";
import { getUserAnalytics } from "../../src/analytics/user-analytics.js";
import { createApiKey, listApiKeys } from "../../src/api-keys/manage.js";
import { rotateApiKey } from "../../src/api-keys/rotate.js";
import { ApiKeyVerifier } from "../../src/api-keys/verifier.js";
import { duration } from "../../src/core/limits.js";
import { hashPassword } from "../../src/core/passwords.js";
import type { IdentityModels } from "../../src/index.js";
import { reserveLoginAttempt } from "../../src/logins/reserve.js";
import { settleLoginAttempt } from "../../src/logins/settle.js";
import { validateAccessToken } from "../../src/oauth/access.js";
import { registerApp } from "../../src/oauth/apps.js";
import { introspectToken } from "../../src/oauth/introspect.js";
import { validateSession } from "../../src/sessions/check/validate.js";
import { listSessions } from "../../src/sessions/list.js";
import { openSession } from "../../src/sessions/open.js";
import { revokeSession } from "../../src/sessions/revoke.js";
import { detectDevice, deviceHashOf } from "../../src/stored/device.js";
import { authenticateUser, readUser, registerUser } from "../../src/users/accounts.js";
import { verifyEmail } from "../../src/users/email-verification.js";
import { requestPasswordReset, resetPassword } from "../../src/users/password-reset.js";
import { contextAt } from "../context.js";
import { makeUser, useIdentityDatabase } from "../database.js";
import { eraseUserData } from "../erasing.js";
import { after, now } from "../moment.js";
import { authorize, makeWorld, redirectUri, tokensFor } from "../oauth-world.js";
import { verifyApiKey } from "../recorders.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});
const password = "correct horse battery staple";

// harper 1564: a session that was found by a username worked for the next owner of the name after the account was removed.
it("a name that somebody takes over brings nothing of the account before", async () => {
  const person = { email: "heir@example.com", username: "heir", password };
  const { _id: before } = await registerUser(contextAt(models, now), person);
  const { token } = await openSession(contextAt(models, now), { userId: before });
  const { key } = await createApiKey(contextAt(models, now), { userId: before, name: "ci", scopes: [] });
  const reset = await requestPasswordReset(contextAt(models, now), { email: person.email });
  const device = { deviceHash: deviceHashOf({ os: {}, browser: {}, type: "unknown", label: "" }, "cookie") };
  await recordLogin(contextAt(models, now), { userId: before, ...device, deviceLabel: "Firefox" });
  for (const identifier of [person.email, person.username]) {
    const admission = await reserveLoginAttempt(contextAt(models, now), { identifier });
    if (!admission.ok) throw new Error("refused");
    const outcome = { attempt: admission.attempt, succeeded: true, userId: before, deviceCookie: "cookie" };
    await settleLoginAttempt(contextAt(models, now), outcome);
  }
  await eraseUserData(contextAt(models, now), { userId: before });
  const { _id: heir } = await registerUser(contextAt(models, after(1)), {
    ...person,
    password: "another fine password",
  });
  expect(await validateSession(contextAt(models, after(2)), token)).toMatchObject({ ok: false });
  expect(await verifyApiKey(models, { key }, after(2))).toMatchObject({ ok: false });
  expect(
    await resetPassword(contextAt(models, after(2)), { token: reset.ok && reset.token, password }),
  ).toMatchObject({ ok: false, reason: "unknown" });
  expect((await authenticateUser(contextAt(models), { identifier: "heir", password })).ok).toBe(false);
  for (const identifier of [person.email, person.username]) {
    const admission = await reserveLoginAttempt(contextAt(models, after(2)), {
      identifier,
      deviceCookie: "cookie",
    });
    expect(admission).toMatchObject({ ok: true, attempt: { knownDevice: false } });
  }
  expect(await listSessions(contextAt(models, after(2)), { userId: heir })).toEqual([]);
  const { devices, logins } = await getUserAnalytics(contextAt(models, after(2)), { userId: heir });
  expect([devices, logins.total]).toEqual([[], 0]);
});

// zitadel 10045: a session that had expired could not be terminated, and stayed in the list.
it("a session that is ended after it expired is in no list, before and after", async () => {
  const { _id: userId } = await makeUser(models);
  const { id, token } = await openSession(contextAt(models, now), { userId });
  const later = after(13 * duration.hour);
  expect(await listSessions(contextAt(models, later), { userId })).toEqual([]);
  expect(await revokeSession(contextAt(models, later), { userId, sessionId: id })).toBe(true);
  expect(await listSessions(contextAt(models, later), { userId })).toEqual([]);
  // Also not for a clock that is behind, to which it has not expired.
  expect(await listSessions(contextAt(models, now), { userId })).toEqual([]);
  expect(await validateSession(contextAt(models, now), token)).toMatchObject({
    ok: false,
    reason: "revoked",
  });
});

describe("redirect URIs", () => {
  // keycloak 22424, 31899, 9450: what was decoded before it was compared matched nothing any more. RFC 9700 section 2.1:
  // exact string matching.
  it.each(["/%7B123%7D/", "/cb?x=a+b", "/cb?x=a%20b", "/cb?account=AD%5Cuser", "/cb?to=%2Fa%3Fb%3D1%26c"])(
    "https://app.example.com%s is registered and matched as it is written",
    async (path) => {
      const uri = `https://app.example.com${path}`;
      const world = await makeWorld(models, { redirectUris: [uri] });
      expect(await authorize(models, world, { redirectUri: uri })).toMatchObject({ ok: true });
      const decoded = decodeURIComponent(uri.replaceAll("+", " "));
      expect(await authorize(models, world, { redirectUri: decoded })).toMatchObject({
        ok: false,
        redirect: false,
      });
    },
  );

  // keycloak 48430 (a prefix that ends in the host), 33104 (a query that nobody registered).
  it.each([
    "https://app.example.com.evil.example/callback",
    "https://app.example.com@evil.example/callback",
    `${redirectUri}?next=https://evil.example`,
    `${redirectUri}/`,
    `${redirectUri}*`,
    "https://app.example.com/callback%2F..",
  ])("%s is not the registered one", async (uri) => {
    const world = await makeWorld(models);
    expect(await authorize(models, world, { redirectUri: uri })).toMatchObject({
      ok: false,
      redirect: false,
      reason: "redirect_uri_mismatch",
    });
  });

  it("hold no wildcard", async () => {
    const { _id: ownerId } = await makeUser(models);
    for (const uri of [
      "https://app.example.com*",
      "https://*.example.com/cb",
      "https://app.example.com./cb",
      "https://-app.example.com/cb",
      "https://a(b.example.com/cb",
    ]) {
      const app = { ownerId, name: "Notes", type: "public", redirectUris: [uri], scopes: ["repo"] } as const;
      const registered = registerApp(contextAt(models, now), {
        ...app,
        redirectUris: [uri],
        scopes: ["repo"],
      });
      await expect(registered).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
  });
});

// overleaf 1282: nobody could sign in over IPv6. zulip 21544: who has a /64 had 2^64 times what is free.
it("sign-ins over IPv6 are admitted, and counted by the /64", async () => {
  const policy = { network: { free: 3 }, account: { free: 100 } };
  const from = (ip: string, person: number) =>
    reserveLoginAttempt(contextAt(models, now, { logins: policy }), {
      identifier: `v6-${person}@example.com`,
      ip,
    });
  const neighbours = ["2001:db8:1:2::1", "2001:db8:1:2:8712:1a3a:59eb:a3ae", "2001:DB8:1:2:0:0:0:3"];
  for (const [person, ip] of neighbours.entries()) {
    expect(await from(ip, person)).toMatchObject({ ok: true });
  }
  expect(await from("2001:db8:1:2:ffff::9", 9)).toMatchObject({ ok: false });
  expect(await from("2001:db8:1:3::1", 10)).toMatchObject({ ok: true });
});

describe("an API key", () => {
  // better-auth 5309: an update of a key restarted its window. rybbit 857: a window that ended stayed closed.
  it("keeps its window when it is listed and rotated, and opens again when the window ends", async () => {
    const { _id: userId } = await makeUser(models);
    const rateLimit = { limit: 2, windowMs: duration.hour };
    const made = await createApiKey(contextAt(models, now), { userId, name: "ci", scopes: [], rateLimit });
    const begin = new Date(Math.ceil(now.getTime() / duration.hour) * duration.hour);
    const at = (ms: number) => new Date(begin.getTime() + ms);
    const valid = async (key: string, ms: number) => (await verifyApiKey(models, { key }, at(ms))).ok;
    expect([await valid(made.key, 0), await valid(made.key, 1)]).toEqual([true, true]);
    await listApiKeys(contextAt(models), { userId });
    const { key: next } = await rotateApiKey(contextAt(models, at(2)), { userId, keyId: made.apiKey.id });
    expect([await valid(made.key, 3), await valid(next, 4)]).toEqual([false, false]);
    expect(await valid(next, duration.hour)).toBe(true);
  });
});

// django-allauth 2508 (CVE-2019-19844): the mail went to the address that was typed, which only compared as equal.
it("a reset goes to the stored address, however it was asked for", async () => {
  await makeUser(models, { email: "mike@example.org", passwordHash: await hashPassword(password) });
  const kelvin = await requestPasswordReset(contextAt(models, now), { email: "mi\u212ae@example.org" });
  expect(kelvin).toMatchObject({ ok: true, email: "mike@example.org" });
  for (const email of [
    "m\u0131ke@example.org",
    "mike@example.o\u1d63g\u0131",
    "m\u0131\u0307ke@example.org",
  ]) {
    const asked = await requestPasswordReset(contextAt(models, now), { email }).catch(({ code }) => code);
    expect([{ ok: false, reason: "unknown" }, "INVALID_INPUT"]).toContainEqual(asked);
  }
});

// devise 5071: an empty token matched accounts without a stored token.
it("no token is nobody's token", async () => {
  const user = await makeUser(models);
  for (const tokenHash of ["", null]) {
    const token = { tokenHash, email: user.email, expiresAt: after(duration.hour) };
    const set = { emailVerification: token, passwordReset: token };
    await models.User.collection.updateOne({ _id: user._id }, { $set: set });
    for (const presented of ["", null, undefined, " ", "ido_"]) {
      expect(await verifyEmail(contextAt(models, now), { token: presented })).toMatchObject({
        reason: "malformed",
      });
      const reset = await resetPassword(contextAt(models, now), { token: presented, password });
      expect(reset).toMatchObject({ reason: "malformed" });
    }
  }
});

// hanko 2877: the in-app browser of Instagram sends 278 characters, and the session could not be stored.
it("a sign-in succeeds with a header of any length", async () => {
  const { _id: userId } = await makeUser(models);
  const instagram =
    "Mozilla/5.0 (Linux; Android 16; SM-S911B Build/BP4A.251205.006; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 " +
    "Chrome/152.0.7977.69 Mobile Safari/537.36 Instagram 445.0.0.45.83 Android (36/16; 480dpi; 1080x2340; samsung; SM-S911B; " +
    "dm1q; qcom; nl_NL; 1055488490; IABMV/1)";
  for (const userAgent of [
    instagram,
    instagram.repeat(100),
    `${"x".repeat(511)}\u{1f600}`,
    "\u{1f600}".repeat(400),
  ]) {
    const { id } = await openSession(contextAt(models, now), { userId, userAgent });
    const stored = await models.UserSession.findById(id);
    await stored?.validate();
    expect(stored?.userAgent?.length).toBeLessThanOrEqual(512);
    if (userAgent === instagram) expect(detectDevice(stored?.userAgent).label).toBe("Instagram on Android");
  }
});

// supabase/auth-js 395: a second registration of an address changed the account that there was.
it("registering an address that is taken changes nothing", async () => {
  const person = { email: "taken@example.com", password, displayName: "Ada" };
  const { _id } = await registerUser(contextAt(models, now), person);
  const stored = () => models.User.collection.findOne({ _id });
  const untouched = await stored();
  const again = { ...person, password: "another fine password", displayName: "Eve" };
  await expect(registerUser(contextAt(models, after(1)), again)).rejects.toMatchObject({
    code: "EMAIL_TAKEN",
  });
  expect(await stored()).toEqual(untouched);
  expect((await readUser(contextAt(models), _id)).profile.displayName).toBe("Ada");
});

// casdoor 3711: expired tokens were active. wso2/product-is 13372: an access token ended with a refresh token that was
// allowed to be shorter. RFC 7662 section 2.2.
it("an access token is introspected as active until its own expiry, to the millisecond", async () => {
  const world = await makeWorld(models);
  const { accessToken: token, expiresAt } = {
    expiresAt: after(duration.hour),
    ...(await tokensFor(models, world)),
  };
  const client = { ...world.client, type: "confidential" } as const;
  const ask = (ms: number) =>
    introspectToken(contextAt(models, new Date(expiresAt.getTime() + ms)), { client, token });
  expect(await ask(-1)).toMatchObject({ active: true, client_id: world.client.clientId });
  expect([await ask(0), await ask(1)]).toEqual([{ active: false }, { active: false }]);
  expect(await validateAccessToken(contextAt(models, expiresAt), token)).toMatchObject({ ok: false });
});

// keycloak 30939: waits that were set too long overflowed, and nobody was kept waiting.
it("the longest delays of the policy hold, and end", async () => {
  const policy = { account: { free: 1 }, firstDelayMs: duration.hour, maxDelayMs: duration.day };
  const attempt = { identifier: "patient@example.com" };
  let at = 0;
  for (let failures = 0; failures < 40; failures++) {
    expect(
      await reserveLoginAttempt(contextAt(models, after(at), { logins: policy }), attempt),
    ).toMatchObject({ ok: true });
    const refused = await reserveLoginAttempt(contextAt(models, after(at), { logins: policy }), attempt);
    if (refused.ok) throw new Error("let in");
    expect(refused.retryAfterMs).toBeGreaterThanOrEqual(duration.hour);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(duration.day);
    at += refused.retryAfterMs;
  }
});

// workers-oauth-provider 41, AppAuth-iOS 233: RFC 6749 section 2.3.1 encodes both parts of Basic credentials.
it("client ids and secrets are the same before and after form encoding", async () => {
  for (let made = 0; made < 20; made++) {
    const { client, clientSecret = "" } = await makeWorld(models);
    for (const part of [client.clientId, clientSecret]) {
      expect(new URLSearchParams({ part }).toString()).toBe(`part=${part}`);
      expect(part).not.toContain(":");
    }
  }
});

// inbound 158: a key that was rate-limited got the answer of a wrong one.
it("a refusal tells a limit from a wrong key", async () => {
  const { _id: userId } = await makeUser(models);
  const rateLimit = { limit: 1, windowMs: duration.hour };
  const { key } = await createApiKey(contextAt(models, now), { userId, name: "ci", scopes: [], rateLimit });
  const verifier = new ApiKeyVerifier(models);
  const first = await verifier.verify({ key }, now);
  const second = await verifier.verify({ key }, now);
  await verifier.close();
  expect([first.ok, second]).toMatchObject([true, { ok: false, reason: "rate_limited" }]);
});
