// A reload of what a form led to repeats nothing, and what is shown once is in no address and no log.

import { Writable } from "node:stream";
import { codeOf } from "@org/dev-kit/authenticator-app";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { describe, expect, test } from "vitest";
import { browserOf, makeAdmin } from "../admin/world.js";
import { makeClient } from "../oauth/world.js";
import { type Enrolled, enrolled } from "../second-factor.js";
import { password, someone, useIdentity } from "../support.js";
import { formToken, secretIn, textOf, Visitor } from "./visitor.js";

const setting = useIdentity();

/** A browser in which somebody with both factors is signed in. */
async function signedIn(app: FastifyInstance, { email, nextCode }: Pick<Enrolled, "email" | "nextCode">) {
  const visitor = new Visitor(app);
  await visitor.send("/account/sign-in", { identifier: email, password });
  const done = await visitor.send("/account/challenge", { code: nextCode() });
  expect(done.statusCode, done.body).toBe(303);
  return visitor;
}

const codesIn = (html: string): string[] =>
  [...html.matchAll(/<li><code>([^<]+)<\/code><\/li>/g)].map(([, code = ""]) => code);

const placeOf = (response: LightMyRequestResponse): string => {
  expect([response.statusCode, response.headers["cache-control"]]).toEqual([303, "no-store"]);
  return String(response.headers.location);
};

interface Shown {
  readonly what: string;
  readonly form: string;
  readonly page?: string;
  readonly fields?: Record<string, string>;
  secretsIn(html: string): string[];
}

const secretsIn = (html: string) => [secretIn(html)].filter(Boolean);
const newKey = { name: "Nightly", scopes: "orders:read", lifetime: "90" };

const shownOnce: readonly Shown[] = [
  { what: "recovery codes", form: "/account/security/recovery-codes", secretsIn: codesIn },
  { what: "a new API key", form: "/account/api-keys", fields: newKey, secretsIn },
];

describe.each(shownOnce)("$what", ({ form, fields = {}, secretsIn }) => {
  async function made() {
    const lines: string[] = [];
    const stream = new Writable({
      write: (line, _encoding, done) => {
        lines.push(String(line));
        done();
      },
    });
    const app = await setting.app({}, undefined, { logger: { level: "trace", stream } });
    const person = await enrolled(setting, app);
    const visitor = await signedIn(app, person);
    const place = placeOf(await visitor.send(form, fields));
    return { app, person, visitor, place, lines };
  }

  test("are shown by another page, on another instance too, once", async () => {
    const { visitor, place, lines } = await made();
    const kept = [...visitor.cookies].find(([name]) => name.includes("-shown."));
    const other = new Visitor(await setting.app());
    for (const [name, value] of visitor.cookies) other.cookies.set(name, value);
    const page = await other.get(place);
    const secrets = secretsIn(page.body);
    expect([page.statusCode, secrets.length > 0, page.headers["cache-control"]]).toEqual([
      200,
      true,
      "no-store",
    ]);
    for (const secret of secrets) {
      expect(place + kept?.[1] + lines.join("")).not.toContain(secret);
    }
    for (const reload of [place, placeOf(await other.get(place))]) {
      const again = await other.get(reload);
      expect(secretsIn(again.body)).toEqual([]);
      if (again.statusCode === 200) expect(textOf(again.body)).toContain("shown, and can't be shown again");
    }
  });

  test("of two tabs are shown in the tab of each", async () => {
    const { visitor, place } = await made();
    const second = placeOf(await visitor.send(form, fields));
    const pages = [await visitor.get(place), await visitor.get(second)].map(({ body }) => secretsIn(body));
    expect(pages[0]).not.toEqual([]);
    expect(pages[1]).not.toEqual([]);
    expect(pages[1]).not.toEqual(pages[0]);
  });

  test("are not shown to who signs in after, nor two minutes later, nor spent by HEAD", async () => {
    const { app, person, visitor, place } = await made();
    const { headers } = visitor;
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    await app.inject({ method: "HEAD", url: place, headers: { ...headers, cookie } });
    const next = await signedIn(app, person);
    for (const [name, value] of visitor.cookies) if (name.includes("-shown.")) next.cookies.set(name, value);
    expect(placeOf(await next.get(place))).not.toContain("shown=");
    const late = new Visitor(app);
    for (const [name, value] of visitor.cookies) late.cookies.set(name, value);
    expect(secretsIn((await visitor.get(place)).body)).not.toEqual([]);
    setting.clock.advance(120_000);
    expect(placeOf(await late.get(place))).not.toContain("shown=");
  });

  test("of pages that were never opened do not pile up in the browser", async () => {
    const { visitor } = await made();
    for (let more = 0; more < 12; more += 1) await visitor.send(form, fields);
    const waiting = [...visitor.cookies.keys()].filter((name) => name.includes("-shown."));
    expect(waiting.length).toBeLessThanOrEqual(5);
  });

  test.each(["x", "", "../..", "____________"])("are not at %j", async (id) => {
    const { visitor } = await made();
    const page = await visitor.get(
      `${form === "/account/api-keys" ? `${form}/shown` : form}?shown=${encodeURIComponent(id)}`,
    );
    expect(placeOf(page)).toBe(form);
  });
});

