import type { FastifyInstance } from "fastify";
import { describe, expect, expectTypeOf, it, test } from "vitest";
import { identityPlugin, type RequestIdentity } from "../src/index.js";
import { issuer, password, someone, useIdentity } from "./support.js";

const setting = useIdentity();

describe("config.identity", () => {
  it("lets a session through by cookie and bearer token, and says 401 with WWW-Authenticate without one", async () => {
    const app = await setting.app({}, (app) =>
      app.get("/me", { config: { identity: "session" } }, (request) => {
        expectTypeOf(request.identity).toEqualTypeOf<RequestIdentity | null>();
        return { user: app.identity.userOf(request), session: app.identity.sessionOf(request).id };
      }),
    );
    const ada = await someone(app);
    for (const headers of [ada.bearer, ada.cookie]) {
      expect((await app.inject({ url: "/me", headers })).json()).toMatchObject({ user: ada.userId });
    }
    const refused = await app.inject("/me");
    expect(refused.statusCode).toBe(401);
    expect(refused.headers["www-authenticate"]).toBe('Bearer realm="identity"');
    // The application's own error format, not the plugin's.
    expect(refused.json()).toMatchObject({ statusCode: 401, code: "SESSION_REQUIRED" });
    const forged = { authorization: `Bearer ${ada.token.slice(0, -1)}x` };
    const invalid = await app.inject({ url: "/me", headers: forged });
    expect(invalid.headers["www-authenticate"]).toContain('error="invalid_token"');
  });

  it("takes an API key that has every scope, and names what is missing", async () => {
    const app = await setting.app({}, (app) => {
      app.get(
        "/orders",
        { config: { identity: { scope: "orders:read" } } },
        ({ identity }) => identity?.kind,
      );
      app.get("/keys-only", { config: { identity: { scope: "a:b", accept: ["api_key"] } } }, () => "in");
      app.get("/me", { config: { identity: "session" } }, () => "in");
    });
    const ada = await someone(app);
    const keyWith = async (...scopes: string[]) => {
      const payload = { name: "k", scopes };
      const made = await app.inject({ method: "POST", url: "/v1/api-keys", headers: ada.bearer, payload });
      return { "x-api-key": made.json().key as string };
    };
    const good = await keyWith("orders:read");
    expect((await app.inject({ url: "/orders", headers: good })).body).toBe("api_key");
    expect((await app.inject({ url: "/orders", headers: ada.bearer })).body).toBe("session");
    // RFC 6750 section 3.1: 403, with the scope that is necessary.
    const lacking = await app.inject({ url: "/orders", headers: await keyWith("orders:write") });
    expect([lacking.statusCode, lacking.headers["www-authenticate"]]).toEqual([
      403,
      'Bearer realm="identity", error="insufficient_scope", scope="orders:read"',
    ]);
    expect((await app.inject({ url: "/me", headers: good })).statusCode).toBe(403);
    const bySession = await app.inject({ url: "/keys-only", headers: ada.bearer });
    expect([bySession.statusCode, bySession.json().code]).toEqual([401, "API_KEY_REQUIRED"]);
  });

  it("takes an OAuth access token by its scope, never where a session is asked for", async () => {
    const app = await setting.app({}, (app) => {
      app.get("/orders", { config: { identity: { scope: "orders:read" } } }, ({ identity }) => ({
        ...identity,
      }));
      app.get("/me", { config: { identity: "session" } }, () => "in");
    });
    const headers = { authorization: "Bearer ida_nothing" };
    const unknown = await app.inject({ url: "/orders", headers });
    expect([unknown.statusCode, unknown.json().code]).toEqual([401, "ACCESS_TOKEN_INVALID"]);
    expect((await app.inject({ url: "/me", headers })).statusCode).toBe(403);
  });

  it("asks for one of several roles", async () => {
    const app = await setting.app({}, (app) =>
      app.get("/admin", { config: { identity: { role: ["admin", "support"] } } }, () => "in"),
    );
    const ada = await someone(app);
    const refused = await app.inject({ url: "/admin", headers: ada.bearer });
    expect([refused.statusCode, refused.json().code]).toEqual([403, "INSUFFICIENT_ROLE"]);
    await setting.identity.models.User.updateOne({ _id: ada.userId }, { $set: { roles: ["support"] } });
    const again = { identifier: ada.email, password, delivery: "token" };
    const { token } = (await app.inject({ method: "POST", url: "/v1/sessions", payload: again })).json();
    const headers = { authorization: `Bearer ${token}` };
    expect((await app.inject({ url: "/admin", headers })).body).toBe("in");
  });

  it("asks for a recent proof, which keeps the session's id and is met by the password once more", async () => {
    const app = await setting.app({}, (app) =>
      app.post(
        "/pay",
        { config: { identity: { within: 300 } } },
        (request) => app.identity.sessionOf(request).id,
      ),
    );
    const ada = await someone(app);
    const pay = (headers: Record<string, string>) => app.inject({ method: "POST", url: "/pay", headers });
    const id = (await pay(ada.bearer)).json();
    setting.clock.advance(300_001);
    const refused = await pay(ada.bearer);
    expect([refused.statusCode, refused.json().code]).toEqual([403, "RECENT_AUTHENTICATION_REQUIRED"]);
    const proved = await app.inject({
      method: "POST",
      url: "/v1/session/authentication",
      headers: ada.bearer,
      payload: { password },
    });
    expect((await pay({ authorization: `Bearer ${proved.json().token}` })).json()).toBe(id);
  });

  it("asks where a request comes from when a session is judged, not at each of its requests", async () => {
    let asked = 0;
    const locate = () => {
      asked += 1;
      return { location: { country: "NO" } };
    };
    const app = await setting.app({ locate, riskPolicy: "balanced" }, (app) =>
      app.get("/me", { config: { identity: "session" } }, () => "in"),
    );
    const ada = await someone(app);
    const askedBefore = asked;
    for (let at = 0; at < 3; at++) await app.inject({ url: "/me", headers: ada.bearer });
    expect(asked).toBe(askedBefore);
    setting.clock.advance(60_001);
    expect((await app.inject({ url: "/me", headers: ada.bearer })).body).toBe("in");
    expect(asked).toBe(askedBefore + 1);
  });

  it("guards by preHandler where config does not serve", async () => {
    const app = await setting.app({}, (app) =>
      app.get("/me", { preHandler: app.identity.guard("session") }, (request) =>
        app.identity.userOf(request),
      ),
    );
    const ada = await someone(app);
    expect((await app.inject("/me")).statusCode).toBe(401);
    expect((await app.inject({ url: "/me", headers: ada.bearer })).json()).toBe(ada.userId);
  });

  it("answers 500, and lets nobody in, where userOf is asked on a route without a guard", async () => {
    const app = await setting.app({}, (app) => app.get("/open", (request) => app.identity.userOf(request)));
    expect((await app.inject("/open")).statusCode).toBe(500);
  });
});

