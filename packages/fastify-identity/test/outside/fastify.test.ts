// Faults that users of other Fastify and Express plugins reported in public, tried on this one. Each names its report, the
// input and the right value.
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { Readable } from "node:stream";
import { fastifyCookie } from "@fastify/cookie";
import { fastifyCors } from "@fastify/cors";
import { fastifySession } from "@fastify/session";
import { type FastifyInstance, fastify } from "fastify";
import { describe, expect, expectTypeOf, it, test } from "vitest";
import { type AppIdentity, identityPlugin, type RequestIdentity } from "../../src/index.js";
import { password, someone, useIdentity } from "../support.js";

const setting = useIdentity();
const me = (app: FastifyInstance) =>
  app.get("/me", { config: { identity: "session" } }, (request) => app.identity.userOf(request));

// fastify/session#272, fastify/help#994, expressjs/session#281: behind a proxy that ends TLS, no session cookie was set at
// all, because the connection of the server itself is plain. Right: the issuer says what people use.
test("a secure cookie is set behind a proxy that ends TLS, trusted or not", async () => {
  for (const server of [{}, { trustProxy: true }]) {
    const app = await setting.app({}, me, server);
    await app.listen({ host: "127.0.0.1", port: 0 });
    const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const ada = await someone(app);
    const body = JSON.stringify({ identifier: ada.email, password });
    const headers = {
      "content-type": "application/json",
      "x-forwarded-proto": "https",
      "x-forwarded-for": "203.0.113.9",
    };
    const response = await fetch(`${origin}/v1/sessions`, { method: "POST", headers, body });
    expect(response.headers.getSetCookie().map((cookie) => cookie.split("=")[0])).toEqual([
      "__Host-session",
      "__Host-device",
    ]);
  }
});

// fastify/fastify-cors#102, fastify/fastify-bearer-auth#56 and #165: a preflight carries no credentials, and was answered
// 401 by the guard. Right: 204 with the CORS headers, whichever of the two plugins comes first, also where every route
// must declare its access.
describe("a CORS preflight", () => {
  const cors = (app: FastifyInstance) =>
    app.register(fastifyCors, { origin: "https://shop.example", credentials: true });
  const preflight = {
    method: "OPTIONS",
    headers: {
      origin: "https://shop.example",
      "access-control-request-method": "PATCH",
      "access-control-request-headers": "content-type",
      "sec-fetch-site": "cross-site",
    },
  } as const;

  test.each([true, false])("is answered for guarded and for own routes; cors first: %s", async (first) => {
    const options = { requireDeclaredAccess: first, trustedOrigins: ["https://shop.example"] };
    const app = await setting.app(
      options,
      async (app) => {
        if (!first) await cors(app);
        me(app);
      },
      {},
      async (app) => {
        if (first) await cors(app);
      },
    );
    for (const url of ["/me", "/v1/profile", "/v1/sessions"]) {
      const answer = await app.inject({ ...preflight, url });
      expect([url, answer.statusCode]).toEqual([url, 204]);
      expect(answer.headers["access-control-allow-origin"]).toBe("https://shop.example");
      expect(answer.headers["access-control-allow-credentials"]).toBe("true");
    }
    const ada = await someone(app);
    const headers = { ...ada.cookie, origin: "https://shop.example", "sec-fetch-site": "cross-site" };
    const change = await app.inject({
      method: "PATCH",
      url: "/v1/profile",
      headers,
      payload: { theme: "dark" },
    });
    expect([change.statusCode, change.headers["access-control-allow-origin"]]).toEqual([
      200,
      "https://shop.example",
    ]);
  });

  it("without a CORS plugin is no 401: the methods of our routes are named", async () => {
    const app = await setting.app({}, me);
    const own = await app.inject({ ...preflight, url: "/v1/profile" });
    expect([own.statusCode, own.headers.allow?.includes("PATCH")]).toEqual([405, true]);
    expect((await app.inject({ ...preflight, url: "/me" })).statusCode).toBe(404);
  });
});

