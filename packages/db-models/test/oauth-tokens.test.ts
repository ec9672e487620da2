import { beforeAll, describe, expect, it } from "vitest";
import { duration, limits } from "../src/core/limits.js";
import { oauthPolicySchema } from "../src/core/policies/oauth.js";
import { mintMarkedToken, parseToken, tokenPrefixes } from "../src/core/secrets.js";
import { type AuthenticatedClient, createIdentity, type IdentityModels } from "../src/index.js";
import { validateAccessToken } from "../src/oauth/access.js";
import { setAppStatus } from "../src/oauth/apps.js";
import { authenticateClient } from "../src/oauth/clients.js";
import { revokeConsent } from "../src/oauth/consents.js";
import { exchangeAuthorizationCode } from "../src/oauth/exchange.js";
import { introspectToken } from "../src/oauth/introspect.js";
import { refreshAppToken } from "../src/oauth/refresh.js";
import { revokeToken } from "../src/oauth/revoke.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { setUserStatus } from "../src/users/accounts.js";
import { contextAt } from "./context.js";
import { commandsDuring, useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";
import {
  authorize,
  codeFor,
  exchange,
  granted,
  makeWorld,
  redirectUri,
  refresh,
  tokensFor,
  type World,
} from "./oauth-world.js";
import { strayToken } from "./tokens.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const policy = oauthPolicySchema.parse({});
const hostile = [undefined, null, 1, {}, { $ne: "" }, ["a"], "", "\u0000", "idr_a", "x".repeat(1e6)];

const isLive = async (accessToken: string, at = now) =>
  (await validateAccessToken(contextAt(models, at), accessToken)).ok;
const alarmsOf = async ({ user }: World) =>
  (await listSecurityEvents(contextAt(models), { userId: user._id, kind: "reuse_detected" })).map(
    ({ reasons }) => reasons,
  );
const introspect = (client: AuthenticatedClient, token: unknown, at = now) =>
  introspectToken(contextAt(models, at), { client: { ...client, type: "confidential" }, token });

describe("issueAuthorizationCode", () => {
  it("refuses, without a redirection, an unknown app and a redirect URI that is not exactly one of its own", async () => {
    const world = await makeWorld(models);
    const redirectUris = [`${redirectUri}/`, `${redirectUri}?a`, redirectUri.toUpperCase(), "", {} as string];
    for (const changed of redirectUris) {
      const answer = await authorize(models, world, { redirectUri: changed });
      expect(answer).toEqual({ ok: false, redirect: false, reason: "redirect_uri_mismatch" });
    }
    for (const clientId of ["nobody", { $ne: "" } as unknown as string]) {
      const answer = await authorize(models, world, { clientId });
      expect(answer).toEqual({ ok: false, redirect: false, reason: "unknown_client" });
    }
    await setAppStatus(contextAt(models, now), { clientId: world.client.clientId, status: "suspended" });
    expect(await authorize(models, world)).toEqual({ ok: false, redirect: false, reason: "unknown_client" });
  });

  it.each<[string, object, string]>([
    ["the method plain", { codeChallengeMethod: "plain" }, "invalid_request"],
    ["no method", { codeChallengeMethod: undefined }, "invalid_request"],
    ["a method in lower case", { codeChallengeMethod: "s256" }, "invalid_request"],
    ["a method without a challenge", { codeChallenge: undefined }, "invalid_request"],
    ["a short challenge", { codeChallenge: "a".repeat(42) }, "invalid_request"],
    ["no PKCE", { codeChallenge: undefined, codeChallengeMethod: undefined }, "invalid_request"],
    ["the implicit flow", { responseType: "token" }, "unsupported_response_type"],
    ["no response type", { responseType: undefined }, "invalid_request"],
    ["no scope", { scope: undefined }, "invalid_scope"],
    ["an empty scope", { scope: "" }, "invalid_scope"],
    ["a malformed scope", { scope: "a  b" }, "invalid_scope"],
    ["only scopes that the app is not registered for", { scope: "mail" }, "invalid_scope"],
    ["a wider scope than the app's", { scope: "*" }, "invalid_scope"],
  ])("answers %s with an error", async (_name, changes, error) => {
    const world = await makeWorld(models);
    expect(await authorize(models, world, changes)).toMatchObject({
      ok: false,
      redirect: true,
      reason: error,
    });
    expect(await models.AppToken.countDocuments({ ownerId: world.user._id })).toBe(0);
  });

  it("lets one app with a secret do without PKCE, none beside it, and no public one", async () => {
    const none = { codeChallenge: undefined, codeChallengeMethod: undefined };
    const refused = { redirect: true, reason: "invalid_request" };
    const lenient = await makeWorld(models, { requiresPkce: false });
    expect(await authorize(models, lenient, none)).toMatchObject({ ok: true });
    for (const method of ["plain", undefined]) {
      const weak = { codeChallengeMethod: method as never };
      expect(await authorize(models, lenient, weak)).toMatchObject(refused);
    }
    for (const registration of [{}, { requiresPkce: true }, { type: "public" as const }]) {
      expect(await authorize(models, await makeWorld(models, registration), none)).toMatchObject(refused);
    }
    await expect(makeWorld(models, { type: "public", requiresPkce: false })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("requiresPkce: a public client needs PKCE"),
    });
  });

  it("lets no policy make a code live longer than 10 minutes", () => {
    const codeLifetimeMs = 11 * duration.minute;
    const attempt = () => createIdentity({ connection: database().connection, oauth: { codeLifetimeMs } });
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });

  it("stores a document that satisfies the schema, before and after its use", async () => {
    const world = await makeWorld(models);
    const code = await codeFor(models, world);
    const stored = () => models.AppToken.findOne({ ownerId: world.user._id }).orFail();
    await (await stored()).validate();
    const { refreshToken } = granted(await exchange(models, world, code));
    granted(await refresh(models, world, refreshToken));
    await (await stored()).validate();
  });
});

