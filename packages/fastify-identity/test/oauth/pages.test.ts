// The provider's pages in a browser: how they look, and whole flows to an app of another origin, which a
// policy's `form-action` would stop, without a script and by keyboard alone.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Types } from "mongoose";
import type { BrowserContextOptions, Page as Tab } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { faultsOf, forms, tabTo, useBrowser } from "../pages/browser.js";
import { password, useIdentity } from "../support.js";
import { authorizeUrl, type Client, credentials, makeClient } from "./world.js";

const setting = useIdentity();
const site = useBrowser(setting, undefined, { oauth: true });

/** What reached the app, in order: method, path and parameters. */
const reached: Array<{ method: string; path: string; parameters: Record<string, string> }> = [];
let server: Server;
let app = "";
let client: Client;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", app);
    let body = "";
    for await (const part of request) body += part;
    if (pathname === "/callback" || pathname === "/signed-out")
      reached.push({
        method: request.method ?? "",
        path: pathname,
        parameters: Object.fromEntries([...searchParams, ...new URLSearchParams(body)]),
      });
    response.setHeader("content-type", "text/html").end("<!doctype html><title>Notes</title><p>The app</p>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  app = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const owner = await setting.identity.users.register({
    email: "maker@example.com",
    password,
    username: "the-makers",
  });
  client = await makeClient(setting, {
    ownerId: owner._id,
    name: "Notes بنت <b>&",
    description: "Keeps what you write, and gives it back on every device that you have.",
    type: "public",
    redirectUris: [`${app}/callback`],
    postLogoutRedirectUris: [`${app}/signed-out`],
    scopes: ["openid", "profile", "email", "offline_access", "notes"],
    grantTypes: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
  });
});
afterAll(() => void server.close());

const ask = (changes: Record<string, string> = {}) =>
  authorizeUrl(client, { redirect_uri: `${app}/callback`, ...changes });

async function deviceCode(): Promise<string> {
  const response = await site.app.inject({
    method: "POST",
    url: "/oauth/device_authorization",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    payload: new URLSearchParams({ ...credentials(client), scope: "profile notes" }).toString(),
  });
  expect(response.statusCode).toBe(200);
  return response.json().user_code;
}

let people = 0;

/** A tab in which somebody new is signed in. */
async function signedIn(options: BrowserContextOptions, language = "en"): Promise<Tab> {
  people += 1;
  const email = `reader${people}@example.com`;
  const { _id: userId } = await setting.identity.users.register({
    email,
    password,
    displayName: "Ada بنت Lovelace",
  });
  await setting.identity.users.updateProfile({ userId, changes: { language } });
  await makeOwnApp(userId);
  const payload = { identifier: email, password };
  const { cookies } = await site.app.inject({ method: "POST", url: "/v1/sessions", payload });
  const context = await site.context(options);
  await context.addCookies(cookies.map(({ name, value }) => ({ name, value, url: site.origin })));
  return context.newPage();
}

/** An app of somebody's own, with some use. */
async function makeOwnApp(ownerId: Types.ObjectId): Promise<void> {
  const name = "An app of my own بنت <b>& with a rather long name";
  const { clientId } = await makeClient(setting, { ownerId, name });
  const { usage } = setting.identity;
  for (const endpoint of ["POST /oauth/token refresh_token", "GET /orders"])
    for (let request = 0; request < 12; request += 1)
      usage.trackApp({ clientId, endpoint, failed: request % 5 === 4 });
  await setting.identity.flush();
}

const decide = (tab: Tab, answer: "allow" | "deny") => tab.click(`button[value=${answer}]`);

describe.each(forms)("the provider's pages, $name", (form) => {
  test("have no fault", async () => {
    const tab = await signedIn({ locale: form.language }, form.language);
    const faults: string[] = [];
    const look = async (what: string) => void faults.push(...(await faultsOf(tab, what, form)));
    await tab.goto(ask({ scope: "openid email" }));
    await look("consent");
    await decide(tab, "allow");
    await tab.waitForURL(`${app}/**`);
    await tab.goto(ask({ scope: "openid email profile offline_access notes" }));
    await look("consent-wider");
    expect(await tab.textContent("main")).toContain("Registered here by the-makers.");
    expect(await tab.locator("main li").allInnerTexts()).toEqual([
      expect.stringContaining("it is you"),
      expect.stringContaining("your name"),
      expect.stringContaining("your email address"),
      expect.stringContaining("notes"),
      expect.stringContaining("while you are away"),
    ]);
    await tab.goto(ask({ redirect_uri: "https://elsewhere.example/" }));
    await look("consent-wrong-address");
    await tab.goto("/account/device");
    await look("device");
    await tab.fill("[name=user_code]", "BBBB-BBBB");
    await tab.click("main button[type=submit]");
    await look("device-unknown");
    await tab.goto(`/account/device?user_code=${await deviceCode()}`);
    await tab.click("main button[type=submit]");
    await look("device-asking");
    await decide(tab, "allow");
    await look("device-allowed");
    await tab.goto("/account/apps");
    await look("apps");
    expect(await tab.locator("main .list > li").count()).toBe(1);
    await tab.click("main a[href$='/apps/own']");
    await look("own-apps");
    await tab.click("main .list a");
    await look("app-usage");
    await tab.goto(`/oauth/logout?client_id=${client.clientId}`);
    await look("end-session");
    expect(faults).toEqual([]);
  });
});

