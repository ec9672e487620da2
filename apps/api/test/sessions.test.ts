import type { mongo } from "mongoose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cookie, cookieOf, type Person, type SignedInPerson, useApi } from "./support/api.js";

const api = useApi();
let person: Person;
let mine: SignedInPerson;

beforeEach(async () => {
  person = await api.register();
  mine = await api.signIn(person);
});

const check = (headers: Record<string, string>) => api.app.inject({ url: "/v1/session", headers });
const refresh = (headers: Record<string, string>) =>
  api.app.inject({ method: "POST", url: "/v1/session/refresh", headers });

describe("checking a session", () => {
  let commands: string[] = [];
  const note = ({ commandName }: mongo.CommandStartedEvent) => void commands.push(commandName);

  beforeEach(() => {
    commands = [];
    api.connection.getClient().on("commandStarted", note);
  });
  afterEach(() => void api.connection.getClient().off("commandStarted", note));

  test("costs one find and no write", async () => {
    const answer = await check(mine.bearer);
    expect(answer.statusCode).toBe(200);
    expect(commands).toEqual(["find"]);
    expect(answer.json()).toMatchObject({
      id: mine.id,
      userId: person.id,
      roles: [],
      risk: { level: "unscored" },
    });
    expect(answer.body).not.toContain("Hash");
  });

  test("writes once when the touch interval is over, and renews the cookie to the same moment", async () => {
    api.clock.advance(61_000);
    const answer = await check(cookie(mine.token));
    // The third reads the start of the session, to assess it again.
    expect(commands).toEqual(["find", "update", "find"]);
    const stored = await api.models.UserSession.findById(mine.id).lean();
    expect(answer.json().idleExpiresAt).toBe(stored?.idleExpiresAt.toISOString());
    expect(cookieOf(answer)).toMatchObject({ value: mine.token, httpOnly: true, secure: true });
    // A cookie's date has no milliseconds.
    expect(cookieOf(answer)?.expires?.getTime()).toBe(stored?.idleExpiresAt.getTime());
    commands = [];
    expect(cookieOf(await check(cookie(mine.token)))).toBeUndefined();
    expect(commands).toEqual(["find"]);
  });

  test("a touched session of a program gets no cookie", async () => {
    api.clock.advance(61_000);
    expect((await check(mine.bearer)).headers["set-cookie"]).toBeUndefined();
  });

  test.each([
    ["no token", {}, "SESSION_REQUIRED"],
    ["another scheme", { authorization: "Basic YTpi" }, "SESSION_REQUIRED"],
    ["junk", { authorization: "Bearer junk" }, "SESSION_INVALID"],
    [
      "a token with a flipped character",
      { authorization: `Bearer ids_${"A".repeat(71)}` },
      "SESSION_INVALID",
    ],
    [
      "a bearer token of 7,000 characters",
      { authorization: `Bearer ${"a".repeat(7_000)}` },
      "SESSION_INVALID",
    ],
    ["an operator", { cookie: '__Host-session={"$ne":null}' }, "SESSION_INVALID"],
  ])("%s is refused without asking the database", async (_name, headers, code) => {
    const answer = await check(headers as Record<string, string>);
    expect([answer.statusCode, answer.json().code]).toEqual([401, code]);
    expect(answer.headers["www-authenticate"]).toContain("Bearer");
    expect(commands).toEqual([]);
  });

  test("a bearer token of ours counts before a cookie", async () => {
    expect((await check({ ...cookie(mine.token), authorization: "Bearer ids_junk" })).statusCode).toBe(401);
  });
});

describe("the end of a session", () => {
  test("comes by itself when it is not used, and takes the cookie with it", async () => {
    const idleTimeout = 12 * 3_600_000;
    api.clock.advance(idleTimeout - 1);
    expect((await check(mine.bearer)).statusCode).toBe(200);
    api.clock.advance(idleTimeout);
    const answer = await check(cookie(mine.token));
    expect(answer.json()).toMatchObject({ code: "SESSION_INVALID", reason: "idle_expired" });
    expect(cookieOf(answer)).toMatchObject({ value: "", maxAge: 0 });
  });

  test("comes at the absolute limit however much it is used", async () => {
    const { absoluteExpiresAt } = (await check(mine.bearer)).json();
    const almostIdle = 12 * 3_600_000 - 1;
    while (api.clock.now().getTime() + almostIdle < Date.parse(absoluteExpiresAt)) {
      api.clock.advance(almostIdle);
      expect((await check(mine.bearer)).statusCode).toBe(200);
    }
    api.clock.advance(almostIdle);
    expect((await check(mine.bearer)).json().reason).toBe("absolute_expired");
  });

  test("signing out ends it and drops the cookie", async () => {
    const out = await api.app.inject({ method: "DELETE", url: "/v1/session", headers: cookie(mine.token) });
    expect(out.statusCode).toBe(204);
    expect(cookieOf(out)).toMatchObject({ value: "", maxAge: 0 });
    expect((await check(mine.bearer)).json().reason).toBe("revoked");
  });
});