describe("exchangeAuthorizationCode", () => {
  it("gives tokens, of which nothing usable is stored", async () => {
    const world = await makeWorld(models);
    const tokens = await tokensFor(models, world);
    expect(tokens).toMatchObject({ userId: world.user._id, scopes: ["profile", "repo"], retried: false });
    expect(tokens.accessTokenExpiresAt).toEqual(after(policy.accessTokenLifetimeMs));
    const { refreshToken } = granted(await refresh(models, world, tokens.refreshToken));
    const dump = JSON.stringify(await models.AppToken.find({ ownerId: world.user._id }).lean());
    for (const token of [tokens.code, tokens.accessToken, tokens.refreshToken, refreshToken]) {
      expect(dump).not.toContain(token.slice(4, 26));
      expect(dump).not.toContain(token.slice(26, -6));
    }
  });

  // OAuth 2.1 section 10.2: its clients send none, for the challenge ties the code to them.
  it("takes a code without its redirect URI where the client had sent a challenge, and only there", async () => {
    const world = await makeWorld(models, { requiresPkce: false });
    const { client, verifier: codeVerifier } = world;
    const code = await codeFor(models, world);
    expect(
      await exchangeAuthorizationCode(contextAt(models, now), { client, code, codeVerifier }),
    ).toMatchObject({
      ok: true,
    });
    const without = { codeChallenge: undefined, codeChallengeMethod: undefined };
    const bare = await codeFor(models, world, without);
    expect(await exchangeAuthorizationCode(contextAt(models, now), { client, code: bare })).toMatchObject({
      ok: false,
      reason: "redirect_uri_mismatch",
    });
  });

  it("gives no refresh token to an app that may not refresh, and its authorization ends with the access token", async () => {
    const world = await makeWorld(models, { grantTypes: ["authorization_code"] });
    const result = await exchange(models, world, await codeFor(models, world));
    expect(result).not.toHaveProperty("refreshToken");
    const stored = await models.AppToken.findOne({ ownerId: world.user._id }).lean();
    expect(stored?.expiresAt).toEqual(after(policy.accessTokenLifetimeMs));
    expect(stored).not.toHaveProperty("tokenHash");
  });

  it("refuses a code that has expired, though it is still there", async () => {
    const world = await makeWorld(models);
    const code = await codeFor(models, world);
    expect(await exchange(models, world, code, after(policy.codeLifetimeMs))).toMatchObject({
      error: "invalid_grant",
      reason: "expired",
    });
    expect(await exchange(models, world, code, after(policy.codeLifetimeMs - 1))).toMatchObject({
      ok: true,
    });
  });

  type Change = (mine: World, other: World) => object;
  const wrong: Array<[string, Change, string]> = [
    ["another verifier", (_mine, other) => ({ codeVerifier: other.verifier }), "verifier_mismatch"],
    ["no verifier", () => ({ codeVerifier: undefined }), "verifier_mismatch"],
    [
      "the challenge for a verifier",
      ({ request }) => ({ codeVerifier: request.codeChallenge }),
      "verifier_mismatch",
    ],
    ["another client", (_mine, { client }) => ({ client }), "other_client"],
    ["another redirect URI", () => ({ redirectUri: `${redirectUri}/` }), "redirect_uri_mismatch"],
  ];

  it.each(wrong)("refuses %s; the code stays good for its client", async (_name, change, reason) => {
    const [mine, other] = [await makeWorld(models), await makeWorld(models)];
    const code = await codeFor(models, mine);
    const valid = { client: mine.client, code, redirectUri, codeVerifier: mine.verifier };
    const refusal = { ok: false, error: "invalid_grant", reason };
    expect(
      await exchangeAuthorizationCode(contextAt(models, now), { ...valid, ...change(mine, other) }),
    ).toEqual(refusal);
    expect(await exchange(models, mine, code)).toMatchObject({ ok: true });
  });

  it.each(wrong)("a replay with %s ends nothing", async (_name, change, reason) => {
    const [mine, other] = [await makeWorld(models), await makeWorld(models)];
    const { code, accessToken } = await tokensFor(models, mine);
    const valid = { client: mine.client, code, redirectUri, codeVerifier: mine.verifier };
    const replay = await exchangeAuthorizationCode(contextAt(models, now), {
      ...valid,
      ...change(mine, other),
    });
    expect(replay).toMatchObject({ ok: false, reason });
    expect(await isLive(accessToken)).toBe(true);
    expect(await alarmsOf(mine)).toEqual([]);
  });

  it("a second valid use ends what the first issued, whenever it comes, and says so once", async () => {
    const world = await makeWorld(models);
    const tokens = await tokensFor(models, world);
    const late = after(policy.codeLifetimeMs + duration.hour);
    const { accessToken, refreshToken } = granted(await refresh(models, world, tokens.refreshToken, late));
    for (let use = 0; use < 3; use++) {
      const answer = { ok: false, error: "invalid_grant", reason: "code_reused" };
      expect(await exchange(models, world, tokens.code, late)).toEqual(answer);
    }
    expect(await isLive(accessToken, late)).toBe(false);
    expect(await refresh(models, world, refreshToken, late)).toMatchObject({ reason: "revoked" });
    expect(await alarmsOf(world)).toEqual([["code_reused"]]);
  });

  it("refuses a verifier where no challenge is stored", async () => {
    const world = await makeWorld(models, { requiresPkce: false });
    const none = { codeChallenge: undefined, codeChallengeMethod: undefined };
    const code = await codeFor(models, world, none);
    expect(await exchange(models, world, code)).toMatchObject({ reason: "verifier_mismatch" });
    const without = { client: world.client, code, redirectUri };
    expect(await exchangeAuthorizationCode(contextAt(models, now), without)).toMatchObject({ ok: true });
  });

  it.each([...hostile, "idc_"])("refuses %.20j for a code without a read", async (code) => {
    const world = await makeWorld(models);
    const { result, commands } = await commandsDuring(database(), () => exchange(models, world, code));
    expect(result).toMatchObject({ error: "invalid_grant", reason: "malformed" });
    expect(commands).toEqual([]);
  });

  it("refuses a made-up secret under the handle of a code", async () => {
    const world = await makeWorld(models);
    const code = await codeFor(models, world);
    const under = parseToken("authorizationCode", code) ?? strayToken("authorizationCode");
    const forged = mintMarkedToken("authorizationCode", under, "a key").raw;
    expect(await exchange(models, world, forged)).toMatchObject({ reason: "unknown" });
  });
});

