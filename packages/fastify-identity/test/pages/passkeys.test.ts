// Passkeys on the pages, by the virtual authenticator of Chromium.

import { freePort } from "@org/dev-kit/free-port";
import type { BrowserContext, Page as Tab } from "playwright-core";
import { expect, test } from "vitest";
import { password, someone, useIdentity } from "../support.js";
import { faultsOf, useBrowser } from "./browser.js";

const port = await freePort();
const passkeys = { rpId: "localhost", origins: [`http://localhost:${port}`] };
const setting = useIdentity({ factors: { passkeys } });
const site = useBrowser(setting, port);

const press = (tab: Tab, text: string) =>
  tab.getByRole("button", { name: text, exact: true }).first().click();
// biome-ignore lint/performance/useDomNodeTextContent: what is hidden is not seen.
const shown = (tab: Tab) => tab.innerText("body");

/** A device with a sensor for its owner's finger. */
async function plugIn(context: BrowserContext, tab: Tab, isUserVerified = true) {
  const devtools = await context.newCDPSession(tab);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified,
      automaticPresenceSimulation: true,
    },
  });
  /** Whether the owner touches the sensor when they are asked. */
  const touch = (enabled: boolean) =>
    devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
  return { touch };
}

async function signInByPassword(tab: Tab, email: string): Promise<void> {
  await tab.goto("/account/sign-in");
  await tab.getByLabel("Email address or username").fill(email);
  await tab.getByLabel("Password", { exact: true }).fill(password);
  await press(tab, "Sign in");
}

test("somebody adds a passkey, signs in with it alone, with it after the password, proves again, and removes it", async () => {
  const { email } = await someone(site.app);
  const context = await site.context();
  const tab = await context.newPage();
  const { touch } = await plugIn(context, tab);
  await signInByPassword(tab, email);
  await tab.goto("/account/security");
  await tab.getByLabel("Name of the passkey").fill("Laptop");
  await press(tab, "Add a passkey");
  await tab.getByText("The passkey was added.").waitFor();
  expect(await faultsOf(tab, "security-passkeys")).toEqual([]);
  await tab.getByText("Make new recovery codes").click();
  // The account has a second factor now, and this session has not shown it.
  await press(tab, "Use a passkey");
  await press(tab, "Make recovery codes");
  expect(await tab.locator(".codes code").count()).toBe(10);
  await tab.goto("/account/security");
  expect(await shown(tab)).toContain("Recovery codes left: 10");
  // Whom the browser offers the passkey for autofill, and who does not take it.
  await touch(false);
  await press(tab, "Sign out");
  expect(await faultsOf(tab, "sign-in-passkey")).toEqual([]);
  await touch(true);
  await press(tab, "Sign in with a passkey");
  await tab.waitForURL("**/account");
  await touch(false);
  await press(tab, "Sign out");
  await signInByPassword(tab, email);
  await tab.waitForURL("**/challenge");
  await touch(true);
  await press(tab, "Use a passkey");
  await tab.waitForURL("**/account");
  setting.clock.advance(16 * 60_000);
  await tab.goto("/account/security/networks");
  await press(tab, "Use a passkey");
  await tab.waitForURL("**/security/networks");
  await tab.goto("/account/security");
  await press(tab, "Remove Laptop");
  await tab.getByText("The passkey was removed.").waitFor();
});

test("a passkey that is not used says so, and the other ways stay", async () => {
  const context = await site.context();
  const tab = await context.newPage();
  await plugIn(context, tab);
  await tab.goto("/account/sign-in?return_to=/orders");
  await press(tab, "Sign in with a passkey");
  await tab.getByText("The passkey was not used.").waitFor({ timeout: 30_000 });
  const { email } = await someone(site.app);
  await tab.getByLabel("Email address or username").fill(email);
  await tab.getByLabel("Password", { exact: true }).fill(password);
  await press(tab, "Sign in");
  await tab.waitForURL(({ pathname }) => pathname === "/orders");
});

test("without a script, and where a browser knows no passkeys, there is no button that does nothing", async () => {
  const silent = await (await site.context({ javaScriptEnabled: false })).newPage();
  await silent.goto("/account/sign-in");
  expect(await shown(silent)).not.toContain("passkey");
  const old = await (await site.context()).newPage();
  await old.addInitScript(() => Reflect.deleteProperty(globalThis, "PublicKeyCredential"));
  await old.goto("/account/sign-in");
  expect(await shown(old)).not.toContain("passkey");
});

test("a passkey is offered where the browser fills in the user name, and signs in without a button", async () => {
  const { email } = await someone(site.app);
  const context = await site.context();
  const tab = await context.newPage();
  await plugIn(context, tab);
  await signInByPassword(tab, email);
  await tab.goto("/account/security");
  await press(tab, "Add a passkey");
  await tab.getByText("The passkey was added.").waitFor();
  const page = await site.app.inject("/account/sign-in");
  expect(page.body).toContain('autocomplete="username webauthn"');
  // The authenticator of the test picks what the browser offers, as its owner would.
  await press(tab, "Sign out");
  await tab.waitForURL("**/account");
});

// we-promise/sure #2911: the button was pressed before autofill had begun, which then took the ceremony from it.
test("the button works while autofill is still about to begin", async () => {
  const { email } = await someone(site.app);
  const context = await site.context();
  const tab = await context.newPage();
  await plugIn(context, tab);
  await signInByPassword(tab, email);
  await tab.goto("/account/security");
  await press(tab, "Add a passkey");
  await tab.getByText("The passkey was added.").waitFor();
  await press(tab, "Sign out");
  await tab.waitForURL("**/account");
  await context.clearCookies();
  await tab.addInitScript(() => {
    const waits = {
      isConditionalMediationAvailable: () => new Promise((done) => setTimeout(done, 1_500, true)),
    };
    Object.assign(PublicKeyCredential, waits);
  });
  await tab.goto("/account/sign-in");
  await press(tab, "Sign in with a passkey");
  await tab.waitForURL("**/account");
});

// aspnetcore #62916, bitwarden/clients #12060: what a password manager puts in place of the browser's has no toJSON that works.
test.each([
  ["throws", "throws"],
  ["is missing", "is missing"],
])("a passkey whose toJSON %s is added, and signs in", async (_what, how) => {
  const { email } = await someone(site.app);
  const context = await site.context();
  const tab = await context.newPage();
  await plugIn(context, tab);
  await tab.addInitScript((fault) => {
    const toJSON = () => {
      throw new TypeError("Illegal invocation");
    };
    if (fault === "throws") Object.assign(PublicKeyCredential.prototype, { toJSON });
    else Reflect.deleteProperty(PublicKeyCredential.prototype, "toJSON");
  }, how);
  await signInByPassword(tab, email);
  await tab.goto("/account/security");
  await press(tab, "Add a passkey");
  await tab.getByText("The passkey was added.").waitFor();
  // The browser offers it where it fills in the user name, and its owner takes it.
  await press(tab, "Sign out");
  await tab.waitForURL("**/account");
});
