import { createHash, randomBytes } from "node:crypto";
import { fastifyCookie } from "@fastify/cookie";
import { fastifyHelmet } from "@fastify/helmet";
import { fastifyRateLimit } from "@fastify/rate-limit";
import { createIdentity, defineModels } from "@org/db-models";
import { createIndexes } from "@org/dev-kit";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { type FastifyInstance, type FastifyRequest, fastify } from "fastify";
import { createConnection, Types } from "mongoose";
import { describe, expect, it, test } from "vitest";
import { IdentityProblem, identityPlugin, type RouteGroup } from "../src/index.js";
import { issuer, password, someone, useIdentity } from "./support.js";

const setting = useIdentity();
const problemOf = (answer: { statusCode: number; json(): { code?: string } }) => [
  answer.statusCode,
  answer.json().code,
];
const register = (app: FastifyInstance, email: string, url = "/v1/users") =>
  app.inject({ method: "POST", url, payload: { email, password } });
const signIn = (app: FastifyInstance, identifier: string, url = "/v1/sessions") =>
  app.inject({ method: "POST", url, payload: { identifier, password, delivery: "token" } });
const me = (app: FastifyInstance) =>
  app.get("/me", { config: { identity: "session" } }, (request) => app.identity.userOf(request));

describe("hooks", () => {
  it("refuse a registration and a sign-in with a reason, and nothing is made", async () => {
    const app = await setting.app({
      hooks: {
        onRegister: ({ email }) => (email.endsWith("@evil.example") ? { refuse: "domain" } : undefined),
        onSignIn: ({ proofs }) => ({ refuse: `no ${proofs.join("+")}` }),
      },
    });
    const refused = await register(app, "eve@evil.example");
    expect([...problemOf(refused), refused.json().reason]).toEqual([403, "REGISTRATION_REFUSED", "domain"]);
    expect(await setting.identity.models.User.countDocuments({ email: "eve@evil.example" })).toBe(0);
    const { id } = (await register(app, "ann@example.com")).json();
    const signedIn = await signIn(app, "ann@example.com");
    expect([...problemOf(signedIn), signedIn.json().reason]).toEqual([403, "SIGN_IN_REFUSED", "no password"]);
    expect(await setting.identity.sessions.list({ userId: new Types.ObjectId(id) })).toEqual([]);
  });

  test.each([
    ["throws", () => Promise.reject(new Error("a secret of the application"))],
    ["takes too long", () => new Promise<undefined>(() => undefined)],
    ["answers nonsense", () => ({ admit: true }) as never],
  ])("one that %s fails the request, and opens nothing", async (_how, onSignIn) => {
    const app = await setting.app({ hooks: { onSignIn }, hookTimeoutMs: 20 });
    const email = `${randomBytes(6).toString("hex")}@example.com`;
    const { id } = (await register(app, email)).json();
    const failed = await signIn(app, email);
    expect(problemOf(failed)).toEqual([503, "HOOK_FAILED"]);
    expect(failed.body).not.toContain("secret");
    expect(await setting.identity.sessions.list({ userId: new Types.ObjectId(id) })).toEqual([]);
  });

  it("that are only told can fail without the user noticing, and add nothing to the token's reach", async () => {
    const told: unknown[] = [];
    const app = await setting.app({
      hooks: {
        onSignIn: () => ({ details: { team: "blue" } }),
        onSessionOpened: (opened) => {
          told.push(opened);
          throw new Error("unheard");
        },
      },
    });
    const ada = await someone(app);
    await expect.poll(() => told).toHaveLength(2);
    expect(JSON.stringify(told)).not.toContain(ada.token);
    expect(told[0]).toMatchObject({ proofs: ["password"] });
  });
});

