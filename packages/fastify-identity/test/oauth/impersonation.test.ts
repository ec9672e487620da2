import type { FastifyInstance } from "fastify";
import { decodeJwt } from "jose";
import type { Types } from "mongoose";
import { describe, expect, it } from "vitest";
import { begun, type Cast, cookieName, makeCast, withImpersonation } from "../admin/impersonation-world.js";
import { Visitor } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import {
  answerIn,
  authorizeUrl,
  type Client,
  credentials,
  makeClient,
  post,
  redeem,
  redirectUri,
} from "./world.js";

const setting = useIdentity();

interface World extends Cast {
  readonly client: Client;
  readonly visitor: Visitor;
  readonly id: Types.ObjectId;
}

function withNotes(app: FastifyInstance): void {
  app.get(
    "/notes",
    { config: { identity: { scope: "notes", accept: ["access_token"] } } },
    async (request) => ({
      userId: app.identity.userOf(request).toHexString(),
      actor: (request.identity as { actor?: Types.ObjectId } | null)?.actor?.toHexString(),
    }),
  );
  app.get("/open", { config: { identity: "public", impersonated: false } }, async () => ({ done: true }));
}

/** A browser that acts for a user who has agreed to an app before. */
async function makeWorld(changes: Parameters<typeof makeClient>[1] = {}, agreed = true): Promise<World> {
  const app = await setting.app(withImpersonation(true, { oauth: true }), withNotes);
  const cast = await makeCast(setting, app);
  const client = await makeClient(setting, {
    grantTypes: ["authorization_code", "refresh_token"],
    ...changes,
  });
  const scopes = ["openid", "email", "notes", "offline_access"];
  if (agreed)
    await setting.identity.oauth.grantConsent({ userId: cast.user.id, appId: client.app._id, scopes });
  const { token, id } = await begun(cast);
  const visitor = new Visitor(app);
  const [own] = cast.helper.cookie.cookie.split("; ").map((one) => one.split("="));
  visitor.cookies.set(own?.[0] ?? "", own?.[1] ?? "");
  visitor.cookies.set(cookieName, token);
  return { ...cast, client, visitor, id };
}

const ask = async ({ visitor, client }: World, changes: Record<string, string> = {}) =>
  answerIn(await visitor.get(authorizeUrl(client, { scope: "openid notes", ...changes })));