describe("refreshAppToken", () => {
  it("rotates; the tokens before stay good as long as they were to", async () => {
    const world = await makeWorld(models);
    const first = await tokensFor(models, world);
    const second = granted(await refresh(models, world, first.refreshToken, after(1)));
    expect(new Set([first.accessToken, second.accessToken]).size).toBe(2);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await isLive(first.accessToken)).toBe(true);
    expect(await isLive(first.accessToken, after(policy.accessTokenLifetimeMs))).toBe(false);
    expect(await isLive(second.accessToken, after(policy.accessTokenLifetimeMs))).toBe(true);
    const third = granted(await refresh(models, world, second.refreshToken, after(2)));
    expect(third.retried).toBe(false);
  });

  it("keeps the last access tokens, as many as the limit says", async () => {
    const world = await makeWorld(models);
    const all = [await tokensFor(models, world)] as Array<{ accessToken: string; refreshToken: string }>;
    for (let use = 0; use < 10; use++) {
      const last = all.at(-1)?.refreshToken;
      all.push(granted(await refresh(models, world, last, after(use * duration.minute))));
    }
    const live = await Promise.all(all.map(({ accessToken }) => isLive(accessToken, after(duration.minute))));
    expect(live).toEqual([...Array(3).fill(false), ...Array(8).fill(true)]);
  });

  it("narrows the access token as asked, the authorization stays, and nothing widens it", async () => {
    const world = await makeWorld(models);
    const { refreshToken } = granted(
      await exchange(models, world, await codeFor(models, world, { scope: "repo:read profile" })),
    );
    const ask = (token: string, scope: unknown) =>
      refreshAppToken(contextAt(models, now), { client: world.client, refreshToken: token, scope });
    for (const scope of ["repo", "repo:*", "*", "repo:read mail", "", "a  b", 1, {}, ["profile"]]) {
      expect(await ask(refreshToken, scope)).toMatchObject({ error: "invalid_scope" });
    }
    const narrow = granted(await ask(refreshToken, "repo:read"));
    expect(narrow.scopes).toEqual(["repo:read"]);
    const wide = granted(await ask(narrow.refreshToken, undefined));
    expect(wide.scopes).toEqual(["profile", "repo:read"]);
  });

  it("answers retries within the grace with the same tokens; the interval is pinned to the first use", async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const first = granted(await refresh(models, world, refreshToken));
    const grace = policy.rotationGraceMs;
    for (let at = 0; at < grace; at += grace / 4) {
      const retry = await refresh(models, world, refreshToken, after(at));
      expect(retry).toEqual({ ...first, retried: true });
    }
    expect(await refresh(models, world, refreshToken, after(grace))).toMatchObject({
      error: "invalid_grant",
      reason: "refresh_reused",
    });
    expect(await isLive(first.accessToken)).toBe(false);
    expect(await refresh(models, world, first.refreshToken)).toMatchObject({ reason: "revoked" });
    expect(await alarmsOf(world)).toEqual([["refresh_reused"]]);
  });

  it("answers a retry with the current tokens when they were rotated again meanwhile", async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const second = granted(await refresh(models, world, refreshToken));
    const third = granted(await refresh(models, world, second.refreshToken, after(1_000)));
    expect(await refresh(models, world, refreshToken, after(2_000))).toEqual({ ...third, retried: true });
    // The third one's first use is later than that of the first one, and so is the end of its grace.
    const between = after(policy.rotationGraceMs + 500);
    expect(await refresh(models, world, second.refreshToken, between)).toMatchObject({ retried: true });
    expect(await refresh(models, world, refreshToken, between)).toMatchObject({ reason: "refresh_reused" });
  });

  it("rotates at most as often within a grace as it remembers, so that no retry is taken for theft", async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const used = [refreshToken];
    for (let use = 0; use < 20; use++) {
      used.push(granted(await refresh(models, world, used.at(-1))).refreshToken);
    }
    expect(new Set(used).size).toBe(1 + limits.tokenRotations);
    for (const token of used) {
      expect(await refresh(models, world, token)).toMatchObject({ refreshToken: used.at(-1), retried: true });
    }
    const late = after(policy.rotationGraceMs);
    expect(granted(await refresh(models, world, used.at(-1), late)).retried).toBe(false);
    expect(await refresh(models, world, refreshToken, late)).toMatchObject({ reason: "refresh_reused" });
  });

  it("without a grace takes the second use for a theft", async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const strict = { rotationGraceMs: 0 };
    const next = granted(await refresh(models, world, refreshToken, now, strict));
    expect(await refresh(models, world, refreshToken, now, strict)).toMatchObject({
      reason: "refresh_reused",
    });
    expect(await isLive(next.accessToken)).toBe(false);
  });

  it("ends when it is not used, and in the end even if it is", async () => {
    const world = await makeWorld(models);
    const idle = await tokensFor(models, world);
    expect(await refresh(models, world, idle.refreshToken, after(policy.refreshIdleMs))).toMatchObject({
      error: "invalid_grant",
      reason: "expired",
    });
    let { refreshToken } = await tokensFor(models, world);
    const step = policy.refreshIdleMs - 1;
    let at = step;
    for (; at < policy.refreshLifetimeMs; at += step) {
      const next = granted(await refresh(models, world, refreshToken, after(at)));
      expect(next.accessTokenExpiresAt.getTime()).toBeLessThanOrEqual(
        after(policy.refreshLifetimeMs).getTime(),
      );
      refreshToken = next.refreshToken;
    }
    const end = after(policy.refreshLifetimeMs);
    expect(await refresh(models, world, refreshToken, end)).toMatchObject({ reason: "expired" });
  });

  it("is bound to its client; another one's attempt changes nothing", async () => {
    const [mine, other] = [await makeWorld(models), await makeWorld(models)];
    const { refreshToken, accessToken } = await tokensFor(models, mine);
    const theirs = { ...other, user: mine.user };
    expect(await refresh(models, theirs, refreshToken)).toMatchObject({
      error: "invalid_grant",
      reason: "other_client",
    });
    expect(await isLive(accessToken)).toBe(true);
    expect(await refresh(models, mine, refreshToken)).toMatchObject({ ok: true });
  });

  it("who has seen the code or an access token can't make up a refresh token that raises the alarm", async () => {
    const world = await makeWorld(models, { type: "public" });
    const { accessToken } = await tokensFor(models, world);
    const under = parseToken("accessToken", accessToken) ?? strayToken("accessToken");
    const forged = mintMarkedToken("refreshToken", under, "a key").raw;
    expect(await refresh(models, world, forged)).toMatchObject({ error: "invalid_grant", reason: "unknown" });
    expect(await isLive(accessToken)).toBe(true);
    expect(await alarmsOf(world)).toEqual([]);
  });

  it.each(hostile)("refuses %.20j without a read", async (token) => {
    const world = await makeWorld(models);
    const { result, commands } = await commandsDuring(database(), () => refresh(models, world, token));
    expect(result).toMatchObject({ error: "invalid_grant", reason: "malformed" });
    expect(commands).toEqual([]);
  });

  it("takes one read and one write", async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const { commands } = await commandsDuring(database(), () => refresh(models, world, refreshToken));
    expect(commands).toEqual(["aggregate", "update"]);
  });
});

