// A page that was opened by one account, and sent when another one is signed in (ASVS 5 section 3.5).
import { beforeEach, describe, expect, test } from "vitest";
import { browserOf, makeAdmin } from "../admin/world.js";
import { authorizeUrl, makeClient, makeVisitor, ours, post, signIn, target } from "../oauth/world.js";
import { password, useIdentity } from "../support.js";
import { formToken, textOf } from "./visitor.js";

const setting = useIdentity();
const sessionCookie = "__Host-session";
const sentence = "Another account is signed in since this page was opened.";

/** Two people who share a browser: the first is signed in. */
async function sharing() {
  const app = await setting.app({ oauth: true, admin: true });
  const first = await makeVisitor(setting, app);
  const second = await makeVisitor(setting, app);
  const { visitor } = first;
  await signIn(visitor, first.email);
  const change = async () => {
    const page = await visitor.get("/account");
    await visitor.post("/account/sign-out", { form_token: formToken(page.body) });
    await signIn(visitor, second.email);
  };
  return { app, visitor, first, second, change };
}

let people: Awaited<ReturnType<typeof sharing>>;
beforeEach(async () => {
  people = await sharing();
});

const consentsOf = async () => {
  const { first, second } = people;
  const [one, two] = await Promise.all(
    [first, second].map(({ userId }) => setting.identity.oauth.listConsents({ userId })),
  );
  return [...(one ?? []), ...(two ?? [])];
};

describe("an old tab", () => {
  test.each([
    ["asks", false],
    ["would not ask, for the other account has agreed before", true],
  ])("of a consent page that %s gets no code and no consent", async (_what, agreed) => {
    const { visitor, second, change } = people;
    const client = await makeClient(setting);
    const page = ours(target(await visitor.get(authorizeUrl(client))));
    const shown = await visitor.get(page);
    const scopes = ["openid"];
    const { _id: appId } = client.app;
    if (agreed) await setting.identity.oauth.grantConsent({ userId: second.userId, appId, scopes });
    await change();
    for (const decision of ["allow", "deny"]) {
      const answer = await visitor.post(page, { form_token: formToken(shown.body), decision });
      expect(answer.statusCode).toBe(403);
      expect(textOf(answer.body)).toContain(sentence);
      expect(textOf(answer.body)).toContain(second.email);
      expect(await consentsOf()).toHaveLength(agreed ? 1 : 0);
    }
    const again = await visitor.get(page);
    if (agreed) expect(target(again)).toContain("code=");
    else
      expect(
        target(await visitor.post(page, { form_token: formToken(again.body), decision: "allow" })),
      ).toContain("code=");
  });

  test("of the device page connects no device", async () => {
    const { app, visitor, change } = people;
    const grantTypes = ["urn:ietf:params:oauth:grant-type:device_code" as const];
    const client = await makeClient(setting, { type: "public", redirectUris: [], grantTypes });
    const begun = await post(app, "/oauth/device_authorization", {
      client_id: client.clientId,
      scope: "openid",
    });
    const { user_code, device_code } = begun.json();
    const shown = await visitor.send("/account/device", { user_code });
    await change();
    const form = { form_token: formToken(shown.body), user_code, decision: "allow" };
    const answer = await visitor.post("/account/device/decision", form);
    expect([answer.statusCode, textOf(answer.body)]).toEqual([403, expect.stringContaining(sentence)]);
    expect(await consentsOf()).toHaveLength(0);
    const poll = { client_id: client.clientId, grant_type: grantTypes[0], device_code };
    expect((await post(app, "/oauth/token", poll as Record<string, string>)).json()).toMatchObject({
      error: "authorization_pending",
    });
  });

  test("of the account changes nothing of the other account, and shows it nothing that was typed", async () => {
    const { visitor, second, change } = people;
    const shown = await visitor.get("/account");
    await change();
    const form = { form_token: formToken(shown.body), displayName: "The first one's name" };
    const answer = await visitor.post("/account", form);
    expect([answer.statusCode, textOf(answer.body)]).toEqual([403, expect.stringContaining(sentence)]);
    expect(answer.body).not.toContain("The first one's name");
    const { profile } = await setting.identity.users.read(second.userId);
    expect(profile.displayName).not.toBe("The first one's name");
  });

  test("does not sign the other account out", async () => {
    const { visitor, change } = people;
    const shown = await visitor.get("/account");
    await change();
    const answer = await visitor.post("/account/sign-out", { form_token: formToken(shown.body) });
    expect([answer.statusCode, textOf(answer.body)]).toEqual([403, expect.stringContaining(sentence)]);
    expect((await visitor.get("/account")).statusCode).toBe(200);
    await visitor.post("/account/sign-out", { form_token: formToken(answer.body) });
    expect((await visitor.get("/account")).statusCode).toBe(303);
  });

  test("of the admin area acts in nobody else's name", async () => {
    const { app } = people;
    const { userId } = await makeVisitor(setting, app);
    const [first, second] = await Promise.all(
      [1, 2].map(async () => browserOf(app, await makeAdmin(setting, app, "identity:admin"))),
    );
    if (!first || !second) throw new Error("there are two");
    const path = `/admin/users/${userId}`;
    const shown = await first.get(path);
    expect(shown.statusCode).toBe(200);
    first.cookies.set(sessionCookie, second.cookies.get(sessionCookie) ?? "");
    const form = { form_token: formToken(shown.body), reason: "a lock of the first one's" };
    const answer = await first.post(`${path}/lock`, form);
    expect([answer.statusCode, textOf(answer.body)]).toEqual([403, expect.stringContaining(sentence)]);
    const { status } = await setting.identity.users.read(userId);
    expect(status).toBe("active");
    await first.post(`${path}/lock`, { ...form, form_token: formToken(answer.body) });
    expect((await setting.identity.users.read(userId)).status).toBe("suspended");
  });
});

test("a form of nobody's page is taken when somebody is signed in, and the other way round", async () => {
  const { visitor, second } = people;
  visitor.cookies.delete(sessionCookie);
  const signInPage = await visitor.get("/account/sign-in");
  await signIn(visitor, second.email);
  const fields = { identifier: second.email, password, form_token: formToken(signInPage.body) };
  expect((await visitor.post("/account/sign-in", fields)).statusCode).toBe(303);
  const account = await visitor.get("/account");
  visitor.cookies.delete(sessionCookie);
  const signedOut = await visitor.post("/account/sign-out", { form_token: formToken(account.body) });
  expect(signedOut.statusCode).toBe(303);
});
