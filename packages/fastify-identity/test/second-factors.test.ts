import type { ProofMethod } from "@org/db-models";
import { proofMethods } from "@org/db-models/core";
import { codeOf } from "@org/dev-kit/authenticator-app";
import { Types } from "mongoose";
import { describe, expect, it, test } from "vitest";
import { requesterFrom } from "../src/flows/index.js";
import type { IdentityProblem } from "../src/index.js";
import { begin, enrolled, goOn } from "./second-factor.js";
import { password, someone, useIdentity } from "./support.js";

const setting = useIdentity();
const problemOf = (answer: { statusCode: number; json(): { code?: string } }) => [
  answer.statusCode,
  answer.json().code,
];

describe("a sign-in to an account with a factor", () => {
  it("is held until the app's code is right, and its session then has both proofs", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const held = await begin(app, ada);
    expect(problemOf(held)).toEqual([401, "CHALLENGE_REQUIRED"]);
    expect(held.json().ask).toEqual(["totp", "recovery_code"]);
    expect(held.headers["set-cookie"]).toBeUndefined();
    const { challenge } = held.json();
    const done = await goOn(app, { challenge, totp: ada.nextCode() });
    expect(done.statusCode).toBe(201);
    const bearer = { authorization: `Bearer ${done.json().token}` };
    const session = (await app.inject({ url: "/v1/session", headers: bearer })).json();
    expect(session).toMatchObject({ acr: 2, amr: ["pwd", "otp", "mfa"] });
    expect(session.authenticatedAt).toBe(setting.clock.now().toISOString());
  });

  it("takes a recovery code once, keeps the app, and mails the owner how many are left", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    setting.notices.length = 0;
    const recoveryCode = ada.codes[0]?.toLowerCase();
    const first = await goOn(app, { challenge: (await begin(app, ada)).json().challenge, recoveryCode });
    expect(first.statusCode).toBe(201);
    const again = await goOn(app, { challenge: (await begin(app, ada)).json().challenge, recoveryCode });
    expect([...problemOf(again), again.json().reason]).toEqual([401, "CHALLENGE_FAILED", "wrong_code"]);
    await expect
      .poll(() => setting.notices)
      .toMatchObject([{ kind: "recovery_code_used", facts: { left: "9" } }]);
    expect((await begin(app, ada)).json().ask).toEqual(["totp", "recovery_code"]);
  });

  it("asks for the factor where risk would ask an account without one for a mailed code", async () => {
    const app = await setting.app({ riskPolicy: "balanced" });
    const program = { "user-agent": "curl/8.5.0" };
    const without = await begin(app, await someone(app), program);
    expect(without.json()).toMatchObject({ code: "CHALLENGE_REQUIRED", ask: ["email"] });
    expect(without.json().reason).toBeTruthy();
    const ada = await enrolled(setting, app);
    setting.notices.length = 0;
    const held = await begin(app, ada, program);
    expect(held.json().ask).toEqual(["totp", "recovery_code"]);
    expect(setting.notices.filter(({ kind }) => kind === "sign_in_code")).toEqual([]);
    const done = await goOn(app, { challenge: held.json().challenge, totp: ada.nextCode() }, program);
    expect(done.statusCode).toBe(201);
    const stored = await setting.identity.models.UserSession.findById(done.json().id).lean();
    expect(stored?.proofs?.map(({ method }) => method)).toEqual(["password", "totp"]);
  });

  it("is refused by the cap of the account like every other one, and audits each step", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    await setting.identity.users.updateSecurity({
      userId: new Types.ObjectId(ada.userId),
      changes: { maxConcurrentSessions: 1, limitPolicy: "deny" },
      from: "",
      confirmed: true,
    });
    const { challenge } = (await begin(app, ada)).json();
    const refused = await goOn(app, { challenge, totp: ada.nextCode() });
    expect(problemOf(refused)).toEqual([409, "SESSION_LIMIT_REACHED"]);
    const subjectRef = { action: { $in: ["session.challenged", "session.opened"] } };
    const events = await setting.identity.models.AuditEvent.find(subjectRef)
      .sort({ _id: -1 })
      .limit(2)
      .lean();
    expect(events.map(({ action, outcome }) => [action, outcome])).toEqual([
      ["session.opened", "denied"],
      ["session.challenged", "success"],
    ]);
  });

  // By the flow that every way ends in: a way that is added later is held too.
  test.each(proofMethods.map((method) => [method]))(
    "is not finished by %s alone unless it is two factors",
    async (method) => {
      const app = await setting.app();
      const ada = await enrolled(setting, app);
      const userId = new Types.ObjectId(ada.userId);
      const { sessionGeneration } = await setting.identity.users.read(userId);
      const signIn = app.identity.flows.completeSignIn(requesterFrom({}), {
        userId,
        proofs: [method],
        sessionGeneration,
      });
      const codes: Record<ProofMethod, string | undefined> = {
        password: "CHALLENGE_REQUIRED",
        external: "CHALLENGE_REQUIRED",
        totp: "CHALLENGE_REQUIRED",
        recovery_code: "CHALLENGE_REQUIRED",
        security_key: "CHALLENGE_REQUIRED",
        // The mailbox alone is no factor at all.
        email: "SIGN_IN_DENIED",
        passkey: undefined,
      };
      const code = await signIn.then(
        () => undefined,
        (error) => error.code,
      );
      expect(code).toBe(codes[method]);
    },
  );
});

