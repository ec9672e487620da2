import { describe, expect, test } from "vitest";
import { cookieOf, password, useApi } from "./support/api.js";

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const iphone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

describe("registration", () => {
  const api = useApi();
  const post = (payload: object) => api.app.inject({ method: "POST", url: "/v1/users", payload });

  test("creates an account and shows it without secrets", async () => {
    const answer = await post({ email: " Ada@Example.COM", username: "Ada", password, displayName: "Ada" });
    expect(answer.statusCode).toBe(201);
    expect(answer.headers.location).toBe("/v1/profile");
    expect(answer.json()).toMatchObject({
      email: "ada@example.com",
      username: "ada",
      emailVerified: false,
      status: "active",
      profile: { displayName: "Ada", theme: "system" },
    });
    expect(answer.body).not.toMatch(/argon2|passwordHash|auditKey|sessionGeneration/);
  });

  test("refuses an email address or a username that is in use", async () => {
    await post({ email: "eve@example.com", username: "eve", password });
    const sameEmail = await post({ email: "EVE@example.com", password });
    const sameName = await post({ email: "eve2@example.com", username: "EVE", password });
    expect([sameEmail.statusCode, sameEmail.json().code]).toEqual([409, "EMAIL_TAKEN"]);
    expect([sameName.statusCode, sameName.json().code]).toEqual([409, "USERNAME_TAKEN"]);
  });

  test("names what is wrong with the input, and not the input", async () => {
    const answer = await post({ email: "not-an-address", password: "hunter2" });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().issues.map(({ path }: { path: string }) => path)).toEqual([
      "body/email",
      "body/password",
    ]);
    expect(answer.body).not.toMatch(/not-an-address|hunter2/);
  });
});

