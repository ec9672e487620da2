import { afterEach, describe, expect, test } from "vitest";
import { openIdProvider } from "../../src/providers/index.js";
import { unknownTotp } from "../second-factor.js";
import { issuer, password, someone, useIdentity } from "../support.js";
import { type Claims, client, useProvider } from "./provider.js";
import { formToken, textOf, Visitor } from "./visitor.js";

const setting = useIdentity();
const callback = `${issuer}/account/sign-in/acme/callback`;
const provider = useProvider([callback, `${issuer}/account/sign-in/wary/callback`]);
const session = "__Host-session";

afterEach(() => {
  provider.person = undefined;
});

let people = 0;
const somebody = (): Required<Claims> => {
  people += 1;
  const name = `at-acme-${people}`;
  return { sub: name, email: `${name}@example.com`, email_verified: true, name: "Ada Lovelace" };
};

const acme = (changed: Partial<Parameters<typeof openIdProvider>[0]> = {}) =>
  openIdProvider({
    id: "acme",
    name: "Acme",
    issuer: provider.issuer,
    ...client,
    trustsEmail: true,
    ...changed,
  });

const appWith = (...providers: ReturnType<typeof acme>[]) => setting.app({ providers });

/** Presses the button, and follows the provider up to where it sends the browser back to. */
async function answered(
  visitor: Visitor,
  person: Claims | undefined,
  from = "/account/sign-in",
  id = "acme",
) {
  provider.person = person;
  const page = await visitor.get(from);
  const form = from === "/account/sign-in" ? "/account/sign-in/provider" : `${from}/link`;
  const left = await visitor.post(form, { form_token: formToken(page.body), provider: id });
  expect(left.statusCode, textOf(left.body)).toBe(200);
  const [, to = ""] = /<a class="button primary wide" href="([^"]*)"/.exec(left.body) ?? [];
  const url = to.replaceAll("&amp;", "&");
  expect(url).toMatch(new RegExp(`^${provider.issuer}/auth\\?`));
  return (await provider.authorize(url)).slice(issuer.length);
}

async function signIn(visitor: Visitor, person: Claims | undefined, id = "acme") {
  const back = await visitor.get(await answered(visitor, person, "/account/sign-in", id), crossSite);
  const shown = back.statusCode === 303 ? await visitor.get(String(back.headers.location)) : back;
  return { back, shown, text: textOf(shown.body) };
}

/** As a browser sends what a page of another site leads to. */
const crossSite = {
  "sec-fetch-site": "cross-site",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
};

describe("signing in with a provider", () => {
  test("a newcomer gets an account with the verified address, and the same one the next time", async () => {
    const app = await appWith(acme());
    const person = somebody();
    const visitor = new Visitor(app);
    const { back, shown, text } = await signIn(visitor, person);
    expect([back.headers.location, shown.statusCode]).toEqual(["/account", 200]);
    expect(text).toContain(`${person.email} verified`);
    const other = new Visitor(app);
    await signIn(other, { ...person, email: "changed@example.com", name: "Another name" });
    // Later changes at the provider never change the account.
    expect(textOf((await other.get("/account")).body)).toContain(person.email);
    expect(await setting.identity.models.User.countDocuments({ email: person.email })).toBe(1);
    expect(await setting.identity.models.User.countDocuments({ email: "changed@example.com" })).toBe(0);
  });

  test("the session says how it came about, and the trail has both events", async () => {
    const person = somebody();
    const visitor = new Visitor(await appWith(acme()));
    await signIn(visitor, person);
    const check = await setting.identity.sessions.validate(visitor.cookies.get(session));
    if (!check.ok) throw new Error(check.reason);
    expect(check.session).toMatchObject({ acr: 1, amr: [], proofs: [{ method: "external" }] });
    const events = await setting.identity.models.AuditEvent.find({}).lean();
    const ofPerson = events.filter((event) => JSON.stringify(event).includes('"acme"'));
    expect(ofPerson.map(({ action }) => action)).toContain("account.registered");
  });

  test("what was asked for is where it ends, and no other site", async () => {
    const app = await appWith(acme());
    for (const [asked, end] of [
      ["/account/security", "/account/security"],
      ["https://evil.example/", "/account"],
      ["//evil.example", "/account"],
    ]) {
      const visitor = new Visitor(app);
      provider.person = somebody();
      const query = new URLSearchParams({ return_to: String(asked) });
      const page = await visitor.get(`/account/sign-in?${query}`);
      const left = await visitor.post(`/account/sign-in/provider?${query}`, {
        form_token: formToken(page.body),
        provider: "acme",
      });
      const [, to = ""] = /<a class="button primary wide" href="([^"]*)"/.exec(left.body) ?? [];
      const answer = await provider.authorize(to.replaceAll("&amp;", "&"));
      const back = await visitor.get(answer.slice(issuer.length), crossSite);
      expect(back.headers.location).toBe(end);
    }
  });

  test("an enrolled second factor is asked for all the same", async () => {
    const app = await appWith(acme());
    const person = somebody();
    await signIn(new Visitor(app), person);
    const user = await setting.identity.models.User.findOne({ email: person.email }).lean();
    await setting.identity.models.UserFactors.collection.insertOne({
      userId: user?._id,
      schemaVersion: 1,
      totp: unknownTotp(),
      recoveryCodes: [],
      createdAt: new Date(),
      updatedAt: new Date(),
    } as never);
    const visitor = new Visitor(app);
    const { back } = await signIn(visitor, person);
    expect(back.headers.location).toBe("/account/challenge");
    expect(visitor.cookies.has(session)).toBe(false);
  });
});

