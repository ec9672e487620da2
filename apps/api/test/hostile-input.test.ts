import type { InjectOptions } from "fastify";
import { beforeAll, describe, expect, test } from "vitest";
import { password, type SignedInPerson, useApi } from "./support/api.js";

const api = useApi();
let mine: SignedInPerson;
beforeAll(async () => {
  mine = await api.signIn(await api.register());
});

const json = { "content-type": "application/json" };
const signInWith = (payload: unknown, headers: Record<string, string> = json): InjectOptions => ({
  method: "POST",
  url: "/v1/sessions",
  headers,
  payload: typeof payload === "string" || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
});
const end = (id: string): InjectOptions => ({ method: "DELETE", url: `/v1/sessions/${id}` });

const table: Array<[name: string, request: InjectOptions, status: number, code: string]> = [
  ["malformed JSON", signInWith('{"identifier":'), 400, "MALFORMED_REQUEST"],
  ["an empty body", signInWith(""), 400, "INVALID_INPUT"],
  ["a body that is no object", signInWith("[]"), 400, "INVALID_INPUT"],
  ["null", signInWith("null"), 400, "INVALID_INPUT"],
  ["the key __proto__", signInWith('{"__proto__":{"a":1}}'), 400, "MALFORMED_REQUEST"],
  ["the key constructor.prototype", signInWith('{"constructor":{"prototype":{}}}'), 400, "MALFORMED_REQUEST"],
  [
    "an operator for a password",
    signInWith({ identifier: "a", password: { $ne: "" } }),
    400,
    "INVALID_INPUT",
  ],
  ["an operator for a name", signInWith({ identifier: { $gt: "" }, password }), 400, "INVALID_INPUT"],
  ["a list for a name", signInWith({ identifier: ["a"], password }), 400, "INVALID_INPUT"],
  ["an unknown field", signInWith({ identifier: "a", password, admin: true }), 400, "INVALID_INPUT"],
  ["NUL in a name", signInWith({ identifier: "a\u0000@example.com", password }), 401, "BAD_CREDENTIALS"],
  ["a lone surrogate", signInWith({ identifier: "\ud800@example.com", password }), 401, "BAD_CREDENTIALS"],
  [
    "a password of 60,000 characters",
    signInWith({ identifier: "a", password: "x".repeat(60_000) }),
    401,
    "BAD_CREDENTIALS",
  ],
  ["deep nesting", signInWith(`${"[".repeat(30_000)}${"]".repeat(30_000)}`), 400, "INVALID_INPUT"],
  ["a body of 70 kB", signInWith({ identifier: "a", password: "x".repeat(70_000) }), 413, "BODY_TOO_LARGE"],
  ["bytes that are no UTF-8", signInWith(Buffer.from([0x22, 0xff, 0xfe, 0x22])), 400, "MALFORMED_REQUEST"],
  [
    "a form",
    signInWith("identifier=a", { "content-type": "application/x-www-form-urlencoded" }),
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  ],
  [
    "text that looks like JSON",
    signInWith("{}", { "content-type": "text/plain" }),
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  ],
  ["a content type that is none", signInWith("{}", { "content-type": ";;;" }), 415, "UNSUPPORTED_MEDIA_TYPE"],
  ["an id that is a word", end("me"), 400, "INVALID_INPUT"],
  ["an id of 12 bytes", end("abcdefghijkl"), 400, "INVALID_INPUT"],
  ["an id with an operator", end("%7B%22$ne%22:1%7D"), 400, "INVALID_INPUT"],
  ["an id with a NUL", end("%00"), 400, "INVALID_INPUT"],
  ["an id of 5,000 characters", end("a".repeat(5_000)), 414, "URI_TOO_LONG"],
  ["a broken escape", end("%E0%A4%A"), 400, "MALFORMED_REQUEST"],
  ["a path that climbs", { url: "/v1/../../etc/passwd" }, 404, "NOT_FOUND"],
  ["a path that does not exist", { url: "/v1/nothing" }, 404, "NOT_FOUND"],
  [
    "the documentation's files above their folder",
    { url: "/docs/static/..%2f..%2fpackage.json" },
    404,
    "NOT_FOUND",
  ],
  ["a method that the path does not know", { method: "PUT", url: "/v1/session" }, 405, "METHOD_NOT_ALLOWED"],
  ["another such method", { method: "GET", url: "/v1/users" }, 405, "METHOD_NOT_ALLOWED"],
];