describe("signing in", () => {
  const api = useApi();
  const post = (payload: object, headers = {}) =>
    api.app.inject({ method: "POST", url: "/v1/sessions", payload, headers });

  test("gives a browser a cookie that ends with the session, and its scripts nothing", async () => {
    const person = await api.register();
    const answer = await post({ identifier: person.email, password });
    expect(answer.statusCode).toBe(201);
    expect(answer.json().token).toBeUndefined();
    expect(cookieOf(answer)).toMatchObject({
      httpOnly: true,
      secure: true,
      sameSite: "Lax",
      path: "/",
      expires: new Date(answer.json().idleExpiresAt),
    });
    expect(cookieOf(answer)).not.toHaveProperty("domain");
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  test("gives a program the token and no cookie", async () => {
    const person = await api.register();
    const answer = await post({ identifier: person.email, password, delivery: "token" });
    expect(answer.json().token).toMatch(/^ids_/);
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test("answers a wrong password and an unknown account alike", async () => {
    const person = await api.register();
    const wrong = await post({ identifier: person.email, password: "a wrong password" });
    const unknown = await post({ identifier: "nobody@example.com", password });
    expect(wrong.statusCode).toBe(401);
    expect(wrong.headers["www-authenticate"]).toContain("Bearer");
    const { requestId: _, ...wrongBody } = wrong.json();
    const { requestId: __, ...unknownBody } = unknown.json();
    expect(wrongBody).toEqual(unknownBody);
    expect(wrongBody.code).toBe("BAD_CREDENTIALS");
  });

  test("tells only who knows the password that an account is not active", async () => {
    const person = await api.register();
    await api.models.User.updateOne({ email: person.email }, { status: "suspended" });
    expect((await post({ identifier: person.email, password })).json().code).toBe("USER_NOT_ACTIVE");
    expect((await post({ identifier: person.email, password: "wrong" })).json().code).toBe("BAD_CREDENTIALS");
  });

  test("over plain http, when configured, the cookie is an ordinary one", async () => {
    const app = await api.build({ insecureCookies: true });
    const person = await api.register();
    const payload = { identifier: person.email, password };
    const answer = await app.inject({ method: "POST", url: "/v1/sessions", payload });
    expect(answer.cookies[0]).toMatchObject({ name: "session", httpOnly: true });
    expect(answer.cookies[0]).not.toHaveProperty("secure");
  });
});

describe("what a sign-in leaves behind", () => {
  const api = useApi({ trustProxy: ["127.0.0.1"], countryHeader: "x-country" });
  const from = (country: string, userAgent = firefox) => ({
    headers: { "x-forwarded-for": "203.0.113.7", "x-country": country, "user-agent": userAgent },
  });
  const kinds = async (bearer: { authorization: string }) => {
    const answer = await api.app.inject({ url: "/v1/security/events", headers: bearer });
    return answer.json().events.map(({ kind }: { kind: string }) => kind);
  };

  test("warns of a new device and a new country, but not at the first sign-in", async () => {
    const person = await api.register();
    const first = await api.signIn(person, from("NO"));
    expect(await kinds(first.bearer)).toEqual([]);
    api.clock.advance(1_000);
    await api.signIn(person, from("NO"));
    expect(await kinds(first.bearer)).toEqual([]);
    await api.signIn(person, from("NO", iphone));
    expect(await kinds(first.bearer)).toEqual(["new_device"]);
    api.clock.advance(1_000);
    await api.signIn(person, from("JP", iphone));
    expect(await kinds(first.bearer)).toEqual(["new_location", "new_device"]);
    const user = await api.models.User.findById(person.id).lean();
    expect(user?.analytics).toMatchObject({ logins: 4 });
    expect(user?.analytics.countries.map(({ code }) => code)).toEqual(["JP", "NO"]);
    expect(user?.analytics.devices.map(({ label }) => label)).toContain("Firefox on Linux");
  });

  test("does not warn who has switched the alerts off", async () => {
    const person = await api.register();
    const { bearer } = await api.signIn(person, from("NO"));
    const payload = { alerts: { newDevice: false, newLocation: false } };
    await api.app.inject({ method: "PATCH", url: "/v1/security", headers: bearer, payload });
    await api.signIn(person, from("JP", iphone));
    expect(await kinds(bearer)).toEqual([]);
  });

  test("believes the country only of a trusted proxy", async () => {
    const person = await api.register();
    await api.signIn(person, { headers: { "x-country": "JP" }, remoteAddress: "198.51.100.1" });
    const user = await api.models.User.findById(person.id).lean();
    expect(user?.analytics.countries).toEqual([]);
  });

  test("names the sessions that it ended, and notes it", async () => {
    const person = await api.register();
    const first = await api.signIn(person, from("NO"));
    const payload = { maxConcurrentSessions: 1 };
    await api.app.inject({ method: "PATCH", url: "/v1/security", headers: first.bearer, payload });
    const second = await api.signIn(person, from("NO"));
    expect(second.answer.json().evicted).toEqual([{ id: first.id, reason: "evicted" }]);
    expect(await kinds(second.bearer)).toContain("session_evicted");
    const check = await api.app.inject({ url: "/v1/session", headers: first.bearer });
    expect(check.json()).toMatchObject({ code: "SESSION_INVALID", reason: "revoked" });
  });

  test("under the policy deny a full account refuses, which is no failed sign-in", async () => {
    const person = await api.register();
    const first = await api.signIn(person, from("NO"));
    const payload = { maxConcurrentSessions: 1, limitPolicy: "deny" };
    await api.app.inject({ method: "PATCH", url: "/v1/security", headers: first.bearer, payload });
    const credentials = { identifier: person.email, password };
    const refused = await api.app.inject({ method: "POST", url: "/v1/sessions", payload: credentials });
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toMatchObject({ code: "SESSION_LIMIT_REACHED", live: 1, limit: 1 });
    expect((await api.app.inject({ url: "/v1/session", headers: first.bearer })).statusCode).toBe(200);
  });

  test("in the same browser again has one session, and is not refused because of its own", async () => {
    const person = await api.register();
    const credentials = { identifier: person.email, password };
    const first = await api.app.inject({ method: "POST", url: "/v1/sessions", payload: credentials });
    const cookie = (answer: typeof first) => ({ "__Host-session": cookieOf(answer)?.value ?? "" });
    const settings = { maxConcurrentSessions: 1, limitPolicy: "deny" };
    const patch = { method: "PATCH", url: "/v1/security", payload: settings } as const;
    expect((await api.app.inject({ ...patch, cookies: cookie(first) })).statusCode).toBe(200);
    const signIn = { method: "POST", url: "/v1/sessions", payload: credentials } as const;
    const second = await api.app.inject({ ...signIn, cookies: cookie(first) });
    expect(second.statusCode).toBe(201);
    expect(second.json().evicted).toEqual([]);
    expect((await api.app.inject({ url: "/v1/session", cookies: cookie(first) })).statusCode).toBe(401);
    const listed = await api.app.inject({ url: "/v1/sessions", cookies: cookie(second) });
    expect(listed.json().sessions).toHaveLength(1);
  });

  test("with the cookie of somebody else leaves their session alone", async () => {
    const [theirs, own] = [await api.register(), await api.register()];
    const open = (payload: object, cookies = {}) =>
      api.app.inject({ method: "POST", url: "/v1/sessions", payload, cookies });
    const before = await open({ identifier: theirs.email, password });
    const cookies = { "__Host-session": cookieOf(before)?.value ?? "" };
    const after = await open({ identifier: own.email, password }, cookies);
    expect(after.statusCode).toBe(201);
    expect((await api.app.inject({ url: "/v1/session", cookies })).statusCode).toBe(200);
  });

  test("an address outside the allowlist is refused and noted", async () => {
    const person = await api.register();
    const inside = { headers: { "x-forwarded-for": "203.0.113.7" } };
    const { bearer } = await api.signIn(person, inside);
    const payload = { ipAllowlist: ["203.0.113.0/24"] };
    const headers = { ...bearer, ...inside.headers };
    await api.app.inject({ method: "PATCH", url: "/v1/security", headers, payload });
    await api.signIn(person, inside);
    const outside = await api.app.inject({
      method: "POST",
      url: "/v1/sessions",
      payload: { identifier: person.email, password },
      headers: { "x-forwarded-for": "198.51.100.1" },
    });
    expect([outside.statusCode, outside.json().code]).toEqual([403, "ADDRESS_NOT_ALLOWED"]);
    expect(await kinds(bearer)).toContain("allowlist_refused");
  });
});