describe("a sign-in that does not succeed", () => {
  test("ends in words on the sign-in page when the person cancels", async () => {
    const visitor = new Visitor(await appWith(acme()));
    const { back, text } = await signIn(visitor, undefined);
    expect(back.headers.location).toBe("/account/sign-in");
    expect(text).toContain("The sign-in there was ended.");
    expect(visitor.cookies.has(session)).toBe(false);
  });

  // Pre-hijacking, both ways: zitadel GHSA-992q-9gwp-7r79 (upstream not verified), keycloak 53041 (local not verified).
  test.each([
    ["an account has the address, verified", true],
    ["a stranger has registered the address before", false],
  ])("opens no account by an address: %s", async (_what, verified) => {
    const app = await appWith(acme());
    const person = somebody();
    const user = await setting.identity.users.register({ email: person.email, password });
    if (verified) {
      await setting.identity.models.User.updateOne({ _id: user._id }, { emailVerifiedAt: new Date() });
    }
    const visitor = new Visitor(app);
    const { text } = await signIn(visitor, person);
    expect(text).toContain("You have an account with this email address.");
    expect(visitor.cookies.has(session)).toBe(false);
    expect((await setting.identity.externalIdentities.list({ userId: user._id })).linked).toEqual([]);
  });

  test.each([
    ["the provider has not verified the address", { email_verified: false }, {}],
    ["there is no address", { email: undefined }, {}],
    ["the provider is not trusted for addresses", {}, { trustsEmail: false }],
  ])("makes no account when %s", async (_what, claims, changed) => {
    const app = await appWith(acme(changed));
    const visitor = new Visitor(app);
    const person = { ...somebody(), ...claims } as Claims;
    const { text } = await signIn(visitor, person);
    expect(text).toContain("has not verified an email address");
    expect(visitor.cookies.has(session)).toBe(false);
  });

  test("makes no account where the settings say so", async () => {
    const visitor = new Visitor(await appWith(acme({ createsAccounts: false })));
    expect((await signIn(visitor, somebody())).text).toContain("Nobody here is linked to that account");
  });

  test("lets nobody in whose account is not active", async () => {
    const app = await appWith(acme());
    const person = somebody();
    await signIn(new Visitor(app), person);
    const user = await setting.identity.models.User.findOne({ email: person.email }).lean();
    if (user) await setting.identity.users.setStatus({ userId: user._id, status: "suspended" });
    const visitor = new Visitor(app);
    await signIn(visitor, person);
    expect(visitor.cookies.has(session)).toBe(false);
  });

  test("is refused by the hook of registrations", async () => {
    const hooks = { onRegister: async () => ({ refuse: "closed" }) };
    const app = await setting.app({ providers: [acme()], hooks });
    const person = somebody();
    await signIn(new Visitor(app), person);
    expect(await setting.identity.models.User.countDocuments({ email: person.email })).toBe(0);
  });
});