describe("validateAccessToken", () => {
  it("takes one read", async () => {
    const world = await makeWorld(models);
    const { accessToken, authorizationId } = await tokensFor(models, world);
    const { result, commands } = await commandsDuring(database(), () =>
      validateAccessToken(contextAt(models, now), accessToken),
    );
    expect(commands).toEqual(["aggregate"]);
    expect(result).toEqual({
      ok: true,
      token: {
        authorizationId,
        id: expect.stringMatching(/^[\w-]{32}\.[\w-]{43}$/),
        facts: {},
        userId: world.user._id,
        appId: world.client._id,
        clientId: world.client.clientId,
        scopes: ["profile", "repo"],
        createdAt: now,
        expiresAt: after(policy.accessTokenLifetimeMs),
      },
    });
  });

  it("reads by the index of its named query", async () => {
    const world = await makeWorld(models);
    const { accessToken } = await tokensFor(models, world);
    const pipelines: Array<Record<string, unknown>[]> = [];
    const client = database().connection.getClient();
    const note = (event: { commandName: string; command: { pipeline?: Record<string, unknown>[] } }) => {
      if (event.commandName === "aggregate") pipelines.push(event.command.pipeline ?? []);
    };
    client.on("commandStarted", note as never);
    await validateAccessToken(contextAt(models, now), accessToken);
    client.off("commandStarted", note as never);
    const [match] = pipelines[0] ?? [];
    expect(Object.keys(match?.$match ?? {})).toEqual(["_id", "ownerId"]);
  });

  it.each([...hostile, "ida_"])("refuses %.20j without a read", async (token) => {
    const check = () => validateAccessToken(contextAt(models, now), token);
    const { result, commands } = await commandsDuring(database(), check);
    expect(result).toEqual({ ok: false, reason: "malformed" });
    expect(commands).toEqual([]);
  });

  it.each<[string, (world: World) => Promise<unknown>, string]>([
    [
      "the app is suspended",
      ({ client }) =>
        setAppStatus(contextAt(models, now), { clientId: client.clientId, status: "suspended" }),
      "app_not_active",
    ],
    [
      "the app is gone",
      ({ client }) => models.App.collection.deleteOne({ _id: client._id }),
      "app_not_active",
    ],
    [
      "the user is suspended",
      ({ user }) => setUserStatus(contextAt(models, now), { userId: user._id, status: "suspended" }),
      "user_not_active",
    ],
    [
      "the user is gone",
      ({ user }) => models.User.collection.deleteOne({ _id: user._id }),
      "user_not_active",
    ],
    [
      "the consent is revoked",
      ({ user, client }) => revokeConsent(contextAt(models, now), { userId: user._id, appId: client._id }),
      "revoked",
    ],
    [
      "the consent is gone",
      ({ user }) => models.AppPermission.collection.deleteOne({ userId: user._id }),
      "consent_revoked",
    ],
  ])("nothing works at once when %s", async (_name, act, reason) => {
    const world = await makeWorld(models);
    const { accessToken, refreshToken } = await tokensFor(models, world);
    const code = await codeFor(models, world);
    await act(world);
    expect(await validateAccessToken(contextAt(models, now), accessToken)).toEqual({ ok: false, reason });
    expect(await introspect(world.client, accessToken)).toEqual({ active: false });
    expect(await introspect(world.client, refreshToken)).toEqual({ active: false });
    expect(await refresh(models, world, refreshToken)).toMatchObject({ error: "invalid_grant", reason });
    expect(await exchange(models, world, code)).toMatchObject({ error: "invalid_grant", reason });
  });

  it("a suspended app that comes back has its tokens again", async () => {
    const world = await makeWorld(models);
    const { accessToken } = await tokensFor(models, world);
    const { clientId } = world.client;
    await setAppStatus(contextAt(models, now), { clientId, status: "suspended" });
    expect(
      await authenticateClient(contextAt(models, now), { clientId, clientSecret: world.clientSecret }),
    ).toEqual({
      ok: false,
      reason: "invalid_client",
    });
    await setAppStatus(contextAt(models, now), { clientId, status: "active" });
    expect(await isLive(accessToken)).toBe(true);
  });
});

