import { Types } from "mongoose";
import type { BrowserContext, Page as Tab } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { password, someone, useIdentity } from "../support.js";
import { faultsOf, forms, useBrowser } from "./browser.js";

const setting = useIdentity();
const site = useBrowser(setting);

let email = "";
let bearer: { authorization: string };
const name = "Ada بنت Lovelace <script>alert(1)</script>";

/** An account with something on every page. */
beforeAll(async () => {
  const { app } = site;
  const person = await someone(app);
  ({ email } = person);
  const signedInAgain = async () => {
    const payload = { identifier: email, password, delivery: "token" };
    const { token } = (await app.inject({ method: "POST", url: "/v1/sessions", payload })).json();
    return { bearer: { authorization: `Bearer ${token}` } };
  };
  const { usage, flush } = setting.identity;
  const { userId } = person;
  for (let day = 0; day < 29; day += 1) {
    const endpoint = ["GET /orders", "GET /v1/profile", "POST /orders"][day % 3] ?? "";
    for (let request = 0; request < 5 + ((day * 7) % 23); request += 1)
      usage.track({ userId: new Types.ObjectId(userId), endpoint, failed: request % 9 === 8 });
    await flush();
    setting.clock.advance(86_400_000);
  }
  ({ bearer } = await signedInAgain());
  const call = (method: "POST" | "PATCH", url: string, payload: object) =>
    app.inject({ method, url, headers: bearer, payload });
  await call("PATCH", "/v1/profile", { displayName: name });
  for (const [key, scopes] of [
    ["Nightly report", ["usage:read", "profile:read"]],
    ["A key with a rather long name that somebody typed to remember what it is for", ["orders:read"]],
  ] as const)
    expect((await call("POST", "/v1/api-keys", { name: key, scopes })).statusCode).toBe(201);
  for (const agent of [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  ])
    await app.inject({
      method: "POST",
      url: "/v1/sessions",
      headers: { "user-agent": agent },
      payload: { identifier: email, password },
    });
  await reportOneOf(new Types.ObjectId(userId));
  for (let i = 0; i < 3; i++)
    await app.inject({
      method: "POST",
      url: "/v1/sessions",
      payload: { identifier: email, password: "a wrong password" },
    });
});

/** A report that took something of each kind off, but for the password. */
async function reportOneOf(userId: Types.ObjectId): Promise<void> {
  const { sessions, externalIdentities, apiKeys, signInReports } = setting.identity;
  const { id: sessionId } = await sessions.open({ userId, proofs: ["external"] });
  const subject = { issuer: "https://accounts.example", subject: String(userId) };
  await externalIdentities.link({ userId, sessionId, provider: "example", ...subject });
  await apiKeys.create({ userId, sessionId, name: "Somebody's key", scopes: ["usage:read"] });
  await signInReports.report({ userId, sessionId, fromSessionId: new Types.ObjectId() });
}

async function signIn(tab: Tab): Promise<void> {
  await tab.goto("/account/sign-in");
  await tab.fill("[name=identifier]", email);
  await tab.fill("[name=password]", password);
  await tab.click("main button[type=submit]");
  await tab.waitForURL("**/account");
}

describe.each(forms)("the pages, $name", (form) => {
  let context: BrowserContext;
  let tab: Tab;
  beforeAll(async () => {
    const { language } = form;
    await site.app.inject({ method: "PATCH", url: "/v1/profile", headers: bearer, payload: { language } });
    context = await site.context({ locale: language });
    tab = await context.newPage();
  });
  const faults: string[] = [];
  const look = async (what: string) => void faults.push(...(await faultsOf(tab, what, form)));
  const found = () => faults.splice(0);

  test("of people who are not signed in", async () => {
    for (const page of [
      "sign-in",
      "sign-up",
      "forgotten-password",
      "check-mail",
      "sign-out",
      "recover",
      "nothing-here",
    ]) {
      await tab.goto(`/account/${page}`);
      await look(page);
    }
    await tab.goto("/account/verify-email?token=ido_x");
    await look("verify-email");
    await tab.click("main button[type=submit]");
    await look("verify-email-refused");
    await tab.goto("/account/recover/finish?token=ido_x");
    await look("finish-recovery");
    await tab.goto("/account/recover/cancel?token=ido_x");
    await look("cancel-recovery");
    await tab.goto("/account/confirm-email?token=ido_x");
    await look("confirm-email");
    await tab.goto("/account/not-me?token=ido_x");
    await look("not-me");
    await tab.click("main button[type=submit]");
    await look("not-me-refused");
    await tab.goto("/account/undo-email?token=ido_x");
    await tab.click("main button[type=submit]");
    await look("undo-email-refused");
    await tab.goto("/account/reset-password?token=ido_x");
    await tab.fill("[name=new_password]", "short");
    await tab.click("main button[type=submit]");
    await look("reset-password-refused");
    await tab.goto("/account/sign-up");
    await tab.fill("[name=email]", "nobody");
    await tab.click("main button[type=submit]");
    await look("sign-up-refused");
    await tab.goto("/account/sign-up");
    await tab.fill("[name=email]", "nobody@example.com");
    await tab.fill("[name=new_password]", "passwordpassword");
    await tab.click("main button[type=submit]");
    await look("sign-up-common-password");
    await tab.goto("/account/sign-in");
    await tab.fill("[name=identifier]", "nobody@example.com");
    await tab.fill("[name=password]", "a wrong password");
    await tab.click("main button[type=submit]");
    await look("sign-in-refused");
    expect(found()).toEqual([]);
  });

  test("of an account", async () => {
    await signIn(tab);
    for (const page of [
      "",
      "/password",
      "/email",
      "/confirm",
      "/security",
      "/security/networks",
      "/security/authenticator",
      "/api-keys",
      "/activity",
      "/usage",
      "/data",
    ]) {
      await tab.goto(`/account${page}`);
      await look(`account${page.replaceAll("/", "-")}`);
    }
    await tab.goto("/account/security/authenticator");
    await tab.click("main button[type=submit]");
    await look("authenticator-setup");
    await tab.goto("/account/api-keys");
    await tab.fill("[name=name]", "Deployment");
    await tab.click("main form.stack button[type=submit]");
    await look("api-key-shown");
    await tab.goto("/account/api-keys");
    await tab.fill("[name=scopes]", "::");
    await tab.click("main form.stack button[type=submit]");
    await look("api-keys-refused");
    expect(found()).toEqual([]);
  });
});
