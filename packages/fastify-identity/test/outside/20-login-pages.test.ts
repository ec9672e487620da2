// Reports about other projects' login pages, tried on ours. Each test names the report.
import { describe, expect, test } from "vitest";
import { safeReturnTo } from "../../src/pages/serve/return-to.js";
import { formToken, textOf, Visitor } from "../pages/visitor.js";
import { password, someone, useIdentity } from "../support.js";

const setting = useIdentity();
const issuer = "https://id.example.com";
const sent = (email: string, kind: string) =>
  setting.notices.filter((notice) => notice.to === email && notice.kind === kind);

describe("where a sign-in goes on to", () => {
  // RackulaLives/Rackula#2917, jentic/jentic-one#377, basketikun/infinite-canvas#20: browsers read a backslash as a slash
  // and drop tabs and line breaks (WHATWG URL section 4.4); open-mercato/open-mercato#1560: slashes behind a dot segment.
  test.each([
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n//evil.example",
    "\u0000//evil.example",
    "/.//evil.example",
    "/x/..//evil.example",
    "/%2e//evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "https://id.example.com@evil.example/",
    "https://id.example.com.evil.example/",
    "http://id.example.com/",
    "https://id.example.com:8443/",
    "evil.example",
    "?x",
    "",
    `/${"a".repeat(3_000)}`,
  ])("is never %j", (value) => {
    expect(safeReturnTo(value, issuer, ["https://app.example.com"])).toBeUndefined();
  });

  test.each([
    ["/orders?page=2#last", "/orders?page=2#last"],
    ["/%2F%2Fevil.example", "/%2F%2Fevil.example"],
    ["/a//b", "/a//b"],
    [`${issuer}/orders`, "/orders"],
    ["https://app.example.com/start", "https://app.example.com/start"],
  ])("may be %j", (value, expected) => {
    expect(safeReturnTo(value, issuer, ["https://app.example.com"])).toBe(expected);
  });

  test("is nowhere else for who follows a forged link and signs in", async () => {
    const app = await setting.app();
    const { email } = await someone(app);
    for (const evil of ["//evil.example", "/\\evil.example", "javascript:alert(1)"]) {
      const visitor = new Visitor(app);
      const url = `/account/sign-in?return_to=${encodeURIComponent(evil)}`;
      const signedIn = await visitor.send(url, { identifier: email, password });
      expect([signedIn.statusCode, signedIn.headers.location]).toEqual([303, "/account"]);
    }
  });
});

// TryGhost/Ghost#12347, FusionAuth/fusionauth-issues#629, better-auth/better-auth#9690, netlify-identity-widget#458:
// scanners of mail open every link, some twice, with HEAD and with a browser of their own, before its reader does.
describe("a link in a mail that a scanner has opened", () => {
  test.each([
    ["verify-email", "email_verification"],
    ["reset-password", "password_reset"],
  ])("%s still does its work for its reader", async (page, kind) => {
    const app = await setting.app();
    const { email } = await someone(app);
    if (kind === "password_reset") await new Visitor(app).send("/account/forgotten-password", { email });
    await setting.settle();
    const token = sent(email, kind).at(-1)?.facts.token ?? "";
    const link = `/account/${page}?token=${token}`;
    const scanner = new Visitor(app, { "user-agent": "HeadlessChrome" });
    for (const method of ["HEAD", "GET", "GET"] as const) {
      const scanned = await app.inject({ method, url: link, headers: scanner.headers });
      expect(scanned.statusCode).toBe(200);
    }
    const reader = new Visitor(app);
    const done = await reader.send(link, { token, new_password: "another fine password" });
    expect(done.statusCode).toBe(303);
    expect(
      (await new Visitor(app).send(link, { token, new_password: "one more fine password" })).statusCode,
    ).toBe(400);
  });
});

// BookStackApp/BookStack#4982, zammad/zammad#4720, omeka/omeka-s#2163: a form that stood open for days, or whose browser
// lost its cookies, ended on an error page, and what was typed was lost.
test("a form that stood open too long says so, keeps what was typed, and works when it is sent again", async () => {
  const app = await setting.app();
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  const old = formToken((await visitor.get("/account/sign-in")).body);
  visitor.cookies.clear();
  const stale = await visitor.post("/account/sign-in", { form_token: old, identifier: email, password });
  expect(stale.statusCode).toBe(403);
  expect(textOf(stale.body)).toContain("This form was open for too long");
  expect(stale.body).toContain(`value="${email}"`);
  const form_token = formToken(stale.body);
  const again = await visitor.post("/account/sign-in", { form_token, identifier: email, password });
  expect(again.headers.location).toBe("/account");
});

// BookStackApp/BookStack#4982, fedora-infra/bodhi#892: a second tab made the form of the first invalid.
test("a form of another tab is good after a sign-in in this one", async () => {
  const app = await setting.app();
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  const first = formToken((await visitor.get("/account/sign-in")).body);
  await visitor.send("/account/sign-in", { identifier: email, password });
  const second = await visitor.post("/account/sign-in", { form_token: first, identifier: email, password });
  expect(second.headers.location).toBe("/account");
});

// pennersr/django-allauth#1862, #1731, Charitable/Charitable#723: a double click on "sign up" told its owner that the
// address was taken, or failed. XSRF aside, ASVS 6.3.8 wants the same answer for an address that has an account.
test("two clicks on the button to sign up make one account and two equal answers", async () => {
  const app = await setting.app();
  const visitor = new Visitor(app);
  const form_token = formToken((await visitor.get("/account/sign-up")).body);
  const form = { form_token, email: "twice@example.com", new_password: password };
  const answers = await Promise.all([
    visitor.post("/account/sign-up", form),
    visitor.post("/account/sign-up", form),
  ]);
  expect(answers.map(({ statusCode, headers }) => [statusCode, headers.location])).toEqual([
    [303, "/account/check-mail"],
    [303, "/account/check-mail"],
  ]);
  await setting.settle();
  expect(sent("twice@example.com", "email_verification")).toHaveLength(1);
});

