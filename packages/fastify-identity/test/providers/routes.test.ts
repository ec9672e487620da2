// Sign-in with others by the JSON routes, at a provider that nobody here made (oidc-provider).
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { openIdProvider } from "../../src/providers/index.js";
import { type Claims, client, useProvider } from "../pages/provider.js";
import { enrolled } from "../second-factor.js";
import { issuer, password, someone, useIdentity } from "../support.js";

const setting = useIdentity();
const spa = "https://app.example.com";
const back = `${issuer}/back/acme`;
const provider = useProvider([back, `${spa}/back/acme`, `${issuer}/back/wary`]);

afterEach(() => {
  provider.person = undefined;
});

let people = 0;
const somebody = (): Required<Claims> => {
  people += 1;
  const name = `by-route-${people}`;
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

const appWith = (...providers: ReturnType<typeof acme>[]) =>
  setting.app({ providers, trustedOrigins: [spa] });

const post = (app: FastifyInstance, url: string, payload: object, headers: object = {}) =>
  app.inject({ method: "POST", url: `/v1/providers${url}`, payload, headers: { ...headers } });

const cookiesOf = (answer: LightMyRequestResponse) =>
  answer.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");

/** A program begins, and its user comes back from the provider. */
async function answered(app: FastifyInstance, person: Claims | undefined, headers = {}, what = "sign-in") {
  provider.person = person;
  const begun = await post(app, `/acme/${what}`, { redirectUri: back, delivery: "token" }, headers);
  expect(begun.statusCode, begun.body).toBe(201);
  const { url, attempt } = begun.json();
  return { answer: await provider.authorize(url), attempt };
}

async function signIn(app: FastifyInstance, person: Claims | undefined) {
  const payload = { ...(await answered(app, person)), delivery: "token" };
  return post(app, "/acme/sign-in/finish", payload);
}

describe("a sign-in at a provider", () => {
  test("opens a session for a program, and the same account the next time", async () => {
    const app = await appWith(acme());
    const listed = await app.inject("/v1/providers");
    expect(listed.json()).toEqual({ providers: [{ id: "acme", name: "Acme" }] });
    const person = somebody();
    const first = await signIn(app, person);
    expect(first.statusCode, first.body).toBe(201);
    const { token, userId } = first.json();
    const headers = { authorization: `Bearer ${token}` };
    const session = await app.inject({ url: "/v1/session", headers });
    expect(session.json()).toMatchObject({ userId, acr: 1 });
    const linked = await app.inject({ url: "/v1/account/providers", headers });
    expect(linked.json()).toMatchObject({ linked: [{ provider: "acme" }], hasPassword: false });
    expect((await signIn(app, person)).json()).toMatchObject({ userId });
  });

  test("keeps the attempt of a browser in a cookie that ends with it", async () => {
    const app = await appWith(acme());
    provider.person = somebody();
    const sameOrigin = { origin: issuer, "sec-fetch-site": "same-origin" };
    const begun = await post(app, "/acme/sign-in", { redirectUri: back }, sameOrigin);
    expect(begun.json()).not.toHaveProperty("attempt");
    const [kept] = begun.cookies;
    expect(kept).toMatchObject({
      name: "__Host-session-external",
      httpOnly: true,
      secure: true,
      sameSite: "Lax",
    });
    const answer = await provider.authorize(begun.json().url);
    const foreign = await post(app, "/acme/sign-in/finish", { answer }, sameOrigin);
    expect(foreign.json()).toMatchObject({ code: "PROVIDER_FAILED", reason: "expired" });
    const headers = { ...sameOrigin, cookie: cookiesOf(begun) };
    const signedIn = await post(app, "/acme/sign-in/finish", { answer }, headers);
    expect(signedIn.statusCode, signedIn.body).toBe(201);
    expect(signedIn.cookies.map(({ name, maxAge }) => [name, maxAge === 0]).sort()).toEqual([
      ["__Host-device", false],
      ["__Host-session", false],
      ["__Host-session-external", true],
    ]);
    expect(signedIn.json()).not.toHaveProperty("token");
  });

  test("begins at a page of a trusted origin too, and at no other", async () => {
    const app = await appWith(acme());
    const begin = (redirectUri: string) => post(app, "/acme/sign-in", { redirectUri, delivery: "token" });
    expect((await begin(`${spa}/back/acme`)).statusCode).toBe(201);
    for (const wrong of [
      "https://evil.example/back/acme",
      `${issuer}/back`,
      `${issuer}/back/acme2`,
      `${issuer}/back/acme?next=1`,
      "http://id.example.com/back/acme",
      "https://id.example.com:444/back/acme",
      "https://user@id.example.com/back/acme",
    ]) {
      expect((await begin(wrong)).json(), wrong).toMatchObject({ code: "REDIRECT_NOT_ALLOWED", status: 403 });
    }
    expect((await begin("javascript:alert(1)//acme")).json()).toMatchObject({ code: "INVALID_INPUT" });
    const unknown = await post(app, "/nobody/sign-in", { redirectUri: `${issuer}/back/nobody` });
    expect(unknown.json()).toMatchObject({ code: "NOT_FOUND" });
  });

  test("is refused from a page of another site, at its beginning and its end", async () => {
    const app = await appWith(acme());
    const evil = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    const begun = await post(app, "/acme/sign-in", { redirectUri: back }, evil);
    expect(begun.json()).toMatchObject({ code: "CROSS_ORIGIN" });
    const finished = await post(app, "/acme/sign-in/finish", await answered(app, somebody()), evil);
    expect(finished.json()).toMatchObject({ code: "CROSS_ORIGIN" });
  });

  test("asks for an enrolled second factor all the same", async () => {
    const app = await appWith(acme());
    const owner = await enrolled(setting, app);
    const person = somebody();
    const begun = await answered(app, person, owner.bearer, "link");
    expect((await post(app, "/acme/link/finish", begun, owner.bearer)).json()).toEqual({ added: true });
    const held = await signIn(app, person);
    expect(held.json()).toMatchObject({ code: "CHALLENGE_REQUIRED", ask: ["totp", "recovery_code"] });
    const payload = { challenge: held.json().challenge, totp: owner.nextCode(), delivery: "token" };
    const done = await app.inject({ method: "POST", url: "/v1/sessions/challenge", payload });
    expect(done.json()).toMatchObject({ userId: owner.userId });
  });

  test("never opens an account that has the address", async () => {
    const app = await appWith(acme());
    const { email } = await someone(app);
    const refused = await signIn(app, { ...somebody(), email });
    expect(refused.json()).toMatchObject({ code: "ACCOUNT_EXISTS", status: 409 });
  });

  test("ends in words when the person cancels, is too late, or comes with another's answer", async () => {
    const app = await appWith(acme(), acme({ id: "wary", name: "Wary", createsAccounts: false }));
    const failed = (reason: string) => ({ code: "PROVIDER_FAILED", status: 400, reason });
    expect((await signIn(app, undefined)).json()).toMatchObject(failed("cancelled"));
    const late = await answered(app, somebody());
    setting.clock.advance(11 * 60_000);
    expect((await post(app, "/acme/sign-in/finish", late)).json()).toMatchObject(failed("expired"));
    const [one, other] = [await answered(app, somebody()), await answered(app, somebody())];
    const mixed = { ...one, attempt: other.attempt };
    expect((await post(app, "/acme/sign-in/finish", mixed)).json()).toMatchObject(failed("expired"));
    const asWary = { ...one, answer: one.answer.replace("/back/acme", "/back/wary") };
    expect((await post(app, "/wary/sign-in/finish", asWary)).json()).toMatchObject(failed("expired"));
    for (const attempt of ["x", "e30", "A".repeat(4_096)])
      expect((await post(app, "/acme/sign-in/finish", { ...one, attempt })).json()).toMatchObject(
        failed("expired"),
      );
    expect((await post(app, "/acme/sign-in/finish", one)).statusCode).toBe(201);
    // The code is spent at the provider.
    expect((await post(app, "/acme/sign-in/finish", one)).json()).toMatchObject(failed("failed"));
  });

  test("says so when the provider is away", async () => {
    const app = await appWith(acme({ issuer: "http://127.0.0.1:9" }));
    const begun = await post(app, "/acme/sign-in", { redirectUri: back });
    expect(begun.json()).toMatchObject({ code: "PROVIDER_FAILED" });
    expect(begun.cookies).toEqual([]);
  });
});

describe("linking", () => {
  test("takes a recent sign-in at both ends, and the session that began it", async () => {
    const app = await appWith(acme());
    const owner = await someone(app);
    const stranger = await someone(app);
    const begun = await answered(app, somebody(), owner.bearer, "link");
    const asStranger = await post(app, "/acme/link/finish", begun, stranger.bearer);
    expect(asStranger.json()).toMatchObject({ code: "PROVIDER_FAILED", reason: "session" });
    const again = await answered(app, somebody(), owner.bearer, "link");
    const asSignIn = await post(app, "/acme/sign-in/finish", { ...again, delivery: "token" });
    expect(asSignIn.json()).toMatchObject({ code: "PROVIDER_FAILED", reason: "session" });
    setting.clock.advance(16 * 60_000);
    const late = await post(app, "/acme/link", { redirectUri: back }, owner.bearer);
    expect(late.json()).toMatchObject({ code: "RECENT_AUTHENTICATION_REQUIRED" });
    const nobody = await post(app, "/acme/link", { redirectUri: back });
    expect(nobody.json()).toMatchObject({ code: "SESSION_REQUIRED" });
  });

  test("gives the account another way in, which it can lose again but for the last", async () => {
    const app = await appWith(acme());
    const owner = await someone(app);
    const person = somebody();
    const begun = await answered(app, person, owner.bearer, "link");
    expect((await post(app, "/acme/link/finish", begun, owner.bearer)).statusCode).toBe(200);
    expect((await signIn(app, person)).json()).toMatchObject({ userId: owner.userId });
    const other = await someone(app);
    const taken = await answered(app, person, other.bearer, "link");
    expect((await post(app, "/acme/link/finish", taken, other.bearer)).json()).toMatchObject({
      code: "EXTERNAL_IDENTITY_TAKEN",
    });
    const unlink = (headers: object) =>
      app.inject({ method: "DELETE", url: "/v1/account/providers/acme", headers: { ...headers } });
    expect((await unlink(owner.bearer)).statusCode).toBe(204);
    expect((await unlink(owner.bearer)).json()).toMatchObject({ code: "EXTERNAL_IDENTITY_NOT_FOUND" });
    const newcomer = await signIn(app, somebody());
    const bearer = { authorization: `Bearer ${newcomer.json().token}` };
    expect((await unlink(bearer)).json()).toMatchObject({ code: "LAST_WAY_IN" });
    // With a password it is the last way no more.
    const first = { method: "POST", url: "/v1/account/password", headers: bearer } as const;
    expect((await app.inject({ ...first, payload: { newPassword: password } })).statusCode).toBe(204);
    expect((await unlink(bearer)).statusCode).toBe(204);
  });
});
