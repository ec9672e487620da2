import { generateKeyPairSync } from "node:crypto";
import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { clockToleranceMs } from "../src/core/clock.js";
import { duration } from "../src/core/limits.js";
import { identityPoliciesSchema } from "../src/core/policies/identity.js";
import { randomKey, sha256, sha256Text } from "../src/core/secrets.js";
import type { AppRegistration, IdentityModels } from "../src/index.js";
import { validateAccessToken, validateAccessTokenById } from "../src/oauth/access.js";
import { registerApp } from "../src/oauth/apps.js";
import { useAssertion } from "../src/oauth/assertions.js";
import { checkAuthorizationRequest, issueAuthorizationCode } from "../src/oauth/authorize.js";
import { grantToClient } from "../src/oauth/client-grant.js";
import { authenticateClient, findClient } from "../src/oauth/clients.js";
import { grantConsent, revokeConsent } from "../src/oauth/consents.js";
import {
  beginDeviceAuthorization,
  type DeviceCodes,
  decideOnDevice,
  findWaitingDevice,
  pollDevice,
} from "../src/oauth/devices.js";
import { exchangeAuthorizationCode } from "../src/oauth/exchange.js";
import { introspectToken } from "../src/oauth/introspect.js";
import { refreshAppToken } from "../src/oauth/refresh.js";
import {
  claimAuthorizationRequest,
  readAuthorizationRequest,
  storeAuthorizationRequest,
  takeUpAuthorizationRequest,
} from "../src/oauth/requests.js";
import { resealSigningKeys, withdrawSigningKey } from "../src/oauth/signing-key-care.js";
import { readSigningKeys, rotateSigningKey } from "../src/oauth/signing-keys.js";
import { openSession } from "../src/sessions/open.js";
import { revokeSession } from "../src/sessions/revoke.js";
import { contextAt, sealKeys } from "./context.js";
import { useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";
import { codeFor, granted, makeWorld, redirectUri, type World } from "./oauth-world.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const policy = identityPoliciesSchema.parse({}).oauth;
const api = "https://api.example.com/";
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code" as const;

const registered = (changes: Partial<AppRegistration>) => {
  const ownerId = new Types.ObjectId();
  const app = { name: "A", type: "confidential", redirectUris: [redirectUri], scopes: ["repo"] } as const;
  return registerApp(contextAt(models, now), { ownerId, ...app, ...changes } as never);
};

describe("apps", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = publicKey.export({ format: "jwk" });
  const keyed = { clientAuthentication: "private_key_jwt", publicKeys: [jwk] } as never;
  it.each<[string, object]>([
    [
      "a private key for a public one",
      { ...(keyed as object), publicKeys: [privateKey.export({ format: "jwk" })] },
    ],
    [
      "a key that is none",
      { ...(keyed as object), publicKeys: [{ kty: "EC", crv: "P-256", x: "AA", y: "AA" }] },
    ],
    ["keys without their method", { publicKeys: [jwk] }],
    ["a method without its keys", { clientAuthentication: "private_key_jwt" }],
    ["client credentials of a public client", { type: "public", grantTypes: ["client_credentials"] }],
    ["codes without a redirect URI", { redirectUris: [] }],
    ["refresh tokens of nothing", { grantTypes: ["refresh_token"], redirectUris: [] }],
    ["an origin with a path", { origins: ["https://app.example.com/a"] }],
    ["the origin null", { origins: ["null"] }],
    ["a resource with a fragment", { resources: ["https://api.example.com/#a"] }],
    ["a relative resource", { resources: ["/api"] }],
    ["a logout address by http", { backChannelLogoutUri: "http://app.example.com/logout" }],
    ["a post-logout address by http", { postLogoutRedirectUris: ["http://app.example.com/bye"] }],
  ])("are not registered with %s", async (_name, changes) => {
    await expect(registered(changes as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it("with private_key_jwt get no secret, and authenticate with none", async () => {
    const { app, clientSecret } = await registered(keyed);
    expect(clientSecret).toBeUndefined();
    const { clientId } = app;
    for (const secret of [undefined, "", "idx_"]) {
      const answer = await authenticateClient(contextAt(models, now), { clientId, clientSecret: secret });
      expect(answer).toEqual({ ok: false, reason: "invalid_client" });
    }
    const known = await findClient(contextAt(models, now), clientId);
    expect(known?.publicKeys.map((text) => JSON.parse(text))).toEqual([jwk]);
    expect(known?.client).not.toHaveProperty("clientSecrets");
  });

  it("authenticate by their registered method only, where one is registered", async () => {
    const { app, clientSecret } = await registered({ clientAuthentication: "client_secret_post" });
    const ask = (method: "client_secret_basic" | "client_secret_post") =>
      authenticateClient(contextAt(models, now), { clientId: app.clientId, clientSecret, method });
    expect((await ask("client_secret_post")).ok).toBe(true);
    expect((await ask("client_secret_basic")).ok).toBe(false);
  });
});

describe("checkAuthorizationRequest", () => {
  // OAuth 2.1 section 4.1.1; OpenID Connect Core section 3.1.2.1 requires it.
  it("knows where the answer goes when the app has one address, unless the request is OpenID Connect's", async () => {
    const world = await makeWorld(models, { scopes: ["openid", "profile", "repo"] });
    const ask = (scope: string) =>
      checkAuthorizationRequest(contextAt(models, now), { ...world.request, redirectUri: undefined, scope });
    expect(await ask("repo")).toMatchObject({ ok: true, redirectUri });
    expect(await ask("openid repo")).toMatchObject({ ok: false, reason: "redirect_uri_mismatch" });
  });

  // RFC 8707 section 2.
  it("refuses a resource that is not the app's", async () => {
    const world = await makeWorld(models, { resources: [api] });
    const ask = (resources: string[]) =>
      checkAuthorizationRequest(contextAt(models, now), { ...world.request, resources });
    expect(await ask([api])).toMatchObject({ ok: true, audiences: [api] });
    expect(await ask(["https://other.example.com/"])).toMatchObject({
      reason: "invalid_target",
      redirect: true,
    });
  });

  it("counts a consent to everything as none to openid and offline_access", async () => {
    const world = await makeWorld(models, { scopes: ["*", "openid", "offline_access"] });
    const check = await checkAuthorizationRequest(contextAt(models, now), {
      ...world.request,
      scope: "* openid",
    });
    expect(check).toMatchObject({ ok: true, scopes: ["*", "openid"] });
    const wild = await makeWorld(models, { scopes: ["*"] });
    const refused = await checkAuthorizationRequest(contextAt(models, now), {
      ...wild.request,
      scope: "openid",
    });
    expect(refused).toMatchObject({ ok: false, reason: "invalid_scope" });
  });
});

describe("what an authorization keeps", () => {
  it("comes with its tokens, also after a rotation", async () => {
    const world = await makeWorld(models);
    const facts = { nonce: "n-1", acr: 2, amr: ["pwd", "otp", "mfa"], authenticatedAt: now };
    const request = { ...world.request, userId: world.user._id, facts };
    const code = await issueAuthorizationCode(contextAt(models, now), request);
    if (!code.ok) throw new Error(code.reason);
    const { client, verifier: codeVerifier } = world;
    const tokens = granted(
      await exchangeAuthorizationCode(contextAt(models, now), {
        client,
        code: code.code,
        redirectUri,
        codeVerifier,
      }),
    );
    expect(tokens.facts).toEqual(facts);
    const next = granted(
      await refreshAppToken(contextAt(models, after(60_000)), { client, refreshToken: tokens.refreshToken }),
    );
    expect(next.facts).toEqual(facts);
    expect(await validateAccessTokenById(contextAt(models, after(60_000)), next.accessTokenId)).toMatchObject(
      {
        ok: true,
        token: { facts },
      },
    );
  });

  // OpenID Connect Back-Channel Logout section 2.7.
  it("ends at once with the session that it is bound to", async () => {
    const world = await makeWorld(models);
    const { id: boundSessionId } = await openSession(contextAt(models, now), { userId: world.user._id });
    const facts = { sessionId: boundSessionId, boundSessionId };
    const request = { ...world.request, userId: world.user._id, facts };
    const code = await issueAuthorizationCode(contextAt(models, now), request);
    if (!code.ok) throw new Error(code.reason);
    const { client, verifier: codeVerifier } = world;
    const exchange = { client, code: code.code, redirectUri, codeVerifier };
    const tokens = granted(await exchangeAuthorizationCode(contextAt(models, now), exchange));
    const check = () => validateAccessToken(contextAt(models, now), tokens.accessToken);
    expect((await check()).ok).toBe(true);
    await revokeSession(contextAt(models, now), { userId: world.user._id, sessionId: boundSessionId });
    expect(await check()).toEqual({ ok: false, reason: "session_ended" });
    const refresh = await refreshAppToken(contextAt(models, now), {
      client,
      refreshToken: tokens.refreshToken,
    });
    expect(refresh).toMatchObject({ error: "invalid_grant", reason: "session_ended" });
  });

  // RFC 9449 section 5: a public client's refresh token is good for its key's holder only, and others can't end it.
  it("is bound to the key of a public client", async () => {
    const world = await makeWorld(models, { type: "public" });
    const [dpopKey, other] = [sha256Text(randomKey()), sha256Text(randomKey())];
    const { client, verifier: codeVerifier } = world;
    const code = await codeFor(models, world);
    const exchange = { client, code, redirectUri, codeVerifier, dpopKey };
    const tokens = granted(await exchangeAuthorizationCode(contextAt(models, now), exchange));
    expect(tokens.dpopKey).toBe(dpopKey);
    const refresh = (key?: string) =>
      refreshAppToken(contextAt(models, now), { client, refreshToken: tokens.refreshToken, dpopKey: key });
    expect(await refresh(other)).toMatchObject({ error: "invalid_grant", reason: "key_mismatch" });
    expect(await refresh()).toMatchObject({ error: "invalid_grant", reason: "key_mismatch" });
    expect(await refresh(dpopKey)).toMatchObject({ ok: true, dpopKey });
  });
});

describe("grantToClient", () => {
  const credentials = { grantTypes: ["client_credentials"], redirectUris: [] } as Partial<AppRegistration>;
  const clientOf = async (changes: Partial<AppRegistration>) => {
    const { app } = await registered({ ...credentials, ...changes });
    return (await findClient(contextAt(models, now), app.clientId))!.client;
  };

  it("gives a token of nobody, without a refresh token, for the scopes and resources of the app", async () => {
    const client = await clientOf({ scopes: ["openid", "repo"], resources: [api] });
    const result = await grantToClient(contextAt(models, now), { client, audiences: [api] });
    expect(result).toMatchObject({ ok: true, scopes: ["repo"], audiences: [api] });
    expect(result).not.toHaveProperty("refreshToken");
    expect(result).not.toHaveProperty("userId");
    const check = await validateAccessToken(contextAt(models, now), granted(result).accessToken);
    expect(check).toMatchObject({ ok: true, token: { clientId: client.clientId, audiences: [api] } });
    const question = {
      client: { ...client, type: "confidential" as const },
      token: granted(result).accessToken,
    };
    expect(await introspectToken(contextAt(models, now), question)).toMatchObject({
      sub: client.clientId,
      aud: api,
    });
    const stored = await models.AppToken.findOne({ appId: client._id }).orFail();
    await stored.validate();
  });

  it("refuses other scopes, other resources and other apps", async () => {
    const client = await clientOf({});
    const refusal = async (changes: object) => {
      const result = await grantToClient(contextAt(models, now), { client, ...changes });
      return result.ok ? "granted" : result.error;
    };
    expect(await refusal({ scope: "other" })).toBe("invalid_scope");
    expect(await refusal({ scope: "openid" })).toBe("invalid_scope");
    expect(await refusal({ audiences: [api] })).toBe("invalid_target");
    expect(await refusal({ client: { ...client, type: "public" } })).toBe("unauthorized_client");
    expect(await refusal({ client: { ...client, grantTypes: ["authorization_code"] } })).toBe(
      "unauthorized_client",
    );
  });
});

describe("introspectToken", () => {
  it("shows a token to the resource servers that it names, and to no other", async () => {
    const { app } = await registered({
      grantTypes: ["client_credentials"],
      redirectUris: [],
      resources: [api],
    });
    const client = (await findClient(contextAt(models, now), app.clientId))!.client;
    const { accessToken: token } = granted(
      await grantToClient(contextAt(models, now), { client, audiences: [api] }),
    );
    const server = async (serves: string[]) => {
      const { app: asker } = await registered({ serves });
      const known = await findClient(contextAt(models, now), asker.clientId);
      const question = { client: { ...known!.client, type: "confidential" as const }, token };
      return (await introspectToken(contextAt(models, now), question)).active;
    };
    expect(await server([api])).toBe(true);
    expect(await server(["https://other.example.com/"])).toBe(false);
  });
});

describe("authorization requests", () => {
  const appId = () => new Types.ObjectId();
  const store = () =>
    storeAuthorizationRequest(contextAt(models, now), {
      appId: appId(),
      origin: "browser",
      parameters: { scope: "openid", resource: [api, "https://b.example.com/"] },
    });
  const [mine, theirs] = [sha256("mine"), sha256("theirs")];

  it("come back as they were stored, until they expire", async () => {
    const { token } = await store();
    const read = (at: Date) => readAuthorizationRequest(contextAt(models, at), token);
    const parameters = { scope: "openid", resource: [api, "https://b.example.com/"] };
    expect(await read(now)).toMatchObject({ parameters, used: false });
    expect(await read(after(policy.requestLifetimeMs))).toBeUndefined();
    expect(await readAuthorizationRequest(contextAt(models, now), { $ne: "" })).toBeUndefined();
    expect(JSON.stringify(await models.AuthorizationRequest.find().lean())).not.toContain(token);
  });

  it("go on in the browser that took them up first, and in no other", async () => {
    const { token } = await store();
    const takeUp = (browserHash: Buffer, authenticatedAt?: Date) =>
      takeUpAuthorizationRequest(contextAt(models, now), { token, browserHash, authenticatedAt });
    expect(await takeUp(mine)).toMatchObject({ browserHash: mine });
    expect(await takeUp(theirs)).toBeUndefined();
    const again = await takeUp(mine, now);
    expect(again).toMatchObject({ browserHash: mine });
    // The first sighting stays: a sign-in since then is one that the request asked for.
    expect(again).not.toHaveProperty("seenAuthenticatedAt");
  });

  it("are answered once, by one of a hundred at the same time", async () => {
    const { token } = await store();
    const claims = Array.from({ length: 100 }, () =>
      claimAuthorizationRequest(contextAt(models, now), token),
    );
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
  });

  it("are refused when they are too long", async () => {
    const input = { appId: appId(), origin: "pushed" as const, parameters: { state: "x".repeat(20_000) } };
    await expect(storeAuthorizationRequest(contextAt(models, now), input)).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });
});

describe("useAssertion", () => {
  it("takes an assertion once, among a hundred at the same time; of another holder it is another", async () => {
    const expiresAt = after(60_000);
    const use = (holder: string) => useAssertion(contextAt(models, now), { holder, jti: "j-1", expiresAt });
    const uses = await Promise.all(Array.from({ length: 100 }, () => use("client:a")));
    expect(uses.filter(Boolean)).toHaveLength(1);
    expect(await use("client:b")).toBe(true);
  });
});

describe("devices", () => {
  const scopes = ["repo"];
  const begin = async (world: World) =>
    (await beginDeviceAuthorization(contextAt(models, now), {
      client: world.client,
      scope: "repo",
    })) as DeviceCodes;
  const deviceWorld = () =>
    makeWorld(models, { grantTypes: [deviceGrant, "refresh_token"], redirectUris: [] } as never);
  const poll = async (world: World, deviceCode: string, at: Date) => {
    const result = await pollDevice(contextAt(models, at), { client: world.client, deviceCode });
    return result.ok ? "granted" : result.error;
  };

  // RFC 8628 section 6.1, 3.2.
  it("get a code that people can type, in any case and with or without its hyphen", async () => {
    const world = await deviceWorld();
    const { userCode, deviceCode } = await begin(world);
    expect(userCode).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    for (const typed of [userCode, userCode.toLowerCase(), userCode.replace("-", ""), ` ${userCode} `]) {
      expect(await findWaitingDevice(contextAt(models, now), { userCode: typed })).toMatchObject({ scopes });
    }
    const dump = JSON.stringify(await models.DeviceAuthorization.find().lean());
    for (const secret of [userCode, userCode.replace("-", ""), deviceCode])
      expect(dump).not.toContain(secret);
  });

  // RFC 8628 section 3.5; the interval counts from the last poll that was not early, or it would never be answered.
  it("hear that they are to wait, and to slow down; never late for having been early", async () => {
    const world = await deviceWorld();
    const { deviceCode, userCode } = await begin(world);
    expect(await poll(world, deviceCode, now)).toBe("authorization_pending");
    expect(await poll(world, deviceCode, after(1_000))).toBe("slow_down");
    expect(await poll(world, deviceCode, after(7_000))).toBe("slow_down");
    expect(await poll(world, deviceCode, after(15_000))).toBe("authorization_pending");
    await decideOnDevice(contextAt(models, now), { userCode, userId: world.user._id, approved: true });
    expect(await poll(world, deviceCode, after(15_001))).toBe("granted");
    expect(await poll(world, deviceCode, after(15_002))).toBe("invalid_grant");
  });

  // Source: public report H2CK/oidc#716: a poll that took longer than the next one made the next one early, and all after it.
  it("are not told to slow down for the time that their requests take", async () => {
    const { deviceCode, ...world } = await deviceWorld().then(async (made) => ({
      ...made,
      ...(await begin(made)),
    }));
    let at = 0;
    for (const late of [0, 500, 0, 900, 20, 0]) {
      expect(await poll(world, deviceCode, after(at + late)), String(at)).toBe("authorization_pending");
      at += 5_000;
    }
  });

  it("get tokens once, whichever of a hundred polls at the same time comes first", async () => {
    const world = await deviceWorld();
    const { deviceCode, userCode } = await begin(world);
    const decide = { userCode, userId: world.user._id, approved: true };
    expect(await decideOnDevice(contextAt(models, now), decide)).toBe(true);
    expect(await decideOnDevice(contextAt(models, now), decide)).toBe(false);
    const polls = await Promise.all(Array.from({ length: 100 }, () => poll(world, deviceCode, now)));
    expect(polls.filter((answer) => answer === "granted")).toHaveLength(1);
    expect(new Set(polls)).toEqual(new Set(["granted", "invalid_grant"]));
  });

  it("hear that they were denied, or came late; another app's code is unknown to it", async () => {
    const [world, other] = [await deviceWorld(), await deviceWorld()];
    const { deviceCode, userCode } = await begin(world);
    expect(await poll(other, deviceCode, now)).toBe("invalid_grant");
    await decideOnDevice(contextAt(models, now), { userCode, userId: world.user._id, approved: false });
    expect(await poll(world, deviceCode, now)).toBe("access_denied");
    const late = await begin(world);
    expect(await poll(world, late.deviceCode, after(policy.deviceCodeLifetimeMs))).toBe("expired_token");
    const userCodeLate = { userCode: late.userCode };
    expect(
      await findWaitingDevice(contextAt(models, after(policy.deviceCodeLifetimeMs)), userCodeLate),
    ).toBeUndefined();
  });

  // RFC 8628 section 3.5: nothing that the user took back becomes tokens.
  it("get nothing once the consent was taken back, also where it was given again", async () => {
    for (const isGivenAgain of [false, true]) {
      const world = await deviceWorld();
      const { userCode, deviceCode } = await begin(world);
      const { user, client } = world;
      const consent = { userId: user._id, appId: client._id };
      await decideOnDevice(contextAt(models, now), { userCode, userId: user._id, approved: true });
      await revokeConsent(contextAt(models, now), consent);
      if (isGivenAgain) await grantConsent(contextAt(models, now), { ...consent, scopes });
      expect(await poll(world, deviceCode, now)).toBe("invalid_grant");
    }
  });

  it("are connected by the first of two people alone: of the second no consent is left", async () => {
    const world = await deviceWorld();
    const { userCode } = await begin(world);
    const people = Array.from({ length: 10 }, () => new Types.ObjectId());
    const decisions = await Promise.all(
      people.map((userId) => decideOnDevice(contextAt(models, now), { userCode, userId, approved: true })),
    );
    expect(decisions.filter(Boolean)).toHaveLength(1);
    const consents = await models.AppPermission.find({ userId: { $in: people } }).lean();
    expect(consents.map(({ userId }) => userId)).toEqual([people[decisions.indexOf(true)]]);
  });

  it("wait while the consent of who approved them is being written", async () => {
    const world = await deviceWorld();
    const { userCode, deviceCode } = await begin(world);
    await decideOnDevice(contextAt(models, now), { userCode, userId: world.user._id, approved: true });
    const device = { appId: world.client._id };
    const { collection } = models.DeviceAuthorization;
    const written = await collection.findOne(device);
    if (!written) throw new Error("there is no authorization of a device");
    const itself = { _id: written._id };
    await collection.updateOne(itself, { $unset: { permissionId: 1 } });
    expect(await poll(world, deviceCode, now)).toBe("authorization_pending");
    await collection.updateOne(itself, { $set: { permissionId: written.permissionId } });
    expect(await poll(world, deviceCode, now)).toBe("granted");
  });
});

describe("signing keys", () => {
  const read = (at: Date) => readSigningKeys(contextAt(models, at), { algorithms: ["ES256"] });
  const states = async (at: Date) => (await read(at)).map(({ state }) => state);

  it("are made once, of whichever of many instances asks first", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => read(now)));
    expect(new Set(all.flat().map(({ kid }) => kid)).size).toBe(1);
    expect(all[0]).toMatchObject([
      { state: "active", algorithm: "ES256", publicJwk: { kty: "EC", use: "sig" } },
    ]);
    const dump = JSON.stringify(await models.SigningKey.find().lean());
    expect(dump).not.toContain(all[0]?.[0]?.privateJwk?.d);
  });

  it("are published before they sign, and after; every instance agrees by the clock", async () => {
    const [first] = await read(now);
    const made = await Promise.all(
      Array.from({ length: 20 }, () => rotateSigningKey(contextAt(models, now), { algorithm: "ES256" })),
    );
    expect(new Set(made.map((key) => key?.kid)).size).toBe(1);
    expect(made[0]?.kid).not.toBe(first?.kid);
    expect(await states(now)).toEqual(["active", "next"]);
    expect(await states(after(policy.signingKeyLeadMs - 1))).toEqual(["active", "next"]);
    expect(await states(after(policy.signingKeyLeadMs))).toEqual(["retired", "active"]);
    const end = policy.signingKeyLeadMs + policy.signingKeyRetirementMs;
    expect(await states(after(end - 1))).toEqual(["retired", "active"]);
    expect(await states(after(end))).toEqual(["active"]);
    expect((await read(after(policy.signingKeyLeadMs)))[0]).not.toHaveProperty("privateJwk");
  });

  it("get a successor in time, by themselves", async () => {
    const due = policy.signingKeyLeadMs + policy.signingKeyLifetimeMs - policy.signingKeyLeadMs;
    const at = (ms: number) => after(policy.signingKeyLeadMs + ms);
    expect((await states(at(due - policy.signingKeyLeadMs - duration.second))).at(-1)).toBe("active");
    expect((await states(at(due))).at(-1)).toBe("next");
  });
});

describe("a withdrawn signing key", () => {
  const algorithm = "EdDSA" as const;
  const contextFor = (at: Date) => contextAt(models, at);
  const read = (at: Date) => readSigningKeys(contextFor(at), { algorithms: [algorithm] });
  const withdraw = (at: Date, kid = "") => withdrawSigningKey(contextFor(at), { kid });
  const late = after(10 * duration.day);
  let first: string | undefined;

  it("is gone at once, and a new one signs, however often it is withdrawn", async () => {
    first = (await read(late))[0]?.kid;
    const answers = await Promise.all(Array.from({ length: 10 }, () => withdraw(late, first)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    const keys = await read(late);
    // A clock that is a little behind agrees.
    expect(keys).toMatchObject([{ state: "active", signsFrom: new Date(late.getTime() - clockToleranceMs) }]);
    expect(keys[0]?.kid).not.toBe(first);
    expect(await withdraw(late, first)).toBe(false);
    expect(await withdraw(late, "unknown")).toBe(false);
  });

  it("is followed at once by the one that waits", async () => {
    const [active] = await read(late);
    const next = await rotateSigningKey(contextFor(late), { algorithm });
    expect(next?.state).toBe("next");
    expect(await withdraw(late, active?.kid)).toBe(true);
    expect(await read(late)).toMatchObject([{ state: "active", kid: next?.kid }]);
  });

  it("changes nothing for the one that signs when it did not sign itself", async () => {
    const [active] = await read(late);
    const next = await rotateSigningKey(contextFor(late), { algorithm });
    expect(await withdraw(late, next?.kid)).toBe(true);
    expect(await read(late)).toMatchObject([{ state: "active", kid: active?.kid }]);
    const another = await rotateSigningKey(contextFor(late), { algorithm });
    expect([another?.state, another?.kid === next?.kid]).toEqual(["next", false]);
    const then = new Date(late.getTime() + policy.signingKeyLeadMs);
    expect(await withdraw(then, active?.kid)).toBe(true);
    expect(await read(then)).toMatchObject([{ state: "active", kid: another?.kid }]);
  });
});

describe("signing keys of instances whose clocks differ", () => {
  const algorithm = "RS256" as const;
  const read = (at: Date) => readSigningKeys(contextAt(models, at), { algorithms: [algorithm] });
  const activeAt = async (at: Date) => (await read(at)).find(({ state }) => state === "active");
  const start = after(800 * duration.day);
  const at = (ms: number) => new Date(start.getTime() + ms);

  it("the first one signs by clocks that are behind by less than the tolerance, and is gone there too when it is withdrawn", async () => {
    const made = await activeAt(at(clockToleranceMs));
    expect((await activeAt(at(0)))?.kid).toBe(made?.kid);
    await withdrawSigningKey(contextAt(models, at(clockToleranceMs)), { kid: made?.kid ?? "" });
    const successor = await activeAt(at(0));
    expect(successor?.kid).not.toBe(made?.kid);
    expect(await activeAt(at(clockToleranceMs))).toEqual(successor);
  });

  it("a year ahead once: the others keep their key, rotate in their time, and drop what was to stay for a year", async () => {
    const before = await activeAt(at(0));
    const year = 365 * duration.day;
    const ahead = await read(at(year));
    expect(ahead.at(-1)?.state).toBe("next");
    expect((await activeAt(at(0)))?.kid).toBe(before?.kid);
    const next = await rotateSigningKey(contextAt(models, at(0)), { algorithm });
    expect(next?.signsFrom).toEqual(at(policy.signingKeyLeadMs));
    expect((await activeAt(at(policy.signingKeyLeadMs)))?.kid).toBe(next?.kid);
    const over = at(policy.signingKeyLeadMs + policy.signingKeyRetirementMs);
    expect(await read(over)).toMatchObject([{ kid: next?.kid, state: "active" }]);
  });

  it("where a year ahead made the only one, the others make their own", async () => {
    await models.SigningKey.deleteMany({ algorithm });
    const wrong = await activeAt(at(365 * duration.day));
    const right = await activeAt(at(0));
    expect(right).toBeDefined();
    expect(right?.kid).not.toBe(wrong?.kid);
    expect((await read(at(0))).map(({ kid }) => kid)).toContain(wrong?.kid);
    expect(await read(at(0))).toHaveLength(2);
  });
});

describe("signing keys, when the deployment's seal key rotates", () => {
  const algorithm = "EdDSA" as const;
  const later = after(400 * duration.day);
  const [former] = sealKeys;
  const newer = { id: "newer", key: "n".repeat(43) };
  const withKeys = (...keys: (typeof newer)[]) => ({ ...contextAt(models, later), sealKeys: keys });
  const read = (...keys: (typeof newer)[]) => readSigningKeys(withKeys(...keys), { algorithms: [algorithm] });

  it("a successor sealed with the newer key does not stop an instance that has the former one", async () => {
    if (!former) throw new Error("tests seal");
    const active = (await read(former)).find(({ state }) => state === "active");
    await withdrawSigningKey(withKeys(former), { kid: active?.kid ?? "" });
    await rotateSigningKey(withKeys(newer, former), { algorithm });
    const seen = await read(former);
    expect(seen.map(({ state, privateJwk }) => [state, privateJwk !== undefined])).toEqual([
      ["active", true],
      ["next", false],
    ]);
  });

  it("are resealed, and then open without the former one", async () => {
    if (!former) throw new Error("tests seal");
    await expect(read(newer)).rejects.toMatchObject({ code: "SEAL_KEY_MISSING" });
    expect((await resealSigningKeys(withKeys(newer, former))).resealed).toBeGreaterThan(0);
    expect(await resealSigningKeys(withKeys(newer, former))).toEqual({
      resealed: 0,
      failed: 0,
      failures: [],
    });
    const keys = await read(newer);
    expect(keys.every(({ privateJwk }) => privateJwk !== undefined)).toBe(true);
  });

  it("one that does not open is named, and keeps no other from being resealed", async () => {
    const newest = { id: "newest", key: "m".repeat(43) };
    const [broken, ...others] = await read(newer);
    if (!broken) throw new Error("there are keys");
    const { kid } = broken;
    const sealedText = Buffer.alloc(60, 7).toString("base64url");
    await models.SigningKey.updateOne({ kid }, { $set: { sealedText } });
    const report = await resealSigningKeys(withKeys(newest, newer));
    expect(report.resealed).toBeGreaterThanOrEqual(others.length);
    expect(report.failures).toMatchObject([{ id: kid, error: { code: "SEAL_BROKEN" } }]);
    await models.SigningKey.deleteOne({ kid });
  });
});