describe("the ticket of a held sign-in", () => {
  it("opens no route, as a bearer token or a cookie", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const { challenge } = (await begin(app, ada)).json();
    for (const headers of [
      { authorization: `Bearer ${challenge}` },
      { cookie: `__Host-session=${challenge}` },
    ]) {
      const answer = await app.inject({ url: "/v1/session", headers });
      expect(problemOf(answer)).toEqual([401, "SESSION_INVALID"]);
    }
  });

  it("is good once: of twenty right answers at the same time one gets a session", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const { challenge } = (await begin(app, ada)).json();
    const totp = ada.nextCode();
    const answers = await Promise.all(Array.from({ length: 20 }, () => goOn(app, { challenge, totp })));
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    const later = await goOn(app, { challenge, totp: ada.nextCode() });
    expect(later.json().reason).toBe("used");
  });

  it("takes five attempts, and then not even a right code", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const { challenge } = (await begin(app, ada)).json();
    const wrong = ada.nextCode() === "000000" ? "000001" : "000000";
    for (let at = 0; at < 5; at++)
      expect((await goOn(app, { challenge, totp: wrong })).json().reason).toBe("wrong_code");
    const spent = await goOn(app, { challenge, recoveryCode: ada.codes[0] });
    expect(spent.json().reason).toBe("no_attempts_left");
    // Of another ticket too: the account's own counter delays what comes next.
    const next = await goOn(app, { challenge: (await begin(app, ada)).json().challenge, totp: wrong });
    expect(problemOf(next)).toEqual([429, "SIGN_IN_DELAYED"]);
    expect(Number(next.headers["retry-after"])).toBeGreaterThan(0);
  });

  it("ends after ten minutes", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const { challenge } = (await begin(app, ada)).json();
    setting.clock.advance(600_000);
    expect((await goOn(app, { challenge, totp: ada.nextCode() })).json().reason).toBe("expired");
  });

  it("belongs to the browser that began, which has kept its device cookie", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const payload = { identifier: ada.email, password };
    const held = await app.inject({ method: "POST", url: "/v1/sessions", payload });
    const { challenge } = held.json();
    const [device] = held.cookies;
    expect(held.cookies.map(({ name }) => name)).toEqual(["__Host-device"]);
    const answer = { challenge, totp: ada.nextCode(), delivery: "cookie" };
    expect((await goOn(app, answer)).json().reason).toBe("other_client");
    const done = await goOn(app, answer, { cookie: `__Host-device=${device?.value}` });
    expect(done.statusCode).toBe(201);
    expect(done.cookies.find(({ name }) => name === "__Host-device")?.value).toBe(device?.value);
  });

  it("does not outlive a change of the password, or of the account's state", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const userId = new Types.ObjectId(ada.userId);
    const { challenge } = (await begin(app, ada)).json();
    await setting.identity.users.setPassword({ userId, password: "another correct horse battery" });
    const late = await goOn(app, { challenge, totp: ada.nextCode() });
    expect(problemOf(late)).toEqual([409, "SESSIONS_REVOKED"]);
  });

  it("takes the methods that were asked for, one at a time", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const { challenge } = (await begin(app, ada)).json();
    expect((await goOn(app, { challenge, code: "12345678" })).json().reason).toBe("not_asked");
    expect((await goOn(app, { challenge, password })).json().reason).toBe("not_asked");
    const both = await goOn(app, { challenge, totp: "123456", recoveryCode: ada.codes[0] });
    expect(problemOf(both)).toEqual([400, "INVALID_INPUT"]);
    expect(problemOf(await goOn(app, { challenge }))).toEqual([400, "INVALID_INPUT"]);
  });
});

