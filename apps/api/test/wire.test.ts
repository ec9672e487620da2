// Input before there is a request to route, and input that two programs could read in two ways. Each case names
// its public report or standard, the input, and why the value is right.
import { connect } from "node:net";
import { repeatsName } from "@org/fastify-identity/http";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { password, type SignedInPerson, useApi } from "./support/api.js";

const api = useApi({ requestTimeoutMs: 1_000 });
let port: number;
beforeAll(async () => {
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  ({ port } = api.app.server.address() as { port: number });
});

interface RawAnswer {
  status: number;
  headers: string;
  body: Record<string, unknown>;
  /** How many there were on the connection. */
  answers: number;
}

/** Sends bytes as they are, and reads until the service closes the connection. */
async function send(...bytes: string[]): Promise<RawAnswer> {
  const text = await new Promise<string>((resolve) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => {
      for (const part of bytes) socket.write(Buffer.from(part, "latin1"));
    });
    socket.on("data", (chunk) => {
      received += chunk.toString("utf8");
    });
    socket.on("error", () => undefined).on("close", () => resolve(received));
  });
  const [head = "", body = ""] = text.split("\r\n\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    headers: head.toLowerCase(),
    body: JSON.parse(body),
    answers: text.split(/^HTTP\/1\.1 /m).length - 1,
  };
}

const get = (...lines: string[]) => `${["GET /health/live HTTP/1.1", ...lines].join("\r\n")}\r\n\r\n`;
const post = (...lines: string[]) => `${["POST /v1/sessions HTTP/1.1", ...lines].join("\r\n")}\r\n\r\n`;
const close = "Connection: close";
const json = "Content-Type: application/json";

