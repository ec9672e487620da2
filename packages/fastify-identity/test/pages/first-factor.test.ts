// Who must have a second factor and has none, by the pages (mastodon #16693).
import { createIdentity } from "@org/db-models";
import { SoftwareAuthenticator } from "@org/dev-kit/authenticator";
import { fastify } from "fastify";
import { expect, test } from "vitest";
import { identityPlugin } from "../../src/index.js";
import { issuer, password, someone, useIdentity } from "../support.js";
import { formToken, textOf, Visitor } from "./visitor.js";

const passkeys = { rpId: "id.example.com", origins: [issuer] };
const setting = useIdentity({ factors: { passkeys } });

/** Another deployment over the same database. */
function deployment(settings: { factors?: { passkeys: typeof passkeys } }) {
  const connection = setting.identity.models.User.db;
  return createIdentity({ connection, clock: setting.clock, flushIntervalMs: 3_600_000, ...settings });
}

async function signedIn(app: Awaited<ReturnType<typeof setting.app>>, email: string): Promise<Visitor> {
  const visitor = new Visitor(app);
  await visitor.send("/account/sign-in", { identifier: email, password });
  const led = await visitor.get("/account/security");
  expect(led.headers.location).toMatch(/^\/account\/security\/authenticator/);
  return visitor;
}

test("they are offered an app and a passkey, and a passkey opens their account", async () => {
  const { email } = await someone(await setting.app());
  const app = await setting.app({ secondFactor: "always" });
  const visitor = await signedIn(app, email);
  const page = await visitor.get("/account/security/authenticator");
  expect(textOf(page.body)).toMatch(/Add a second step.*Add a passkey.*Authenticator app.*Set up/);
  const form_token = formToken(page.body);
  const begun = await visitor.post("/account/security/passkeys/options", { form_token });
  const authenticator = new SoftwareAuthenticator(issuer, { synced: true });
  const response = JSON.stringify(authenticator.create(begun.json().options));
  const path = "/account/security/authenticator/passkey";
  const refused = await visitor.post(path, { form_token, response, name: "" });
  expect([refused.statusCode, textOf(refused.body)]).toEqual([422, expect.stringContaining("Set up")]);
  const added = await visitor.post(path, { form_token, response, name: "Phone" });
  expect(added.statusCode, added.body).toBe(303);
  const confirm = String((await visitor.get("/account/security")).headers.location);
  expect(confirm).toMatch(/^\/account\/confirm/);
  const { options } = (await visitor.post("/account/confirm/passkey/options", { form_token })).json();
  const proof = { form_token, response: JSON.stringify(authenticator.get(options)) };
  await visitor.post(confirm.replace("/confirm", "/confirm/passkey"), proof);
  expect(textOf((await visitor.get("/account/security")).body)).toContain("Phone");
  expect(textOf((await visitor.get("/account/security/authenticator")).body)).not.toContain("Add a passkey");
});

test("without a key that seals secrets there is a passkey and no app, on every page", async () => {
  const { email } = await someone(await setting.app());
  const identity = deployment({ factors: { passkeys } });
  const app = await setting.app({ secondFactor: "always", identity });
  const visitor = await signedIn(app, email);
  const page = textOf((await visitor.get("/account/security/authenticator")).body);
  expect(page).toContain("Add a passkey");
  expect(page).not.toContain("Set up");
  const free = new Visitor(await setting.app({ identity }));
  await free.send("/account/sign-in", { identifier: email, password });
  expect(textOf((await free.get("/account/security")).body)).not.toContain("authenticator app");
  await identity.close();
});

test("the app does not start where they could add none", async () => {
  const identity = deployment({});
  expect(identity.factors.kinds).toEqual([]);
  for (const secondFactor of ["always", { roles: ["admin"] }] as const) {
    const options = setting.options({ secondFactor, identity });
    await expect(fastify().register(identityPlugin, options).ready()).rejects.toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("secondFactor: takes sealKeys or factors.passkeys"),
    });
  }
  const app = fastify();
  await app.register(identityPlugin, setting.options({ identity })).ready();
  await app.close();
  await identity.close();
});
