// Refusals of the pages, and their answers when something is wrong.
import { describe, expect, test } from "vitest";
import { OptionsError } from "../../src/index.js";
import { password, someone, useIdentity } from "../support.js";
import { formToken, textOf, Visitor } from "./visitor.js";

const setting = useIdentity();

async function signedIn(app: Awaited<ReturnType<typeof setting.app>>) {
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  const answer = await visitor.send("/account/sign-in", { identifier: email, password });
  expect(answer.statusCode).toBe(303);
  return { visitor, email };
}

describe("a form", () => {
  test.each([
    ["another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }],
    ["a sibling", { "sec-fetch-site": "same-site", origin: "https://other.example.com" }],
    ["nowhere", { "sec-fetch-site": "", origin: "null" }],
  ])("of %s is refused with a page, and does nothing", async (_what, headers) => {
    const app = await setting.app();
    const { visitor } = await signedIn(app);
    const token = formToken((await visitor.get("/account")).body);
    const refused = await visitor.post("/account", { form_token: token, display_name: "Mallory" }, headers);
    expect(refused.statusCode).toBe(403);
    expect(refused.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(textOf(refused.body)).toContain("This request came from another site");
    expect((await visitor.get("/account")).body).not.toContain("Mallory");
  });

  test.each([
    ["none", {}],
    ["another browser's", { form_token: "A".repeat(43) }],
    ["two", { form_token: "" }],
  ])("with %s token is shown again, and does nothing", async (_what, fields) => {
    const app = await setting.app();
    const { visitor } = await signedIn(app);
    await visitor.get("/account");
    const refused = await visitor.post("/account", { ...fields, display_name: "Mallory", timezone: "UTC" });
    expect(refused.statusCode).toBe(403);
    expect(textOf(refused.body)).toContain("Nothing was changed.");
    expect(refused.body).toContain('value="Mallory"');
    expect(textOf((await visitor.get("/account")).body)).not.toContain("Mallory");
  });

  test.each([
    ["JSON", "application/json", '{"identifier":"a"}', 415],
    ["text", "text/plain", "identifier=a", 415],
    ["bytes that are no UTF-8", undefined, "identifier=%ff%fe", 400],
    ["an escape that is none", undefined, "identifier=%zz", 400],
    ["bare bytes", undefined, "identifier=\u00e9", 400],
    ["a thousand fields", undefined, "a=1&".repeat(1_000), 400],
    ["two megabytes", undefined, `a=${"x".repeat(2_000_000)}`, 413],
  ])("of %s is answered with a page", async (_what, type, payload, status) => {
    const app = await setting.app();
    const headers = {
      host: "id.example.com",
      "sec-fetch-site": "same-origin",
      "content-type": type ?? "application/x-www-form-urlencoded",
    };
    const answer = await app.inject({ method: "POST", url: "/account/sign-in", headers, payload });
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([status, "text/html; charset=utf-8"]);
  });

  test("that repeats a field has no value in it", async () => {
    const app = await setting.app();
    const visitor = new Visitor(app);
    const token = formToken((await visitor.get("/account/sign-in")).body);
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await app.inject({
      method: "POST",
      url: "/account/sign-in",
      headers: { ...visitor.headers, cookie, "content-type": "application/x-www-form-urlencoded" },
      payload: `form_token=${token}&identifier=a%40b.example&identifier=c%40d.example&password=x`,
    });
    expect(answer.statusCode).toBe(422);
    expect(textOf(answer.body)).toContain("Enter your email address or username.");
  });

  test("that comes too often keeps what was typed, and says when to try again", async () => {
    const app = await setting.app({ rateLimit: { passwords: 2, requests: 1_000 } });
    const visitor = new Visitor(app);
    const send = () =>
      visitor.send("/account/sign-in", { identifier: "often@example.com", password: "wrong" });
    await send();
    await send();
    const limited = await send();
    expect(limited.statusCode).toBe(429);
    expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0);
    expect(limited.body).toContain('value="often@example.com"');
    expect(textOf(limited.body)).toContain("Too many requests.");
  });
});

test("addresses and methods that are none get a page with their status", async () => {
  const app = await setting.app();
  const visitor = new Visitor(app);
  const missing = await visitor.get("/account/nothing-here");
  expect([missing.statusCode, missing.headers["content-type"]]).toEqual([404, "text/html; charset=utf-8"]);
  const wrong = await app.inject({ method: "DELETE", url: "/account/sign-in", headers: visitor.headers });
  expect([wrong.statusCode, wrong.headers.allow]).toEqual([405, "GET, HEAD, POST"]);
  const outside = await visitor.get("/elsewhere");
  expect([outside.statusCode, outside.headers["content-type"]]).toEqual([
    404,
    "application/json; charset=utf-8",
  ]);
});

test("every page has a policy with nonces of its own, and the headers that belong to it", async () => {
  const app = await setting.app();
  const pages = ["/account/sign-in", "/account/sign-up", "/account/nothing"];
  const nonces = new Set<string>();
  for (const url of pages) {
    const { headers, body } = await new Visitor(app).get(url);
    const policy = String(headers["content-security-policy"]);
    const nonce = /'nonce-([\w-]{24})'/.exec(policy)?.[1] ?? "";
    nonces.add(nonce);
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'nonce-.*'; script-src 'nonce-.*frame-ancestors 'none'$/,
    );
    expect(policy).not.toContain("unsafe");
    expect(body.match(/<(style|script)[^>]*>/g)).toEqual(
      body.match(new RegExp(`<(style|script)[^>]* nonce="${nonce}"[^>]*>`, "g")),
    );
    expect(body).not.toMatch(/ style="| on\w+="/);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "cross-origin-opener-policy": "same-origin",
      "strict-transport-security": "max-age=31536000; includeSubDomains",
    });
  }
  expect(nonces.size).toBe(pages.length);
});

