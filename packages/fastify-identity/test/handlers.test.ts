import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Types } from "mongoose";
import { afterEach, expect, it, test } from "vitest";
import { identityHandlers, OptionsError } from "../src/handlers/index.js";
import { password, useIdentity } from "./support.js";

const setting = useIdentity();
const servers: Server[] = [];
const closing: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function handlers(changed: Parameters<typeof setting.options>[0] & { trustProxy?: boolean } = {}) {
  const { trustProxy = false, ...options } = changed;
  const made = await identityHandlers({ ...setting.options(options), trustProxy });
  closing.push(made.close);
  return made;
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let people = 0;
async function signedIn(send: (request: Request) => Promise<Response>, origin: string) {
  people += 1;
  const email = `handlers${people}@example.com`;
  const post = (path: string, body: object) =>
    send(
      new Request(`${origin}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
  await post("/v1/users", { email, password });
  const answer = await post("/v1/sessions", { identifier: email, password });
  const cookie = answer.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
  return { cookie, userId: ((await answer.json()) as { userId: string }).userId };
}

it("hands on to node:http what is none of its routes, with the body unread", async () => {
  const { connect } = await handlers();
  const origin = await listen((req, res) =>
    connect.routes(req, res, () => {
      req.setEncoding("utf8").on("data", (text: string) => res.end(`mine: ${text}`));
    }),
  );
  const mine = await fetch(`${origin}/mine`, { method: "POST", body: "a body" });
  expect(await mine.text()).toBe("mine: a body");
  expect((await fetch(`${origin}/v1/session`)).status).toBe(401);
});

it("says so when a body parser came first, instead of waiting for a body that has gone", async () => {
  const { connect } = await handlers();
  const origin = await listen(async (req, res) => {
    for await (const _ of req);
    connect.routes(req, res, (error) => {
      res.statusCode = 500;
      res.end(String(error));
    });
  });
  const answer = await fetch(`${origin}/v1/users`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  expect(await answer.text()).toContain("before the body parser");
});

test("a guard renews the cookie of a session that was touched, on the application's own response", async () => {
  const { fetch: handle, connect } = await handlers();
  const ada = await signedIn(handle.routes, "https://id.example.com");
  const me = handle.guard("session", (_request, who) =>
    who.userId?.toHexString() === ada.userId
      ? Response.redirect("https://id.example.com/in")
      : new Response(),
  );
  setting.clock.advance(120_000);
  const answer = await me(new Request("https://id.example.com/me", { headers: { cookie: ada.cookie } }));
  expect([answer.status, answer.headers.getSetCookie().length]).toEqual([302, 1]);
  const guard = connect.guard("session");
  const origin = await listen((req, res) =>
    guard(req, res, () => {
      res.setHeader("set-cookie", [...[res.getHeader("set-cookie") ?? []].flat().map(String), "mine=1"]);
      res.end(connect.identityOf(req).kind);
    }),
  );
  setting.clock.advance(120_000);
  const renewed = await fetch(origin, { headers: { cookie: ada.cookie } });
  expect([await renewed.text(), renewed.headers.getSetCookie().length]).toEqual(["session", 2]);
});

test("an API key's allowlist goes by the peer's address, or by what a trusted proxy says", async () => {
  for (const [trustProxy, forwarded, status] of [
    [false, "203.0.113.9", 403],
    [true, "203.0.113.9", 200],
    [true, "198.51.100.1", 403],
  ] as const) {
    const { connect, identity } = await handlers({ trustProxy });
    people += 1;
    const { _id: userId } = await identity.operations.users.register({
      email: `allow${people}@example.com`,
      password,
    });
    const { key } = await identity.operations.apiKeys.create({
      userId,
      name: "k",
      scopes: ["a:b"],
      ipAllowlist: ["203.0.113.0/24"],
    });
    const guard = connect.guard({ scope: "a:b" });
    const origin = await listen((req, res) => guard(req, res, () => res.end("in")));
    const headers = { "x-api-key": key, "x-forwarded-for": forwarded };
    expect([trustProxy, forwarded, (await fetch(origin, { headers })).status]).toEqual([
      trustProxy,
      forwarded,
      status,
    ]);
  }
});

test("a declaration that makes no sense, and an identity that nobody asked for, are errors at once", async () => {
  const { connect, fetch: handle } = await handlers();
  const wrong = { accept: ["api_key"] } as const;
  expect(() => connect.guard(wrong)).toThrow(expect.objectContaining({ code: "INVALID_OPTIONS" }));
  expect(() => handle.guard(wrong, () => new Response())).toThrow(
    expect.objectContaining({ code: "INVALID_OPTIONS" }),
  );
  expect(() => connect.identityOf({} as never)).toThrow(TypeError);
});

test("a guard refuses who acts for a user where it says so", async () => {
  const made = await handlers({ admin: { impersonation: true }, oauth: true });
  const { fetch: handle, connect } = made;
  const ada = await signedIn(handle.routes, "https://id.example.com");
  const token = await actingToken(new Types.ObjectId(ada.userId));
  const closed = handle.guard("session", () => new Response("done"), { impersonated: false });
  const open = handle.guard("session", () => new Response("done"));
  const by = (headers: Record<string, string>) => new Request("https://id.example.com/pay", { headers });
  const acting = { authorization: `Bearer ${token}` };
  const refused = await closed(by(acting));
  expect([refused.status, await refused.json()]).toMatchObject([403, { code: "IMPERSONATED" }]);
  expect(await (await open(by(acting))).text()).toBe("done");
  expect(await (await closed(by({ cookie: ada.cookie }))).text()).toBe("done");
  const guard = connect.guard("session", { impersonated: false });
  const origin = await listen((req, res) => guard(req, res, () => res.end("done")));
  expect((await fetch(origin, { headers: acting })).status).toBe(403);
  expect(await (await fetch(origin, { headers: { cookie: ada.cookie } })).text()).toBe("done");
});

test.each([{ impersonated: "no" }, { impersonate: false }, null])(
  "a guard refuses the rules %j",
  async (rules) => {
    const { connect } = await handlers();
    expect(() => connect.guard("session", rules as object)).toThrow(OptionsError);
  },
);

/** The token of a session in which an administrator acts for a user. */
async function actingToken(userId: Types.ObjectId): Promise<string> {
  const { users, sessions, administrators, impersonations } = setting.identity;
  const { _id: actor } = await users.register({ email: `actor${++people}@example.com`, password });
  await users.setStatus({ userId: actor, status: "active" });
  await administrators.setRoles({ userId: actor, roles: ["identity:impersonator"] });
  const { id: actorSession } = await sessions.open({ userId: actor });
  const started = await impersonations.start({ userId, actor, actorSession, reason: "Ticket 4711" });
  if (!started.ok) throw new Error(started.reason);
  return started.token;
}
