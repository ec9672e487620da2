import type { FastifyInstance } from "fastify";
import { describe, expect, test } from "vitest";
import { textOf, Visitor } from "./pages/visitor.js";
import { enrolled } from "./second-factor.js";
import { type Person, password, someone, useIdentity } from "./support.js";

const setting = useIdentity();
let asked = 0;
const newAddress = () => {
  asked += 1;
  return `new-address-${asked}@example.org`;
};

const post = (app: FastifyInstance, url: string, payload: object, headers = {}) =>
  app.inject({ method: "POST", url: `/v1/email-change${url}`, payload, headers });

async function noticeTo(to: string, kind: string) {
  await setting.settle();
  const notice = setting.notices.findLast((one) => one.to === to && one.kind === kind);
  if (!notice) throw new Error(`no ${kind} for ${to}`);
  return notice;
}

const tokenTo = async (to: string, kind: string) => (await noticeTo(to, kind)).facts.token ?? "";

const signIn = (app: FastifyInstance, identifier: string) =>
  app.inject({ method: "POST", url: "/v1/sessions", payload: { identifier, password, delivery: "token" } });

async function eventsOf({ userId }: Pick<Person, "userId">): Promise<string[]> {
  const events = await setting.identity.models.SecurityEvent.find({ userId }).lean();
  return events.filter(({ kind }) => kind === "email_changed").flatMap(({ reasons }) => reasons);
}

describe("a change of the address", () => {
  test("is confirmed by the new mailbox, and the session goes on", async () => {
    const app = await setting.app();
    const person = await someone(app);
    const email = newAddress();
    const answer = await post(app, "", { email: ` ${email.toUpperCase()}` }, person.bearer);
    expect(answer.statusCode).toBe(202);
    expect((await signIn(app, person.email)).statusCode).toBe(201);
    expect((await signIn(app, email)).statusCode).toBe(401);
    const token = await tokenTo(email, "email_change");
    expect((await post(app, "/confirm", { token })).statusCode).toBe(204);
    expect((await post(app, "/confirm", { token })).json()).toMatchObject({
      code: "TOKEN_INVALID",
      reason: "used",
    });
    const profile = await app.inject({ method: "GET", url: "/v1/profile", headers: person.bearer });
    expect(profile.json()).toMatchObject({ email, emailVerified: true });
    expect((await signIn(app, person.email)).statusCode).toBe(401);
    expect((await eventsOf(person)).sort()).toEqual(["changed", "requested"]);
    expect((await noticeTo(person.email, "email_changed")).facts).toMatchObject({ email });
  });

  test("is undone by the mailbox before: sessions and the password open nothing, the mailed token does", async () => {
    const app = await setting.app();
    const person = await someone(app);
    const email = newAddress();
    await post(app, "", { email }, person.bearer);
    await post(app, "/confirm", { token: await tokenTo(email, "email_change") });
    const key = await app.inject({
      method: "POST",
      url: "/v1/api-keys",
      headers: person.bearer,
      payload: { name: "a thief's", scopes: ["usage:read"] },
    });
    expect(key.statusCode).toBe(201);
    const undone = await post(app, "/undo", { token: await tokenTo(person.email, "email_changed") });
    expect(undone.json()).toEqual({ ended: 2, passwordVoid: true });
    expect((await app.inject({ url: "/v1/profile", headers: person.bearer })).statusCode).toBe(401);
    const byKey = { authorization: `Bearer ${key.json().key}` };
    expect((await app.inject({ url: "/v1/usage", headers: byKey })).statusCode).toBe(401);
    expect((await signIn(app, person.email)).statusCode).toBe(401);
    const reset = await app.inject({
      method: "POST",
      url: "/v1/password-reset/confirm",
      payload: { token: await tokenTo(person.email, "password_reset"), password },
    });
    expect(reset.statusCode).toBe(200);
    expect((await signIn(app, person.email)).statusCode).toBe(201);
    expect((await signIn(app, email)).statusCode).toBe(401);
  });

  // ASVS 6.3.8, 6.3.5: nobody learns from the answer whether there is an account with the address; its owner is told.
  test("to an address that another account has answers the same; its mailbox learns of it, and gets no token", async () => {
    const app = await setting.app();
    const [person, other] = [await someone(app), await someone(app)];
    const free = await post(app, "", { email: newAddress() }, person.bearer);
    const taken = await post(app, "", { email: other.email }, person.bearer);
    expect([taken.statusCode, taken.body]).toEqual([free.statusCode, free.body]);
    expect(await noticeTo(other.email, "email_in_use")).toMatchObject({
      facts: { device: expect.any(String) },
    });
    const tokens = setting.notices.filter(({ to, facts }) => to === other.email && facts.token);
    expect(tokens.map(({ kind }) => kind).sort()).toEqual(["email_verification", "new_device"]);
  });

  test("to an address that was registered and verified meanwhile fails, and says so to whom it belongs", async () => {
    const app = await setting.app();
    const person = await someone(app);
    const email = newAddress();
    await post(app, "", { email }, person.bearer);
    const payload = { email, password };
    await app.inject({ method: "POST", url: "/v1/users", payload });
    const verification = { token: await tokenTo(email, "email_verification") };
    await app.inject({ method: "POST", url: "/v1/email-verification/confirm", payload: verification });
    const token = await tokenTo(email, "email_change");
    const late = await post(app, "/confirm", { token });
    expect([late.statusCode, late.json().code]).toEqual([409, "EMAIL_TAKEN"]);
  });

  test("to the address that the account has is refused, and so are a key and a stranger", async () => {
    const app = await setting.app();
    const person = await someone(app);
    const same = await post(app, "", { email: person.email.toUpperCase() }, person.bearer);
    expect([same.statusCode, same.json().code]).toEqual([409, "EMAIL_UNCHANGED"]);
    expect((await post(app, "", { email: newAddress() })).statusCode).toBe(401);
    for (const email of ["", "nobody", 7, null, { $ne: 1 }, ["a@example.org"]])
      expect((await post(app, "", { email }, person.bearer)).statusCode).toBe(400);
  });

  // ASVS 7.5.1: full authentication again before attributes that matter to authentication are changed.
  test("takes a recent sign-in, and the second factor of an account that has one", async () => {
    const app = await setting.app();
    const person = await enrolled(setting, app);
    const withBoth = await post(app, "", { email: newAddress() }, person.bearer);
    expect(withBoth.statusCode).toBe(202);
    setting.clock.advance(16 * 60_000);
    const late = await post(app, "", { email: newAddress() }, person.bearer);
    expect(late.json()).toMatchObject({ code: "RECENT_AUTHENTICATION_REQUIRED" });
    const stepUp = (payload: object) =>
      app.inject({ method: "POST", url: "/v1/session/authentication", headers: person.bearer, payload });
    const stepped = await stepUp({ password });
    const bearer = { authorization: `Bearer ${stepped.json().token}` };
    const onlyPassword = await post(app, "", { email: newAddress() }, bearer);
    expect(onlyPassword.json()).toMatchObject({ code: "RECENT_AUTHENTICATION_REQUIRED" });
  });

  test("is possible while the mail server is away, and nothing is changed by it", async () => {
    const down = async () => Promise.reject(new Error("no mail server"));
    const app = await setting.app({ notifier: { send: down } });
    const person = await someone(app);
    expect((await post(app, "", { email: newAddress() }, person.bearer)).statusCode).toBe(202);
    await setting.settle();
    expect((await signIn(app, person.email)).statusCode).toBe(201);
  });
});