test("cookies of the pages are out of reach of scripts and of other hosts", async () => {
  const { headers } = await new Visitor(await setting.app()).get("/account/sign-in");
  expect(String(headers["set-cookie"])).toMatch(
    /^__Host-session-form=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  );
});

test("a session that has ended leads to the sign-in, and back to where somebody was", async () => {
  const app = await setting.app();
  const { visitor } = await signedIn(app);
  const page = await visitor.get("/account/api-keys");
  setting.clock.advance(13 * 3_600_000);
  const sent = { form_token: formToken(page.body), name: "Late", scopes: "", lifetime: "90" };
  const refused = await visitor.post("/account/api-keys", sent);
  expect([refused.statusCode, refused.headers.location]).toEqual([
    303,
    "/account/sign-in?return_to=%2Faccount%2Fapi-keys",
  ]);
  expect(refused.headers["www-authenticate"]).toBeUndefined();
});

test("sensitive changes ask again who somebody is, and go on with what was asked for", async () => {
  const app = await setting.app();
  const { visitor } = await signedIn(app);
  setting.clock.advance(16 * 60_000);
  const asked = await visitor.get("/account/security/networks");
  expect(asked.headers.location).toBe("/account/confirm?return_to=%2Faccount%2Fsecurity%2Fnetworks");
  const wrong = await visitor.send(String(asked.headers.location), { password: "not the password" });
  expect([wrong.statusCode, textOf(wrong.body).includes("The password is wrong.")]).toEqual([422, true]);
  const confirmed = await visitor.send(String(asked.headers.location), { password });
  expect(confirmed.headers.location).toBe("/account/security/networks");
  const locked = await visitor.send("/account/security/networks", { allowlist: "192.0.2.0/24" });
  expect(locked.statusCode).toBe(409);
  expect(textOf(locked.body)).toContain("you would lock yourself out");
  expect(locked.body).toContain("192.0.2.0/24");
  const none = await visitor.send("/account/security/networks", { allowlist: "not an address" });
  expect([none.statusCode, textOf(none.body).includes("Each line must be an address")]).toEqual([422, true]);
});

// ASVS 7.5.2
test("other sessions end for who has shown lately who they are", async () => {
  const app = await setting.app();
  const { visitor } = await signedIn(app);
  setting.clock.advance(16 * 60_000);
  const form_token = formToken((await visitor.get("/account/security")).body);
  for (const act of ["end", "end-others", "end-all"]) {
    const asked = await visitor.post(`/account/security/sessions/${act}`, { form_token });
    expect(asked.headers.location).toMatch(/^\/account\/confirm\?/);
  }
  expect((await visitor.get("/account/security")).statusCode).toBe(200);
  await visitor.send("/account/confirm?return_to=%2Faccount%2Fsecurity", { password });
  const again = { form_token: formToken((await visitor.get("/account/security")).body) };
  const ended = await visitor.post("/account/security/sessions/end-others", again);
  expect([ended.statusCode, String(ended.headers.location).split("?")[0]]).toEqual([
    303,
    "/account/security",
  ]);
});

test("who must have a second step is led to it by every page, and can set it up", async () => {
  const app = await setting.app({ secondFactor: "always" });
  const { visitor } = await signedIn(app);
  const led = await visitor.get("/account");
  expect(led.headers.location).toBe("/account/security/authenticator?return_to=%2Faccount");
  const page = await visitor.get("/account/security/authenticator");
  expect([page.statusCode, textOf(page.body)]).toEqual([
    200,
    expect.stringContaining("What you opened takes a second step. Add one to go on."),
  ]);
});

test("a form that is sent after its session has ended says what came of it", async () => {
  const app = await setting.app();
  const { visitor } = await signedIn(app);
  const tab = new Visitor(app);
  for (const [name, value] of visitor.cookies) tab.cookies.set(name, value);
  const form_token = formToken((await tab.get("/account")).body);
  await visitor.send("/account/sign-out", {});
  const sent = { form_token, display_name: "Ada", timezone: "UTC", language: "en" };
  const led = await tab.post("/account", sent);
  expect(led.headers.location).toBe("/account/sign-in?return_to=%2Faccount");
  const page = textOf((await tab.get(String(led.headers.location))).body);
  expect(page).toContain("Nothing was changed, and what you typed was not kept.");
});

