import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PageFrame, PageName, PageViews } from "../../src/index.js";
import { contrast } from "../../src/pages/look/colour.js";
import { type Catalogue, chooseCatalogue, fill, lookUp, plain } from "../../src/pages/look/language.js";
import { themeCss, themeSchema } from "../../src/pages/look/theme.js";
import { english } from "../../src/pages/messages/english.js";
import { renderPage } from "../../src/pages/render.js";
import { sayIn } from "../../src/pages/say.js";

const englishOnly: Catalogue = { lang: "en", messages: english };

const frameWith = (account: string, catalogue = englishOnly): PageFrame => ({
  lang: catalogue.lang,
  dir: catalogue.dir ?? "ltr",
  nonce: "n",
  formToken: "t",
  link: (path, query = {}) => `/account${path}?${new URLSearchParams(query as Record<string, string>)}`,
  name: account,
  logo: undefined,
  variables: "",
  footer: undefined,
  t: (id, values) => fill(lookUp(catalogue, id).text, values),
  say: sayIn(catalogue),
  date: (at) => at.toISOString(),
  number: String,
  account: { email: account, displayName: account },
  impersonation: { email: account, until: new Date("2026-01-01T00:00:00Z") },
  apps: true,
  notice: { id: "profile.verification_sent", values: { email: account } },
});