describe("changes of factors", () => {
  it("are read by a list without secrets, mailed and audited", async () => {
    const app = await setting.app();
    setting.notices.length = 0;
    const ada = await enrolled(setting, app);
    const list = await app.inject({ url: "/v1/factors", headers: ada.bearer });
    expect(list.json()).toMatchObject({ totp: {}, recoveryCodes: 10 });
    expect(list.body).not.toContain(ada.secret);
    const removed = await app.inject({ method: "DELETE", url: "/v1/factors/totp", headers: ada.bearer });
    expect(removed.statusCode).toBe(204);
    expect((await begin(app, ada)).statusCode).toBe(201);
    const changes = setting.notices.filter(({ kind }) => kind === "second_factor_changed");
    expect(changes.map(({ facts }) => facts.change)).toEqual([
      "totp_added",
      "recovery_codes_created",
      "totp_removed",
    ]);
    const events = await setting.identity.models.AuditEvent.find({ action: "second_factor.changed" }).lean();
    expect(events.map(({ details }) => details[0]?.value)).toEqual(
      expect.arrayContaining(changes.map(({ facts }) => facts.change)),
    );
  });

  it("need a session that proved itself lately", async () => {
    const app = await setting.app();
    const ada = await someone(app);
    setting.clock.advance(300_001);
    const late = await app.inject({ method: "POST", url: "/v1/factors/totp", headers: ada.bearer });
    expect(problemOf(late)).toEqual([403, "RECENT_AUTHENTICATION_REQUIRED"]);
    expect(late.json()).toMatchObject({ ask: ["password"], maxAgeMs: 300_000 });
  });

  it("confirm nothing by a wrong code, and answer 404 for what is not there", async () => {
    const app = await setting.app();
    const ada = await someone(app);
    const { secret } = (
      await app.inject({ method: "POST", url: "/v1/factors/totp", headers: ada.bearer })
    ).json();
    const right = codeOf(secret, setting.clock.now());
    const code = right === "000000" ? "000001" : "000000";
    const confirm = { method: "POST", url: "/v1/factors/totp/confirm", headers: ada.bearer } as const;
    const wrong = await app.inject({ ...confirm, payload: { code } });
    expect([...problemOf(wrong), wrong.json().reason]).toEqual([401, "CHALLENGE_FAILED", "wrong_code"]);
    const removal = await app.inject({ method: "DELETE", url: "/v1/factors/totp", headers: ada.bearer });
    expect(problemOf(removal)).toEqual([404, "FACTOR_NOT_FOUND"]);
    const codes = await app.inject({
      method: "POST",
      url: "/v1/factors/recovery-codes",
      headers: ada.bearer,
    });
    expect(problemOf(codes)).toEqual([404, "FACTOR_NOT_FOUND"]);
  });
});