describe("errorFormat", () => {
  it("writes the answers of the plugin's routes, and no others", async () => {
    const app = await setting.app(
      {
        errorFormat: ({ code, status }) => ({
          contentType: "application/vnd.shop+json",
          body: JSON.stringify({ error: { code, status } }),
        }),
      },
      me,
    );
    for (const [url, payload] of [
      ["/v1/sessions", { identifier: "nobody@example.com", password }],
      ["/v1/users", { email: "not an address" }],
      ["/v1/password-reset/confirm", { token: "x", password }],
    ] as const) {
      const answer = await app.inject({ method: "POST", url, payload });
      expect(answer.headers["content-type"]).toMatch(/^application\/vnd\.shop\+json/);
      expect(answer.json().error.status).toBe(answer.statusCode);
    }
    expect((await app.inject("/me")).json()).toMatchObject({ statusCode: 401, code: "SESSION_REQUIRED" });
  });
});

describe("functions of the application that fail", () => {
  test.each([
    [
      "throws",
      () => {
        throw new Error("a secret of the application");
      },
    ],
    ["answers later", async () => ({ contentType: "text/plain", body: "a secret of the application" })],
    ["answers nothing", () => undefined],
  ])(
    "errorFormat %s: the problem is in the plugin's own format, its cause in the log",
    async (_how, format) => {
      const app = await setting.app({ errorFormat: format as never });
      const answer = await app.inject("/v1/session");
      expect(problemOf(answer)).toEqual([401, "SESSION_REQUIRED"]);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
      expect(answer.body).not.toContain("secret");
    },
  );

  it("locate: people sign in without a place", async () => {
    const app = await setting.app({
      riskPolicy: "balanced",
      locate: () => {
        throw new Error("the database of places is gone");
      },
    });
    expect((await someone(app)).token).toBeTruthy();
  });

  test.each([
    ["throws", () => Promise.reject(new Error("no"))],
    ["takes too long", () => new Promise<boolean>(() => undefined)],
    ["answers something else", async () => "solved" as unknown as boolean],
  ])("solvesChallenge that %s has seen no solved challenge", async (_how, solvesChallenge) => {
    const app = await setting.app({ solvesChallenge, hookTimeoutMs: 20 });
    expect((await someone(app)).token).toBeTruthy();
  });

  test.each([
    ["refuses", () => Promise.reject(new Error("no mail server"))],
    ["takes too long", () => new Promise<void>(() => undefined)],
  ])("a notifier that %s: a code that nobody gets is a problem, an alert is not", async (_how, send) => {
    const app = await setting.app({ notifier: { send }, noticeTimeoutMs: 20 });
    const ada = await someone(app);
    const asked = await app.inject({ method: "POST", url: "/v1/email-verification", headers: ada.bearer });
    expect(problemOf(asked)).toEqual([503, "NOTICE_NOT_SENT"]);
    const payload = { password, newPassword: "another correct horse battery" };
    const changed = await app.inject({
      method: "PUT",
      url: "/v1/account/password",
      headers: ada.bearer,
      payload,
    });
    expect(changed.statusCode).toBe(200);
  });
});

