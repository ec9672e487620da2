// The pages as people use a browser: without a script, by keyboard only, backwards, twice.

import { codeOf } from "@org/dev-kit/authenticator-app";
import type { Page as Tab } from "playwright-core";
import { describe, expect, test } from "vitest";
import { password, useIdentity } from "../support.js";
import { tabTo, useBrowser } from "./browser.js";

const setting = useIdentity();
const site = useBrowser(setting);

let people = 0;
const newcomer = () => {
  people += 1;
  return `visitor${people}@example.com`;
};

const linkIn = async (email: string, kind: string): Promise<string> => {
  await site.app.identity.flows.settle();
  const mail = setting.notices.findLast((notice) => notice.to === email && notice.kind === kind);
  return /https?:\S+/.exec(mail?.text ?? "")?.[0] ?? "";
};

const press = (tab: Tab, text: string) =>
  tab.getByRole("button", { name: text, exact: true }).first().click();

/** The visible text of a page. */
// biome-ignore lint/performance/useDomNodeTextContent: what is hidden is not seen.
const shown = (tab: Tab) => tab.innerText("body");

async function signUp(tab: Tab): Promise<string> {
  const email = newcomer();
  await tab.goto("/account/sign-up");
  await tab.getByLabel("Email address").fill(email);
  await tab.getByLabel("Password", { exact: true }).fill(password);
  await press(tab, "Create account");
  await tab.waitForURL("**/check-mail");
  return email;
}

async function signIn(tab: Tab, email: string, secret = password): Promise<void> {
  await tab.goto("/account/sign-in");
  await tab.getByLabel("Email address or username").fill(email);
  await tab.getByLabel("Password", { exact: true }).fill(secret);
  await press(tab, "Sign in");
}

describe.each([
  ["without a script", false],
  ["with the script", true],
])("%s", (_what, javaScriptEnabled) => {
  const open = async () => (await site.context({ javaScriptEnabled })).newPage();

  test("somebody signs up by the link of a mail, changes things, and erases the account", async () => {
    const tab = await open();
    const email = await signUp(tab);
    expect(await shown(tab)).toContain(email);
    await tab.goto(await linkIn(email, "email_verification"));
    await press(tab, "Verify address");
    expect(await shown(tab)).toContain("Your email address is verified.");
    await signIn(tab, email);
    await tab.waitForURL("**/account");
    await tab.getByLabel("Name").fill("Ada");
    await tab.getByLabel("Time zone").selectOption("Europe/Oslo");
    await press(tab, "Save");
    expect(await shown(tab)).toContain("Your profile was saved.");
    expect(await tab.getByLabel("Name").inputValue()).toBe("Ada");
    await tab.goto("/account/api-keys");
    await tab.getByLabel("Name").fill("Nightly");
    await tab.getByLabel("Scopes").fill("orders:read");
    await press(tab, "Create key");
    expect(await tab.locator(".secret").textContent()).toMatch(/^idk_/);
    await tab.reload();
    expect(await shown(tab)).toContain("The key was shown, and can't be shown again.");
    for (const again of [() => tab.goBack(), () => tab.goForward()]) {
      await again();
      expect([await tab.locator(".secret").count(), await tab.locator(".list > li").count()]).toEqual([0, 1]);
    }
    await tab.goto("/account/api-keys");
    await press(tab, "Revoke Nightly");
    expect(await shown(tab)).toContain("The key was revoked.");
    await tab.goto("/account/data");
    await tab.getByLabel("Current password").fill(password);
    await press(tab, "Erase my account");
    expect(await shown(tab)).toContain("Tick the box to go on.");
    await tab.getByLabel("Current password").fill(password);
    await tab.getByLabel("I understand").check();
    await press(tab, "Erase my account");
    expect(await shown(tab)).toContain("Your account was erased.");
  });

  test("somebody forgets the password, and sets another by the link of a mail", async () => {
    const tab = await open();
    const email = await signUp(tab);
    await tab.goto("/account/forgotten-password");
    await tab.getByLabel("Email address").fill(email);
    await press(tab, "Send link");
    await tab.waitForURL("**/check-mail");
    await tab.goto(await linkIn(email, "password_reset"));
    await tab.getByLabel("New password").fill("another fine password");
    await press(tab, "Set password");
    expect(await shown(tab)).toContain("Your password was changed. Sign in with the new one.");
    await signIn(tab, email);
    expect(await shown(tab)).toContain("The address or the password is wrong.");
    await signIn(tab, email, "another fine password");
    await tab.waitForURL("**/account");
  });

  test("somebody turns on the second step, signs in with it, and with a recovery code", async () => {
    const tab = await open();
    const email = await signUp(tab);
    await signIn(tab, email);
    await tab.goto("/account/security");
    await tab.getByText("Add an authenticator app", { exact: true }).click();
    await press(tab, "Set up");
    const secret = ((await tab.locator(".secret").textContent()) ?? "").replaceAll(" ", "");
    await tab.reload();
    expect((await tab.locator(".secret").textContent())?.replaceAll(" ", "")).toBe(secret);
    await tab.getByLabel("Code that the app shows").fill("000000");
    await press(tab, "Turn on");
    expect(await shown(tab)).toContain("This is not the code that belongs to this key now.");
    await tab.getByLabel("Code that the app shows").fill(codeOf(secret, setting.clock.now()));
    await press(tab, "Turn on");
    await press(tab, "Make recovery codes");
    const [recoveryCode = ""] = await tab.locator(".codes code").allTextContents();
    for (const again of [() => tab.reload(), () => tab.goBack(), () => tab.goForward()]) {
      await again();
      expect(await tab.locator(".codes code").count()).toBe(0);
    }
    const another = await open();
    await signIn(another, email);
    await another.waitForURL("**/challenge");
    setting.clock.advance(30_000);
    await another.getByLabel("Code").fill(codeOf(secret, setting.clock.now()));
    await press(another, "Go on");
    await another.waitForURL("**/account");
    const third = await open();
    await signIn(third, email);
    await third.getByText("Use a recovery code").click();
    await third.getByLabel("Recovery code").fill(recoveryCode.toLowerCase());
    await press(third, "Go on");
    await third.waitForURL("**/account");
    await tab.goto("/account/security");
    expect(await shown(tab)).toContain("Recovery codes left: 9");
    await press(tab, "End all other sessions");
    expect(await shown(tab)).toContain("Sessions ended: 2");
    await third.goto("/account");
    expect(third.url()).toContain("/sign-in?return_to=%2Faccount");
  });
});