const byMouse = async (tab: Tab, selector: string) => tab.click(selector);
const byKeyboard = async (tab: Tab, selector: string) => {
  await tabTo(tab, selector);
  await tab.keyboard.press("Enter");
};

describe.each([
  ["with the script", true, byMouse],
  ["without a script", false, byMouse],
  ["by keyboard alone", true, byKeyboard],
] as const)("%s", (_what, javaScriptEnabled, press) => {
  const submit = "main button[type=submit]";
  const open = () => signedIn({ javaScriptEnabled });

  /** The parameters that the app got. */
  async function arrival(tab: Tab, path: string) {
    await tab.waitForURL(`${app}${path}**`);
    return reached.at(-1);
  }

  test("consent leads to the app, and so does a refusal", async () => {
    const tab = await open();
    await tab.goto(ask({ scope: "openid notes" }));
    await press(tab, "button[value=deny]");
    expect(await arrival(tab, "/callback")).toMatchObject({
      parameters: { error: "access_denied", state: "a state", iss: site.origin },
    });
    await tab.goto(ask({ scope: "openid notes" }));
    await press(tab, "button[value=allow]");
    expect(await arrival(tab, "/callback")).toMatchObject({
      method: "GET",
      parameters: { code: expect.any(String), state: "a state", iss: site.origin },
    });
  });

  test("an app that wants a form gets one", async () => {
    const tab = await open();
    await tab.goto(ask({ scope: "openid notes", response_mode: "form_post" }));
    await press(tab, "button[value=allow]");
    if (!javaScriptEnabled) await press(tab, submit);
    expect(await arrival(tab, "/callback")).toMatchObject({
      method: "POST",
      parameters: { code: expect.any(String), state: "a state", iss: site.origin },
    });
  });

  test("another account of the same browser answers the request", async () => {
    const other = `other${people}@example.com`;
    await setting.identity.users.register({ email: other, password });
    const tab = await open();
    await tab.goto(ask({ scope: "openid notes" }));
    await press(tab, "main a[href*=sign-out]");
    await tab.waitForURL("**/sign-out**");
    await press(tab, submit);
    await tab.waitForURL("**/sign-in**");
    await tab.fill("[name=identifier]", other);
    await tab.fill("[name=password]", password);
    await press(tab, submit);
    await tab.waitForSelector("button[value=allow]");
    expect(await tab.textContent("main")).toContain(other);
    await press(tab, "button[value=allow]");
    expect(await arrival(tab, "/callback")).toMatchObject({ parameters: { state: "a state" } });
  });

  test("a sign-in in a popup gives the window that opened it back to the app", async () => {
    const tab = await open();
    await tab.goto(`${app}/`);
    const opening = tab.waitForEvent("popup");
    await tab.evaluate((url) => void window.open(url), `${site.origin}${ask({ scope: "openid notes" })}`);
    const popup = await opening;
    await popup.waitForSelector("button[value=allow]");
    await press(popup, "button[value=allow]");
    await arrival(popup, "/callback");
    if (javaScriptEnabled) expect(await popup.evaluate(() => window.opener !== null)).toBe(true);
  });

  test("a device is connected", async () => {
    const tab = await open();
    await tab.goto("/account/device");
    await tab.fill("[name=user_code]", (await deviceCode()).toLowerCase().replace("-", " "));
    await press(tab, submit);
    await press(tab, "button[value=allow]");
    await tab.waitForSelector("[role=status]");
    expect(await tab.textContent("main")).toContain("device");
  });

  test("what an app may do is seen, and taken back", async () => {
    const tab = await open();
    await tab.goto(ask({ scope: "openid notes" }));
    await press(tab, "button[value=allow]");
    await arrival(tab, "/callback");
    await tab.goto("/account");
    await press(tab, "nav a[href$='/apps']");
    await tab.waitForURL("**/account/apps");
    expect(await tab.locator("main .points li").allInnerTexts()).toEqual([
      "know that it is you",
      "use notes",
    ]);
    await press(tab, "main button[type=submit]");
    await tab.waitForSelector("[role=status]");
    expect(await tab.locator("main .points li").count()).toBe(0);
    await tab.goto(ask({ scope: "openid notes" }));
    await tab.waitForSelector("button[value=allow]");
  });

  test("signing out of the app's account leads back to the app", async () => {
    const tab = await open();
    const query = new URLSearchParams({
      client_id: client.clientId,
      post_logout_redirect_uri: `${app}/signed-out`,
      state: "bye",
    });
    await tab.goto(`/oauth/logout?${query}`);
    await press(tab, submit);
    expect(await arrival(tab, "/signed-out")).toMatchObject({ parameters: { state: "bye" } });
    await tab.goto("/account");
    expect(new URL(tab.url()).pathname).toBe("/account/sign-in");
  });
});