describe("a guard for level 2", () => {
  it("says what is missing, by RFC 9470 too, and opens by a code in the same session", async () => {
    const app = await setting.app({}, (app) => {
      app.post("/pay", { config: { identity: { acr: 2 } } }, (request) => app.identity.sessionOf(request).id);
      app.post("/pay-now", { config: { identity: { acr: 2, within: 60 } } }, () => "paid");
    });
    const ada = await enrolled(setting, app);
    const pay = (headers: object, url = "/pay") =>
      app.inject({ method: "POST", url, headers: { ...headers } });
    // A session from before the factor was enrolled has one proof.
    const refused = await pay(ada.cookie);
    expect(problemOf(refused)).toEqual([403, "SECOND_FACTOR_REQUIRED"]);
    expect(refused.headers["www-authenticate"]).toBe(
      'Bearer realm="identity", error="insufficient_user_authentication", acr_values="2"',
    );
    const proved = await app.inject({
      method: "POST",
      url: "/v1/session/authentication",
      headers: ada.cookie,
      payload: { totp: ada.nextCode() },
    });
    expect(proved.statusCode).toBe(200);
    const cookie = { cookie: proved.cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };
    expect((await pay(cookie)).json()).toBe(proved.json().id);
    setting.clock.advance(61_000);
    expect((await pay(cookie)).statusCode).toBe(200);
    // Of the last minute nothing is left; after a code alone it is the password that is missing.
    const late = await pay(cookie, "/pay-now");
    expect(problemOf(late)).toEqual([403, "RECENT_AUTHENTICATION_REQUIRED"]);
    expect(late.headers["www-authenticate"]).toBe(
      'Bearer realm="identity", error="insufficient_user_authentication", acr_values="2", max_age="60"',
    );
    const prove = (headers: object, payload: object) =>
      app.inject({ method: "POST", url: "/v1/session/authentication", headers: { ...headers }, payload });
    const half = await prove(cookie, { totp: ada.nextCode() });
    const next = { cookie: half.cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };
    expect((await pay(next, "/pay-now")).statusCode).toBe(403);
    const whole = await prove(next, { password });
    const last = { cookie: whole.cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };
    expect((await pay(last, "/pay-now")).body).toBe("paid");
  });

  it("gives the application's own error handler what is missing", async () => {
    const app = await setting.app({}, (app) => {
      app.setErrorHandler((error: IdentityProblem, _request, reply) => reply.code(418).send(error.members));
      app.get("/x", { config: { identity: { acr: 2 } } }, () => "");
    });
    const ada = await someone(app);
    const refused = await app.inject({ url: "/x", headers: ada.bearer });
    expect([refused.statusCode, refused.json()]).toEqual([418, { acr: 2, ask: [], enrol: true }]);
  });
});

describe("what changes an account that has a factor", () => {
  const acts = [
    ["PATCH", "/v1/security", { limitPolicy: "deny" }],
    ["POST", "/v1/api-keys", { name: "k", scopes: ["a:b"] }],
    ["POST", "/v1/api-keys/:key/rotation", {}],
    ["PUT", "/v1/account/password", { password, newPassword: "another correct horse battery" }],
    ["POST", "/v1/factors/totp", undefined],
    ["POST", "/v1/factors/recovery-codes", undefined],
    ["DELETE", "/v1/factors/totp", undefined],
    ["DELETE", "/v1/account", { password }],
  ] as const;

  test.each(acts)(
    "%s %s needs a recent second factor, whatever else is proved",
    async (method, path, payload) => {
      const app = await setting.app();
      const ada = await enrolled(setting, app);
      const userId = new Types.ObjectId(ada.userId);
      const { apiKey } = await setting.identity.apiKeys.create({ userId, name: "k", scopes: ["a:b"] });
      const url = path.replace(":key", apiKey.id.toHexString());
      const call = (headers: object) =>
        app.inject({ method, url, headers: { ...headers }, ...(payload && { payload }) });
      const proved = await app.inject({
        method: "POST",
        url: "/v1/session/authentication",
        headers: ada.cookie,
        payload: { password },
      });
      const cookie = { cookie: proved.cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };
      const refused = await call(cookie);
      expect(problemOf(refused)).toEqual([403, "RECENT_AUTHENTICATION_REQUIRED"]);
      expect(refused.json().ask).toEqual(["totp", "recovery_code"]);
      const raised = await app.inject({
        method: "POST",
        url: "/v1/session/authentication",
        headers: cookie,
        payload: { totp: ada.nextCode() },
      });
      const whole = { cookie: raised.cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };
      expect((await call(whole)).statusCode).toBeLessThan(300);
    },
  );

  test("a wrong code raises nothing, and is audited", async () => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const prove = (payload: object) =>
      app.inject({ method: "POST", url: "/v1/session/authentication", headers: ada.bearer, payload });
    const right = ada.nextCode();
    const wrong = await prove({ password, totp: right === "000000" ? "000001" : "000000" });
    expect(problemOf(wrong)).toEqual([401, "CHALLENGE_FAILED"]);
    expect(problemOf(await prove({}))).toEqual([400, "INVALID_INPUT"]);
    const event = await setting.identity.models.AuditEvent.findOne({ action: "session.authenticated" })
      .sort({ _id: -1 })
      .lean();
    expect(event).toMatchObject({ outcome: "denied", details: [{ key: "reason", value: "wrong_code" }] });
  });
});