test("somebody with a keyboard only signs in, and skips to the content", async () => {
  const tab = await (await site.context()).newPage();
  const email = await signUp(tab);
  await tab.goto("/account/sign-in?return_to=/orders");
  await tab.keyboard.press("Tab");
  expect(await tab.evaluate(() => document.activeElement?.textContent)).toBe("Skip to content");
  await tabTo(tab, "[name=identifier]");
  await tab.keyboard.type(email);
  await tabTo(tab, "[name=password]");
  await tab.keyboard.type(password);
  await tab.keyboard.press("Tab");
  expect(await tab.evaluate(() => document.activeElement?.textContent)).toBe("Show password");
  await tab.keyboard.press("Enter");
  expect(await tab.locator("[name=password]").getAttribute("type")).toBe("text");
  await tab.keyboard.press("Enter");
  await tab.waitForURL(({ pathname }) => pathname === "/orders");
  expect(await shown(tab)).toBe("your orders");
});

test("a refused form has the focus on what is wrong, and its link leads to the field", async () => {
  const tab = await (await site.context({ javaScriptEnabled: false })).newPage();
  await tab.goto("/account/sign-up");
  await tab.getByLabel("Email address").fill("nobody");
  await press(tab, "Create account");
  expect(await tab.title()).toBe("Error: Create your account – Acme");
  expect(await tab.locator(".summary").evaluate((element) => element === document.activeElement)).toBe(true);
  await tab.keyboard.press("Tab");
  await tab.keyboard.press("Enter");
  expect(await tab.getByLabel("Email address").inputValue()).toBe("nobody");
  expect(new URL(tab.url()).hash).toBe("#email");
});

test("the back button shows nothing of an account after a sign-out", async () => {
  const tab = await (await site.context()).newPage();
  const email = await signUp(tab);
  await signIn(tab, email);
  await tab.goto("/account/security");
  await press(tab, "Sign out");
  await tab.waitForURL("**/sign-in");
  await tab.goBack();
  expect(await shown(tab)).not.toContain(email);
  expect(tab.url()).toContain("/sign-in");
});

test("a double click sends a form once", async () => {
  const tab = await (await site.context()).newPage();
  const email = await signUp(tab);
  await signIn(tab, email);
  await tab.goto("/account/api-keys");
  await tab.getByLabel("Name").fill("Once");
  await tab.getByRole("button", { name: "Create key" }).dblclick();
  await tab.locator(".secret").waitFor();
  await tab.goto("/account/api-keys");
  expect(await tab.locator(".list strong").count()).toBe(1);
});

test("no page makes the browser complain, and what is shown once is shown once", async () => {
  const context = await site.context();
  const tab = await context.newPage();
  const complaints: string[] = [];
  tab.on("console", (message) => void complaints.push(message.text()));
  tab.on("pageerror", (error) => void complaints.push(String(error)));
  const email = await signUp(tab);
  await signIn(tab, email);
  for (const page of ["", "/security", "/password", "/api-keys", "/activity", "/usage", "/data"])
    await tab.goto(`/account${page}`);
  expect(complaints).toEqual([]);
});
