import { Types } from "mongoose";
import type { BrowserContext, Page as Tab } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { faultsOf, forms, tabTo, useBrowser } from "../pages/browser.js";
import { password, useIdentity } from "../support.js";
import { type Cast, makeCast, withImpersonation } from "./impersonation-world.js";
import type { Admin } from "./world.js";

const setting = useIdentity();
const site = useBrowser(setting, undefined, withImpersonation());
const name = "Ada بنت Lovelace <script>alert(1)</script>";

let cast: Cast;
beforeAll(async () => {
  cast = await makeCast(setting, site.app);
  const { user } = cast;
  await site.app.inject({
    method: "PATCH",
    url: "/v1/profile",
    headers: user.bearer,
    payload: { displayName: name },
  });
});

async function signIn(tab: Tab, { email, nextCode }: Admin): Promise<void> {
  await tab.goto("/account/sign-in");
  await tab.fill("[name=identifier]", email);
  await tab.fill("[name=password]", password);
  await tab.click("main button[type=submit]");
  await tab.fill("[name=code]", nextCode());
  await tab.click("main form:has([name=code]) button[type=submit]");
  await tab.waitForURL("**/account");
}

describe.each(forms)("to act for a user, $name", (form) => {
  const faults: string[] = [];
  const contexts: BrowserContext[] = [];
  const look = async (tab: Tab, what: string) =>
    void faults.push(...(await faultsOf(tab, `impersonation-${what}`, form)));
  const open = async () => {
    const context = await site.context({ locale: form.language });
    contexts.push(context);
    return context.newPage();
  };

  beforeAll(async () => {
    await setting.identity.sessions.revokeAll({ userId: cast.user.id });
    for (const { bearer } of [cast.helper, cast.chief]) {
      const payload = { language: form.language };
      await site.app.inject({ method: "PATCH", url: "/v1/profile", headers: bearer, payload });
    }
  });

  test("has no faults that a design excuses, says so on every page, and stops by keyboard", async () => {
    const [asks, approves] = [await open(), await open()];
    await signIn(asks, cast.helper);
    await signIn(approves, cast.chief);
    const user = `/admin/users/${cast.user.id.toHexString()}`;
    await asks.goto(user);
    await asks.click("form[action$=request-impersonation] >> xpath=ancestor::details/summary");
    await look(asks, "ask");
    await asks.click("form[action$=request-impersonation] button[type=submit]");
    await look(asks, "ask-refused");
    await asks.fill(
      "form[action$=request-impersonation] [name=reason]",
      "Ticket 4711: the report stays empty",
    );
    await asks.click("form[action$=request-impersonation] button[type=submit]");
    await asks.waitForURL(`**${user}`);
    await approves.goto("/admin/approvals");
    await look(approves, "approval");
    await approves.click("form[action$=approve] button");
    await approves.waitForURL("**/approvals");
    await asks.goto("/admin/approvals").catch(() => undefined);
    await asks.goto(user);
    await look(asks, "begin");
    await asks.click("form[action$='/impersonate'] button");
    await asks.waitForURL("**/account/impersonation");
    await look(asks, "begun");
    await asks.goto("/account/security");
    await asks.getByText(cast.user.email).waitFor();
    await look(asks, "closed");
    await asks.goto("/admin/users");
    await asks.getByText(cast.user.email).waitFor();
    await approves.goto("/admin/impersonations");
    await look(approves, "list");
    await approves.goto(user);
    await look(approves, "user");
    const own = await open();
    await own.goto("/account/sign-in");
    await own.fill("[name=identifier]", cast.user.email);
    await own.fill("[name=password]", password);
    await own.click("main button[type=submit]");
    await own.waitForURL("**/account");
    await own.goto("/account/security");
    await look(own, "told");
    await own.goto("/account/activity");
    await look(own, "activity");
    await asks.goto("/account/impersonation");
    await tabTo(asks, ".acting button");
    await asks.keyboard.press("Enter");
    await asks.waitForURL(`**${user}`);
    await look(asks, "stopped");
    await approves.goto(`/admin/impersonations?actor=${cast.helper.id.toHexString()}`);
    await look(approves, "list-ended");
    expect(faults.splice(0)).toEqual([]);
    const live = await setting.identity.sessions.list({ userId: new Types.ObjectId(cast.user.userId) });
    expect(live.some(({ impersonation }) => impersonation)).toBe(false);
    await Promise.all(contexts.splice(0).map((context) => context.close()));
  });
});