/** Every page, with a text in each place that takes one. */
function viewsWith(text: string): PageViews {
  const at = new Date("2026-01-01T00:00:00Z");
  const error = { id: "problem.unknown" } as const;
  const state = {
    values: { identifier: text, email: text, name: text },
    errors: { email: error },
    problem: error,
  };
  const session = {
    id: text,
    device: text,
    place: text,
    address: text,
    createdAt: at,
    lastSeenAt: at,
    current: false,
  };
  const key = { id: text, name: text, start: text, scopes: [text], requests: 1, createdAt: at };
  const never = { lastUsedAt: undefined, expiresAt: undefined, formerExpiresAt: undefined };
  const seen = { kind: text, at, device: text, country: text, network: text };
  const provider = { id: text, name: text };
  const counted = { endpoint: text, requests: 1, failures: 0, error: 0 };
  return {
    signIn: { state, returnTo: text, canSignUp: true, passkeys: true, providers: [provider] },
    authorize: {
      state,
      request: text,
      app: { name: text, description: text, owner: text, place: text },
      email: text,
      scopes: [
        { scope: "openid", isNew: false },
        { scope: text, isNew: true },
      ],
      days: 90,
    },
    goOn: { to: text, from: "provider" },
    formPost: { action: text, fields: { code: text } },
    device: { state, userCode: text, asking: { app: text, email: text, scopes: [text] }, done: undefined },
    endSession: { state, query: text, app: text, staysHere: true },
    leave: { to: text, name: text },
    providers: {
      state,
      providers: [
        { ...provider, linkedAt: at },
        { ...provider, linkedAt: undefined },
      ],
    },
    signUp: { state, passwordMin: 15, providers: [provider], returnTo: text },
    checkMail: { purpose: "sign_up", email: text, returnTo: text },
    challenge: { state, method: "totp", others: ["password"], returnTo: text, canRemember: true },
    forgottenPassword: { state, returnTo: text },
    resetPassword: { state, token: text, passwordMin: 15 },
    verifyEmail: { state, token: text },
    emailChange: { state, email: text },
    confirmEmail: { state, token: text },
    undoEmail: { state, token: text },
    reportSignIn: { state, token: text },
    recover: { state },
    finishRecovery: { state, token: text },
    cancelRecovery: { state, token: text },
    signedIn: { to: text },
    signOut: { state, returnTo: undefined },
    impersonation: { acts: { email: text, until: at }, home: text },
    profile: {
      state,
      email: text,
      emailVerified: false,
      timezone: "UTC",
      language: "en",
      languages: ["en"],
      hasPassword: true,
    },
    password: { state, email: text, passwordMin: 15, hasPassword: true },
    confirm: {
      state,
      returnTo: text,
      email: text,
      needsCode: true,
      reported: text,
      passkeys: true,
      hasPassword: false,
      providers: [provider],
    },
    security: {
      state,
      factors: { totpSince: at, recoveryCodes: 1, apps: true },
      rememberedDevices: [{ id: text, label: text, lastUsedAt: at, expiresAt: at }],
      recoveryAt: at,
      canLink: true,
      passkeys: [{ id: text, name: text, createdAt: at, lastUsedAt: at }],
      sessions: [{ ...session, risk: "high", impersonation: { reason: text } }],
      reports: [
        {
          id: text,
          device: text,
          country: text,
          reportedAt: at,
          takenOff: {
            passkeys: [text],
            providers: [text],
            apiKeys: [text],
            apps: 1,
            totp: true,
            recoveryCodes: true,
            email: "restored",
            password: true,
          },
          undoUntil: at,
          undoneAt: at,
          restored: 1,
        },
      ],
      alerts: { newDevice: true, newLocation: true },
      allowlist: [text],
    },
    allowlist: { state, allowlist: [text], address: text },
    authenticator: {
      state,
      setup: { secret: text, uri: text, qrCode: ["10", "01"] },
      returnTo: text,
      apps: true,
      passkeys: true,
    },
    removeAuthenticator: { state },
    recoveryCodes: { state, left: 1, codes: [text], returnTo: text, next: text },
    apps: {
      state,
      apps: [
        {
          clientId: text,
          name: text,
          homepage: text,
          isActive: false,
          scopes: ["openid", text],
          grantedAt: at,
          lastUsedAt: at,
        },
      ],
      ownsApps: true,
      days: 1,
      next: text,
      isFirst: false,
    },
    ownApps: {
      apps: [{ clientId: text, name: text, isActive: false, createdAt: at }],
      next: text,
      isFirst: false,
    },
    appUsage: {
      name: text,
      clientId: text,
      days: [{ startedAt: at, requests: 1, failures: 0, endpoints: [counted] }],
      now: at,
    },
    apiKeys: { state, keys: [{ ...key, ...never }], next: text },
    apiKeyShown: { name: text, key: text, formerExpiresAt: at },
    activity: { events: [{ ...seen, severity: "critical", sessionId: text }], next: text, isFirst: false },
    usage: {
      days: 1,
      requests: 1,
      failures: 0,
      signIns: 1,
      byDay: [{ day: at, requests: 1, failures: 0 }],
      endpoints: [counted],
      devices: [{ label: text, lastSeenAt: at }],
    },
    data: { state, email: text, hasPassword: true },
    demo: {
      accounts: [{ label: text, text, identifier: text, password: text }],
      links: [{ label: text, text, href: text }],
    },
    error: { title: { id: "error.title" }, text: { id: "problem.unknown" }, reference: text },
  };
}

const names = Object.keys(viewsWith("")) as PageName[];
const page = <P extends PageName>(name: P, text: string) =>
  renderPage(name, viewsWith(text)[name], frameWith(text));
/** The elements and attributes of a page, in their order, without any text and the places where it may break. */
const skeletonOf = (html: string) =>
  html
    .replaceAll("<wbr/>", "")
    .replace(/"[^"]*"/g, '""')
    .replace(/>[^<]*</g, "><");

describe.each(names)("the page %s", (name) => {
  test.each([
    ["markup", "<script>alert(1)</script><img src=x onerror=alert(1)>"],
    ["the end of an attribute", `" autofocus onfocus="alert(1)`],
    ["an apostrophe and an ampersand", `' onclick='alert(1)' &lt;b&gt;`],
    ["the end of the style", "</style></textarea></title></select><svg onload=alert(1)>"],
    ["characters that turn lines around", "\u202egnihton\u2066"],
    ["half a character", "a\ud800b"],
    ["a long word", "w".repeat(5_000)],
  ])("is the same around %s as around a word", (_what, text) => {
    expect(skeletonOf(page(name, text))).toBe(skeletonOf(page(name, "word")));
    expect(Buffer.from(page(name, text)).toString()).not.toMatch(/<(script|img|svg)[^>]*(onerror|onload)/);
  });
});