// fastify/help#65, fastify/help#359: with guards on by default an unknown address was answered 401, and could not be told
// from a route that forgot its guard. Right: 404 for what is not there, under the prefix too.
test("an unknown address is 404 and no 401 or 500, with and without a session", async () => {
  const app = await setting.app({ requireDeclaredAccess: true }, (app) =>
    app.setNotFoundHandler((_request, reply) => reply.code(404).send({ mine: true })),
  );
  const ada = await someone(app);
  for (const headers of [{}, ada.cookie, ada.bearer, { authorization: "Bearer ids_forged" }]) {
    for (const url of ["/nothing", "/v1/nothing", "/v1"]) {
      const answer = await app.inject({ url, headers });
      expect([url, answer.statusCode, answer.json()]).toEqual([url, 404, { mine: true }]);
    }
  }
});

// fastify/fastify-passport#880, fastify/fastify-secure-session#99 and #241, SerayaEryn/fastify-session#102: plugins of one
// app claimed the same decorator (`user`, `session`, `parseCookie`) and registration threw. Right: both work.
test("stands beside @fastify/session, @fastify/cookie and a decorator `user`", async () => {
  const others = async (app: FastifyInstance) => {
    await app.register(fastifyCookie);
    const secret = "a secret of the application, of 32 characters";
    await app.register(fastifySession, { secret, cookie: { secure: false }, cookieName: "cart" });
    app.decorateRequest("user", null);
  };
  for (const first of [true, false]) {
    const app = await setting.app(
      {},
      async (app) => {
        if (!first) await others(app);
        app.get("/both", { config: { identity: "session" } }, (request) => {
          const session = request.session as unknown as { visits?: number };
          session.visits = (session.visits ?? 0) + 1;
          return { user: app.identity.userOf(request), visits: session.visits };
        });
      },
      {},
      async (app) => {
        if (first) await others(app);
      },
    );
    const ada = await someone(app);
    const once = await app.inject({ url: "/both", headers: ada.cookie });
    expect(once.json()).toEqual({ user: ada.userId, visits: 1 });
    const cart = once.cookies.find(({ name }) => name === "cart");
    const cookie = `${ada.cookie.cookie}; cart=${encodeURIComponent(cart?.value ?? "")}`;
    expect((await app.inject({ url: "/both", headers: { cookie } })).json().visits).toBe(2);
  }
});

// auth0/express-openid-connect#835: a response that was streamed lost the renewed session cookie. Right: it is there,
// for it is set before the handler runs.
test("a streamed response keeps the renewed session cookie", async () => {
  const app = await setting.app({}, (app) =>
    app.get("/stream", { config: { identity: "session" } }, (_request, reply) =>
      reply.type("text/plain").send(Readable.from(["a", "b"])),
    ),
  );
  const ada = await someone(app);
  setting.clock.advance(120_000);
  const answer = await app.inject({ url: "/stream", headers: ada.cookie });
  expect(answer.body).toBe("ab");
  expect(answer.cookies.map(({ name, value }) => [name, value])).toEqual([
    ["__Host-session", ada.signedIn.cookies[0]?.value],
  ]);
});

// expressjs/session#965: under 250 concurrent sign-ins a third of the answers had no Set-Cookie. Right: each has its own.
test("of a hundred sign-ins at once each answer has a session cookie of its own", async () => {
  const app = await setting.app({}, me);
  // Of one account and one network no more than the login defence evaluates at the same time.
  const people = await Promise.all(Array.from({ length: 25 }, () => someone(app)));
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, at) => {
      const payload = { identifier: people[at % 25]?.email, password };
      return app.inject({ method: "POST", url: "/v1/sessions", payload, remoteAddress: `10.0.${at % 25}.1` });
    }),
  );
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([201]));
  const sessions = answers.map(({ cookies }) => cookies.find(({ name }) => name === "__Host-session")?.value);
  expect(new Set(sessions).size).toBe(100);
});

// fastify/fastify-jwt#318 and #237: with Basic authentication of a proxy in front, its header was taken for the token and
// the cookie never read. Right: the cookie counts.
test("the Authorization header of a proxy does not hide the session cookie", async () => {
  const app = await setting.app({}, me);
  const ada = await someone(app);
  for (const authorization of [
    "Basic dXNlcjpwYXNz",
    "Digest username=x",
    "Bearer opaque",
    "bearer",
    "Bearer ",
  ]) {
    const answer = await app.inject({ url: "/me", headers: { ...ada.cookie, authorization } });
    expect([authorization, answer.json()]).toEqual([authorization, ada.userId]);
  }
});

