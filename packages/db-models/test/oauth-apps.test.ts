import { generateKeyPairSync, type JsonWebKey, type KeyObject } from "node:crypto";
import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { duration, limits } from "../src/core/limits.js";
import { sha256 } from "../src/core/secrets.js";
import type { AppChanges, AppRegistration, IdentityModels } from "../src/index.js";
import { validateAccessToken } from "../src/oauth/access.js";
import { updateApp } from "../src/oauth/app-changes.js";
import { listApps, registerApp, rotateClientSecret, setAppStatus } from "../src/oauth/apps.js";
import { authenticateClient, findClient } from "../src/oauth/clients.js";
import { grantConsent, listConsents, revokeConsent } from "../src/oauth/consents.js";
import { refreshAppToken } from "../src/oauth/refresh.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";
import { authorize, codeFor, exchange, makeWorld, redirectUri, tokensFor } from "./oauth-world.js";

type KeyType = "rsa" | "ec" | "ed25519" | "x25519";

/** The public half of a new key. */
function jwkOf(type: KeyType, options: object = {}): JsonWebKey {
  const generate = generateKeyPairSync as (type: string, options: object) => { publicKey: KeyObject };
  return generate(type, options).publicKey.export({ format: "jwk" });
}

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const registration: AppRegistration = {
  name: "Notes",
  type: "confidential",
  redirectUris: [redirectUri],
  scopes: ["repo"],
};
const parallel = 100;

async function register(changes: Partial<AppRegistration> = {}) {
  const ownerId = new Types.ObjectId();
  const registered = await registerApp(contextAt(models, now), { ...registration, ownerId, ...changes });
  return { ...registered, ownerId, clientId: registered.app.clientId };
}

const proves = async (clientId: string, clientSecret: unknown, at = now) =>
  (await authenticateClient(contextAt(models, at), { clientId, clientSecret })).ok;

