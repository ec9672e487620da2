import { type AuthenticatorModel, flags, SoftwareAuthenticator } from "@org/dev-kit/authenticator";
import type { FastifyInstance, InjectOptions } from "fastify";
import { Types } from "mongoose";
import { describe, expect, it } from "vitest";
import { begin, enrolled, goOn } from "./second-factor.js";
import { issuer, type Person, password, someone, useIdentity } from "./support.js";

const setting = useIdentity({ factors: { passkeys: { rpId: "id.example.com", origins: [issuer] } } });
const problemOf = (answer: { statusCode: number; json(): { code?: string; reason?: string } }) => [
  answer.statusCode,
  answer.json().code,
  ...(answer.json().reason ? [answer.json().reason] : []),
];

function post(app: FastifyInstance, url: string, headers: InjectOptions["headers"], payload?: object) {
  return app.inject({ method: "POST", url, headers: headers ?? {}, ...(payload && { payload }) });
}

/** Somebody with a passkey and a password. */
async function keyholder(app: FastifyInstance, model: AuthenticatorModel = { synced: true }) {
  const person = await someone(app);
  const authenticator = new SoftwareAuthenticator(issuer, model);
  const begun = await post(app, "/v1/factors/passkeys/options", person.bearer);
  expect(begun.statusCode).toBe(201);
  const response = authenticator.create(begun.json().options);
  const made = await post(app, "/v1/factors/passkeys", person.bearer, { response, name: "Phone" });
  expect(made.statusCode).toBe(201);
  return { ...person, authenticator, passkey: made.json() as { id: string; name: string } };
}

/** Signs in with the passkey alone. */
async function passkeySignIn(
  app: FastifyInstance,
  authenticator: SoftwareAuthenticator,
  { delivery = "token", headers = {} }: { delivery?: string; headers?: object } = {},
) {
  const { options, attempt } = (await post(app, "/v1/sessions/passkey/options", {})).json();
  const response = authenticator.get(options);
  return post(app, "/v1/sessions/passkey", headers as InjectOptions["headers"], {
    response,
    attempt,
    delivery,
  });
}

const sessionOf = async (app: FastifyInstance, token: string) =>
  (await app.inject({ url: "/v1/session", headers: { authorization: `Bearer ${token}` } })).json();

const factorsOf = async (app: FastifyInstance, { bearer }: Pick<Person, "bearer">) =>
  (await app.inject({ url: "/v1/factors", headers: bearer })).json();