describe("a request that can't be read is answered as every other error (fastify 2226, fastify/help 1080)", () => {
  const long = "a".repeat(20_000);
  // RFC 9457: programs decide on `code`; one error that looks otherwise breaks them.
  test.each([
    ["headers of 20 kB", get("Host: a", `X-A: ${long}`), 431, "HEADERS_TOO_LARGE"],
    ["an unreadable length", post("Host: a", "Content-Length: abc"), 400, "MALFORMED_REQUEST"],
    [
      "a length and chunks",
      post("Host: a", "Content-Length: 3", "Transfer-Encoding: chunked"),
      400,
      "MALFORMED_REQUEST",
    ],
    ["NUL in a header", get("Host: a", "X-A: a\0b"), 400, "MALFORMED_REQUEST"],
    ["the first bytes of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "MALFORMED_REQUEST"],
    // RFC 9110 section 9.1: a method that the server does not know at all.
    [
      "a method that Node does not know",
      "FROB /v1/session HTTP/1.1\r\nHost: a\r\n\r\n",
      501,
      "NOT_IMPLEMENTED",
    ],
  ])("%s", async (_name, bytes, status, code) => {
    const answer = await send(bytes);
    expect([answer.status, answer.body.status, answer.body.code]).toEqual([status, status, code]);
    expect(answer.headers).toContain("content-type: application/problem+json");
    expect(answer.headers).toContain("cache-control: no-store");
    expect(answer.headers).toContain(`x-request-id: ${String(answer.body.requestId)}`);
    const logged = api.log.filter((line) => line.includes(String(answer.body.requestId)));
    expect(logged).toHaveLength(1);
    expect(logged[0]).not.toContain(long.slice(0, 100));
  });
});

// Node exchanges the limits for headers and for the whole when the first is longer: a body had a minute, whatever was
// configured. The limit of this test, of 20 s, is what would fail.
test("a body that does not come is waited for as long as is configured", { timeout: 20_000 }, async () => {
  const { status, body } = await send(post("Host: a", json, "Content-Length: 9"));
  expect([status, body.code]).toEqual([408, "REQUEST_TIMEOUT"]);
});

describe("headers that stand once (nodejs 3094, bandit 619)", () => {
  // RFC 9112 section 3.2: no Host, two of them, or one that is none, is answered with 400.
  test.each([
    ["no Host", get()],
    ["two Hosts", get("Host: a", "Host: b")],
    ["twice the same Host", get("Host: a", "host: a")],
    ["a Host with a path", get("Host: a/b")],
    ["a Host with a name and a password", get("Host: u:p@a")],
    ["two Hosts in one", get("Host: a, b")],
    // RFC 9110 section 5.3: none of these is a list, and a proxy may have checked the other one.
    ["two Authorization headers", get("Host: a", "Authorization: Bearer a", "Authorization: Bearer b")],
    ["two API keys", get("Host: a", "X-API-Key: a", "X-API-Key: b")],
    ["two content types", post("Host: a", json, "Content-Type: text/plain", "Content-Length: 0")],
    ["two origins", post("Host: a", "Origin: http://a", "Origin: http://b", "Content-Length: 0")],
  ])("%s: 400, and nothing that follows on the connection is answered", async (_name, bytes) => {
    const { status, body, answers } = await send(bytes, get("Host: a"));
    expect([status, body.code, answers]).toEqual([400, "MALFORMED_REQUEST", 1]);
  });

  test.each(["a", "example.com:3000", "[::1]:3000", "127.0.0.1", "", "xn--bcher-kva.example:"])(
    "Host: %s passes",
    async (host) => {
      expect((await send(get(`Host: ${host}`, close))).status).toBe(200);
    },
  );

  test("HTTP/1.0 needs no Host", async () => {
    expect((await send("GET /health/live HTTP/1.0\r\n\r\n")).status).toBe(200);
  });
});

// RFC 8259 section 4, RFC 7493 section 2.3: programs differ in which of two members of a name they take.
describe("a member that is named twice is refused (serde-rs/json 762, securedrop-client 1752)", () => {
  test.each([
    ['{"a":1,"a":1}', true],
    ['{"a":1,"\\u0061":2}', true],
    ['{"a":{"b":1,"c":[{"d":1, "d" :2}]}}', true],
    ['[{"a":1},{"a":2}]', false],
    ['{"a":{"a":{"a":[{"a":"a"}]}}}', false],
    ['{"a":"{\\"b\\":1,\\"b\\":2}","b":"\\\\","c":"\\\\\\""}', false],
    ['{"a":"b","c":["a","a","b:","c"]}', false],
    ['"a"', false],
  ])("%s: %s", (text, repeated) => {
    expect(repeatsName(text)).toBe(repeated);
  });

  test("by the service, before anything is looked at", async () => {
    const { email } = await api.register();
    const payload = `{"identifier":"somebody@example.com","identifier":"${email}","password":"${password}"}`;
    const headers = { "content-type": "application/json" };
    const answer = await api.app.inject({ method: "POST", url: "/v1/sessions", headers, payload });
    expect([answer.statusCode, answer.json().code]).toEqual([400, "MALFORMED_REQUEST"]);
    expect(answer.json().reason).toBe("repeated_name");
  });
});

describe("as somebody signed in", () => {
  let mine: SignedInPerson;
  afterEach(() => expect(api.log.filter((line) => JSON.parse(line).level >= 50)).toEqual([]));
  beforeAll(async () => {
    mine = await api.signIn(await api.register());
  });
  const status = async (method: "GET" | "DELETE", url: string) =>
    (await api.app.inject({ method, url, headers: mine.bearer })).statusCode;

  // From a fuzzer of the OpenAPI document: a value outside the document is refused, above all where a
  // misread value ends every session.
  test.each(["1e2", "0x10", " 5", "+5", "5.0", "", "-1", "201", "9999999999", "٥", "5&limit=6"])(
    "limit=%s is no whole number within bounds",
    async (limit) => {
      expect(await status("GET", `/v1/security/events?limit=${encodeURI(limit)}`)).toBe(400);
      expect(await status("GET", `/v1/api-keys?limit=${encodeURI(limit)}`)).toBe(400);
      expect(await status("GET", `/v1/analytics?days=${encodeURI(limit.replace("201", "367"))}`)).toBe(400);
    },
  );

  test("a whole number is taken, also with zeros before it", async () => {
    for (const limit of ["1", "007", "200"])
      expect(await status("GET", `/v1/security/events?limit=${limit}`)).toBe(200);
  });

  test.each(["yes", "1", "TRUE", "on", ""])("all=%s ends no session", async (all) => {
    expect(await status("DELETE", `/v1/sessions?all=${all}`)).toBe(400);
    expect(await status("GET", "/v1/session")).toBe(200);
  });

  // Found with many parallel requests: the loser of the race got "not found". It is the token
  // that is no longer valid (RFC 6750 section 3.1), as for every other request with it.
  test("of two changes of the password at once one is done, and the other is not authenticated", async () => {
    const { bearer: headers } = await api.signIn(await api.register());
    const change = (newPassword: string) =>
      api.app.inject({
        method: "PUT",
        url: "/v1/account/password",
        headers,
        payload: { password, newPassword },
      });
    const answers = await Promise.all([change("another password 1"), change("another password 2")]);
    const [done, refused] = answers.sort((one, other) => one.statusCode - other.statusCode);
    expect(done?.statusCode).toBe(200);
    // A request that arrives after the change has a wrong password.
    expect([refused?.statusCode, refused?.json().code]).toEqual([
      401,
      expect.stringMatching(/^(SESSION_INVALID|BAD_CREDENTIALS)$/),
    ]);
  });

  test("the document names the type of the export", async () => {
    const { paths } = (await api.app.inject("/openapi.json")).json();
    const answer = await api.app.inject({ url: "/v1/account/export", headers: mine.bearer });
    const { content } = paths["/v1/account/export"].get.responses["200"];
    expect(Object.keys(content)).toEqual([answer.headers["content-type"]]);
  });

  // mastodon 1095, discourse 21331, lemmy 3436: UAX #9 section 2 and Default_Ignorable_Code_Point.
  test.each([
    ["a direction that is turned around", "admin\u202egnp.exe"],
    ["an isolate without an end", "a\u2067b"],
    ["nothing to see: zero-width space", "\u200b\u200b\u200b"],
    ["nothing to see: word joiners", "\u2060 \u2060"],
    ["nothing to see: Hangul filler", "\u3164"],
    ["nothing to see: Braille without a dot", "\u2800"],
    ["a line separator", "a\u2028b"],
    ["a control character of ISO 8859", "a\u0085b"],
    ["a noncharacter", "a\uffff"],
  ])("a name with %s is refused, of a person and of a key", async (_name, text) => {
    const { bearer: headers } = mine;
    const profile = { method: "PATCH", url: "/v1/profile", headers, payload: { displayName: text } } as const;
    expect((await api.app.inject(profile)).statusCode).toBe(400);
    const key = { name: text, scopes: ["profile:read"] };
    const created = await api.app.inject({ method: "POST", url: "/v1/api-keys", headers, payload: key });
    expect(created.statusCode).toBe(400);
  });

  test.each(["مريم\u200cها", "\u200fדנה\u200f", "👩\u200d💻", "❤\ufe0f", "Zoë", "李小龍", "नमस्ते", "O’Brien"])(
    "%s is somebody's name",
    async (displayName) => {
      const payload = { displayName, bio: `${displayName}\n\t${displayName}` };
      const patch = { method: "PATCH", url: "/v1/profile", headers: mine.bearer, payload } as const;
      expect((await api.app.inject(patch)).json().profile).toMatchObject(payload);
    },
  );
});
