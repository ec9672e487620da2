// Users review and take back what they let apps do (ASVS 5 section 10.7.3).
import type { FastifyInstance } from "fastify";
import { beforeEach, describe, expect, test } from "vitest";
import { auditOf } from "../admin/world.js";
import { formToken, textOf } from "../pages/visitor.js";
import { password, useIdentity } from "../support.js";
import {
  agree,
  answerIn,
  authorizeUrl,
  type Client,
  credentials,
  makeClient,
  makeVisitor,
  post,
  redeem,
  signIn,
} from "./world.js";

const setting = useIdentity();
let app: FastifyInstance;
beforeEach(async () => {
  app = await setting.app({ oauth: true });
});

const scope = "openid email offline_access notes";

/** Somebody who uses an app, with the tokens that it got. */
async function user(client: Client) {
  const person = await makeVisitor(setting, app);
  const { code } = answerIn(await agree(person.visitor, person.email, authorizeUrl(client, { scope })));
  const tokens = await redeem(app, client, code);
  const opened = await app.inject({
    method: "POST",
    url: "/v1/sessions",
    payload: { identifier: person.email, password, delivery: "token" },
  });
  const call = (method: "GET" | "DELETE", url: string) =>
    app.inject({ method, url: `/v1${url}`, headers: { authorization: `Bearer ${opened.json().token}` } });
  return { ...person, tokens, call, refresh: () => refresh(client, tokens.refresh_token) };
}

const refresh = (client: Client, refresh_token: string) =>
  post(app, "/oauth/token", { ...credentials(client), grant_type: "refresh_token", refresh_token });
const userInfo = async (token: string) =>
  (await app.inject({ url: "/oauth/userinfo", headers: { authorization: `Bearer ${token}` } })).statusCode;

describe("the page of an account", () => {
  test("shows each app with what it may do, since when, and when it was last used", async () => {
    const client = await makeClient(setting, { name: "Notes <b>", homepage: "https://notes.example.com/" });
    const { email, visitor, refresh: use } = await user(client);
    const shown = async () => textOf((await visitor.get("/account/apps")).body);
    const day = (at: Date) => new Intl.DateTimeFormat("en", { dateStyle: "medium" }).format(at);
    const since = setting.clock.now();
    for (const one of [
      "Notes &lt;b>",
      "https://notes.example.com/",
      "know that it is you",
      "use notes",
      "away",
    ])
      expect(await shown()).toContain(one);
    setting.clock.advance(2 * 86_400_000);
    await use();
    visitor.cookies.clear();
    await signIn(visitor, email);
    expect(await shown()).toMatch(
      new RegExp(`Since ${day(since)}.* · Last used ${day(setting.clock.now())}`),
    );
    await setting.identity.oauth.setAppStatus({ clientId: client.clientId, status: "suspended" });
    expect(await shown()).toContain("Not working at the moment");
  });

  test("takes access back: tokens end, the app has to ask again, and it is in the audit trail", async () => {
    const client = await makeClient(setting);
    const { visitor, tokens, userId, refresh: use } = await user(client);
    const page = await visitor.get("/account/apps");
    const form = { form_token: formToken(page.body), client_id: client.clientId };
    expect(await userInfo(tokens.access_token)).toBe(200);
    expect((await visitor.post("/account/apps/end", form)).headers.location).toBe("/account/apps");
    expect(textOf((await visitor.get("/account/apps")).body)).toContain("You let no app do anything.");
    expect(await userInfo(tokens.access_token)).toBe(401);
    expect((await use()).json()).toMatchObject({ error: "invalid_grant" });
    expect(answerIn(await visitor.get(authorizeUrl(client, { scope, prompt: "none" })))).toMatchObject({
      error: "consent_required",
    });
    expect(await auditOf(setting, userId)).toContain("oauth.consent_ended");
    expect((await visitor.post("/account/apps/end", form)).headers.location).toBe("/account/apps");
  });

  test("is there with a provider only, and nobody else's", async () => {
    const { visitor } = await user(await makeClient(setting));
    const stranger = await makeVisitor(setting, app);
    await signIn(stranger.visitor, stranger.email);
    expect(textOf((await stranger.visitor.get("/account/apps")).body)).toContain(
      "You let no app do anything.",
    );
    expect((await visitor.get("/account/security")).body).toContain('href="/account/apps"');
    const other = await makeVisitor(setting, await setting.app());
    await signIn(other.visitor, other.email);
    expect((await other.visitor.get("/account/apps")).statusCode).toBe(404);
    expect((await other.visitor.get("/account/security")).body).not.toContain('href="/account/apps"');
  });
});

describe("/v1/consents", () => {
  test("lists by pages and takes back, for a session of the user", async () => {
    const first = await makeClient(setting, { name: "First" });
    const { call, userId, tokens } = await user(first);
    const others = await Promise.all([1, 2, 3].map(() => makeClient(setting)));
    for (const other of others) {
      setting.clock.advance(1_000);
      await setting.identity.oauth.grantConsent({ userId, appId: other.app._id, scopes: ["notes"] });
    }
    const names = others.map(({ clientId }) => clientId).reverse();
    const found: string[] = [];
    let next: string | null = "";
    while (next !== null) {
      const page = await call("GET", `/consents?limit=2${next && `&before=${encodeURIComponent(next)}`}`);
      const list: { consents: Array<{ app: { clientId: string } }>; next: string | null } = page.json();
      expect(list.consents.length).toBeLessThanOrEqual(2);
      found.push(...list.consents.map((one) => one.app.clientId));
      next = list.next;
    }
    expect(found).toEqual([...names, first.clientId]);
    expect((await call("GET", "/consents")).json().consents.at(-1)).toEqual({
      app: { clientId: first.clientId, name: "First", status: "active" },
      scopes: expect.arrayContaining(["notes", "openid"]),
      grantedAt: expect.any(String),
      lastUsedAt: expect.any(String),
    });
    expect((await call("DELETE", `/consents/${first.clientId}`)).statusCode).toBe(204);
    expect(await userInfo(tokens.access_token)).toBe(401);
    for (const gone of [first.clientId, "nobody"]) {
      const answer = await call("DELETE", `/consents/${gone}`);
      expect([answer.statusCode, answer.json().code]).toEqual([404, "CONSENT_NOT_FOUND"]);
    }
    expect(await auditOf(setting, userId)).toContain("oauth.consent_ended");
  });

  test("is no app's to read or to end", async () => {
    const client = await makeClient(setting);
    const { tokens } = await user(client);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    for (const [method, url] of [
      ["GET", "/v1/consents"],
      ["DELETE", `/v1/consents/${client.clientId}`],
    ] as const)
      expect((await app.inject({ method, url, headers })).statusCode).toBeOneOf([401, 403]);
    expect(await userInfo(tokens.access_token)).toBe(200);
  });
});