describe("a passkey", () => {
  it("is added, listed, and its owner is told", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    expect(ada.passkey).toMatchObject({ name: "Phone", verifiesUser: true, synced: true });
    expect(JSON.stringify(ada.passkey)).not.toMatch(/credentialId|publicKey|userHandle/);
    expect((await factorsOf(app, ada)).passkeys).toMatchObject([{ id: ada.passkey.id, name: "Phone" }]);
    await setting.settle();
    const notice = setting.notices.findLast(({ to }) => to === ada.email);
    expect(notice).toMatchObject({ kind: "second_factor_changed", facts: { change: "passkey_added" } });
    const trail = await setting.identity.models.AuditEvent.findOne({ action: "second_factor.changed" });
    expect(trail).toMatchObject({ outcome: "success", details: [{ key: "change", value: "passkey_added" }] });
  });

  it("signs in without a user name, as two factors", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    const signedIn = await passkeySignIn(app, ada.authenticator);
    expect(signedIn.statusCode).toBe(201);
    expect(signedIn.json()).toMatchObject({ userId: ada.userId });
    const session = await sessionOf(app, signedIn.json().token);
    expect(session).toMatchObject({ acr: 2, amr: ["pop", "user", "mfa"] });
    const byCookie = await passkeySignIn(app, ada.authenticator, { delivery: "cookie" });
    expect(byCookie.cookies.map(({ name }) => name).sort()).toEqual(["__Host-device", "__Host-session"]);
    expect(byCookie.json().token).toBeUndefined();
  });

  it("is refused with the same answer whatever is wrong with it, and each refusal is in the trail", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    const stranger = new SoftwareAuthenticator(issuer);
    stranger.create({ challenge: "x", rp: { id: "id.example.com" }, user: { id: "x" } });
    const before = await setting.identity.models.AuditEvent.countDocuments({ outcome: "failure" });
    const unknown = await passkeySignIn(app, stranger);
    const { options, attempt } = (await post(app, "/v1/sessions/passkey/options", {})).json();
    const forged = ada.authenticator.get(options);
    forged.response.signature = Buffer.from("not a signature").toString("base64url");
    const wrong = await post(app, "/v1/sessions/passkey", {}, { response: forged, attempt });
    const { requestId: _, ...first } = unknown.json();
    const { requestId: __, ...second } = wrong.json();
    expect(second).toEqual(first);
    expect(problemOf(unknown)).toEqual([401, "PASSKEY_REFUSED"]);
    expect(await setting.identity.models.AuditEvent.countDocuments({ outcome: "failure" })).toBe(before + 2);
  });

  it("that is answered too late tells the page to begin again", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    const { options, attempt } = (await post(app, "/v1/sessions/passkey/options", {})).json();
    const response = ada.authenticator.get(options);
    setting.clock.advance(300_000);
    const late = await post(app, "/v1/sessions/passkey", {}, { response, attempt });
    expect(problemOf(late)).toEqual([401, "PASSKEY_REFUSED", "challenge_expired"]);
    const again = await post(app, "/v1/sessions/passkey", {}, { response, attempt });
    expect(problemOf(again)).toEqual([401, "PASSKEY_REFUSED", "challenge_unknown"]);
  });

  it("of a suspended account opens no session", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    await setting.identity.users.setStatus({ userId: new Types.ObjectId(ada.userId), status: "suspended" });
    expect(problemOf(await passkeySignIn(app, ada.authenticator))).toEqual([403, "USER_NOT_ACTIVE"]);
  });

  it("holds a sign-in with the password, and ends it", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    const held = await begin(app, ada);
    expect(problemOf(held)).toEqual([401, "CHALLENGE_REQUIRED"]);
    const { challenge, ask, passkey: options } = held.json();
    expect(ask).toEqual(["passkey"]);
    expect(options.allowCredentials).toHaveLength(1);
    const done = await goOn(app, { challenge, passkey: ada.authenticator.get(options) });
    expect(done.statusCode).toBe(201);
    expect(await sessionOf(app, done.json().token)).toMatchObject({
      acr: 2,
      amr: ["pwd", "pop", "user", "mfa"],
    });
  });

  it("that verifies nobody is a second factor, recorded as what it is, and no sign-in by itself", async () => {
    const app = await setting.app();
    const ada = await keyholder(app, { verifies: false });
    const { challenge, passkey: options } = (await begin(app, ada)).json();
    const done = await goOn(app, { challenge, passkey: ada.authenticator.get(options) });
    expect(await sessionOf(app, done.json().token)).toMatchObject({ acr: 2 });
    expect(problemOf(await passkeySignIn(app, ada.authenticator))).toEqual([401, "PASSKEY_REFUSED"]);
  });

  it("of somebody else does not end a held sign-in", async () => {
    const app = await setting.app();
    const [ada, eve] = [await keyholder(app), await keyholder(app)];
    const { challenge, passkey: options } = (await begin(app, ada)).json();
    const answer = eve.authenticator.get({ ...options, allowCredentials: [] });
    const refused = await goOn(app, { challenge, passkey: answer });
    expect(problemOf(refused)).toEqual([401, "CHALLENGE_FAILED", "unknown_credential"]);
  });

  it("does not raise the session that registers it: nothing was signed by its key yet", async () => {
    const app = await setting.app();
    const { token } = await keyholder(app);
    expect(await sessionOf(app, token)).toMatchObject({ acr: 1, amr: ["pwd"] });
  });

  it("that is synced and counts back signs in, and is a reason and an event", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    const use = async (signCount: number) => {
      const { options, attempt } = (await post(app, "/v1/sessions/passkey/options", {})).json();
      const response = ada.authenticator.get(options, { signCount });
      const payload = { response, attempt, delivery: "token" };
      return post(app, "/v1/sessions/passkey", {}, payload);
    };
    expect((await use(7)).statusCode).toBe(201);
    const back = await use(3);
    expect(back.statusCode).toBe(201);
    expect((await sessionOf(app, back.json().token)).risk.reasons).toEqual(["passkey_counter"]);
    const events = await app.inject({
      url: "/v1/security/events?kind=passkey_counter_back",
      headers: ada.bearer,
    });
    expect(events.json().events).toHaveLength(1);
  });

  it("raises a live session, and its removal asks for that", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    const remove = (headers: InjectOptions["headers"]) =>
      app.inject({ method: "DELETE", url: `/v1/factors/passkeys/${ada.passkey.id}`, headers: headers ?? {} });
    const early = await remove(ada.bearer);
    expect(problemOf(early)).toEqual([403, "RECENT_AUTHENTICATION_REQUIRED"]);
    expect(early.json().ask).toEqual(["passkey"]);
    const { options } = (await post(app, "/v1/session/authentication/passkey", ada.bearer)).json();
    const passkey = ada.authenticator.get(options);
    const raised = await post(app, "/v1/session/authentication", ada.bearer, { passkey });
    expect(raised.statusCode).toBe(200);
    const bearer = { authorization: `Bearer ${raised.json().token}` };
    expect(await sessionOf(app, raised.json().token)).toMatchObject({
      acr: 2,
      amr: ["pwd", "pop", "user", "mfa"],
    });
    const renamed = await app.inject({
      method: "PATCH",
      url: `/v1/factors/passkeys/${ada.passkey.id}`,
      headers: bearer,
      payload: { name: "Old phone" },
    });
    expect(renamed.statusCode).toBe(204);
    expect((await factorsOf(app, { bearer })).passkeys).toMatchObject([{ name: "Old phone" }]);
    expect((await remove(bearer)).statusCode).toBe(204);
    expect((await factorsOf(app, { bearer })).passkeys).toEqual([]);
    expect(problemOf(await remove(bearer))).toEqual([404, "FACTOR_NOT_FOUND"]);
  });

  it("does not raise a session by an answer of another user's", async () => {
    const app = await setting.app();
    const [ada, eve] = [await keyholder(app), await keyholder(app)];
    const { options } = (await post(app, "/v1/session/authentication/passkey", ada.bearer)).json();
    const passkey = eve.authenticator.get({ ...options, allowCredentials: [] });
    const refused = await post(app, "/v1/session/authentication", ada.bearer, { passkey });
    expect(problemOf(refused)).toEqual([401, "CHALLENGE_FAILED", "unknown_credential"]);
  });

  it.each([
    ["registered by another origin's page", { origin: "https://evil.example" }, "wrong_origin"],
    ["with nobody there", { clear: flags.UP }, "user_not_present"],
  ])("%s is refused with the reason, for its owner is known", async (_what, mischief, reason) => {
    const app = await setting.app();
    const ada = await someone(app);
    const { options } = (await post(app, "/v1/factors/passkeys/options", ada.bearer)).json();
    const response = new SoftwareAuthenticator(issuer).create(options, mischief);
    const refused = await post(app, "/v1/factors/passkeys", ada.bearer, { response });
    expect(problemOf(refused)).toEqual([401, "PASSKEY_REFUSED", reason]);
  });

  it("asks for nothing when the body is no answer", async () => {
    const app = await setting.app();
    for (const payload of [{}, { response: {}, attempt: "x" }, { response: null, attempt: 1 }]) {
      expect(problemOf(await post(app, "/v1/sessions/passkey", {}, payload))[0]).toBe(400);
    }
  });
});