describe("a declaration that makes no sense is refused when the route is added", () => {
  test.each([
    [{ role: "admin", scope: "a:b" }, "role"],
    [{ within: 60, scope: "a:b" }, "within"],
    [{ accept: ["api_key"] }, "accept"],
    [{ scope: "two scopes" }, "scope"],
    [{ scope: [] }, "scope"],
    [{ within: 0 }, "within"],
    [{ colour: "red" }, "colour"],
    [{}, "member"],
    [{ acr: 3 }, "acr"],
    [{ acr: 2, scope: "a:b" }, "acr"],
    ["sesion", "public"],
    [null, "public"],
  ])("%j", async (identity, named) => {
    await setting.app({}, (app) => {
      const add = () => app.get("/x", { config: { identity: identity as "session" } }, () => "");
      expect(add).toThrow(
        expect.objectContaining({ code: "INVALID_OPTIONS", message: expect.stringContaining(named) }),
      );
    });
  });
});

test("a misspelt declaration does not compile", () => {
  const add = (app: FastifyInstance) => {
    // @ts-expect-error: no such word
    app.get("/word", { config: { identity: "sesion" } }, () => "");
    // @ts-expect-error: no such member
    app.get("/member", { config: { identity: { colour: "red" } } }, () => "");
    // @ts-expect-error: no such level
    app.get("/level", { config: { identity: { acr: 3 } } }, () => "");
    // @ts-expect-error: nothing is asked for
    app.get("/nothing", { config: { identity: {} } }, () => "");
    app.get("/right", { config: { identity: { acr: 2, within: 300 } } }, () => "");
  };
  expect(add).toBeTypeOf("function");
});