describe("registerApp", () => {
  it("gives a confidential client a secret of which only the hash is stored, a public one none", async () => {
    const confidential = await register();
    const stored = await models.App.findById(confidential.app._id).select("+clientSecrets").lean();
    expect(stored?.clientSecrets).toEqual([
      { secretHash: sha256(confidential.clientSecret ?? ""), createdAt: now },
    ]);
    expect(JSON.stringify(stored)).not.toContain(confidential.clientSecret?.slice(5, 40));
    expect(await register({ type: "public" })).not.toHaveProperty("clientSecret");
    await new models.App(stored as object).validate();
  });

  it.each<[string, object]>([
    ["a redirect URI with a fragment", { redirectUris: [`${redirectUri}#a`] }],
    ["no redirect URI", { redirectUris: [] }],
    ["too many", { redirectUris: Array(limits.redirectUris + 1).fill(redirectUri) }],
    ["a private scheme of a confidential client", { redirectUris: ["com.example.app:/"] }],
    ["a malformed scope", { scopes: ["repo read"] }],
    ["no scope", { scopes: [] }],
    ["an unknown grant type", { grantTypes: ["password"] }],
    ["refreshing without codes", { grantTypes: ["refresh_token"] }],
    ["a script for a home page", { homepage: "javascript:alert(1)" }],
    ["control characters", { name: "No\u0000tes" }],
    ["a name with a space that is not seen", { name: "Notes\u200b" }],
    ["a name with a soft hyphen", { name: "Google\u00ad" }],
    ["an owner that is none", { ownerId: undefined }],
    ["an owner in text", { ownerId: "6932f0c2a7d3b1e4c5f60718" }],
    ["an operator", { name: { $gt: "" } }],
    ["a field of the database", { status: "active" }],
    ["a client id of its choice", { clientId: "mine" }],
  ])("refuses %s", async (_name, changes) => {
    await expect(register(changes)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it.each(["می‌خواهم", "क्‍ष", "Notes ❤️"])("takes a name that needs joiners: %s", async (name) => {
    expect((await register({ name })).app.name).toBe(name);
  });

  // RFC 7518 sections 3.3 and 3.4; a key that can sign no assertion is an app that can never authenticate.
  it.each<[string, JsonWebKey, boolean]>([
    ["RSA of 2,048 bits", jwkOf("rsa", { modulusLength: 2_048 }), true],
    ["RSA for PS256", { ...jwkOf("rsa", { modulusLength: 2_048 }), alg: "PS256" }, true],
    ["P-256", jwkOf("ec", { namedCurve: "P-256" }), true],
    ["Ed25519", { ...jwkOf("ed25519"), alg: "EdDSA", use: "sig" }, true],
    ["RSA of 1,024 bits", jwkOf("rsa", { modulusLength: 1_024 }), false],
    ["P-384", jwkOf("ec", { namedCurve: "P-384" }), false],
    ["X25519", jwkOf("x25519"), false],
    ["RSA for ES256", { ...jwkOf("rsa", { modulusLength: 2_048 }), alg: "ES256" }, false],
    ["a key to encrypt with", { ...jwkOf("rsa", { modulusLength: 2_048 }), use: "enc" }, false],
  ])("public keys: %s", async (_name, jwk, isGood) => {
    const registered = register({
      clientAuthentication: "private_key_jwt",
      publicKeys: [jwk as never],
    });
    if (isGood) expect((await registered).app.publicKeys).toHaveLength(1);
    else await expect(registered).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it("lists the owner's apps, without secrets", async () => {
    const { ownerId, clientId } = await register();
    const [app, ...more] = await listApps(contextAt(models), { ownerId });
    expect(app).toMatchObject({ clientId, name: "Notes" });
    expect(app).not.toHaveProperty("clientSecrets");
    expect(more).toEqual([]);
  });
});

describe("updateApp", () => {
  const update = (clientId: string, changes: AppChanges, ownerId?: Types.ObjectId) =>
    updateApp(contextAt(models, after(1)), { clientId, changes, ...(ownerId && { ownerId }) });
  const stored = (clientId: string) => models.App.findOne({ clientId }).select("+clientSecrets").lean();

  it("changes what is given, takes away what is null, and leaves the rest", async () => {
    const { clientId } = await register({ homepage: "https://notes.example.com/", accessTokenFormat: "jwt" });
    const before = await stored(clientId);
    const { app, clientSecret } = await update(clientId, {
      redirectUris: ["https://notes.example.com/new"],
      scopes: ["repo", "user"],
      accessTokenFormat: null,
    });
    expect(clientSecret).toBeUndefined();
    expect(app).toMatchObject({ name: "Notes", redirectUris: ["https://notes.example.com/new"] });
    const { accessTokenFormat: _gone, ...rest } = before ?? {};
    const changed = { redirectUris: ["https://notes.example.com/new"], scopes: ["repo", "user"] };
    expect(await stored(clientId)).toEqual({ ...rest, ...changed, updatedAt: after(1) });
  });

  it.each<[string, object]>([
    ["its type", { type: "public" }],
    ["its client id", { clientId: "mine" }],
    ["a redirect URI that is none", { redirectUris: ["https://*.example.com/"] }],
    ["redirect URIs that its grant types need", { redirectUris: [] }],
    ["keys without the way that uses them", { publicKeys: [jwkOf("ed25519")] }],
    ["what must be there", { name: null }],
  ])("refuses to change %s, and changes nothing", async (_name, changes) => {
    const { clientId } = await register();
    const before = await stored(clientId);
    await expect(update(clientId, changes as AppChanges)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await stored(clientId)).toEqual(before);
  });

  it("changes keys with an overlap, and between keys and a secret", async () => {
    const [first, second] = [jwkOf("ed25519"), jwkOf("ed25519")];
    const { clientId, clientSecret, ownerId } = await register();
    const toKeys: AppChanges = { clientAuthentication: "private_key_jwt", publicKeys: [first as never] };
    await update(clientId, toKeys, ownerId);
    expect(await proves(clientId, clientSecret)).toBe(false);
    const { clientSecrets, publicKeys = [] } = (await stored(clientId)) ?? {};
    expect([clientSecrets, publicKeys.map((jwk) => JSON.parse(jwk))]).toEqual([[], [first]]);
    const rotation = rotateClientSecret(contextAt(models, now), { ownerId, clientId });
    await expect(rotation).rejects.toMatchObject({ code: "APP_HAS_NO_SECRET" });
    await update(clientId, { publicKeys: [second as never, first as never] });
    expect((await stored(clientId))?.publicKeys).toHaveLength(2);
    const back = await update(clientId, { clientAuthentication: null, publicKeys: null });
    expect(await proves(clientId, back.clientSecret)).toBe(true);
    expect(await stored(clientId)).not.toHaveProperty("publicKeys");
  });

  it("knows no app of another owner, and no deleted one", async () => {
    const { clientId, ownerId } = await register();
    const gone = { code: "APP_NOT_FOUND" };
    await expect(update(clientId, { name: "Mine" }, new Types.ObjectId())).rejects.toMatchObject(gone);
    await setAppStatus(contextAt(models, now), { clientId, status: "deleted" });
    await expect(update(clientId, { name: "Mine" }, ownerId)).rejects.toMatchObject(gone);
  });

  it("of changes that don't fit together, made at the same time, the whole fits in the end", async () => {
    const { clientId } = await register({ grantTypes: ["authorization_code", "client_credentials"] });
    const attempts = await Promise.allSettled([
      update(clientId, { redirectUris: [] }),
      update(clientId, { grantTypes: ["client_credentials"] }),
      ...Array.from({ length: 20 }, () => update(clientId, { redirectUris: [] })),
    ]);
    const { grantTypes, redirectUris } = (await stored(clientId)) ?? {};
    expect(grantTypes).toEqual(["client_credentials"]);
    expect([[], [redirectUri]]).toContainEqual(redirectUris);
    expect(attempts[1]).toMatchObject({ status: "fulfilled" });
  });

  it("takes scopes away from the next refresh on, and no refresh brings them back", async () => {
    const world = await makeWorld(models);
    const { refreshToken = "" } = await tokensFor(models, world);
    const { clientId } = world.client;
    await update(clientId, { scopes: ["profile"] });
    const client = (await findClient(contextAt(models, now), clientId))?.client ?? world.client;
    const refreshed = await refreshAppToken(contextAt(models, after(duration.minute)), {
      client,
      refreshToken,
    });
    expect(refreshed).toMatchObject({ ok: true, scopes: ["profile"] });
  });
});

describe("authenticateClient", () => {
  it("takes the secret of this very client only", async () => {
    const { clientId, clientSecret } = await register();
    const other = await register();
    expect(await proves(clientId, clientSecret)).toBe(true);
    expect(await proves(clientId, other.clientSecret)).toBe(false);
    expect(await proves(clientId, undefined)).toBe(false);
    expect(await proves(clientId, sha256(clientSecret ?? ""))).toBe(false);
    expect(await proves("nobody", clientSecret)).toBe(false);
  });

  it("takes a public client without a secret, and refuses one that sends some", async () => {
    const { clientId } = await register({ type: "public" });
    expect(await proves(clientId, undefined)).toBe(true);
    expect(await proves(clientId, "")).toBe(false);
    expect(await proves(clientId, "secret")).toBe(false);
  });

  it.each([undefined, null, 1, {}, { $ne: "" }, ["a"], "", "\u0000", "x".repeat(1e6)])(
    "refuses %.20j for an id or a secret",
    async (value) => {
      const { clientId } = await register();
      expect((await authenticateClient(contextAt(models, now), { clientId: value })).ok).toBe(false);
      expect(await proves(clientId, value)).toBe(false);
    },
  );

  it("knows no suspended and no deleted app; the owner alone can delete", async () => {
    const { clientId, clientSecret, ownerId } = await register();
    await setAppStatus(contextAt(models, now), { clientId, status: "suspended" });
    expect(await proves(clientId, clientSecret)).toBe(false);
    await setAppStatus(contextAt(models, now), { clientId, status: "active" });
    expect(await proves(clientId, clientSecret)).toBe(true);
    const deleted = { clientId, status: "deleted" } as const;
    const stranger = setAppStatus(contextAt(models, now), { ...deleted, ownerId: new Types.ObjectId() });
    await expect(stranger).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
    await setAppStatus(contextAt(models, now), { ...deleted, ownerId });
    expect(await proves(clientId, clientSecret)).toBe(false);
    const back = setAppStatus(contextAt(models, now), { clientId, status: "active" });
    await expect(back).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
  });
});

describe("rotateClientSecret", () => {
  it("lets the secret before overlap, and never more than one", async () => {
    const { ownerId, clientId, clientSecret: first } = await register();
    const overlapMs = duration.hour;
    const second = await rotateClientSecret(contextAt(models, now), { ownerId, clientId, overlapMs });
    expect(second.formerExpiresAt).toEqual(after(overlapMs));
    expect(await proves(clientId, first, after(overlapMs - 1))).toBe(true);
    expect(await proves(clientId, first, after(overlapMs))).toBe(false);
    expect(await proves(clientId, second.clientSecret, after(overlapMs))).toBe(true);
    const third = await rotateClientSecret(contextAt(models, now), { ownerId, clientId, overlapMs });
    expect(await proves(clientId, first)).toBe(false);
    expect(await proves(clientId, second.clientSecret)).toBe(true);
    expect(await proves(clientId, third.clientSecret)).toBe(true);
  });

  it("ends the secret before at once when there is to be no overlap", async () => {
    const { ownerId, clientId, clientSecret } = await register();
    await rotateClientSecret(contextAt(models, now), { ownerId, clientId, overlapMs: 0 });
    expect(await proves(clientId, clientSecret)).toBe(false);
  });

  it("refuses a stranger, a public client, and an overlap out of bounds", async () => {
    const { ownerId, clientId } = await register();
    const publicApp = await register({ type: "public" });
    const rotate = (input: object) =>
      rotateClientSecret(contextAt(models, now), { ownerId, clientId, ...input });
    await expect(rotate({ ownerId: new Types.ObjectId() })).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
    await expect(rotate(publicApp)).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
    await expect(rotate({ clientId: { $ne: "" } })).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
    await expect(rotate({ overlapMs: -1 })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(rotate({ overlapMs: 31 * duration.day })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it(`${parallel} parallel rotations leave two secrets, both of which were given out`, async () => {
    const { ownerId, clientId } = await register();
    const rotations = Array.from({ length: parallel }, () =>
      rotateClientSecret(contextAt(models, now), { ownerId, clientId }),
    );
    const secrets = (await Promise.all(rotations)).map(({ clientSecret }) => clientSecret);
    const live = await Promise.all(secrets.map((secret) => proves(clientId, secret)));
    expect(live.filter(Boolean)).toHaveLength(2);
  });
});

describe("consents", () => {
  it("are widened only by the user, and listed", async () => {
    const world = await makeWorld(models, { scopes: ["profile", "repo", "mail"] });
    const { _id: userId } = world.user;
    const wider = await authorize(models, world, { scope: "repo mail" });
    expect(wider).toMatchObject({
      ok: false,
      reason: "consent_needed",
      missing: ["mail"],
      app: { name: "Notes" },
    });
    expect(await authorize(models, world, { scope: "repo:read" })).toMatchObject({ ok: true });
    const given = await grantConsent(contextAt(models, now), {
      userId,
      appId: world.client._id,
      scopes: ["mail"],
    });
    expect(given.scopes).toEqual(["mail", "profile", "repo"]);
    expect(await authorize(models, world, { scope: "repo mail" })).toMatchObject({ ok: true });
    expect(await listConsents(contextAt(models), { userId })).toEqual([
      {
        id: expect.any(Types.ObjectId),
        appId: world.client._id,
        app: { clientId: world.client.clientId, name: "Notes", status: "active" },
        scopes: ["mail", "profile", "repo"],
        grantedAt: now,
        lastUsedAt: now,
      },
    ]);
  });

  it("are listed in full pages, also where an app is purged in between", async () => {
    const userId = (await makeUser(models))._id;
    const apps: Types.ObjectId[] = [];
    for (let at = 0; at < 6; at += 1) {
      const { app } = await register({ scopes: ["profile"] });
      apps.push(app._id);
      await grantConsent(contextAt(models, after(at)), { userId, appId: app._id, scopes: ["profile"] });
    }
    await models.App.deleteMany({ _id: { $in: apps.filter((_, at) => [2, 4, 5].includes(at)) } });
    const page = await listConsents(contextAt(models), { userId, page: { limit: 2 } });
    expect(page.map(({ appId }) => appId)).toEqual([apps[3], apps[1]]);
    const [, { id, grantedAt: at } = { id: userId, grantedAt: now }] = page;
    const rest = await listConsents(contextAt(models), { userId, page: { limit: 2, before: { at, id } } });
    expect(rest.map(({ appId }) => appId)).toEqual([apps[0]]);
  });

  it("don't go beyond what the app is registered for", async () => {
    const { user, client } = await makeWorld(models);
    const grant = (scopes: string[]) =>
      grantConsent(contextAt(models, now), { userId: user._id, appId: client._id, scopes });
    await expect(grant(["*"])).rejects.toMatchObject({ code: "INVALID_SCOPE" });
    await expect(grant(["mail"])).rejects.toMatchObject({ code: "INVALID_SCOPE" });
    await expect(grant(["re po"])).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await setAppStatus(contextAt(models, now), { clientId: client.clientId, status: "suspended" });
    await expect(grant(["repo"])).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
  });

  it("when revoked end every code and token; given again, they bring none back", async () => {
    const world = await makeWorld(models);
    const { accessToken } = await tokensFor(models, world);
    const code = await codeFor(models, world);
    const ids = { userId: world.user._id, appId: world.client._id };
    expect(await revokeConsent(contextAt(models, now), ids)).toBe(true);
    expect(await revokeConsent(contextAt(models, now), ids)).toBe(false);
    expect(await listConsents(contextAt(models), ids)).toEqual([]);
    expect(await authorize(models, world)).toMatchObject({ ok: false, reason: "consent_needed" });
    await grantConsent(contextAt(models, now), { ...ids, scopes: ["profile"] });
    expect((await listConsents(contextAt(models), ids))[0]?.scopes).toEqual(["profile"]);
    expect(await validateAccessToken(contextAt(models, now), accessToken)).toEqual({
      ok: false,
      reason: "revoked",
    });
    expect(await exchange(models, world, code)).toMatchObject({ error: "invalid_grant", reason: "revoked" });
  });

  it("when revoked end tokens with the first write, before any token is marked", async () => {
    const world = await makeWorld(models);
    const { accessToken } = await tokensFor(models, world);
    const ids = { userId: world.user._id, appId: world.client._id };
    // As far as a process gets that stops after the consent.
    await models.AppPermission.updateOne(ids, { $set: { revokedAt: now }, $inc: { generation: 1 } });
    const check = () => validateAccessToken(contextAt(models, now), accessToken);
    expect(await check()).toEqual({ ok: false, reason: "consent_revoked" });
    await grantConsent(contextAt(models, now), { ...ids, scopes: ["profile", "repo"] });
    expect(await check()).toEqual({ ok: false, reason: "consent_revoked" });
    const second = await tokensFor(models, world);
    expect((await validateAccessToken(contextAt(models, now), second.accessToken)).ok).toBe(true);
    await revokeConsent(contextAt(models, now), ids);
    expect(await models.AppToken.countDocuments({ ownerId: ids.userId, revokedAt: null })).toBe(0);
  });

  it(`of ${parallel} parallel grants none is lost`, async () => {
    const scopes = Array.from({ length: 50 }, (_, index) => `scope${index}`);
    const { app } = await register({ scopes });
    const userId = (await makeUser(models))._id;
    const grants = Array.from({ length: parallel }, (_, index) =>
      grantConsent(contextAt(models, now), { userId, appId: app._id, scopes: [`scope${index % 50}`] }),
    );
    await Promise.all(grants);
    expect((await listConsents(contextAt(models), { userId }))[0]?.scopes).toEqual([...scopes].sort());
  });
});