describe("a remembered device", () => {
  it("is asked for one factor, is listed and forgotten, and its session has level 1", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const held = await post(app, "/v1/sessions", {}, { identifier: ada.email, password });
    const cookie = held.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const agent = { "user-agent": "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0" };
    const { challenge } = held.json();
    const done = await post(
      app,
      "/v1/sessions/challenge",
      { cookie, ...agent },
      { challenge, totp: ada.nextCode(), rememberDevice: true },
    );
    expect(done.statusCode).toBe(201);
    const again = await begin(app, ada, { cookie, ...agent });
    expect(again.statusCode).toBe(201);
    const { token } = again.json();
    expect(await sessionOf(app, token)).toMatchObject({ acr: 1, amr: ["pwd"] });
    expect((await begin(app, ada)).statusCode).toBe(401);
    const bearer = { authorization: `Bearer ${token}` };
    const { rememberedDevices } = await factorsOf(app, { bearer });
    expect(rememberedDevices).toMatchObject([{ label: "Firefox on Windows" }]);
    const url = `/v1/factors/devices/${rememberedDevices[0].id}`;
    expect((await app.inject({ method: "DELETE", url, headers: bearer })).statusCode).toBe(204);
    expect((await app.inject({ method: "DELETE", url, headers: bearer })).statusCode).toBe(404);
    expect((await begin(app, ada, { cookie, ...agent })).statusCode).toBe(401);
  });

  it("is asked all the same where risk asks", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const deviceId = "d".repeat(43);
    const userId = new Types.ObjectId(ada.userId);
    const at = setting.clock.now();
    const proofs = (["password", "totp"] as const).map((method) => ({ method, at }));
    const session = { id: userId, userId, proofs };
    const remembered = { session, deviceCookie: deviceId, label: "A phone" };
    expect((await setting.identity.factors.rememberDevice(remembered)).ok).toBe(true);
    const cookie = { cookie: `__Host-device=${deviceId}` };
    expect((await begin(app, ada, cookie)).statusCode).toBe(201);
    const judging = await setting.app({ riskPolicy: "strict" });
    const agent = {
      "user-agent": "Mozilla/5.0 (Linux; Android 10; K) Chrome/131.0.0.0 Mobile Safari/537.36",
    };
    const held = await begin(judging, ada, { ...cookie, ...agent });
    expect(problemOf(held).slice(0, 2)).toEqual([401, "CHALLENGE_REQUIRED"]);
  });

  it("is forgotten once a sign-in was not the owner's", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const userId = new Types.ObjectId(ada.userId);
    const at = setting.clock.now();
    const proofs = (["password", "totp"] as const).map((method) => ({ method, at }));
    const session = { id: userId, userId, proofs };
    await setting.identity.factors.rememberDevice({ session, deviceCookie: "x", label: "A phone" });
    const { challenge } = (await begin(app, ada)).json();
    const other = (await goOn(app, { challenge, totp: ada.nextCode() })).json();
    const reported = await post(app, "/v1/security/feedback", ada.bearer, {
      sessionId: other.id,
      verdict: "not_mine",
    });
    expect(reported.statusCode).toBe(200);
    expect(await setting.identity.factors.isDeviceRemembered({ userId, deviceCookie: "x" })).toBe(false);
  });
});

