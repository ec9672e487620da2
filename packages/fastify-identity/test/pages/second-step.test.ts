// The second step of a sign-in, by the pages and by the API.
import { SoftwareAuthenticator } from "@org/dev-kit/authenticator";
import type { FastifyInstance, InjectOptions } from "fastify";
import { expect, test } from "vitest";
import { begin, enrolled, goOn } from "../second-factor.js";
import { issuer, password, someone, useIdentity } from "../support.js";
import { formToken, textOf, Visitor } from "./visitor.js";

const setting = useIdentity({ factors: { passkeys: { rpId: "id.example.com", origins: [issuer] } } });

const post = (app: FastifyInstance, url: string, headers: InjectOptions["headers"], payload?: object) =>
  app.inject({ method: "POST", url, headers: headers ?? {}, ...(payload && { payload }) });

/** Somebody with a password and passkeys; the answer of the first is theirs to give. */
async function keyholder(app: FastifyInstance, count = 1) {
  const person = await someone(app);
  const first = new SoftwareAuthenticator(issuer, { synced: true });
  let headers: InjectOptions["headers"] = person.bearer;
  for (let made = 0; made < count; made += 1) {
    const authenticator = made === 0 ? first : new SoftwareAuthenticator(issuer, { synced: true });
    const { options } = (await post(app, "/v1/factors/passkeys/options", headers)).json();
    const response = authenticator.create(options);
    const added = await post(app, "/v1/factors/passkeys", headers, { response, name: `Key ${made}` });
    expect(added.statusCode, added.body).toBe(201);
    if (made > 0) continue;
    const asked = (await post(app, "/v1/sessions/passkey/options", {})).json();
    const answer = { response: first.get(asked.options), attempt: asked.attempt, delivery: "token" };
    const { token } = (await post(app, "/v1/sessions/passkey", {}, answer)).json();
    headers = { authorization: `Bearer ${token}` };
  }
  return { ...person, authenticator: first };
}

const spoiled = (answer: ReturnType<SoftwareAuthenticator["get"]>) => ({
  ...answer,
  response: { ...answer.response, signature: Buffer.from("no signature").toString("base64url") },
});

const optionsFor = (app: FastifyInstance, challenge: string) =>
  post(app, "/v1/sessions/challenge/passkey/options", {}, { challenge });

// authentik #23040: the options were good for one answer and five minutes, the challenge for five and ten.
test("a passkey is tried again after a refused answer, and after the first options have expired", async () => {
  const app = await setting.app();
  const { authenticator, ...ada } = await keyholder(app);
  const { challenge, passkey } = (await begin(app, ada)).json();
  const refused = await goOn(app, { challenge, passkey: spoiled(authenticator.get(passkey)) });
  expect(refused.json()).toMatchObject({ code: "CHALLENGE_FAILED", reason: "wrong_signature" });
  setting.clock.advance(6 * 60_000);
  const fresh = await optionsFor(app, challenge);
  expect(fresh.statusCode, fresh.body).toBe(201);
  const { options, attempt } = fresh.json();
  expect(attempt).toBeUndefined();
  const done = await goOn(app, { challenge, passkey: authenticator.get(options) });
  expect(done.statusCode, done.body).toBe(201);
  expect((await optionsFor(app, challenge)).json()).toMatchObject({ reason: "used" });
});

test("options take no attempt, five answers are evaluated, and then there are no options", async () => {
  const app = await setting.app();
  const { authenticator, ...ada } = await keyholder(app);
  const { challenge } = (await begin(app, ada)).json();
  for (let answered = 0; answered < 5; answered += 1) {
    await optionsFor(app, challenge);
    const { options } = (await optionsFor(app, challenge)).json();
    const refused = await goOn(app, { challenge, passkey: spoiled(authenticator.get(options)) });
    expect(refused.json().reason).toBe("wrong_signature");
  }
  expect((await optionsFor(app, challenge)).json()).toMatchObject({
    code: "CHALLENGE_FAILED",
    reason: "no_attempts_left",
  });
});

test("options are for who holds the sign-in, for as long as it waits, and where a passkey is asked for", async () => {
  const app = await setting.app();
  const ada = await keyholder(app);
  const { challenge } = (await begin(app, ada)).json();
  const other = await app.inject({
    method: "POST",
    url: "/v1/sessions/challenge/passkey/options",
    headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" },
    payload: { challenge },
  });
  expect(other.json()).toMatchObject({ code: "CHALLENGE_FAILED", reason: "other_client" });
  expect((await optionsFor(app, "x")).json()).toMatchObject({ reason: "malformed" });
  const grace = await enrolled(setting, app);
  const asked = (await begin(app, grace)).json();
  expect((await optionsFor(app, asked.challenge)).json()).toMatchObject({ reason: "not_asked" });
  setting.clock.advance(10 * 60_000);
  expect((await optionsFor(app, challenge)).json()).toMatchObject({ reason: "expired" });
});