describe("an app in an impersonated session", () => {
  it.each(["opaque", "jwt"] as const)(
    "gets %s tokens that name who acts, in every place alike, for as long as that lasts",
    async (accessTokenFormat) => {
      const world = await makeWorld({ accessTokenFormat });
      const { app, client, helper, user, id } = world;
      setting.clock.advance(29 * 60_000);
      const { code } = await ask(world, { scope: "openid notes offline_access", nonce: "n" });
      const tokens = await redeem(app, client, code);
      const act = { sub: helper.id.toHexString() };
      const sub = user.id.toHexString();
      expect(tokens).not.toHaveProperty("refresh_token");
      expect(tokens.scope).toBe("notes openid");
      expect(tokens.expires_in).toBeLessThanOrEqual(60);
      const claims = decodeJwt(tokens.id_token);
      expect(claims).toMatchObject({ sub, act, sid: id.toHexString(), acr: "0" });
      expect(claims).not.toHaveProperty("auth_time");
      expect(Number(claims.exp) - Number(claims.iat)).toBeLessThanOrEqual(60);
      if (accessTokenFormat === "jwt") expect(decodeJwt(tokens.access_token)).toMatchObject({ sub, act });
      const told = await post(app, "/oauth/introspect", {
        token: tokens.access_token,
        ...credentials(client),
      });
      expect(told.json()).toMatchObject({ active: true, sub, act });
      const headers = { authorization: `Bearer ${tokens.access_token}` };
      const notes = await app.inject({ url: "/notes", headers });
      expect(notes.json()).toEqual({ userId: sub, actor: act.sub });
      const open = await app.inject({ url: "/open", headers });
      expect([open.statusCode, open.json().code]).toEqual([403, "IMPERSONATED"]);
      // The plugin's own routes are as closed to the token as to the session.
      const events = await app.inject({ url: "/v1/profile", headers });
      expect(events.statusCode).toBe(403);
      await setting.identity.sessions.revoke({ userId: user.id, sessionId: id });
      const after = await app.inject({ url: "/notes", headers });
      expect(after.json().code).toBe("ACCESS_TOKEN_INVALID");
      const gone = await post(app, "/oauth/introspect", {
        token: tokens.access_token,
        ...credentials(client),
      });
      expect(gone.json()).toEqual({ active: false });
    },
  );

  it.each([
    ["the scope openid alone", { scope: "openid" }],
    [
      "claims that do not name it",
      { claims: JSON.stringify({ id_token: { email: null } }), scope: "openid email" },
    ],
    [
      "claims that want another one",
      { claims: JSON.stringify({ id_token: { act: { value: { sub: "nobody" } } } }) },
    ],
    ["claims that want none", { claims: JSON.stringify({ id_token: { act: null } }) }],
  ])("can't ask the actor away, such as by %s", async (_what, changes) => {
    const world = await makeWorld();
    const { code } = await ask(world, changes as Record<string, string>);
    const { id_token } = await redeem(world.app, world.client, code);
    expect(decodeJwt(id_token).act).toEqual({ sub: world.helper.id.toHexString() });
  });

  it.each([
    ["consent", {}, "access_denied", false],
    ["consent, without a page", { prompt: "none" }, "consent_required", false],
    ["a consent of this moment", { prompt: "consent" }, "access_denied", true],
    ["another account", { prompt: "select_account" }, "access_denied", true],
    ["more scopes than were agreed to", { scope: "openid profile" }, "access_denied", true],
    ["a sign-in", { prompt: "login" }, "access_denied", true],
    ["a sign-in of the last hour", { max_age: "3600" }, "access_denied", true],
    ["a sign-in, without a page", { prompt: "none", max_age: "3600" }, "login_required", true],
    [
      "a second factor",
      { claims: JSON.stringify({ id_token: { acr: { essential: true, value: "2" } } }) },
      "unmet_authentication_requirements",
      true,
    ],
  ] as const)(
    "that asks for %s hears no, and nobody is shown a page",
    async (_what, changes, error, agreed) => {
      const world = await makeWorld({}, agreed);
      expect(await ask(world, changes as Record<string, string>)).toMatchObject({ error });
      const { client, user } = world;
      const consents = await setting.identity.oauth.listConsents({ userId: user.id });
      expect(consents.some(({ appId }) => appId.equals(client.app._id))).toBe(agreed);
    },
  );

  it("that has the user's agreement goes on whatever level it would like", async () => {
    expect(await ask(await makeWorld(), { acr_values: "2" })).toMatchObject({ code: expect.any(String) });
  });

  it("that runs on a device, and asks each time, gets nothing", async () => {
    const address = "http://127.0.0.1:4321/callback";
    const world = await makeWorld({ type: "public", redirectUris: [address] });
    expect(await ask(world, { redirect_uri: address })).toMatchObject({ error: "access_denied" });
  });

  it("has its sign-in recorded for both people, and is told when it ends", async () => {
    const world = await makeWorld({
      backChannelLogoutUri: "https://app.example.com/logout",
      redirectUris: [redirectUri],
    });
    const { client, user, helper, id } = world;
    await redeem(world.app, client, (await ask(world)).code);
    const of = async (who: object) =>
      (await setting.identity.audit.list({ ...who, page: { limit: 200 } })).filter(
        ({ action }) => action === "oauth.authorized",
      );
    expect(await of({ subjectId: user.id })).toMatchObject([{ actorId: helper.id, subjectId: user.id }]);
    expect(await of({ actorId: helper.id })).toMatchObject([{ actorId: helper.id, hasSubject: true }]);
    await setting.identity.sessions.revoke({ userId: user.id, sessionId: id });
    const now = setting.clock.now();
    const period = { from: new Date(now.getTime() - 1_000), to: new Date(now.getTime() + 1_000) };
    const ended = [];
    for await (const one of setting.identity.oauth.endedSignIns(period))
      if (one.sessionId.equals(id)) ended.push(one);
    expect(ended).toMatchObject([{ apps: [{ clientId: client.clientId }] }]);
  });

  it("that signs out ends the impersonation, and leaves the administrator signed in", async () => {
    const world = await makeWorld();
    const { visitor, client, app, helper } = world;
    const { id_token } = await redeem(app, client, (await ask(world)).code);
    await visitor.get(`/oauth/logout?${new URLSearchParams({ id_token_hint: id_token })}`);
    expect(visitor.cookies.has(cookieName)).toBe(false);
    expect((await visitor.get("/v1/session")).json()).toMatchObject({ userId: helper.id.toHexString() });
  });

  it("that asks without a page after the end gets no code of the administrator's, however often", async () => {
    const world = await makeWorld();
    const { client, helper, user, id } = world;
    const grant = { userId: helper.id, appId: client.app._id, scopes: ["openid", "notes"] };
    await setting.identity.oauth.grantConsent(grant);
    await setting.identity.sessions.revoke({ userId: user.id, sessionId: id });
    for (let round = 0; round < 2; round++)
      expect(await ask(world, { prompt: "none" })).toMatchObject({ error: "login_required" });
  });

  it("on a device is given nothing", async () => {
    const { visitor } = await makeWorld();
    expect((await visitor.get("/account/device")).statusCode).toBe(403);
    expect((await visitor.post("/account/device/decision", { decision: "allow" })).statusCode).toBe(403);
  });
});