describe("an answer of a provider is refused", () => {
  // RFC 9700 section 4.7: login CSRF. A page that leads a victim to the attacker's answer signs nobody in.
  test("in another browser", async () => {
    const app = await appWith(acme());
    const answer = await answered(new Visitor(app), somebody());
    const victim = new Visitor(app);
    expect((await victim.get(answer, crossSite)).headers.location).toBe("/account/sign-in");
    expect(victim.cookies.has(session)).toBe(false);
  });

  test("the second time, and a session that is there stays", async () => {
    const app = await appWith(acme());
    const visitor = new Visitor(app);
    const answer = await answered(visitor, somebody());
    const kept = new Map(visitor.cookies);
    await visitor.get(answer, crossSite);
    const held = visitor.cookies.get(session);
    expect(held).toBeDefined();
    await visitor.get(answer, crossSite);
    expect(visitor.cookies.get(session)).toBe(held);
    // With the attempt's cookie put back, the code is used up at the provider.
    const thief = new Visitor(app);
    for (const [name, value] of kept) thief.cookies.set(name, value);
    await thief.get(answer, crossSite);
    expect(thief.cookies.has(session)).toBe(false);
  });

  test("after ten minutes, and from the future", async () => {
    const app = await appWith(acme());
    for (const ms of [600_001, -1]) {
      const visitor = new Visitor(app);
      const answer = await answered(visitor, somebody());
      setting.clock.advance(ms);
      await visitor.get(answer, crossSite);
      expect(visitor.cookies.has(session)).toBe(false);
    }
  });

  test("at the address of another provider (mix-up, RFC 9700 section 4.4)", async () => {
    const app = await appWith(acme(), acme({ id: "wary", name: "Wary" }));
    const visitor = new Visitor(app);
    const answer = await answered(visitor, somebody());
    await visitor.get(answer.replace("/acme/", "/wary/"), crossSite);
    expect(visitor.cookies.has(session)).toBe(false);
  });

  test.each([
    ["without a state", (url: URL) => url.searchParams.delete("state")],
    ["with another state", (url: URL) => url.searchParams.set("state", "x".repeat(43))],
    ["with two states", (url: URL) => url.searchParams.append("state", url.searchParams.get("state") ?? "")],
    ["with another code", (url: URL) => url.searchParams.set("code", "x".repeat(43))],
    ["with another issuer (RFC 9207)", (url: URL) => url.searchParams.set("iss", "https://evil.example")],
    ["with a huge code", (url: URL) => url.searchParams.set("code", "x".repeat(8_000))],
  ])("%s", async (_what, change) => {
    const visitor = new Visitor(await appWith(acme()));
    const url = new URL(await answered(visitor, somebody()), issuer);
    change(url);
    const refused = await visitor.get(url.pathname + url.search, crossSite);
    expect(refused.statusCode).toBeLessThan(500);
    expect(visitor.cookies.has(session)).toBe(false);
  });

  test("by HEAD, which uses nothing up", async () => {
    const app = await appWith(acme());
    const visitor = new Visitor(app);
    const answer = await answered(visitor, somebody());
    const head = await app.inject({ method: "HEAD", url: answer });
    expect(head.statusCode).toBe(405);
    await visitor.get(answer, crossSite);
    expect(visitor.cookies.has(session)).toBe(true);
  });

  test("to a beginning that is not ours, or at a provider that is not there", async () => {
    const app = await appWith(acme());
    const visitor = new Visitor(app);
    const page = await visitor.get("/account/sign-in");
    const form_token = formToken(page.body);
    const foreign = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
    const sent = { form_token, provider: "acme" };
    expect((await visitor.post("/account/sign-in/provider", sent, foreign)).statusCode).toBe(403);
    const unknown = await visitor.post("/account/sign-in/provider", { form_token, provider: "nobody" });
    expect(unknown.statusCode).not.toBe(200);
    expect((await visitor.get("/account/sign-in/nobody/callback?code=1&state=2")).statusCode).toBe(404);
  });
});

describe("a provider that answers by POST (form_post, as Apple's)", () => {
  test("signs in: the answer goes on with the browser's own cookies", async () => {
    const app = await appWith(acme());
    const visitor = new Visitor(app);
    const url = new URL(await answered(visitor, somebody()), issuer);
    const posted = await new Visitor(app).post(url.pathname, Object.fromEntries(url.searchParams), {
      ...crossSite,
      origin: "https://appleid.apple.com",
    });
    expect(posted.statusCode, textOf(posted.body)).toBe(303);
    await visitor.get(String(posted.headers.location), crossSite);
    expect(visitor.cookies.has(session)).toBe(true);
  });
});

