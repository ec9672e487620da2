// The table "What a user loses when something fails" of docs/guides/accounts.md: a test for each row, named by it.
import { readFileSync } from "node:fs";
import { codeOf } from "@org/dev-kit/authenticator-app";
import type { FastifyInstance } from "fastify";
import { afterEach, expect, test } from "vitest";
import type { Notice } from "../src/index.js";
import { openIdProvider } from "../src/providers/index.js";
import { client, useProvider } from "./pages/provider.js";
import { formToken, textOf, Visitor } from "./pages/visitor.js";
import { begin, enrolled, goOn } from "./second-factor.js";
import { issuer, password, someone, useIdentity } from "./support.js";

const setting = useIdentity();
const back = `${issuer}/account/sign-in/acme/callback`;
const provider = useProvider([back]);
const mailbox: Notice[] = [];
let isAway = false;
let people = 0;
const newAddress = () => {
  people += 1;
  return `loses${people}@example.com`;
};

afterEach(() => {
  isAway = false;
  mailbox.length = 0;
});

const acme = () =>
  openIdProvider({ id: "acme", name: "Acme", issuer: provider.issuer, ...client, trustsEmail: true });

/** An app whose mail server can be away. */
const appWithMail = () =>
  setting.app({
    providers: [acme()],
    notifier: {
      send: async (notice) => {
        if (isAway) throw new Error("the mail server is away");
        mailbox.push(notice);
      },
    },
  });

async function tokenTo(email: string, kind: Notice["kind"]): Promise<string> {
  await setting.settle();
  return mailbox.findLast((notice) => notice.to === email && notice.kind === kind)?.facts.token ?? "";
}

const post = (app: FastifyInstance, url: string, payload: object = {}, headers: object = {}) =>
  app.inject({ method: "POST", url: `/v1${url}`, payload, headers: { ...headers } });