describe("who has lost every factor", () => {
  const day = 86_400_000;
  const mailed = (kind: string, fact: string) =>
    setting.notices.findLast((notice) => notice.kind === kind)?.facts[fact] ?? "";

  it("waits while the owner is told, and signs in with the password after the mailed token", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const credentials = { identifier: ada.email, password };
    const begun = await post(app, "/v1/factors/recovery", {}, credentials);
    expect([begun.statusCode, begun.json().state]).toEqual([202, "waiting"]);
    await setting.settle();
    expect(mailed("factor_recovery", "cancelToken")).toMatch(/^ido_/);
    expect((await factorsOf(app, ada)).recovery).toMatchObject({ availableAt: begun.json().availableAt });
    setting.clock.advance(3 * day);
    const ready = await post(app, "/v1/factors/recovery", {}, credentials);
    expect([ready.statusCode, ready.json().state]).toEqual([202, "ready"]);
    await setting.settle();
    const token = mailed("factor_recovery_token", "token");
    const wrong = await post(
      app,
      "/v1/factors/recovery/confirm",
      {},
      { ...credentials, password: "wrong", token },
    );
    expect(problemOf(wrong)).toEqual([401, "BAD_CREDENTIALS"]);
    const done = await post(app, "/v1/factors/recovery/confirm", {}, { ...credentials, token });
    expect(done.statusCode).toBe(200);
    const signedIn = await begin(app, ada);
    expect(signedIn.statusCode).toBe(201);
    expect(await sessionOf(app, signedIn.json().token)).toMatchObject({ acr: 1 });
    const again = await post(app, "/v1/factors/recovery/confirm", {}, { ...credentials, token });
    expect(problemOf(again)).toEqual([400, "TOKEN_INVALID", "unknown"]);
  });

  it("is stopped by the notice's token, and by a live session", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const credentials = { identifier: ada.email, password };
    await post(app, "/v1/factors/recovery", {}, credentials);
    await setting.settle();
    const token = mailed("factor_recovery", "cancelToken");
    expect((await post(app, "/v1/factors/recovery/cancel", {}, { token })).statusCode).toBe(204);
    const twice = await post(app, "/v1/factors/recovery/cancel", {}, { token });
    expect(problemOf(twice)).toEqual([400, "TOKEN_INVALID", "unknown"]);
    await post(app, "/v1/factors/recovery", {}, credentials);
    const stop = () => app.inject({ method: "DELETE", url: "/v1/factors/recovery", headers: ada.bearer });
    expect((await stop()).statusCode).toBe(204);
    expect(problemOf(await stop())).toEqual([404, "FACTOR_NOT_FOUND"]);
    expect((await factorsOf(app, ada)).totp).toBeDefined();
  });

  it("is refused without the password, without a factor, and after a reset by mail", async () => {
    const app = await setting.app();
    const [ada, bob] = [await enrolled(setting, app), await someone(app)];
    const ask = (email: string, secret = password) =>
      post(app, "/v1/factors/recovery", {}, { identifier: email, password: secret });
    expect(problemOf(await ask(ada.email, "wrong"))).toEqual([401, "BAD_CREDENTIALS"]);
    expect(problemOf(await ask("nobody@example.com"))).toEqual([401, "BAD_CREDENTIALS"]);
    expect(problemOf(await ask(bob.email))).toEqual([404, "FACTOR_NOT_FOUND"]);
    // Of an address that nobody has verified a reset removes the factors.
    const { User } = setting.identity.models;
    await User.updateOne({ email: ada.email }, { emailVerifiedAt: setting.clock.now() });
    const reset = await setting.identity.users.requestPasswordReset({ email: ada.email });
    if (!reset.ok) throw new Error(reset.reason);
    const another = "a password that was set by mail";
    await setting.identity.users.resetPassword({ token: reset.token, password: another });
    expect(problemOf(await ask(ada.email, another))).toEqual([409, "RECOVERY_REFUSED", "password_was_reset"]);
  });
});

describe("without a configuration", () => {
  it("passkeys say so, and a password still signs in", async () => {
    const app = await setting.app();
    const ada = await keyholder(app);
    const { passkeys: _, ...factors } = setting.identity.policies.factors;
    const without = { ...setting.identity, policies: { ...setting.identity.policies, factors } };
    expect(Object.keys(without.policies.factors)).not.toContain("passkeys");
    expect((await begin(app, ada)).json().passkey).toBeDefined();
    const other = await setting.app({ identity: without });
    const held = await begin(other, ada);
    expect(problemOf(held)).toEqual([401, "CHALLENGE_REQUIRED"]);
    expect(held.json().passkey).toBeUndefined();
  });
});
