// Headers and bytes of requests from outside, after public reports: express-rate-limit #234, rack #1227 and authentik #25679 (ports in
// X-Forwarded-For), node-fetch #1879 and RFC 8259 (ill-formed text), oauth2-proxy #2696 (Max-Age), FastRoute #108 and fastify
// #5573 (HEAD), Cacti #7683 (time tells of an account), and proxies' own Authorization headers.
import { connect } from "node:net";
import { readSession } from "@org/db-models/queries";
import { describe, expect, test } from "vitest";
import { cookie, password, useApi } from "./support/api.js";

const api = useApi({ trustProxy: ["10.0.0.0/8"], requestTimeoutMs: 1_000 });
const proxy = "10.1.1.1";

describe("the client's address", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["203.0.113.7:50001", "203.0.113.7"],
    ["[2001:db8::7]:50001", "2001:db8::7"],
    ["[2001:DB8:0::7]", "2001:db8::7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["64:ff9b::203.0.113.7", "203.0.113.7"],
    ["198.51.100.9, 203.0.113.7:50001, 10.9.9.9:4711", "203.0.113.7"],
    ["198.51.100.9, 203.0.113.7, [::ffff:10.9.9.9]:80", "203.0.113.7"],
  ])("X-Forwarded-For: %s is %s in the session", async (forwarded, address) => {
    const person = await api.register();
    const headers = { "x-forwarded-for": forwarded };
    const { id } = await api.signIn(person, { headers, remoteAddress: proxy });
    const session = readSession(await api.models.UserSession.findById(id).lean().orFail());
    expect(session.ip).toBe(address);
  });

  test.each(["unknown", "_hidden", "", "999.1.1.1", "203.0.113.7:abc", "<script>", "x".repeat(4_000)])(
    "%j from a proxy is nobody's address, and no failure",
    async (forwarded) => {
      const person = await api.register();
      const { id } = await api.signIn(person, {
        headers: { "x-forwarded-for": forwarded },
        remoteAddress: proxy,
      });
      const session = readSession(await api.models.UserSession.findById(id).lean().orFail());
      expect(session.ip ?? proxy).toBe(proxy);
    },
  );

  test("the port does not make another client of it for the rate limit", async () => {
    const limited = await api.build({ signInRateLimit: 3 });
    const statuses = [];
    for (let port = 50_001; port <= 50_006; port += 1) {
      const answer = await limited.inject({
        method: "POST",
        url: "/v1/sessions",
        remoteAddress: proxy,
        headers: { "x-forwarded-for": `203.0.113.77:${port}` },
        payload: { identifier: "nobody@example.com", password },
      });
      statuses.push(answer.statusCode);
    }
    expect(statuses.filter((status) => status !== 429)).toHaveLength(3);
  });
});

describe("the body", () => {
  const post = (url: string, payload: Buffer | string, type = "application/json") =>
    api.app.inject({ method: "POST", url, headers: { "content-type": type }, payload });
  const registration = (secret: Buffer) =>
    Buffer.concat([
      Buffer.from(`{"email":"bytes${Math.random()}@example.com","password":"`),
      secret,
      Buffer.from('"}'),
    ]);

  test.each([
    ["bytes that are no UTF-8", Buffer.alloc(16, 0xff)],
    ["ISO 8859-1", Buffer.from("Grüße aus München 1", "latin1")],
    ["a cut sequence", Buffer.from("Grüße aus Münche\u{1F600}").subarray(0, -1)],
    ["an overlong sequence", Buffer.concat([Buffer.from("a long password "), Buffer.from([0xc0, 0xaf])])],
    [
      "surrogates as bytes (CESU-8)",
      Buffer.concat([Buffer.from("a long password "), Buffer.from([0xed, 0xa0, 0x80])]),
    ],
  ])("%s is refused, not replaced", async (_name, secret) => {
    const answer = await post("/v1/users", registration(secret));
    expect([answer.statusCode, answer.json().code]).toEqual([400, "MALFORMED_REQUEST"]);
  });

  test("a lone surrogate in an escape is refused", async () => {
    const answer = await post("/v1/users", registration(Buffer.from("\\ud800".repeat(16))));
    expect([answer.statusCode, answer.json().code]).toEqual([400, "INVALID_INPUT"]);
  });

  test.each([
    ["application/json; charset=utf-8", 401],
    ['application/json;charset="UTF-8"', 401],
    ["application/json; charset=iso-8859-1", 415],
    ["application/json; charset=utf-16", 415],
    ["application/json; a=b; CHARSET = latin1", 415],
    ["text/plain", 415],
  ])("%s: %i", async (type, status) => {
    const body = JSON.stringify({ identifier: "nobody@example.com", password: "wrong wrong wrong" });
    expect((await post("/v1/sessions", body, type)).statusCode).toBe(status);
  });
});

test("the session cookie has Max-Age beside Expires", async () => {
  const { email } = await api.register();
  await api.models.User.updateOne({ email }, { $set: { "security.idleTimeoutMs": 900_000 } });
  const answer = await api.app.inject({
    method: "POST",
    url: "/v1/sessions",
    payload: { identifier: email, password },
  });
  expect(String(answer.headers["set-cookie"])).toMatch(/session=[^;]+; Max-Age=900; Path=\/; Expires=/i);
});