test("no text gets out of its place, hostile or long", () => {
  const plain = skeletonOf(page("apiKeys", "word"));
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
      expect(skeletonOf(page("apiKeys", text))).toBe(plain);
    }),
  );
});

test("a value keeps its direction, and an untranslated text says that it is English", () => {
  const arabic: Catalogue = { lang: "ar", dir: "rtl", messages: { "check_mail.title": "تحقق من بريدك" } };
  const html = renderPage(
    "checkMail",
    { purpose: "sign_up", returnTo: undefined, email: "a@b.example" },
    frameWith("x", arabic),
  );
  expect(html).toContain('<html lang="ar" dir="rtl">');
  expect(html).toContain("<h1>تحقق من بريدك</h1>");
  expect(html).toContain('<span lang="en" dir="ltr">We have sent a message to <bdi>a@b.example</bdi>.');
});

test("an English text that no element can mark keeps its direction on a page from right to left", () => {
  const arabic: Catalogue = { lang: "ar", dir: "rtl", messages: { "form.show_password": "إظهار" } };
  expect(plain(arabic, "keys.days", { count: 90 })).toBe("\u206690 days\u2069");
  expect(plain(arabic, "form.show_password")).toBe("إظهار");
  expect(plain(englishOnly, "keys.days", { count: 90 })).toBe("90 days");
});

test("every text that names a value is given it: no braces are left on any page", () => {
  for (const name of names) {
    const text = page(name, "word").replace(/<(style|script)[^>]*>[\s\S]*?<\/\1>/g, "");
    expect({ name, braces: /[{}]/.test(text) }).toEqual({ name, braces: false });
  }
});

test.each([
  ["de-AT,de;q=0.9,en;q=0.8", undefined, "de"],
  ["fr,pt-br;q=0.5", undefined, "pt-BR"],
  ["en-GB,de;q=0.9", undefined, "en"],
  ["de;q=0,*", undefined, "en"],
  ["de", "pt-BR", "pt-BR"],
  ["de", "xx fr-CA", "de"],
  [";;;,,q=,de;q=nonsense", undefined, "de"],
  [`${"x,".repeat(10_000)}de`, undefined, "en"],
  ["", undefined, "en"],
])("of %j, and %j asked for, the pages are in %s", (accepted, asked, lang) => {
  const catalogues = [
    { lang: "de", messages: {} },
    { lang: "pt-BR", messages: {} },
  ];
  expect(chooseCatalogue(catalogues, [asked], accepted.slice(0, 100_000)).lang).toBe(lang);
});

test("a theme whose text can't be read is refused, and one that can has its colours in both schemes", () => {
  const faint = themeSchema.safeParse({ light: { accent: "#ffcc00" } });
  expect(faint.error?.issues[0]?.message).toContain("WCAG 2.2 asks for 4.5");
  for (const logo of [
    "//evil.example/x.png",
    "javascript:alert(1)",
    'x" onload="alert(1)',
    "http://plain.example/x.png",
  ])
    expect(themeSchema.safeParse({ logo }).success).toBe(false);
  for (const logo of ["/logo.svg", "https://cdn.example/logo.png", "data:image/png;base64,AAAA"])
    expect(themeSchema.safeParse({ logo }).success).toBe(true);
  expect(themeSchema.safeParse({ font: "x}body{display:none" }).success).toBe(false);
  const css = themeCss(themeSchema.parse({ light: { accent: "#0a5c36" } }));
  expect(css).toContain("--id-accent:#0a5c36;");
  expect(css).toContain("@media (prefers-color-scheme:dark)");
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
});