test.each(table)("%s", async (_name, request, status, code) => {
  const answer = await api.app.inject({ ...request, headers: { ...mine.bearer, ...request.headers } });
  expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
  expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.json()).toMatchObject({
    type: "about:blank",
    status,
    requestId: answer.headers["x-request-id"],
  });
  expect({}).not.toHaveProperty("a");
});

test("a path that exists names the methods that it knows", async () => {
  const answer = await api.app.inject({ method: "PUT", url: "/v1/sessions" });
  expect(answer.headers.allow?.split(", ").sort()).toEqual(["DELETE", "GET", "HEAD", "POST"]);
});

// Fuzzers of OpenAPI documents send methods that a resource does not know, without a body and with one that can't be read:
// the method is what is wrong (RFC 9110 section 15.5.6). Fastify answers QUERY without a content type 400 before it looks.
test.each([
  ["QUERY", {}],
  ["PUT", { "content-type": "application/json" }],
  ["PUT", { "content-type": "text/plain" }],
])("a method that a path does not know is that, whatever its body: %s %o", async (method, headers) => {
  const body = method === "PUT" && { payload: "{ broken" };
  const asked = { method: method as "PUT", url: "/v1/sessions", headers, ...body };
  const answer = await api.app.inject(asked);
  expect([answer.statusCode, answer.json().code]).toEqual([405, "METHOD_NOT_ALLOWED"]);
});

test("thousands of unknown keys get a short answer", async () => {
  const keys = Object.fromEntries(Array.from({ length: 4_000 }, (_, index) => [`key${index}`, 1]));
  expect((await api.app.inject(signInWith(keys))).body.length).toBeLessThan(5_000);
});

describe("rate limits", () => {
  test("hold per client: more are refused with the time to wait, others are not", async () => {
    const app = await api.build({ rateLimit: 5 });
    const from = (remoteAddress: string) => app.inject({ url: "/v1/session", remoteAddress });
    const answers = [];
    for (let i = 0; i < 8; i++) answers.push(await from("192.0.2.1"));
    const refused = answers.filter(({ statusCode }) => statusCode === 429);
    expect(refused).toHaveLength(3);
    expect(refused[0]?.json().code).toBe("RATE_LIMITED");
    expect(Number(refused[0]?.headers["retry-after"])).toBeGreaterThan(0);
    expect((await from("192.0.2.2")).statusCode).toBe(401);
    expect((await app.inject({ url: "/nothing", remoteAddress: "192.0.2.1" })).statusCode).toBe(429);
  });

  test("are tighter where a password is checked or set", async () => {
    const app = await api.build({ signInRateLimit: 2 });
    const tokens = ["/v1/password-reset", "/v1/password-reset/confirm", "/v1/email-verification/confirm"];
    for (const url of ["/v1/sessions", "/v1/users", ...tokens]) {
      const answers = [];
      for (let i = 0; i < 3; i++) answers.push(await app.inject({ method: "POST", url, payload: {} }));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([400, 400, 429]);
    }
    expect((await app.inject({ url: "/v1/session" })).statusCode).toBe(401);
  });

  test("count an IPv6 client by its network, and a forwarded address only behind a trusted proxy", async () => {
    const app = await api.build({ rateLimit: 1 });
    const from = (remoteAddress: string, forwarded = "203.0.113.1") =>
      app.inject({ url: "/v1/session", remoteAddress, headers: { "x-forwarded-for": forwarded } });
    expect((await from("2001:db8::1")).statusCode).toBe(401);
    expect((await from("2001:db8::2", "203.0.113.2")).statusCode).toBe(429);
    const trusting = await api.build({ rateLimit: 1, trustProxy: ["10.0.0.0/8"] });
    const through = (forwarded: string) =>
      trusting.inject({
        url: "/v1/session",
        remoteAddress: "10.1.1.1",
        headers: { "x-forwarded-for": forwarded },
      });
    expect((await through("203.0.113.1")).statusCode).toBe(401);
    expect((await through("203.0.113.2")).statusCode).toBe(401);
    // Read from the right: what a client says of itself stands left of what a proxy of ours has seen.
    expect((await through("6.6.6.6, 203.0.113.1")).statusCode).toBe(429);
    expect((await through("6.6.6.6, 203.0.113.1, 10.2.2.2")).statusCode).toBe(429);
    expect((await through("203.0.113.1, 203.0.113.3, 10.2.2.2")).statusCode).toBe(401);
  });
});