test("HEAD of the export exports nothing and records nothing", async () => {
  const { bearer } = await api.signIn(await api.register());
  const answer = await api.app.inject({ method: "HEAD", url: "/v1/account/export", headers: bearer });
  expect([answer.statusCode, answer.body]).toEqual([200, ""]);
  expect(await api.models.AuditEvent.countDocuments({ action: "account.exported" })).toBe(0);
});

test.each(["PROPFIND", "PURGE", "LOCK", "SEARCH", "TRACE"])(
  "%s is 405, with what is allowed",
  async (method) => {
    const answer = await api.app.inject({ method: method as "GET", url: "/v1/session" });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toContain("GET");
  },
);

describe("somebody else's Authorization header", () => {
  const foreign = [
    "Basic dXNlcjpwYXNz",
    "Negotiate YII=",
    "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJwcm94eSJ9.c2lnbmF0dXJl",
  ];

  test.each(foreign)("%s does not hide the session cookie", async (authorization) => {
    const mine = await api.signIn(await api.register());
    const answer = await api.app.inject({
      url: "/v1/session",
      headers: { ...cookie(mine.token), authorization },
    });
    expect(answer.statusCode).toBe(200);
  });

  test.each(foreign)("%s does not switch the same-origin guard off", async (authorization) => {
    const mine = await api.signIn(await api.register());
    const answer = await api.app.inject({
      method: "PATCH",
      url: "/v1/profile",
      headers: { ...cookie(mine.token), authorization, "sec-fetch-site": "cross-site" },
      payload: { theme: "dark" },
    });
    expect([answer.statusCode, answer.json().code]).toEqual([403, "CROSS_ORIGIN"]);
  });
});

test("a wrong password asks the database for the same before the answer, whether or not there is such an account", async () => {
  const known = await api.register();
  const names: string[] = [];
  api.connection.getClient().on("commandStarted", ({ commandName }) => names.push(commandName));
  const commandsOf = async (identifier: string) => {
    // Bytes after an answer do not belong to the next one.
    await api.app.identity.flows.settle();
    names.length = 0;
    const answer = await api.app.inject({
      method: "POST",
      url: "/v1/sessions",
      // Without failures of the tests before.
      remoteAddress: "192.0.2.200",
      payload: { identifier, password: "wrong wrong wrong" },
    });
    expect(answer.statusCode).toBe(401);
    return [...names];
  };
  await commandsOf(known.email);
  await commandsOf("no.such.account@example.com");
  expect(await commandsOf(known.email)).toEqual(await commandsOf("no.such.account@example.com"));
});

describe("security settings", () => {
  test("ask for a recent authentication, which the password gives, in the same session", async () => {
    const person = await api.register();
    const mine = await api.signIn(person);
    const patch = (headers: Record<string, string>) =>
      api.app.inject({ method: "PATCH", url: "/v1/security", headers, payload: { limitPolicy: "deny" } });
    const authenticatedAt = new Date(api.clock.now().getTime() - 901_000);
    await api.models.UserSession.updateOne(
      { _id: mine.id },
      { $set: { authenticatedAt, proofs: [{ method: "password", at: authenticatedAt }] } },
    );
    expect((await patch(mine.bearer)).json().code).toBe("RECENT_AUTHENTICATION_REQUIRED");
    const prove = (secret: string) =>
      api.app.inject({
        method: "POST",
        url: "/v1/session/authentication",
        headers: mine.bearer,
        payload: { password: secret },
      });
    expect((await prove("wrong wrong wrong")).json().code).toBe("BAD_CREDENTIALS");
    const proved = await prove(password);
    expect([proved.statusCode, proved.json().id]).toEqual([200, mine.id]);
    expect((await patch({ authorization: `Bearer ${proved.json().token}` })).statusCode).toBe(200);
    expect((await api.app.inject({ url: "/v1/session", headers: mine.bearer })).statusCode).toBe(401);
  });

  test("that would lock their owner out are refused unless confirmed", async () => {
    const { bearer } = await api.signIn(await api.register());
    const set = (payload: object) =>
      api.app.inject({ method: "PATCH", url: "/v1/security", headers: bearer, payload });
    const ipAllowlist = ["203.0.113.0/24"];
    expect((await set({ ipAllowlist })).json().code).toBe("WOULD_LOCK_OUT");
    expect((await set({ ipAllowlist, confirmed: true })).json()).toMatchObject({ ipAllowlist });
  });
});

test("a client that sends its headers slowly is cut off about when it is configured", async () => {
  const app = await api.build({ requestTimeoutMs: 1_000 });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as { port: number };
  const socket = connect(port, "127.0.0.1", () => socket.write("POST /v1/sessions HTTP/1.1\r\nHost: a\r\n"));
  const drip = setInterval(() => socket.write("X-Y: z\r\n"), 100);
  // Node's own default would look after 30 s: the test's own limit is what would fail then.
  await new Promise((resolve) => socket.on("error", () => undefined).on("close", resolve));
  clearInterval(drip);
});