describe("secondFactor", () => {
  it("always: a session without one does nothing but enrol it", async () => {
    const app = await setting.app({ secondFactor: "always" }, (app) =>
      app.get("/me", { config: { identity: "session" } }, () => "in"),
    );
    const ada = await someone(app);
    expect(ada.signedIn.json().enrol).toBe(true);
    expect(problemOf(await app.inject({ url: "/me", headers: ada.bearer }))).toEqual([
      403,
      "SECOND_FACTOR_REQUIRED",
    ]);
    for (const url of ["/v1/sessions", "/v1/profile"]) {
      const refused = await app.inject({ url, headers: ada.bearer });
      expect([url, ...problemOf(refused), refused.json().enrol]).toEqual([
        url,
        403,
        "SECOND_FACTOR_REQUIRED",
        true,
      ]);
    }
    expect((await app.inject({ url: "/v1/session", headers: ada.bearer })).statusCode).toBe(200);
    const { secret } = (
      await app.inject({ method: "POST", url: "/v1/factors/totp", headers: ada.bearer })
    ).json();
    const confirmed = await app.inject({
      method: "POST",
      url: "/v1/factors/totp/confirm",
      headers: ada.bearer,
      payload: { code: codeOf(secret, setting.clock.now()) },
    });
    const headers = { authorization: `Bearer ${confirmed.json().token}` };
    expect((await app.inject({ url: "/me", headers })).body).toBe("in");
  });

  it("always: a remembered device is asked all the same, for its session could do nothing", async () => {
    for (const [secondFactor, status] of [
      ["enrolled", 201],
      ["always", 401],
    ] as const) {
      const app = await setting.app({ secondFactor });
      const ada = await enrolled(setting, app);
      const payload = { identifier: ada.email, password };
      const sign = (headers: object) =>
        app.inject({ method: "POST", url: "/v1/sessions", payload, headers: { ...headers } });
      const held = await sign({});
      const device = { cookie: `__Host-device=${held.cookies[0]?.value}` };
      const answer = { challenge: held.json().challenge, totp: ada.nextCode(), rememberDevice: true };
      const done = await goOn(app, { ...answer, delivery: "cookie" }, device);
      expect(done.statusCode).toBe(201);
      expect([secondFactor, (await sign(device)).statusCode]).toEqual([secondFactor, status]);
    }
  });

  it("of roles: asks it of who has one of them", async () => {
    const app = await setting.app({ secondFactor: { roles: ["admin"] } }, (app) =>
      app.get("/me", { config: { identity: "session" } }, () => "in"),
    );
    const ada = await someone(app);
    expect((await app.inject({ url: "/me", headers: ada.bearer })).body).toBe("in");
    const admin = await someone(app);
    await setting.identity.models.User.updateOne({ _id: admin.userId }, { $set: { roles: ["admin"] } });
    const { token, enrol } = (await begin(app, admin)).json();
    expect(enrol).toBe(true);
    const refused = await app.inject({ url: "/me", headers: { authorization: `Bearer ${token}` } });
    expect(problemOf(refused)).toEqual([403, "SECOND_FACTOR_REQUIRED"]);
  });
});
