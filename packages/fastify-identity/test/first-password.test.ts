// Accounts without a password: of people who sign in through a provider (NIST SP 800-63B-4 section 4.1.2: an authenticator
// is bound after an authentication at the level that the account has; ASVS 5.0 section 7.5.1).
import type { FastifyInstance } from "fastify";
import { describe, expect, test } from "vitest";
import { textOf, Visitor } from "./pages/visitor.js";
import { unknownTotp } from "./second-factor.js";
import { someone, useIdentity } from "./support.js";

const setting = useIdentity();
const chosen = "one more fine password";
let made = 0;

/** Somebody who signed up at a provider, and signed in just now. */
async function withoutPassword() {
  made += 1;
  const email = `external${made}@example.com`;
  const subject = { issuer: "https://provider.example", subject: String(made), provider: "acme" };
  const { userId } = await setting.identity.externalIdentities.register({ ...subject, email });
  const { token } = await setting.identity.sessions.open({ userId, proofs: ["external"] });
  return { email, userId, token, bearer: { authorization: `Bearer ${token}` } };
}

const add = (app: FastifyInstance, headers: object, newPassword = chosen) =>
  app.inject({
    method: "POST",
    url: "/v1/account/password",
    headers: { ...headers },
    payload: { newPassword },
  });

const signIn = (app: FastifyInstance, identifier: string) =>
  app.inject({ method: "POST", url: "/v1/sessions", payload: { identifier, password: chosen } });

describe("a first password", () => {
  test("signs in from then on; the session goes on, and the owner is told", async () => {
    const app = await setting.app();
    const person = await withoutPassword();
    expect((await signIn(app, person.email)).statusCode).toBe(401);
    expect((await add(app, person.bearer)).statusCode).toBe(204);
    expect((await signIn(app, person.email)).statusCode).toBe(201);
    expect(await setting.identity.sessions.validate(person.token)).toMatchObject({ ok: true });
    await setting.settle();
    const notice = setting.notices.findLast(({ to }) => to === person.email);
    expect(notice).toMatchObject({ kind: "password_changed", facts: { how: "added" } });
    const { events } = await setting.identity.securityEvents
      .list({ userId: person.userId })
      .then((page) => ({ events: "items" in page ? page.items : page }));
    expect(events).toEqual(
      expect.arrayContaining([expect.objectContaining({ kind: "password_changed", reasons: ["added"] })]),
    );
  });

  test("is set once: a second one takes the first", async () => {
    const app = await setting.app();
    const person = await withoutPassword();
    const both = await Promise.all([
      add(app, person.bearer),
      add(app, person.bearer, "quite another password"),
    ]);
    expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([204, 409]);
    expect((await add(app, person.bearer)).json()).toMatchObject({ code: "PASSWORD_EXISTS" });
    const { bearer } = await someone(app);
    expect((await add(app, bearer)).json()).toMatchObject({ code: "PASSWORD_EXISTS" });
  });

  test("takes a recent sign-in, and says which way there is", async () => {
    const app = await setting.app();
    const person = await withoutPassword();
    setting.clock.advance(16 * 60_000);
    const refused = await add(app, person.bearer);
    expect(refused.json()).toMatchObject({ code: "RECENT_AUTHENTICATION_REQUIRED", ask: ["external"] });
    const { bearer } = await someone(app);
    setting.clock.advance(16 * 60_000);
    expect((await add(app, bearer)).json()).toMatchObject({ ask: ["password"] });
  });

  test("takes the second factor of an account that has one", async () => {
    const app = await setting.app();
    const person = await withoutPassword();
    const begun = await app.inject({ method: "POST", url: "/v1/factors/totp", headers: person.bearer });
    expect(begun.statusCode).toBe(201);
    await setting.identity.models.UserFactors.collection.updateOne(
      { userId: person.userId },
      { $set: { totp: unknownTotp() } },
    );
    expect((await add(app, person.bearer)).json()).toMatchObject({
      code: "RECENT_AUTHENTICATION_REQUIRED",
      ask: ["totp"],
    });
  });

  test("that is tried first is refused", async () => {
    const app = await setting.app();
    const { bearer } = await withoutPassword();
    expect((await add(app, bearer, "passwordpassword")).json()).toMatchObject({ reason: "common" });
  });
});

describe("the pages", () => {
  async function visitorOf({ token }: { token: string }) {
    const visitor = new Visitor(await setting.app());
    visitor.cookies.set("__Host-session", token);
    return visitor;
  }

  test("offer a first password, without asking for a present one", async () => {
    const person = await withoutPassword();
    const visitor = await visitorOf(person);
    expect(textOf((await visitor.get("/account")).body)).toContain("Your account has no password");
    const form = await visitor.get("/account/password");
    expect(form.body).not.toContain('autocomplete="current-password"');
    const short = await visitor.send("/account/password", { new_password: "short" });
    expect(short.statusCode).toBe(422);
    const done = await visitor.send("/account/password", { new_password: chosen });
    expect(done.headers.location).toBe("/account");
    expect(textOf((await visitor.get("/account")).body)).toContain("Your account has a password now.");
    expect((await visitor.get("/account/password")).body).toContain('autocomplete="current-password"');
    expect((await signIn(visitor.app, person.email)).statusCode).toBe(201);
  });

  test("ask to sign in again first when that was too long ago", async () => {
    const person = await withoutPassword();
    const visitor = await visitorOf(person);
    const form = await visitor.get("/account/password");
    setting.clock.advance(16 * 60_000);
    expect((await visitor.get("/account/password")).headers.location).toMatch(
      /^\/account\/confirm\?return_to=/,
    );
    const token = /name="form_token" value="([^"]*)"/.exec(form.body)?.[1] ?? "";
    const sent = await visitor.post("/account/password", { form_token: token, new_password: chosen });
    expect(sent.headers.location).toBe("/account/confirm?return_to=%2Faccount%2Fpassword");
  });
});

describe("erasure without a password", () => {
  test("takes a recent sign-in, by route and by page", async () => {
    const app = await setting.app();
    const [program, late, browser] = [
      await withoutPassword(),
      await withoutPassword(),
      await withoutPassword(),
    ];
    const erase = ({ bearer }: typeof program, payload = {}) =>
      app.inject({ method: "DELETE", url: "/v1/account", headers: bearer, payload });
    expect((await erase(program)).statusCode).toBe(200);
    const visitor = new Visitor(app);
    visitor.cookies.set("__Host-session", browser.token);
    expect((await visitor.get("/account/data")).body).not.toContain('type="password"');
    const page = await visitor.get("/account/data");
    const form_token = /name="form_token" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
    const erased = await visitor.post("/account/data/erase", { form_token, confirmed: "yes" });
    expect(erased.headers.location).toBe("/account/sign-in");
    setting.clock.advance(16 * 60_000);
    expect((await erase(late)).json()).toMatchObject({ code: "RECENT_AUTHENTICATION_REQUIRED" });
  });

  test("takes the password of an account that has one", async () => {
    const app = await setting.app();
    const { bearer } = await someone(app);
    const refused = await app.inject({ method: "DELETE", url: "/v1/account", headers: bearer, payload: {} });
    expect(refused.json()).toMatchObject({ code: "BAD_CREDENTIALS" });
  });
});