test("a key that replaces another is shown once, with the time until which the other is good", async () => {
  const app = await setting.app();
  const visitor = await signedIn(app, await enrolled(setting, app));
  await visitor.get(placeOf(await visitor.send("/account/api-keys", newKey)));
  const list = await visitor.get("/account/api-keys");
  const id = /name="id" value="([0-9a-f]{24})"/.exec(list.body)?.[1] ?? "";
  const rotated = await visitor.post("/account/api-keys/rotate", { form_token: formToken(list.body), id });
  const page = await visitor.get(placeOf(rotated));
  expect(secretIn(page.body)).toMatch(/^idk_/);
  expect(textOf(page.body)).toContain("The key before is good until");
});

test("the key of an authenticator app stays the same until it counts, in the session that made it", async () => {
  const app = await setting.app();
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  await visitor.send("/account/sign-in", { identifier: email, password });
  const path = "/account/security/authenticator";
  expect(placeOf(await visitor.send(path, {}))).toBe(path);
  const secret = secretIn((await visitor.get(path)).body);
  expect(secret).toMatch(/^[A-Z2-7]{32}$/);
  expect(secretIn((await visitor.get(path)).body)).toBe(secret);
  expect([...visitor.cookies.values()].join()).not.toContain(secret);
  const other = new Visitor(app);
  await other.send("/account/sign-in", { identifier: email, password });
  for (const [name, value] of visitor.cookies) if (name.endsWith("-setup")) other.cookies.set(name, value);
  expect(secretIn((await other.get(path)).body)).toBe("");
  const code = codeOf(secret, setting.clock.now());
  await visitor.send(path, {});
  const second = secretIn((await visitor.get(path)).body);
  expect(second).not.toBe(secret);
  const form_token = formToken((await visitor.get(path)).body);
  const former = await visitor.post(`${path}/confirm`, { form_token, code });
  expect([former.statusCode, secretIn(former.body)]).toEqual([422, second]);
  const right = codeOf(second, setting.clock.now());
  const done = await visitor.post(`${path}/confirm`, { form_token, code: right });
  expect(placeOf(done)).toBe("/account/security/recovery-codes");
  expect([...visitor.cookies.keys()].filter((name) => name.endsWith("-setup"))).toEqual([]);
});

test("a secret of an app is shown once to who made it", async () => {
  const app = await setting.app({ admin: true });
  const visitor = await browserOf(app, await makeAdmin(setting, app, "identity:admin"));
  const { clientId } = await makeClient(setting);
  const form_token = formToken((await visitor.get("/admin/apps")).body);
  const reason = "Ticket 4711";
  const registration = {
    name: "Notes",
    type: "confidential",
    redirect_uris: "https://notes.example.com/callback",
    scopes: "openid",
    reason,
  };
  const forms = [
    ["/admin/apps/register", registration],
    [`/admin/apps/${clientId}/rotate`, { overlap: "24", reason }],
  ] as const;
  for (const [url, fields] of forms) {
    const place = placeOf(await visitor.post(url, { form_token, ...fields }));
    const secret = secretIn((await visitor.get(place)).body);
    expect(secret).toMatch(/^idx_/);
    expect(place).not.toContain(secret);
    const again = placeOf(await visitor.get(place));
    expect(textOf((await visitor.get(again)).body)).toContain(
      "The secret was shown, and can't be shown again.",
    );
  }
});

const reasons: Readonly<Record<string, string>> = {
  script: "it is for the script of the page",
  file: "the browser keeps its page, and saves a file",
  goes_on: "a redirect of a form may not end at another origin",
  looks_up: "it changes nothing",
};

test("every form of a page answers with a redirect, but for these", async () => {
  const direct = new Map<string, string>();
  const posts: string[] = [];
  const provider = { id: "other", name: "Other", begin: async () => ({}), finish: async () => ({}) };
  await setting.app(
    { oauth: true, admin: { impersonation: true }, providers: [provider as never] },
    undefined,
    {},
    (app) =>
      app.addHook("onRoute", ({ method, url, config }) => {
        if (method !== "POST" || !/^\/(account|admin)(\/|$)/.test(url)) return;
        posts.push(url);
        const answers = (config as { answers?: string } | undefined)?.answers;
        if (answers) direct.set(url, reasons[answers] ?? "");
      }),
  );
  expect(posts.length).toBeGreaterThan(60);
  expect(Object.fromEntries(direct)).toEqual({
    "/account/sign-in/passkey/options": reasons.script,
    "/account/challenge/passkey/options": reasons.script,
    "/account/confirm/passkey/options": reasons.script,
    "/account/security/passkeys/options": reasons.script,
    "/account/sign-in/provider": reasons.goes_on,
    "/account/security/providers/link": reasons.goes_on,
    "/account/authorize": reasons.goes_on,
    "/account/end-session": reasons.goes_on,
    "/account/device": reasons.looks_up,
    "/account/data/export": reasons.file,
    "/admin/users/search": reasons.looks_up,
    "/admin/audit/verify": reasons.looks_up,
    "/admin/audit/export": reasons.file,
  });
});
