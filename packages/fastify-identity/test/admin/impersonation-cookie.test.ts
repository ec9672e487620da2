// The cookie of an impersonation: while a browser has it, a request is the impersonation's, or refused.
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { describe, expect, it } from "vitest";
import { IdentityCookies } from "../../src/flows/index.js";
import type { Visitor } from "../pages/visitor.js";
import { password, useIdentity } from "../support.js";
import {
  actingBrowser,
  actingProgram,
  begun,
  type Cast,
  cookieName,
  makeCast,
  sendTo,
  sessionCookie,
  withImpersonation,
} from "./impersonation-world.js";
import { browserOf, makeUser } from "./world.js";

const setting = useIdentity();

function withRoutes(app: FastifyInstance): void {
  const whose = { config: { identity: "session" } } as const;
  app.get("/whose", whose, async (request) => ({ of: app.identity.userOf(request).toHexString() }));
  app.post("/act", whose, async (request) => ({ of: app.identity.userOf(request).toHexString() }));
  app.post("/open", { config: { identity: "public", impersonated: false } }, async () => ({ done: true }));
}

const makeWorld = async () =>
  makeCast(setting, await setting.app(withImpersonation(true, { oauth: true }), withRoutes));

/** What a script of the open page sends, with the cookies of the browser. */
async function send(
  app: FastifyInstance,
  { cookies }: Visitor,
  method: NonNullable<InjectOptions["method"]>,
  url: string,
  payload?: object,
): Promise<LightMyRequestResponse> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = { cookie, "sec-fetch-site": "same-origin" };
  const answer = await app.inject({ method, url, headers, ...(payload && { payload }) });
  for (const { name, value, maxAge } of answer.cookies) {
    if (maxAge === 0) cookies.delete(name);
    else cookies.set(name, value);
  }
  return answer;
}

const stop = ({ app }: Cast, visitor: Visitor) => send(app, visitor, "DELETE", "/v1/session/impersonation");

const ends = {
  "its time is up": async () => setting.clock.advance(31 * 60_000),
  "the user ends it": async ({ user: { id: userId } }: Cast) =>
    setting.identity.sessions.revokeAll({ userId }),
};

describe.each(Object.entries(ends))("after the end, when %s", (_why, end) => {
  it.each([
    ["GET", "/whose"],
    ["GET", "/account/sign-in"],
    ["GET", "/account/forgotten-password"],
    ["GET", "/account"],
    ["GET", "/account/nothing"],
    ["GET", "/oauth/jwks"],
    ["GET", "/v1/nothing"],
    ["POST", "/v1/session/refresh"],
  ] as const)("%s %s leaves the cookie, and what was begun is refused", async (method, url) => {
    const cast = await makeWorld();
    const visitor = await actingBrowser(cast);
    await end(cast);
    await send(cast.app, visitor, method, url);
    for (let round = 0; round < 2; round++) {
      const late = await send(cast.app, visitor, "POST", "/act", {});
      expect([late.statusCode, late.json().code]).toEqual([401, "SESSION_INVALID"]);
    }
    expect(visitor.cookies.has(cookieName)).toBe(true);
  });

  it("a page leads to the stop, after which the administrator is who they are", async () => {
    const cast = await makeWorld();
    const visitor = await actingBrowser(cast);
    await end(cast);
    expect((await visitor.get("/account")).headers.location).toMatch(/^\/account\/sign-in/);
    expect((await visitor.get("/account/sign-in")).headers.location).toBe("/account/impersonation");
    const { body } = await visitor.get("/account/impersonation");
    expect(body).toContain("You no longer act for the user");
    expect(body).toContain(`action="/account/impersonation/stop"`);
    expect((await sendTo(visitor, "/account/impersonation", "stop", {})).statusCode).toBe(303);
    expect(visitor.cookies.has(cookieName)).toBe(false);
    const own = await send(cast.app, visitor, "GET", "/whose");
    expect(own.json()).toEqual({ of: cast.helper.id.toHexString() });
  });

  it("a stop by a script is one", async () => {
    const cast = await makeWorld();
    const visitor = await actingBrowser(cast);
    await end(cast);
    expect((await stop(cast, visitor)).statusCode).toBe(204);
    expect(visitor.cookies.has(cookieName)).toBe(false);
    expect(visitor.cookies.has(sessionCookie)).toBe(true);
  });

  it("a sign-in of the person themself is one", async () => {
    const cast = await makeWorld();
    const visitor = await actingBrowser(cast);
    await end(cast);
    const other = await makeUser(cast.app);
    const payload = { identifier: other.email, password };
    expect((await send(cast.app, visitor, "POST", "/v1/sessions", payload)).statusCode).toBe(201);
    expect(visitor.cookies.has(cookieName)).toBe(false);
    const own = await send(cast.app, visitor, "POST", "/act", {});
    expect(own.json()).toEqual({ of: other.id.toHexString() });
  });
});

it("stays as long as browsers keep a cookie: that of the session goes before it", () => {
  const { header } = new IdentityCookies(true).impersonation("token");
  expect(header).toContain(`Max-Age=${400 * 86_400};`);
});

it("is no key to the administrator's account where nobody may act for users", async () => {
  const cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  const off = await setting.app({ admin: true }, withRoutes);
  const refused = await send(off, visitor, "POST", "/act", {});
  expect([refused.statusCode, refused.json().code]).toEqual([401, "SESSION_INVALID"]);
  expect(visitor.cookies.has(cookieName)).toBe(true);
  expect((await send(off, visitor, "GET", "/account/sign-in")).statusCode).toBe(200);
});