async function answerByPage(
  visitor: Visitor,
  answerOf: (options: never) => ReturnType<SoftwareAuthenticator["get"]>,
  more: Record<string, string> = {},
) {
  const page = await visitor.get("/account/challenge");
  expect(page.statusCode, String(page.headers.location)).toBe(200);
  const form_token = formToken(page.body);
  const { options } = (await visitor.post("/account/challenge/passkey/options", { form_token })).json();
  const response = JSON.stringify(answerOf(options as never));
  return visitor.post("/account/challenge", { form_token, method: "passkey", response, ...more });
}

test("the button of the page works again after a refused answer", async () => {
  const app = await setting.app();
  const { authenticator, email } = await keyholder(app);
  const visitor = new Visitor(app);
  await visitor.send("/account/sign-in", { identifier: email, password });
  const refused = await answerByPage(visitor, (options) => spoiled(authenticator.get(options)));
  expect([refused.statusCode, textOf(refused.body)]).toEqual([
    422,
    expect.stringContaining("This is not, or no longer, valid."),
  ]);
  // There is no field that a link could lead to.
  expect(refused.body).not.toMatch(/href="#[^"]*code"/);
  setting.clock.advance(6 * 60_000);
  const done = await answerByPage(visitor, (options) => authenticator.get(options));
  expect(done.headers.location).toBe("/account");
});

// next-auth #3101, workos/authkit-nextjs #404: browsers drop a cookie of more than 4,096 bytes, without a word.
test.each([1, 20])("%i passkeys and a long address fit what a browser keeps", async (count) => {
  const app = await setting.app();
  const { authenticator, email } = await keyholder(app, count);
  const to = `/orders?q=${"a%20b&".repeat(200)}`;
  const visitor = new Visitor(app);
  const signIn = `/account/sign-in?return_to=${encodeURIComponent(to)}`;
  const held = await visitor.send(signIn, { identifier: email, password });
  for (const header of [held.headers["set-cookie"] ?? []].flat()) expect(header.length).toBeLessThan(4_096);
  const page = await visitor.get(String(held.headers.location));
  expect(textOf(page.body)).toContain("Use one of your passkeys.");
  expect(textOf(page.body)).toContain("Start again");
  const action = String(held.headers.location);
  const form_token = formToken(page.body);
  const { options } = (await visitor.post("/account/challenge/passkey/options", { form_token })).json();
  const response = JSON.stringify(authenticator.get(options));
  const done = await visitor.post(action, { form_token, method: "passkey", response });
  expect(new URL(String(done.headers.location), issuer).searchParams.get("return_to")).toBe(to);
});

test("a browser is remembered by a box on the page, and asked for no second factor from then on", async () => {
  const app = await setting.app();
  const { authenticator, email } = await keyholder(app);
  const visitor = new Visitor(app);
  await visitor.send("/account/sign-in", { identifier: email, password });
  expect((await visitor.get("/account/challenge")).body).toContain('name="remember"');
  await answerByPage(visitor, (options) => authenticator.get(options), { remember: "yes" });
  await visitor.send("/account/sign-out", {});
  const again = await visitor.send("/account/sign-in", { identifier: email, password });
  expect(again.headers.location).toBe("/account");
});

test("there is no box for who is asked at each sign-in", async () => {
  const app = await setting.app();
  const { email } = await enrolled(setting, app);
  const strict = await setting.app({ secondFactor: "always" });
  const visitor = new Visitor(strict);
  await visitor.send("/account/sign-in", { identifier: email, password });
  const page = await visitor.get("/account/challenge");
  expect(textOf(page.body)).toContain("One more step");
  expect(page.body).not.toContain('name="remember"');
});

// better-auth #414: who began for a page came to another one.
test("a recovery code is taken where the app's code is asked for, and a wrong one is refused there", async () => {
  const app = await setting.app();
  const ada = await enrolled(setting, app);
  const visitor = new Visitor(app);
  await visitor.send("/account/sign-in", { identifier: ada.email, password });
  const wrong = await visitor.send("/account/challenge", {
    method: "totp",
    code: "XXXX-XXXX-XXXX-XXXX-XXXX",
  });
  expect([wrong.statusCode, textOf(wrong.body).includes("Enter the code")]).toEqual([422, false]);
  const done = await visitor.send("/account/challenge", { method: "totp", code: ada.codes[0] ?? "" });
  expect(done.headers.location).toBe("/account");
});

test("a sign-in that is over leads to the form, and from there to where it was to go", async () => {
  const app = await setting.app();
  const ada = await enrolled(setting, app);
  const visitor = new Visitor(app);
  const signIn = "/account/sign-in?return_to=%2Forders";
  const held = await visitor.send(signIn, { identifier: ada.email, password });
  const challenge = String(held.headers.location);
  expect((await visitor.get(challenge)).body).toContain(`href="${signIn}"`);
  setting.clock.advance(11 * 60_000);
  const fields = { form_token: visitor.cookies.get("__Host-session-form") ?? "", method: "totp" };
  const late = await visitor.post(challenge, { ...fields, code: ada.nextCode() });
  expect(late.headers.location).toBe(signIn);
  expect(textOf((await visitor.get(signIn)).body)).toContain("That sign-in has ended.");
});