describe("linking", () => {
  async function owner() {
    const app = await appWith(acme());
    const person = await someone(app);
    const visitor = new Visitor(app);
    const page = await visitor.get("/account/sign-in");
    const sent = { form_token: formToken(page.body), identifier: person.email, password };
    await visitor.post("/account/sign-in", sent);
    return { app, visitor, email: person.email };
  }

  test("adds a way in, tells the owner, and takes it away again", async () => {
    const { app, visitor, email } = await owner();
    const person = somebody();
    const answer = await answered(visitor, person, "/account/security/providers");
    const linked = await visitor.get(answer, crossSite);
    expect(linked.headers.location).toBe("/account/security/providers");
    expect(textOf((await visitor.get("/account/security/providers")).body)).toContain(
      "The account is linked.",
    );
    const again = new Visitor(app);
    await signIn(again, person);
    expect(textOf((await again.get("/account")).body)).toContain(email);
    const page = await visitor.get("/account/security/providers");
    await visitor.post("/account/security/providers/unlink", {
      form_token: formToken(page.body),
      provider: "acme",
    });
    await setting.settle();
    const told = setting.notices.filter(
      ({ to, kind }) => to === email && kind === "external_identity_changed",
    );
    expect(told.map(({ facts }) => facts.change)).toEqual(["linked", "unlinked"]);
    expect(told[0]?.html).toContain("/account/security/providers");
  });

  test("gives nobody an identity that is another account's", async () => {
    const { visitor } = await owner();
    const person = somebody();
    await signIn(new Visitor(await appWith(acme())), person);
    await visitor.get(await answered(visitor, person, "/account/security/providers"), crossSite);
    const shown = textOf((await visitor.get("/account/security/providers")).body);
    expect(shown).toContain("That account is linked to somebody else here.");
  });

  test("links nothing to the session that another person has begun meanwhile", async () => {
    const { app, visitor } = await owner();
    const person = somebody();
    const answer = await answered(visitor, person, "/account/security/providers");
    const other = await owner();
    visitor.cookies.set(session, other.visitor.cookies.get(session) ?? "");
    await visitor.get(answer, crossSite);
    expect(textOf((await visitor.get("/account/security/providers")).body)).toContain("Not linked.");
    expect(app).toBeDefined();
  });

  test("takes a recent proof; who has no password proves it at the provider", async () => {
    const app = await appWith(acme(), acme({ id: "wary", name: "Wary" }));
    const person = somebody();
    const visitor = new Visitor(app);
    await signIn(visitor, person);
    setting.clock.advance(901_000);
    const page = await visitor.get("/account/security/providers");
    const sent = { form_token: formToken(page.body), provider: "wary" };
    const refused = await visitor.post("/account/security/providers/link", sent);
    expect(String(refused.headers.location)).toMatch(/^\/account\/confirm\?/);
    const confirm = await visitor.get(String(refused.headers.location));
    expect(confirm.body).not.toContain('type="password"');
    expect(textOf(confirm.body)).toContain("Continue with Acme");
    expect(textOf(confirm.body)).not.toContain("Continue with Wary");
  });

  test("keeps the last way in", async () => {
    const visitor = new Visitor(await appWith(acme()));
    await signIn(visitor, somebody());
    const page = await visitor.get("/account/security/providers");
    const sent = { form_token: formToken(page.body), provider: "acme" };
    const refused = await visitor.post("/account/security/providers/unlink", sent);
    expect([refused.statusCode, textOf(refused.body)]).toEqual([
      409,
      expect.stringContaining("This is the only way to sign in to your account."),
    ]);
  });
});

describe("a provider that can't be reached", () => {
  test("is reported in words, and tried again the next time", async () => {
    const nobody = acme({ issuer: "http://127.0.0.1:9", timeoutMs: 500 });
    const visitor = new Visitor(await appWith(nobody));
    for (let round = 0; round < 2; round++) {
      const page = await visitor.get("/account/sign-in");
      const form_token = formToken(page.body);
      const answer = await visitor.post("/account/sign-in/provider", { form_token, provider: "acme" });
      expect(answer.headers.location).toBe("/account/sign-in");
      expect(textOf((await visitor.get("/account/sign-in")).body)).toContain("did not succeed");
    }
  });
});

test("options that are no providers, or two of one id, are refused at registration", async () => {
  await expect(setting.app({ providers: [acme(), acme()] })).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
  });
  await expect(setting.app({ providers: [{} as never] })).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
});