// Baeldung/spring-security-registration#94, netlify-identity-widget#441, pinax/django-user-accounts#350, opencfp#177:
// forms to register, to sign in and to reset told who has an account.
test("no form tells whether an address has an account; its owner hears of it by mail", async () => {
  const app = await setting.app();
  const { email: known } = await someone(app);
  const answer = async (path: string, email: string, fields: Record<string, string>) => {
    const visitor = new Visitor(app);
    const { statusCode, headers, body } = await visitor.send(path, { ...fields, email });
    const page = headers.location ? (await visitor.get(String(headers.location))).body : body;
    return [statusCode, headers.location, textOf(page).replaceAll(email, "…")];
  };
  for (const [path, fields] of [
    ["/account/sign-up", { new_password: "a third fine password" }],
    ["/account/forgotten-password", {}],
  ] as const)
    expect(await answer(path, known, fields)).toEqual(
      await answer(path, `nobody${path.length}@example.com`, fields),
    );
  const wrong = async (identifier: string) => {
    const { statusCode, body } = await new Visitor(app).send("/account/sign-in", {
      identifier,
      password: "wrong",
    });
    return [statusCode, textOf(body)];
  };
  expect(await wrong(known)).toEqual(await wrong("nobody@example.com"));
  await setting.settle();
  expect(sent(known, "account_exists")).toHaveLength(1);
  expect(sent(known, "password_reset")).toHaveLength(1);
});

// authentik#7993, home-assistant/frontend#7918, umami-software/umami#3737, XiovV/calich#246: password managers found no
// user name, or saved a new password for nobody.
test("forms say to password managers what their fields are", async () => {
  const app = await setting.app();
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  const tokens = async (url: string) =>
    [...(await visitor.get(url)).body.matchAll(/<input[^>]*autocomplete="([^"]*)"/g)].map(
      ([, token]) => token,
    );
  expect(await tokens("/account/sign-in")).toEqual(["username", "current-password"]);
  expect(await tokens("/account/sign-up")).toEqual(["name", "username", "new-password"]);
  expect(await tokens("/account/reset-password?token=x")).toEqual(["new-password"]);
  await visitor.send("/account/sign-in", { identifier: email, password });
  expect(await tokens("/account/password")).toEqual(["username", "current-password", "new-password"]);
  const page = (await visitor.get("/account/password")).body;
  expect(page).toMatch(new RegExp(`name="username" value="${email}"`));
  expect(page).not.toMatch(/onpaste|maxlength|autocomplete="off"/);
  // https://w3c.github.io/webappsec-change-password-url/
  const known = await visitor.get("/.well-known/change-password");
  expect([known.statusCode, known.headers.location]).toEqual([302, "/account/password"]);
});

// backdrop/backdrop-issues#6955, silverstripe-framework#4743, DFE-Digital/claim-additional-payments#3555.
test("no page is kept by a cache, so that the back button shows none after a sign-out", async () => {
  const app = await setting.app();
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  const answers = [
    await visitor.get("/account/sign-in"),
    await visitor.send("/account/sign-in", { identifier: email, password }),
    await visitor.get("/account"),
    await visitor.get("/account/security"),
    await visitor.get("/account/nothing"),
    await visitor.send("/account/sign-out", {}),
  ];
  expect(answers.map(({ headers }) => headers["cache-control"])).toEqual(answers.map(() => "no-store"));
});

// rails/rails#28299, w3c/webappsec-csp#8: a policy of "no-referrer" makes Chromium send `Origin: null` with own forms, and
// `form-action` stops a sign-in whose redirects leave the origin.
test("a sign-in that goes on to the application ends on a page of ours, which its policy lets go on", async () => {
  const app = await setting.app({ trustedOrigins: ["https://app.example.com"] });
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  const url = `/account/sign-in?return_to=${encodeURIComponent("https://app.example.com/start?a=1&b=2")}`;
  const page = await visitor.get(url);
  expect(page.headers["referrer-policy"]).toBe("same-origin");
  expect(page.headers["content-security-policy"]).toContain("form-action 'self'");
  const signedIn = await visitor.send(url, { identifier: email, password });
  expect(String(signedIn.headers.location)).toMatch(/^\/account\/signed-in\?return_to=https/);
  const between = await visitor.get(String(signedIn.headers.location));
  expect(between.statusCode).toBe(200);
  expect(between.body).toContain(
    'http-equiv="refresh" content="0; url=https://app.example.com/start?a=1&amp;b=2"',
  );
});

// bbottema/simple-java-mail#88, datenschutz-individuell/twofactor_email#110, apache/tooling-trusted-releases#603.
test("nothing that came in can add a header to a mail, nor markup", async () => {
  const theme = { name: "Acme <b>\r\nBcc: everybody@example.com" };
  const app = await setting.app({ pages: { theme, messages: [{ lang: "de", messages: bad }] } });
  const payload = { email: "headers@example.com", password, language: "de" };
  await app.inject({ method: "POST", url: "/v1/users", payload });
  await setting.settle();
  const [mail] = sent("headers@example.com", "email_verification");
  expect(mail?.subject).toBe("Welcome to Acme <b> Bcc: everybody@example.com");
  expect(mail?.html).not.toContain("<b>");
});

const bad = { "mail.email_verification.subject": "Welcome to {name}" };