describe("introspectToken", () => {
  it("describes an access and a refresh token to their client", async () => {
    const world = await makeWorld(models);
    const { accessToken, refreshToken } = await tokensFor(models, world);
    const common = {
      active: true,
      scope: "profile repo",
      client_id: world.client.clientId,
      sub: world.user._id.toHexString(),
      iat: now.getTime() / 1_000,
    };
    expect(await introspect(world.client, accessToken)).toEqual({
      ...common,
      token_type: "Bearer",
      jti: expect.stringMatching(/^[\w-]{32}\.[\w-]{43}$/),
      exp: after(policy.accessTokenLifetimeMs).getTime() / 1_000,
    });
    const exp = after(policy.refreshIdleMs).getTime() / 1_000;
    expect(await introspect(world.client, refreshToken)).toEqual({ ...common, exp });
  });

  it("says of any other token that it is not active, and nothing else", async () => {
    const [mine, other] = [await makeWorld(models), await makeWorld(models)];
    const foreign = await tokensFor(models, other);
    const rotated = await tokensFor(models, mine);
    await refresh(models, mine, rotated.refreshToken);
    const code = await codeFor(models, mine);
    const inactive = [foreign.accessToken, foreign.refreshToken, rotated.refreshToken, code, ...hostile];
    for (const token of inactive) expect(await introspect(mine.client, token)).toEqual({ active: false });
    const end = after(policy.refreshLifetimeMs);
    for (const token of [rotated.accessToken, rotated.refreshToken]) {
      expect(await introspect(mine.client, token, end)).toEqual({ active: false });
    }
  });

  it("sees a revoked authorization at once", async () => {
    const world = await makeWorld(models);
    const { accessToken, refreshToken } = await tokensFor(models, world);
    await revokeToken(contextAt(models, now), { client: world.client, token: refreshToken });
    for (const token of [accessToken, refreshToken]) {
      expect(await introspect(world.client, token)).toEqual({ active: false });
    }
  });
});