describe("the pages of a change", () => {
  async function signedIn(app: FastifyInstance): Promise<{ visitor: Visitor; person: Person }> {
    const person = await someone(app);
    const visitor = new Visitor(app);
    await visitor.send("/account/sign-in", { identifier: person.email, password });
    return { visitor, person };
  }

  test("ask, confirm by the mail's link on another device, and undo by the other mail's", async () => {
    const app = await setting.app();
    const { visitor, person } = await signedIn(app);
    const email = newAddress();
    const sent = await visitor.send("/account/email", { email });
    expect(sent.headers.location).toBe("/account");
    expect(textOf((await visitor.get("/account")).body)).toContain(`We have sent a link to ${email}`);
    const elsewhere = new Visitor(app);
    const { text } = await noticeTo(email, "email_change");
    const link = /https:\/\/id\.example\.com(\/account\/confirm-email\?token=\S+)/.exec(text)?.[1] ?? "";
    // A program that follows the links of mails changes nothing.
    expect((await elsewhere.get(link)).statusCode).toBe(200);
    expect((await signIn(app, email)).statusCode).toBe(401);
    const token = new URL(link, "https://id.example.com").searchParams.get("token") ?? "";
    const form = /name="form_token" value="([^"]*)"/.exec((await elsewhere.get(link)).body)?.[1] ?? "";
    const confirmed = await elsewhere.post("/account/confirm-email", { form_token: form, token });
    expect(confirmed.statusCode).toBe(303);
    expect((await signIn(app, email)).statusCode).toBe(201);
    const again = await elsewhere.post("/account/confirm-email", { form_token: form, token });
    expect(again.statusCode).toBe(400);
    expect(textOf(again.body)).toContain("not, or no longer, valid");
    const undo = await tokenTo(person.email, "email_changed");
    const undone = await elsewhere.post("/account/undo-email", { form_token: form, token: undo });
    expect(undone.headers.location).toBe("/account/sign-in");
    expect((await visitor.get("/account")).headers.location).toContain("/account/sign-in");
    const { text: reset } = await noticeTo(person.email, "password_reset");
    expect(reset).toContain("/account/reset-password?token=ido_");
  });

  test("show what is wrong at the field", async () => {
    const app = await setting.app();
    const { visitor, person } = await signedIn(app);
    for (const [email, said] of [
      ["nobody", "Enter an email address"],
      [person.email, "address of your account already"],
    ] as const) {
      const refused = await visitor.send("/account/email", { email });
      expect([400, 409, 422]).toContain(refused.statusCode);
      expect(textOf(refused.body)).toContain(said);
    }
  });
});