describe("routes", () => {
  it("false leaves the guards, and every address to the application", async () => {
    const app = await setting.app({ routes: false }, (app) => {
      me(app);
      app.post("/v1/sessions", () => "mine");
    });
    expect((await app.inject({ method: "POST", url: "/v1/sessions" })).body).toBe("mine");
    expect((await app.inject("/v1/session")).statusCode).toBe(404);
    expect((await app.inject("/me")).statusCode).toBe(401);
  });

  it("of one group are replaced by the application's, over the same flow", async () => {
    const app = await setting.app({ routes: { signIn: false } }, (app) => {
      me(app);
      app.post("/v1/sessions", async (request, reply) => {
        const { identity } = app;
        const credentials = request.body as { identifier: string; password: string };
        const signedIn = await identity.flows.signIn(identity.requesterOf(request), credentials);
        identity.startSession(request, reply, signedIn);
        return { welcome: signedIn.userId };
      });
    });
    const { id } = (await register(app, "own@example.com")).json();
    const payload = { identifier: "own@example.com", password };
    const answer = await app.inject({ method: "POST", url: "/v1/sessions", payload });
    expect(answer.json()).toEqual({ welcome: id });
    const cookie = answer.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    expect((await app.inject({ url: "/me", headers: { cookie } })).json()).toBe(id);
    // The challenge belongs to the group that was left out.
    const challenge = await app.inject({ method: "POST", url: "/v1/sessions/challenge", payload: {} });
    expect(challenge.statusCode).not.toBe(201);
  });

  const paths = {
    registration: ["POST", "/v1/users"],
    signIn: ["POST", "/v1/sessions/challenge"],
    providers: ["POST", "/v1/providers/acme/sign-in"],
    session: ["GET", "/v1/session"],
    sessions: ["GET", "/v1/sessions"],
    account: ["GET", "/v1/account/export"],
    passwordReset: ["POST", "/v1/password-reset"],
    emailChange: ["POST", "/v1/email-change/confirm"],
    emailVerification: ["POST", "/v1/email-verification"],
    profile: ["GET", "/v1/profile"],
    security: ["GET", "/v1/security"],
    factors: ["GET", "/v1/factors"],
    consents: ["GET", "/v1/consents"],
    apiKeys: ["GET", "/v1/api-keys"],
    usage: ["GET", "/v1/usage"],
  } as const satisfies Record<RouteGroup, readonly ["GET" | "POST", string]>;

  test.each(Object.entries(paths))("%s can be left out alone", async (group, [method, url]) => {
    const app = await setting.app({ routes: { [group]: false } });
    expect((await app.inject({ method, url })).statusCode, "left out").toBeOneOf([404, 405]);
    const others = Object.entries(paths).filter(([name]) => name !== group);
    for (const [name, [verb, path]] of others) {
      expect((await app.inject({ method: verb, url: path })).statusCode, name).toBeOneOf([400, 401, 415]);
    }
  });

  it("prefix moves all of them, nested prefixes and Location included", async () => {
    const app = await setting.app({ prefix: "/auth" });
    const made = await register(app, "pre@example.com", "/auth/users");
    expect([made.statusCode, made.headers.location]).toEqual([201, "/auth/profile"]);
    const opened = await signIn(app, "pre@example.com", "/auth/sessions");
    expect(opened.headers.location).toBe(`/auth/sessions/${opened.json().id}`);
    expect((await app.inject("/v1/session")).statusCode).toBe(404);
    const nested = fastify();
    await nested.register(
      async (scope) => {
        await scope.register(identityPlugin, setting.options({ prefix: "/auth" }));
      },
      { prefix: "/shop" },
    );
    const inside = await register(nested, "nested@example.com", "/shop/auth/users");
    expect([inside.statusCode, inside.headers.location]).toEqual([201, "/shop/auth/profile"]);
    await nested.close();
  });
});