describe("requireDeclaredAccess", () => {
  it("refuses a route that does not say who may use it, and takes one that says everybody", async () => {
    const app = await setting.app({ requireDeclaredAccess: true }, (app) => {
      expect(() => app.get("/x", () => "")).toThrow("GET /x");
      app.get("/health", { config: { identity: "public" } }, () => "up");
    });
    expect((await app.inject("/health")).body).toBe("up");
    expect((await app.inject("/nothing")).statusCode).toBe(404);
    expect((await someone(app)).token).toBeTruthy();
  });
});

describe("a page of another origin", () => {
  const post = { method: "POST", url: "/pay" } as const;
  const declare = (app: Awaited<ReturnType<typeof setting.app>>) =>
    app.post("/pay", { config: { identity: "session" } }, () => "paid");

  it("changes nothing with the cookie; the issuer's pages and trusted origins do, also behind a proxy", async () => {
    const app = await setting.app({ trustedOrigins: ["https://shop.example.net"] }, declare);
    const ada = await someone(app);
    const status = async (headers: Record<string, string>) =>
      (await app.inject({ ...post, headers: { ...ada.cookie, ...headers } })).statusCode;
    expect(await status({ origin: "https://evil.example" })).toBe(403);
    expect(await status({ "sec-fetch-site": "cross-site", origin: "https://evil.example" })).toBe(403);
    expect(await status({ "sec-fetch-site": "same-site", origin: "https://shop.example.net" })).toBe(200);
    expect(await status({ origin: issuer, host: "internal:8080" })).toBe(200);
    expect(await status({ "sec-fetch-site": "same-origin" })).toBe(200);
  });

  // bun #36155, awx #2467: a handshake is a GET, and what comes through the connection is for every page that opened it.
  it("opens no WebSocket with the cookie; the issuer's pages, trusted origins and programs do", async () => {
    const app = await setting.app({ trustedOrigins: ["https://shop.example.net"] }, (app) =>
      app.get("/live", { config: { identity: "session" } }, () => "open"),
    );
    const ada = await someone(app);
    const handshake = {
      connection: "keep-alive, Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
    };
    const status = async (headers: Record<string, string>) =>
      (await app.inject({ url: "/live", headers: { ...handshake, ...headers } })).statusCode;
    // As Chromium sends it from another port of localhost: with no Sec-Fetch-Site.
    expect(await status({ ...ada.cookie, origin: "http://localhost:3413" })).toBe(403);
    expect(await status({ ...ada.cookie, origin: "null" })).toBe(403);
    const other = { ...ada.cookie, origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    expect(await status({ ...other, upgrade: "h2c, WebSocket/13" })).toBe(403);
    expect(await status({ ...ada.cookie, origin: issuer })).toBe(200);
    expect(await status({ ...ada.cookie, origin: "https://shop.example.net" })).toBe(200);
    expect(await status(ada.cookie)).toBe(200);
    expect(await status({ ...ada.bearer, origin: "https://evil.example" })).toBe(200);
    // A link of another site to a page is followed.
    expect(await status({ ...other, upgrade: "" })).toBe(200);
  });

  it("may use a bearer token, which no browser adds by itself", async () => {
    const app = await setting.app({}, declare);
    const ada = await someone(app);
    const headers = { ...ada.bearer, origin: "https://evil.example" };
    expect((await app.inject({ ...post, headers })).statusCode).toBe(200);
  });
});

test("a hook that asks too early is told when to ask", async () => {
  const said: string[] = [];
  const app = await setting.app({}, (app) => {
    app.addHook("onRequest", async (request) => {
      try {
        app.identity.userOf(request);
      } catch (error) {
        said.push((error as Error).message);
      }
    });
    app.get("/me", { config: { identity: "session" } }, () => "in");
    app.get("/open", { config: { identity: "public" } }, () => "in");
  });
  await app.inject("/me");
  await app.inject("/open");
  expect(said).toEqual([
    "the guard of /me has not let anybody through yet: ask in a preHandler hook or in the handler",
    "/open does not ask who it is: declare config.identity",
  ]);
});

test("a second registration in a scope, or within one, is refused in words; beside each other is right", async () => {
  const app = await setting.app();
  await expect(app.register(identityPlugin, setting.options())).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: expect.stringContaining("register it once, or in scopes beside each other"),
  });
});