describe("revokeToken", () => {
  it("ends the whole authorization with a refresh token, a rotated one included", async () => {
    for (const rotate of [false, true]) {
      const world = await makeWorld(models);
      const { accessToken, refreshToken } = await tokensFor(models, world);
      const next = rotate ? granted(await refresh(models, world, refreshToken)) : undefined;
      const revoke = () => revokeToken(contextAt(models, now), { client: world.client, token: refreshToken });
      expect(await revoke()).toBe(true);
      expect(await revoke()).toBe(false);
      expect(await isLive(next?.accessToken ?? accessToken)).toBe(false);
      expect(await refresh(models, world, next?.refreshToken ?? refreshToken)).toMatchObject({
        reason: "revoked",
      });
      expect(await alarmsOf(world)).toEqual([]);
    }
  });

  it("ends an access token alone", async () => {
    const world = await makeWorld(models);
    const first = await tokensFor(models, world);
    const second = granted(await refresh(models, world, first.refreshToken));
    expect(
      await revokeToken(contextAt(models, now), { client: world.client, token: first.accessToken }),
    ).toBe(true);
    expect(await isLive(first.accessToken)).toBe(false);
    expect(await isLive(second.accessToken)).toBe(true);
    expect(await refresh(models, world, second.refreshToken)).toMatchObject({ ok: true });
  });

  it("after its access token was revoked a retry does not bring it back", async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const { accessToken } = granted(await refresh(models, world, refreshToken));
    await revokeToken(contextAt(models, now), { client: world.client, token: accessToken });
    expect(await refresh(models, world, refreshToken)).toMatchObject({ reason: "superseded" });
    expect(await isLive(accessToken)).toBe(false);
  });

  it("takes an invalid token, and leaves another client's as it is", async () => {
    const [mine, other] = [await makeWorld(models), await makeWorld(models)];
    const { accessToken, refreshToken } = await tokensFor(models, other);
    for (const token of [accessToken, refreshToken, ...hostile]) {
      expect(await revokeToken(contextAt(models, now), { client: mine.client, token })).toBe(false);
    }
    expect(await isLive(accessToken)).toBe(true);
    expect(await refresh(models, other, refreshToken)).toMatchObject({ ok: true });
  });

  it("takes no token that was made up under a known handle", async () => {
    const world = await makeWorld(models);
    const { accessToken } = await tokensFor(models, world);
    const under = parseToken("accessToken", accessToken) ?? strayToken("accessToken");
    for (const kind of ["refreshToken", "accessToken"] as const) {
      const token = mintMarkedToken(kind, under, "a key").raw;
      expect(token.startsWith(tokenPrefixes[kind])).toBe(true);
      expect(await revokeToken(contextAt(models, now), { client: world.client, token })).toBe(false);
    }
    expect(await isLive(accessToken)).toBe(true);
  });
});
