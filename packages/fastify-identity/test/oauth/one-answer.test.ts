// Of any number of answers to one request, one is given, and of the others nothing is left (RFC 6749 section 4.1.2).
import { beforeEach, describe, expect, test } from "vitest";
import { formToken } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import { answerIn, authorizeUrl, makeClient, makeVisitor, ours, post, signIn, target } from "./world.js";

const setting = useIdentity();
let app: Awaited<ReturnType<typeof setting.app>>;
beforeEach(async () => {
  app = await setting.app({ oauth: true });
});

const consentsOf = async (userId: Parameters<typeof setting.identity.oauth.listConsents>[0]["userId"]) =>
  (await setting.identity.oauth.listConsents({ userId })).length;

describe("ten times allowed and ten times denied at the same time", () => {
  test.each([1, 2, 3])("the app hears what is stored, run %i", async () => {
    const client = await makeClient(setting);
    const { visitor, email, userId } = await makeVisitor(setting, app);
    await signIn(visitor, email);
    const page = ours(target(await visitor.get(authorizeUrl(client))));
    const form_token = formToken((await visitor.get(page)).body);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        visitor.post(page, { form_token, decision: at % 2 === 0 ? "allow" : "deny" }),
      ),
    );
    const given = answers.filter(({ statusCode }) => statusCode === 200);
    expect(given).toHaveLength(1);
    const [answer] = given.map(answerIn);
    expect(await consentsOf(userId)).toBe(answer?.code ? 1 : 0);
  });

  test("after a denial that came first, no consent", async () => {
    const client = await makeClient(setting);
    const { visitor, email, userId } = await makeVisitor(setting, app);
    await signIn(visitor, email);
    const page = ours(target(await visitor.get(authorizeUrl(client))));
    const form_token = formToken((await visitor.get(page)).body);
    await visitor.post(page, { form_token, decision: "deny" });
    expect((await visitor.post(page, { form_token, decision: "allow" })).statusCode).toBe(400);
    expect(await consentsOf(userId)).toBe(0);
  });
});

describe("a device", () => {
  const grant = "urn:ietf:params:oauth:grant-type:device_code" as const;

  async function asked() {
    const client = await makeClient(setting, { type: "public", redirectUris: [], grantTypes: [grant] });
    const { client_id } = { client_id: client.clientId };
    const codes = (await post(app, "/oauth/device_authorization", { client_id, scope: "openid" })).json();
    const poll = () =>
      post(app, "/oauth/token", { client_id, grant_type: grant, device_code: codes.device_code });
    const person = async () => {
      const made = await makeVisitor(setting, app);
      await signIn(made.visitor, made.email);
      const form_token = formToken((await made.visitor.get("/account/device")).body);
      const form = { form_token, user_code: codes.user_code, decision: "allow" };
      return { ...made, allow: () => made.visitor.post("/account/device/decision", form) };
    };
    return { client, poll, person };
  }

  test("that two people allow at the same time has the consent of one", async () => {
    const { person } = await asked();
    const people = await Promise.all([person(), person()]);
    const answers = await Promise.all(people.map(({ allow }) => allow()));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([303, 422]);
    for (const [at, { userId }] of people.entries()) {
      expect(await consentsOf(userId)).toBe(answers[at]?.statusCode === 303 ? 1 : 0);
    }
  });

  test("gets nothing where the consent was taken back before it asked (RFC 8628 section 3.5)", async () => {
    const { client, poll, person } = await asked();
    const { allow, userId } = await person();
    await allow();
    await setting.identity.oauth.revokeConsent({ userId, appId: client.app._id });
    expect((await poll()).json()).toMatchObject({ error: "invalid_grant" });
  });
});