// fastify/help#43, fastify/help#3, fastify/fastify#748: routes added before an auth plugin had loaded (register without
// await) were open to everybody. Right: guarded all the same, and a declaration that makes no sense opens nothing.
test("a route that was added before the plugin had loaded is guarded", async () => {
  const app = fastify();
  app.register(identityPlugin, setting.options({ requireDeclaredAccess: true }));
  app.get("/me", { config: { identity: "session" } }, (request) => app.identity.userOf(request));
  app.get("/typo", { config: { identity: "sesion" as "session" } }, () => "in");
  app.get("/undeclared", () => "in");
  const ada = await someone(app);
  expect((await app.inject("/me")).statusCode).toBe(401);
  expect((await app.inject({ url: "/me", headers: ada.bearer })).json()).toBe(ada.userId);
  for (const url of ["/typo", "/undeclared"]) {
    const answer = await app.inject({ url, headers: ada.bearer });
    expect([url, answer.statusCode]).toEqual([url, 500]);
    expect(answer.body).not.toBe("in");
  }
  await app.close();
});

// fastify/fastify#4271, fastify/fastify-rate-limit#267: the HEAD route that Fastify adds was counted twice by the rate limit,
// or not guarded. Right: as GET, without a body, each request counted once.
test("HEAD is guarded as GET is, has no body, and counts once", async () => {
  const app = await setting.app({ rateLimit: { requests: 3, passwords: 3 } }, me);
  const refused = await app.inject({ method: "HEAD", url: "/me" });
  expect([refused.statusCode, refused.body]).toEqual([401, ""]);
  const statuses = [];
  for (let at = 0; at < 4; at++)
    statuses.push((await app.inject({ method: "HEAD", url: "/v1/session" })).statusCode);
  expect(statuses).toEqual([401, 401, 401, 429]);
});

// better-auth/better-auth#7107: the session of a request had to be fetched by hand in each handler, untyped, with a null
// check. Right: typed by the plugin's declaration, in encapsulated scopes too.
test("what a guard found is typed and at hand in encapsulated scopes", async () => {
  const app = await setting.app({}, (app) =>
    app.register(
      async (scope) => {
        expectTypeOf(scope.identity).toEqualTypeOf<AppIdentity>();
        scope.get("/me", { config: { identity: "session" } }, (request) => {
          expectTypeOf(request.identity).toEqualTypeOf<RequestIdentity | null>();
          return { acr: scope.identity.sessionOf(request).acr, user: scope.identity.userOf(request) };
        });
      },
      { prefix: "/inner" },
    ),
  );
  const ada = await someone(app);
  expect((await app.inject({ url: "/inner/me", headers: ada.bearer })).json()).toEqual({
    acr: 1,
    user: ada.userId,
  });
});

// fastify/fastify#6208, fastify/help#1099: when a client closes the connection before the answer, `onResponse` does not run.
// An attacker who guesses passwords and hangs up would leave no event. Right: what follows an answer is done all the same.
// fastify/fastify#4626: the payload of such a request was logged as an error. Right: no token in the log.
test("a client that hangs up before the answer leaves its traces, and its token stays out of the log", async () => {
  const lines: string[] = [];
  const logger = { level: "trace", stream: { write: (line: string) => void lines.push(line) } };
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let arrived: () => void = () => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const app = await setting.app(
    {
      solvesChallenge: async () => {
        arrived();
        await held;
        return false;
      },
    },
    undefined,
    { logger },
  );
  const email = "hangs-up@example.com";
  await app.inject({ method: "POST", url: "/v1/users", payload: { email, password } });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const guess = JSON.stringify({ identifier: email, password: "wrong wrong wrong" });
  const socket = connect(port, "127.0.0.1", () =>
    socket.write(
      `POST /v1/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${guess.length}\r\n\r\n${guess}`,
    ),
  );
  await arrival;
  socket.destroy();
  await once(socket, "close");
  await new Promise((resolve) => setImmediate(resolve));
  release();
  const events = () => setting.identity.models.SecurityEvent.countDocuments({ kind: "login_failed" });
  await expect.poll(events, { timeout: 5_000 }).toBe(1);
  expect(lines.join()).not.toMatch(/ids_[\w-]{60}/);
});
