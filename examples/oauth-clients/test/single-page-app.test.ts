import { signInAndAgree } from "@org/dev-kit/form-browser";
import { freePort } from "@org/dev-kit/free-port";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Running, startProgram } from "./program.js";
import { resource, useProvider } from "./provider.js";

const provider = useProvider("example_spa");
let api: Running;
let app: Running;
let origin = "";
beforeAll(async () => {
  origin = `http://127.0.0.1:${await freePort()}`;
  const served = await provider.register({ serves: [resource], grantTypes: ["client_credentials"] });
  const { id, secret } = await provider.register({
    redirectUris: [`${origin}/callback`],
    postLogoutRedirectUris: [`${origin}/`],
    backChannelLogoutUri: `${origin}/backchannel-logout`,
    resources: [resource],
  });
  const env = { ISSUER: provider.issuer, RESOURCE: resource };
  api = await startProgram("api.ts", {
    ...env,
    CLIENT_ID: served.id,
    CLIENT_SECRET: served.secret,
    PORT: "0",
  });
  const own = { CLIENT_ID: id, CLIENT_SECRET: secret, ORIGIN: origin, API: api.origin };
  app = await startProgram("single-page-app.ts", { ...env, ...own });
});
afterAll(async () => {
  await app?.stop();
  await api?.stop();
});

const isHome = (url: string) => url === `${origin}/`;

test("signs in, calls the API, and keeps every token out of the browser", async () => {
  const person = await provider.person("ada@example.com");
  const { browser } = person;
  expect((await browser.open(`${origin}/app/me`)).status).toBe(401);
  const home = await signInAndAgree(browser, `${origin}/login`, person, isHome);
  expect(home.url).toBe(`${origin}/`);
  const me = await browser.open(`${origin}/app/me`);
  expect(JSON.parse(me.html)).toEqual({ sub: person.userId.toHexString() });
  const notes = await browser.open(`${origin}/app/notes`);
  expect(JSON.parse(notes.html)).toMatchObject({ notesOf: person.userId.toHexString() });
  const cookies = browser.cookiesOf(origin);
  expect(cookies).toHaveLength(1);
  expect(JSON.stringify([cookies, me.html, notes.html])).not.toMatch(/id[acr]_|eyJ/);
});

test("an answer that this browser has not asked for signs nobody in", async () => {
  const thief = await provider.person("eve@example.com");
  const isApp = (url: string) => url.startsWith(`${origin}/callback`);
  const { url } = await signInAndAgree(thief.browser, `${origin}/login`, thief, isApp);
  const victim = await provider.person("bob@example.com");
  expect((await victim.browser.open(url)).status).toBe(400);
  expect((await victim.browser.open(`${origin}/app/me`)).status).toBe(401);
});

test("signs out here and at the provider", async () => {
  const person = await provider.person("carol@example.com");
  const { browser } = person;
  await signInAndAgree(browser, `${origin}/login`, person, isHome);
  const page = await browser.open(`${origin}/`);
  const left = await browser.send(page, {});
  expect(left.url).toBe(`${origin}/`);
  expect((await browser.open(`${origin}/app/me`)).status).toBe(401);
  const account = await browser.open(`${provider.issuer}/account`);
  expect(account.url).toContain("/account/sign-in");
});

test("is told when a session ends elsewhere", async () => {
  const person = await provider.person("dan@example.com");
  await signInAndAgree(person.browser, `${origin}/login`, person, isHome);
  await provider.identity.sessions.revokeAll({ userId: person.userId });
  await vi.waitFor(async () => expect((await person.browser.open(`${origin}/app/me`)).status).toBe(401), {
    timeout: 30_000,
    interval: 200,
  });
});