const rows: Record<string, () => Promise<void>> = {
  "the mail server is away at a registration": async () => {
    const app = await appWithMail();
    isAway = true;
    const { email, bearer } = await someone(app);
    expect(await tokenTo(email, "email_verification")).toBe("");
    isAway = false;
    expect((await post(app, "/email-verification", {}, bearer)).statusCode).toBe(202);
    expect(await tokenTo(email, "email_verification")).toMatch(/^ido_/);
  },

  "…at a request for another link, or for a mailed sign-in code": async () => {
    const app = await appWithMail();
    const { email, bearer } = await someone(app);
    isAway = true;
    expect((await post(app, "/email-verification", {}, bearer)).json()).toMatchObject({
      code: "NOTICE_NOT_SENT",
    });
    isAway = false;
    expect((await post(app, "/email-verification", {}, bearer)).statusCode).toBe(202);
    expect(await tokenTo(email, "email_verification")).toMatch(/^ido_/);
  },

  "…at a request for a reset or for another address": async () => {
    const app = await appWithMail();
    const { email, bearer } = await someone(app);
    const other = newAddress();
    const ask = async () => [
      (await post(app, "/password-reset", { email })).statusCode,
      (await post(app, "/email-change", { email: other }, bearer)).statusCode,
    ];
    isAway = true;
    expect(await ask()).toEqual([202, 202]);
    expect([await tokenTo(email, "password_reset"), await tokenTo(other, "email_change")]).toEqual(["", ""]);
    isAway = false;
    expect(await ask()).toEqual([202, 202]);
    expect(await tokenTo(email, "password_reset")).toMatch(/^ido_/);
    expect(await tokenTo(other, "email_change")).toMatch(/^ido_/);
  },

  "…at an undo of a change of address": async () => {
    const app = await appWithMail();
    const { email, bearer } = await someone(app);
    const other = newAddress();
    await post(app, "/email-change", { email: other }, bearer);
    const undo = await tokenTo(email, "email_change_requested");
    await post(app, "/email-change/confirm", { token: await tokenTo(other, "email_change") });
    isAway = true;
    expect((await post(app, "/email-change/undo", { token: undo })).statusCode).toBe(200);
    await setting.settle();
    isAway = false;
    // The address is the account's again; the mailed link is lost, and another one can be had.
    await post(app, "/password-reset", { email });
    const payload = { token: await tokenTo(email, "password_reset"), password: "another fine password" };
    expect((await post(app, "/password-reset/confirm", payload)).statusCode).toBe(200);
  },

  "the phone with the authenticator app is lost": async () => {
    const app = await appWithMail();
    const owner = await enrolled(setting, app);
    const { challenge } = (await begin(app, owner)).json();
    const [recoveryCode] = owner.codes;
    expect((await goOn(app, { challenge, recoveryCode })).statusCode).toBe(201);
    const wait = await post(app, "/factors/recovery", { identifier: owner.email, password });
    expect(wait.json()).toMatchObject({ state: "waiting" });
  },

  "a tab is closed in the middle of a sign-in": async () => {
    const app = await appWithMail();
    const owner = await enrolled(setting, app);
    const visitor = new Visitor(app);
    const credentials = { identifier: owner.email, password };
    await visitor.send("/account/sign-in", credentials);
    // Another tab of the same browser goes on; another browser can't.
    expect((await new Visitor(app).get("/account/challenge")).headers.location).toBe("/account/sign-in");
    const done = await visitor.send("/account/challenge", { method: "totp", code: owner.nextCode() });
    expect(done.headers.location).toBe("/account");
    const late = new Visitor(app);
    await late.send("/account/sign-in", credentials);
    setting.clock.advance(11 * 60_000);
    const refused = await late.send("/account/challenge", { method: "totp", code: owner.nextCode() });
    expect(refused.headers.location).toBe("/account/sign-in");
    expect((await late.send("/account/sign-in", credentials)).headers.location).toBe("/account/challenge");
  },

  "a tab is closed in the middle of a sign-in at a provider": async () => {
    const app = await appWithMail();
    const visitor = new Visitor(app);
    provider.person = { sub: "closes", email: newAddress(), email_verified: true };
    const page = await visitor.get("/account/sign-in");
    const leave = { form_token: formToken(page.body), provider: "acme" };
    await visitor.post("/account/sign-in/provider", leave);
    const left = await visitor.post("/account/sign-in/provider", leave);
    const [, to = ""] = /<a class="button primary wide" href="([^"]*)"/.exec(left.body) ?? [];
    const answer = await provider.authorize(to.replaceAll("&amp;", "&"));
    const ended = await visitor.get(answer.slice(issuer.length), { "sec-fetch-site": "cross-site" });
    expect(ended.headers.location).toBe("/account");
  },

  "a tab is closed while an authenticator app is being set up": async () => {
    const app = await appWithMail();
    const { email, bearer } = await someone(app);
    const first = (await post(app, "/factors/totp", {}, bearer)).json();
    expect((await begin(app, { email })).statusCode).toBe(201);
    const second = (await post(app, "/factors/totp", {}, bearer)).json();
    const confirm = (secret: string) =>
      post(app, "/factors/totp/confirm", { code: codeOf(secret, setting.clock.now()) }, bearer);
    expect((await confirm(first.secret)).json()).toMatchObject({ code: "CHALLENGE_FAILED" });
    expect((await confirm(second.secret)).statusCode).toBe(200);
  },

  "a tab is closed in the wait of a recovery": async () => {
    const app = await appWithMail();
    const owner = await enrolled(setting, app);
    const credentials = { identifier: owner.email, password };
    await post(app, "/factors/recovery", credentials);
    setting.clock.advance(3 * 86_400_000 + 1_000);
    expect((await post(app, "/factors/recovery", credentials)).json()).toMatchObject({ state: "ready" });
    const token = await tokenTo(owner.email, "factor_recovery_token");
    expect((await post(app, "/factors/recovery/confirm", { ...credentials, token })).statusCode).toBe(200);
  },

  "a tab is closed after a change of the password": async () => {
    const app = await appWithMail();
    const { email, bearer } = await someone(app);
    const newPassword = "another fine password";
    await app.inject({
      method: "PUT",
      url: "/v1/account/password",
      headers: bearer,
      payload: { password, newPassword },
    });
    const before = await app.inject({ url: "/v1/session", headers: bearer });
    expect(before.json()).toMatchObject({ code: "SESSION_INVALID" });
    const payload = { identifier: email, password: newPassword };
    expect((await post(app, "/sessions", payload)).statusCode).toBe(201);
  },

  "a tab is closed before a link of a mail is confirmed": async () => {
    const app = await appWithMail();
    const { email } = await someone(app);
    const token = await tokenTo(email, "email_verification");
    const url = `/account/verify-email?token=${token}`;
    for (let opened = 0; opened < 3; opened += 1)
      expect((await new Visitor(app).get(url)).statusCode).toBe(200);
    const visitor = new Visitor(app);
    expect((await visitor.send(url, { token })).statusCode).toBe(303);
    await post(app, "/password-reset", { email });
    const reset = `/account/reset-password?token=${await tokenTo(email, "password_reset")}`;
    expect(textOf((await visitor.get(reset)).body)).toContain("Choose another password");
  },
};

/** Shown where there are several instances: apps/api/test/killed-instance.test.ts. */
const elsewhere = ["an instance of the service is killed"];

test.each(Object.entries(rows))("%s", (_when, show) => show());

test("the guide has these rows and no others", () => {
  const guide = readFileSync(new URL("../../../docs/guides/accounts.md", import.meta.url), "utf8");
  const section = guide.split("## What a user loses when something fails")[1]?.split("\n## ")[0] ?? "";
  const cells = section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|")[1]?.trim());
  expect(cells.slice(2).sort()).toEqual([...Object.keys(rows), ...elsewhere].sort());
});