describe("cookies", () => {
  it("have the names, SameSite and Partitioned that were asked for, and are read by those names alone", async () => {
    const app = await setting.app(
      { cookies: { session: "sid", device: "dev", sameSite: "none", partitioned: true } },
      me,
    );
    const ada = await someone(app);
    const set = [ada.signedIn.headers["set-cookie"]].flat().map(String);
    expect(set.map((one) => one.split("=")[0])).toEqual(["__Host-sid", "__Host-dev"]);
    for (const one of set) {
      expect(one).toMatch(/; HttpOnly/);
      expect(one).toMatch(/; Secure/);
      expect(one).toMatch(/; SameSite=None/);
      expect(one).toMatch(/; Partitioned/);
      expect(one).toMatch(/; Path=\//);
      expect(one).not.toMatch(/; Domain=/);
    }
    expect((await app.inject({ url: "/me", headers: ada.cookie })).statusCode).toBe(200);
    const cookie = `sid=${ada.token}; session=${ada.token}; __Host-session=${ada.token}`;
    expect((await app.inject({ url: "/me", headers: { cookie } })).statusCode).toBe(401);
    // Ended with the attributes that it was set with, or a browser would keep it (CHIPS: the partition is part of the key).
    const out = await app.inject({ method: "DELETE", url: "/v1/session", headers: ada.cookie });
    const ended = [out.headers["set-cookie"]].flat().at(-1);
    expect(ended).toMatch(/^__Host-sid=; Max-Age=0;.*Partitioned/);
  });

  test.each([
    [{ sameSite: "none" }, "cookies.sameSite"],
    [{ partitioned: true }, "cookies.partitioned"],
    [{ session: "__Host-mine" }, "cookies.session"],
    [{ session: "a b" }, "cookies.session"],
    [{ session: "device" }, "cookies.device"],
  ] as const)("%j over plain http, or a bad name, is refused at registration", async (cookies, named) => {
    const app = fastify();
    const registered = app.register(identityPlugin, {
      ...setting.options({ cookies }),
      issuer: "http://localhost",
    });
    await expect(registered).rejects.toThrow(
      expect.objectContaining({ code: "INVALID_OPTIONS", message: expect.stringContaining(named) }),
    );
  });
});

describe("rateLimit", () => {
  /** A store that another instance would share: it counts in one place. */
  class Store {
    static counts = new Map<string, number>();
    readonly #key: string;
    constructor(options: { key?: string } = {}) {
      this.#key = options.key ?? "";
    }
    incr(key: string, done: (error: null, result: object) => void, timeWindow: number) {
      const current = (Store.counts.get(this.#key + key) ?? 0) + 1;
      Store.counts.set(this.#key + key, current);
      done(null, { current, ttl: timeWindow });
    }
    child(options: { path?: string; routeInfo?: { url?: string } }) {
      return new Store({ key: String(options.routeInfo?.url ?? options.path) });
    }
  }

  it("counts in the given store, so that two apps share a limit", async () => {
    const options = { rateLimit: { requests: 100, passwords: 2, store: Store as never } };
    const [one, two] = [await setting.app(options), await setting.app(options)];
    const statuses = [];
    for (const app of [one, two, one]) statuses.push((await signIn(app, "nobody@example.com")).statusCode);
    expect(statuses).toEqual([401, 401, 429]);
  });

  it("counts by the address that a trusted proxy gives, and by the proxy where none is trusted", async () => {
    const options = { rateLimit: { requests: 100, passwords: 1 } };
    const ask = async (app: FastifyInstance, client: string) => {
      const headers = { "x-forwarded-for": client };
      const payload = { token: "unknown", password };
      const url = "/v1/password-reset/confirm";
      return (await app.inject({ method: "POST", url, payload, headers })).statusCode;
    };
    const trusting = await setting.app(options, undefined, { trustProxy: true });
    expect([await ask(trusting, "203.0.113.1"), await ask(trusting, "203.0.113.2")]).toEqual([400, 400]);
    // Anybody can send such headers directly: they count for nothing.
    const plain = await setting.app(options);
    expect([await ask(plain, "203.0.113.1"), await ask(plain, "203.0.113.2")]).toEqual([400, 429]);
  });

  it("says once that a proxy is not trusted", async () => {
    const lines: string[] = [];
    const logger = { level: "warn", stream: { write: (line: string) => void lines.push(line) } };
    const app = await setting.app({}, undefined, { logger });
    const headers = { "x-forwarded-for": "203.0.113.1" };
    for (let at = 0; at < 3; at++) await app.inject({ url: "/v1/session", headers });
    expect(lines.filter((line) => line.includes("trustProxy"))).toHaveLength(1);
  });
});

describe("two databases in one process", () => {
  const database = useTemporaryDatabase({ label: "plugin_second" });

  it("each have their people, sessions and cookies", async () => {
    const connection = await createConnection(database.uri, {
      autoIndex: false,
      autoCreate: false,
    }).asPromise();
    await createIndexes(defineModels(connection));
    const second = createIdentity({ connection, clock: setting.clock });
    const app = fastify();
    for (const [prefix, identity] of [
      ["/shop", setting.identity],
      ["/staff", second],
    ] as const) {
      await app.register(
        async (scope) => {
          const cookies = { session: `${prefix.slice(1)}-session`, device: `${prefix.slice(1)}-device` };
          await scope.register(identityPlugin, { ...setting.options({ cookies }), identity });
          me(scope);
        },
        { prefix },
      );
    }
    const customer = await someone(app, "/shop/v1");
    const email = customer.email;
    expect((await register(app, email, "/staff/v1/users")).statusCode).toBe(201);
    expect((await app.inject({ url: "/shop/me", headers: customer.cookie })).json()).toBe(customer.userId);
    for (const headers of [customer.bearer, customer.cookie])
      expect((await app.inject({ url: "/staff/me", headers })).statusCode).toBe(401);
    expect(await second.models.User.countDocuments()).toBe(1);
    await app.close();
    await second.close();
    await connection.close();
  });
});

describe("beside the application's own plugins", () => {
  it("uses a helmet and a rate limit that were registered before, and leaves cookies to @fastify/cookie", async () => {
    const app = await setting.app(
      { rateLimit: { requests: 1, passwords: 1 } },
      (app) => {
        me(app);
        app.get("/cookies", (request) => request.cookies);
      },
      {},
      async (app) => {
        await app.register(fastifyHelmet, {
          contentSecurityPolicy: { directives: { defaultSrc: ["'self'"] } },
        });
        await app.register(fastifyRateLimit, { max: 50 });
        await app.register(fastifyCookie, { secret: "a secret of the application" });
      },
    );
    const first = await app.inject("/v1/session");
    expect(first.headers["x-ratelimit-limit"]).toBe("50");
    expect(first.headers["content-security-policy"]).toContain("default-src 'self'");
    expect((await app.inject("/v1/session")).statusCode).toBe(401);
    const cookies = await app.inject({ url: "/cookies", headers: { cookie: "theme=dark" } });
    expect(cookies.json()).toEqual({ theme: "dark" });
  });

  it("sets its cookies beside those that a route sets by @fastify/cookie, whichever was registered first", async () => {
    for (const first of [true, false]) {
      const register = (app: FastifyInstance) => app.register(fastifyCookie);
      const app = await setting.app(
        { routes: { signIn: false } },
        async (app) => {
          if (!first) await register(app);
          app.post("/v1/sessions", async (request, reply) => {
            reply.setCookie("theme", "dark");
            const { identity } = app;
            const input = request.body as { identifier: string; password: string };
            const signedIn = await identity.flows.signIn(identity.requesterOf(request), input);
            identity.startSession(request, reply, signedIn);
            reply.setCookie("language", "no");
            return {};
          });
        },
        {},
        async (app) => {
          if (first) await register(app);
        },
      );
      const email = `cookies-${first}@example.com`;
      await app.inject({ method: "POST", url: "/v1/users", payload: { email, password } });
      const payload = { identifier: email, password };
      const answer = await app.inject({ method: "POST", url: "/v1/sessions", payload });
      expect(answer.cookies.map(({ name }) => name).sort()).toEqual([
        "__Host-device",
        "__Host-session",
        "language",
        "theme",
      ]);
    }
  });

  it("leaves routes of the application without its headers, parser, limit and error format", async () => {
    const app = await setting.app({ rateLimit: { requests: 1, passwords: 1 } }, (app) => {
      app.post("/echo", (request) => request.body);
      app.get("/fail", () => Promise.reject(new Error("mine")));
    });
    const twice = '{"a":1,"a":2}';
    const headers = { "content-type": "application/json" };
    for (let at = 0; at < 3; at++) {
      const echo = await app.inject({ method: "POST", url: "/echo", headers, payload: twice });
      expect([echo.statusCode, echo.json()]).toEqual([200, { a: 2 }]);
      expect(echo.headers["content-security-policy"]).toBeUndefined();
      expect(echo.headers["ratelimit-limit"]).toBeUndefined();
    }
    const text = await app.inject({
      method: "POST",
      url: "/echo",
      headers: { "content-type": "text/plain" },
      payload: "x",
    });
    expect(text.body).toBe("x");
    const failed = await app.inject("/fail");
    expect(failed.json()).toMatchObject({ statusCode: 500, message: "mine" });
    expect(failed.headers["content-type"]).toMatch(/^application\/json/);
  });

  it("guards the scopes that it was registered in, and no others", async () => {
    const app = fastify();
    await app.register(async (scope) => {
      await scope.register(identityPlugin, setting.options());
      me(scope);
    });
    app.get("/open", (request: FastifyRequest) => ({ has: "identity" in request }));
    const ada = await someone(app);
    expect((await app.inject({ url: "/me", headers: ada.bearer })).json()).toBe(ada.userId);
    expect((await app.inject("/open")).json()).toEqual({ has: false });
    expect(app.hasDecorator("identity")).toBe(false);
    await app.close();
  });
});

describe("an access token that the OAuth server of db-models granted", () => {
  it("opens the routes of its scopes, and no other, and ends with its consent", async () => {
    const app = await setting.app({}, (app) => {
      app.get("/orders", { config: { identity: { scope: "orders:read" } } }, ({ identity }) => ({
        kind: identity?.kind,
        user: identity?.userId,
        client: identity?.kind === "access_token" ? identity.clientId : undefined,
      }));
      app.get("/invoices", { config: { identity: { scope: "invoices:read" } } }, () => "in");
      me(app);
    });
    const { oauth } = setting.identity;
    const ada = await someone(app);
    const userId = new Types.ObjectId(ada.userId);
    const redirectUri = "https://shop.example/callback";
    const scopes = ["orders:read"];
    const { app: client, clientSecret } = await oauth.registerApp({
      ownerId: userId,
      name: "Shop",
      type: "confidential",
      redirectUris: [redirectUri],
      scopes,
    });
    await oauth.grantConsent({ userId, appId: client._id, scopes });
    const codeVerifier = randomBytes(32).toString("base64url");
    const authorization = await oauth.authorize({
      userId,
      responseType: "code",
      clientId: client.clientId,
      redirectUri,
      scope: "orders:read",
      codeChallenge: createHash("sha256").update(codeVerifier).digest("base64url"),
      codeChallengeMethod: "S256",
    });
    const authenticated = await oauth.authenticateClient({ clientId: client.clientId, clientSecret });
    if (!authorization.ok || !authenticated.ok) throw new Error("no code");
    const granted = await oauth.exchange({
      client: authenticated.client,
      code: authorization.code,
      redirectUri,
      codeVerifier,
    });
    if (!granted.ok) throw new Error(granted.reason);
    const headers = { authorization: `Bearer ${granted.accessToken}` };
    expect((await app.inject({ url: "/orders", headers })).json()).toEqual({
      kind: "access_token",
      user: ada.userId,
      client: client.clientId,
    });
    const lacking = await app.inject({ url: "/invoices", headers });
    expect([lacking.statusCode, lacking.headers["www-authenticate"]]).toEqual([
      403,
      'Bearer realm="identity", error="insufficient_scope", scope="invoices:read"',
    ]);
    expect((await app.inject({ url: "/me", headers })).statusCode).toBe(403);
    await oauth.revokeConsent({ userId, appId: client._id });
    const ended = await app.inject({ url: "/orders", headers });
    expect(problemOf(ended)).toEqual([401, "ACCESS_TOKEN_INVALID"]);
  });
});

describe("a header that is somebody else's", () => {
  const foreign: Record<string, string>[] = [
    { authorization: "Basic dXNlcjpwYXNz" },
    { authorization: "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJwcm94eSJ9.c2lnbmF0dXJl" },
    { authorization: "Bearer an-opaque-token-of-a-proxy" },
    { authorization: `Bearer ${"a".repeat(64)}` },
    // A ticket or a refresh token of ours is no credential of a request either.
    { authorization: "Bearer idl_something" },
  ];

  test.each(foreign)("%j does not hide the cookie, nor switch the same-origin guard off", async (header) => {
    const app = await setting.app({}, (app) => {
      me(app);
      app.post("/pay", { config: { identity: "session" } }, () => "paid");
    });
    const ada = await someone(app);
    const headers = { ...ada.cookie, ...header };
    expect((await app.inject({ url: "/me", headers })).json()).toBe(ada.userId);
    const crossing = { ...headers, "sec-fetch-site": "cross-site", origin: "https://evil.example" };
    const pay = await app.inject({ method: "POST", url: "/pay", headers: crossing });
    expect(problemOf(pay)).toEqual([403, "CROSS_ORIGIN"]);
    const patch = await app.inject({ method: "PATCH", url: "/v1/profile", headers: crossing, payload: {} });
    expect(problemOf(patch)).toEqual([403, "CROSS_ORIGIN"]);
  });

  it("X-API-Key is ours: an unknown key is refused whatever stands beside, and lets no other page sign anybody in", async () => {
    const app = await setting.app({}, me);
    const ada = await someone(app);
    for (const headers of [ada.cookie, ada.bearer]) {
      const answer = await app.inject({ url: "/v1/usage", headers: { ...headers, "x-api-key": "nothing" } });
      expect(problemOf(answer)).toEqual([401, "API_KEY_INVALID"]);
    }
    const crossing = {
      "x-api-key": "a gateway's",
      "sec-fetch-site": "cross-site",
      origin: "https://evil.example",
    };
    const payload = { identifier: ada.email, password };
    const login = await app.inject({ method: "POST", url: "/v1/sessions", headers: crossing, payload });
    expect(problemOf(login)).toEqual([403, "CROSS_ORIGIN"]);
  });

  it("is refused where there is no cookie, as a token that is not ours", async () => {
    const app = await setting.app({}, me);
    const answer = await app.inject({ url: "/me", headers: { authorization: "Bearer opaque" } });
    expect(answer.headers["www-authenticate"]).toContain('error="invalid_token"');
  });
});

describe("unique indexes that are missing", () => {
  const database = useTemporaryDatabase({ label: "plugin_bare" });
  const start = async (options: object, lines: string[] = []) => {
    const connection = await createConnection(database.uri, {
      autoIndex: false,
      autoCreate: false,
    }).asPromise();
    const identity = createIdentity({ connection });
    const app = fastify({
      logger: { level: "warn", stream: { write: (line: string) => void lines.push(line) } },
    });
    app.addHook("onClose", async () => {
      await identity.close();
      await connection.close();
    });
    await app.register(identityPlugin, { ...setting.options(options), identity });
    return app;
  };

  it("keep the app from starting, with the command that makes them", async () => {
    const app = await start({});
    await expect(app.ready()).rejects.toThrow(/users\.\w+.*org-db setup/);
    await app.close();
  });

  it("are a warning for development on this machine", async () => {
    const lines: string[] = [];
    const app = await start({ issuer: "http://localhost:3000" }, lines);
    await app.ready();
    expect(lines.filter((line) => line.includes("org-db setup"))).toHaveLength(1);
    await app.close();
  });

  it("that can't be read for lack of a right, or of a server, do not keep it from starting", async () => {
    const app = await setting.app({}, undefined, {}, () => undefined);
    await app.ready();
    const lines: string[] = [];
    const failing = await start({}, lines);
    const { User } = failing.identity.operations.models;
    Object.defineProperty(User, "collection", {
      value: {
        collectionName: "users",
        indexes: () => Promise.reject(Object.assign(new Error("no"), { code: 13 })),
      },
    });
    await failing.ready();
    expect(lines.join()).toContain("Cannot check whether the unique indexes exist");
    await failing.close();
  });
});

test("a problem is an error that other error handlers can read", () => {
  const problem = new IdentityProblem("SESSION_REQUIRED");
  expect(problem).toMatchObject({ statusCode: 401, code: "SESSION_REQUIRED" });
  expect(issuer).toMatch(/^https:/);
});