it("counts beside the cookie of the session alone from which it was begun", async () => {
  const cast = await makeWorld();
  const { token } = await begun(cast);
  const other = await makeUser(cast.app);
  const own = cast.helper.cookie.cookie;
  const cookies: Array<[string, string, number]> = [
    ["the administrator's", `${own}; ${cookieName}=${token}`, 200],
    ["none", `${cookieName}=${token}`, 401],
    ["another person's", `${other.cookie.cookie}; ${cookieName}=${token}`, 401],
    ["itself", `${sessionCookie}=${token}; ${cookieName}=${token}`, 401],
    ["itself in the place of a session", `${sessionCookie}=${token}`, 401],
  ];
  for (const [what, cookie, status] of cookies) {
    const { statusCode } = await cast.app.inject({ url: "/whose", headers: { cookie } });
    expect([what, statusCode]).toEqual([what, status]);
  }
});

it("holds no session of a person's own", async () => {
  const cast = await makeWorld();
  const visitor = await browserOf(cast.app, cast.helper);
  visitor.cookies.set(cookieName, visitor.cookies.get(sessionCookie) ?? "");
  expect((await send(cast.app, visitor, "GET", "/whose")).statusCode).toBe(401);
});

it("that is empty is none", async () => {
  const cast = await makeWorld();
  const headers = { cookie: `${cast.helper.cookie.cookie}; ${cookieName}=` };
  const own = await cast.app.inject({ url: "/whose", headers });
  expect(own.json()).toEqual({ of: cast.helper.id.toHexString() });
});

it("is stopped by the form of a page of that time, and nobody is signed out by it later", async () => {
  const cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  const { body } = await visitor.get("/account/sign-out");
  const main = body.slice(body.indexOf("<main"));
  const form_token = /name="form_token" value="([^"]*)"/.exec(main)?.[1] ?? "";
  await sendTo(visitor, "/account/impersonation", "stop", {});
  expect((await visitor.post("/account/sign-out", { form_token })).statusCode).toBe(403);
  expect((await send(cast.app, visitor, "GET", "/whose")).json()).toEqual({
    of: cast.helper.id.toHexString(),
  });
});

it("is stopped by a script, and a second stop signs nobody out", async () => {
  const cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  expect((await stop(cast, visitor)).statusCode).toBe(204);
  for (let round = 0; round < 2; round++) {
    const late = await stop(cast, visitor);
    expect([late.statusCode, late.json().code]).toEqual([404, "SESSION_NOT_FOUND"]);
    expect((await send(cast.app, visitor, "GET", "/whose")).json()).toEqual({
      of: cast.helper.id.toHexString(),
    });
  }
  visitor.cookies.clear();
  expect((await stop(cast, visitor)).json().code).toBe("SESSION_REQUIRED");
});

it("is not stopped by a sign-out, which is of one's own session", async () => {
  const cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  for (let round = 0; round < 2; round++) {
    const refused = await send(cast.app, visitor, "DELETE", "/v1/session");
    expect([refused.statusCode, refused.json().code]).toEqual([403, "IMPERSONATED"]);
  }
  await stop(cast, visitor);
  expect((await send(cast.app, visitor, "DELETE", "/v1/session")).statusCode).toBe(204);
  expect(visitor.cookies.has(sessionCookie)).toBe(false);
});

it("and that of the administrator stay where a program stops", async () => {
  const cast = await makeWorld();
  const { token } = await actingProgram(cast);
  const headers = { authorization: `Bearer ${token}`, ...cast.helper.cookie };
  const out = await cast.app.inject({ method: "DELETE", url: "/v1/session/impersonation", headers });
  expect([out.statusCode, out.headers["set-cookie"]]).toEqual([204, undefined]);
  const again = await cast.app.inject({ method: "DELETE", url: "/v1/session/impersonation", headers });
  expect([again.statusCode, again.json().code]).toEqual([401, "SESSION_INVALID"]);
});

it("is stopped by the form of an app's sign-out, and nobody is signed out by it later", async () => {
  const cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  const { body } = await visitor.get("/account/end-session");
  const main = body.slice(body.indexOf("<main"));
  const form_token = /name="form_token" value="([^"]*)"/.exec(main)?.[1] ?? "";
  await stop(cast, visitor);
  expect((await visitor.post("/account/end-session", { form_token })).statusCode).toBe(403);
  expect(visitor.cookies.has(sessionCookie)).toBe(true);
});

it("and a token alike are refused by a route for everybody that refuses who acts", async () => {
  const cast = await makeWorld();
  const { token } = await begun(cast);
  const headers = { authorization: `Bearer ${token}` };
  const refused = await cast.app.inject({ method: "POST", url: "/open", headers, payload: {} });
  expect([refused.statusCode, refused.json().code]).toEqual([403, "IMPERSONATED"]);
  const cookie = `${cast.helper.cookie.cookie}; ${cookieName}=${token}`;
  const byCookie = await cast.app.inject({ method: "POST", url: "/open", headers: { cookie }, payload: {} });
  expect(byCookie.json().code).toBe("IMPERSONATED");
  const everybody = await cast.app.inject({ method: "POST", url: "/open", payload: {} });
  expect(everybody.json()).toEqual({ done: true });
});

it.each(["impersonation", "form", "browser", "notice"])(
  "of the session's name with -%s is not the device's",
  async (kind) => {
    const cookies = { session: "sid", device: `sid-${kind}` };
    await expect(setting.app({ cookies })).rejects.toThrow(/cookies/);
  },
);