describe("rotation", () => {
  test("hands a program the next token; the old one is good for the grace, then ends the session", async () => {
    const rotated = await refresh(mine.bearer);
    expect(rotated.json()).toMatchObject({ id: mine.id, retried: false });
    const next = { authorization: `Bearer ${rotated.json().token}` };
    expect(rotated.json().token).not.toBe(mine.token);
    expect((await check(next)).statusCode).toBe(200);
    expect((await refresh(mine.bearer)).json()).toMatchObject({ token: rotated.json().token, retried: true });
    api.clock.advance(30_000);
    expect((await check(mine.bearer)).json().reason).toBe("rotated");
    expect((await refresh(mine.bearer)).json()).toMatchObject({ code: "SESSION_INVALID", reason: "reused" });
    expect((await check(next)).json().reason).toBe("revoked");
    const { bearer } = await api.signIn(person);
    const events = await api.app.inject({ url: "/v1/security/events?kind=reuse_detected", headers: bearer });
    expect(events.json().events).toMatchObject([{ severity: "critical", sessionId: mine.id }]);
  });

  test("hands a browser the next token in the cookie only", async () => {
    const rotated = await refresh(cookie(mine.token));
    expect(rotated.json().token).toBeUndefined();
    const next = cookieOf(rotated)?.value ?? "";
    expect(next).not.toBe(mine.token);
    expect((await check(cookie(next))).statusCode).toBe(200);
  });

  test("a hundred at once make one lineage", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => refresh(mine.bearer)));
    expect(new Set(answers.map((answer) => answer.json().token)).size).toBe(1);
    expect(answers.filter((answer) => answer.json().retried === false)).toHaveLength(1);
  });
});

describe("the sessions of a user", () => {
  const end = (url: string, headers: Record<string, string>) =>
    api.app.inject({ method: "DELETE", url, headers });

  test("are listed with the current one marked", async () => {
    const other = await api.signIn(person);
    const answer = await api.app.inject({ url: "/v1/sessions", headers: mine.bearer });
    const current = Object.fromEntries(
      answer.json().sessions.map((one: { id: string; current: boolean }) => [one.id, one.current]),
    );
    expect(current).toEqual({ [mine.id]: true, [other.id]: false });
    expect(answer.body).not.toMatch(/Hash|ids_/);
  });

  test("can be ended one by one; those of others can't", async () => {
    const other = await api.signIn(person);
    const stranger = await api.signIn(await api.register());
    expect((await end(`/v1/sessions/${other.id}`, mine.bearer)).statusCode).toBe(204);
    expect((await check(other.bearer)).statusCode).toBe(401);
    const foreign = await end(`/v1/sessions/${stranger.id}`, mine.bearer);
    expect([foreign.statusCode, foreign.json().code]).toEqual([404, "SESSION_NOT_FOUND"]);
    expect((await check(stranger.bearer)).statusCode).toBe(200);
  });

  test("can be ended but for the current one, or all", async () => {
    const other = await api.signIn(person);
    expect((await end("/v1/sessions", mine.bearer)).json()).toEqual({ ended: 1 });
    expect((await check(other.bearer)).statusCode).toBe(401);
    expect((await check(mine.bearer)).statusCode).toBe(200);
    const all = await end("/v1/sessions?all=true", cookie(mine.token));
    expect(all.json()).toEqual({ ended: 1 });
    expect(cookieOf(all)?.value).toBe("");
    expect((await check(mine.bearer)).statusCode).toBe(401);
  });

  // ASVS 7.5.2: somebody who took over a session does not put its owner out of the others with it.
  test("take an authentication of the last minutes to be ended; one's own doesn't", async () => {
    const other = await api.signIn(person);
    api.clock.advance(16 * 60_000);
    for (const url of [`/v1/sessions/${other.id}`, "/v1/sessions", "/v1/sessions?all=true"]) {
      const late = await end(url, mine.bearer);
      expect([late.statusCode, late.json().code]).toEqual([403, "RECENT_AUTHENTICATION_REQUIRED"]);
    }
    expect((await check(other.bearer)).statusCode).toBe(200);
    const payload = { password: "correct horse battery staple" };
    const url = "/v1/session/authentication";
    const stepped = await api.app.inject({ method: "POST", url, headers: mine.bearer, payload });
    const bearer = { authorization: `Bearer ${stepped.json().token}` };
    expect((await end(`/v1/sessions/${other.id}`, bearer)).statusCode).toBe(204);
    api.clock.advance(16 * 60_000);
    expect((await end(`/v1/sessions/${mine.id}`, bearer)).statusCode).toBe(204);
  });
});

test("two instances on one database share sessions, their end and the cap", async () => {
  const second = await api.build();
  expect((await second.inject({ url: "/v1/session", headers: mine.bearer })).statusCode).toBe(200);
  const payload = { maxConcurrentSessions: 3 };
  await second.inject({ method: "PATCH", url: "/v1/security", headers: mine.bearer, payload });
  const credentials = { identifier: person.email, password: "correct horse battery staple" };
  await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      (index % 2 ? second : api.app).inject({ method: "POST", url: "/v1/sessions", payload: credentials }),
    ),
  );
  const { bearer } = await api.signIn(person);
  const listed = await second.inject({ url: "/v1/sessions", headers: bearer });
  expect(listed.json().sessions).toHaveLength(3);
  await second.inject({ method: "DELETE", url: "/v1/session", headers: bearer });
  expect((await check(bearer)).statusCode).toBe(401);
});