test("who is signed in is not asked to sign up", async () => {
  const { visitor } = await signedIn(await setting.app());
  expect((await visitor.get("/account/sign-up?return_to=%2Faccount%2Fusage")).headers.location).toBe(
    "/account/usage",
  );
});

test("everybody sees and ends their own sessions and keys only", async () => {
  const app = await setting.app();
  const ada = await signedIn(app);
  const eve = await signedIn(app);
  const created = await ada.visitor.send("/account/api-keys", { name: "Ada's", scopes: "", lifetime: "" });
  expect(created.statusCode).toBe(303);
  const id =
    /name="id" value="([0-9a-f]{24})"/.exec((await ada.visitor.get("/account/api-keys")).body)?.[1] ?? "";
  const form_token = formToken((await eve.visitor.get("/account/api-keys")).body);
  for (const what of ["rotate", "revoke"]) {
    const stolen = await eve.visitor.post(`/account/api-keys/${what}`, { form_token, id });
    expect([stolen.statusCode, textOf(stolen.body).includes("Ada")]).toEqual([404, false]);
  }
  expect((await ada.visitor.get("/account/api-keys")).body).toContain("Ada's");
});

test("a page of the application's own takes the place of one, and pages can be left out", async () => {
  const replace = {
    signIn: (_view: unknown, { formToken: token }: { formToken: string }) => `<p>own ${token}`,
  };
  const app = await setting.app({ pages: { replace, signUp: false, prefix: "/me" } });
  const visitor = new Visitor(app);
  const own = await visitor.get("/me/sign-in");
  expect(own.body).toMatch(/^<p>own [\w-]{43}$/);
  expect(own.headers["content-security-policy"]).toContain("default-src 'none'");
  expect((await visitor.get("/me/sign-up")).statusCode).toBe(404);
  expect((await visitor.get("/account/sign-in")).statusCode).toBe(404);
  const without = await setting.app({ pages: false });
  expect((await new Visitor(without).get("/account/sign-in")).statusCode).toBe(404);
});

test.each([
  [{ prefix: "account" }, "pages.prefix"],
  [{ theme: { light: { accent: "#ffff00" } } }, "pages.theme.light.accent"],
  [{ messages: [{ lang: "de", messages: { "no.such.text": "x" } }] }, "pages.messages"],
  [{ replace: { nothing: () => "" } }, "pages.replace"],
  [{ demo: { accounts: [], links: [] } }, "pages.demo"],
])("options that can't be used are refused by name: %j", async (pages, path) => {
  const refused = setting.app({ pages: pages as never });
  await expect(refused).rejects.toThrow(OptionsError);
  await expect(refused).rejects.toThrow(path.split(".")[0] ?? "");
});

describe("a part of the application's that fails", () => {
  const fails = (): never => {
    throw new Error("a cause that is nobody's business");
  };
  test.each([
    ["a page", { replace: { signIn: fails } }],
    ["a page, and that of errors", { replace: { signIn: async () => fails(), error: fails } }],
    ["a page that is no text", { replace: { signIn: () => undefined as never } }],
    ["the footer", { footer: fails }],
  ])("%s: the page is shown without it, and the log has the cause", async (_part, pages) => {
    const lines: string[] = [];
    const logger = { level: "error", stream: { write: (line: string) => void lines.push(line) } };
    const app = await setting.app({ pages }, undefined, { logger });
    const page = await new Visitor(app).get("/account/sign-in");
    expect([page.statusCode, textOf(page.body)]).toEqual([200, expect.stringContaining("Email address")]);
    expect(page.body).not.toContain("nobody's business");
    expect(lines.join("")).toContain("pages.");
  });

  test("a mail: it is sent as if it were not replaced", async () => {
    const app = await setting.app({ pages: { mails: { email_verification: fails } } });
    const { email } = await someone(app);
    await setting.settle();
    const sent = setting.notices.find(({ to, kind }) => to === email && kind === "email_verification");
    expect(sent?.text).toContain("/account/verify-email?token=");
  });

  test.each([
    ["answers later", async () => ({ location: { country: "NO" } })],
    ["rejects", async () => fails()],
    ["throws", fails],
    ["gives no place", () => "Norway"],
  ])("a locator that %s: the place is unknown, and people sign in", async (_how, locate) => {
    const app = await setting.app({ locate: locate as never });
    expect((await someone(app)).token).toBeTruthy();
  });
});

test.each([
  ["/account/", "/account"],
  ["/account/sign-in/?return_to=%2Forders", "/account/sign-in?return_to=%2Forders"],
  ["/account/security/recovery-codes/", "/account/security/recovery-codes"],
])("a slash behind a page, %s, leads to the page", async (url, to) => {
  const app = await setting.app();
  const answer = await app.inject(url);
  expect([answer.statusCode, answer.headers.location]).toEqual([308, to]);
});

test.each([
  "/account/nothing/",
  "/account//",
  "/account/sign-in//",
  "/account/sign-in/%2F",
  "/account//evil.example/",
])("a slash behind no page, %s, leads nowhere", async (url) => {
  const app = await setting.app();
  expect((await app.inject(url)).statusCode).toBe(404);
});
