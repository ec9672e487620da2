import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { duration, limits } from "../src/core/limits.js";
import { sha256 } from "../src/core/secrets.js";
import type { AppRegistration, IdentityModels } from "../src/index.js";
import { validateAccessToken } from "../src/oauth/access.js";
import { listApps, registerApp, rotateClientSecret, setAppStatus } from "../src/oauth/apps.js";
import { authenticateClient } from "../src/oauth/clients.js";
import { grantConsent, listConsents, revokeConsent } from "../src/oauth/consents.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";
import { authorize, codeFor, exchange, makeWorld, redirectUri, tokensFor } from "./oauth-world.js";

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
    ["an operator", { name: { $gt: "" } }],
    ["a field of the database", { status: "active" }],
    ["a client id of its choice", { clientId: "mine" }],
  ])("refuses %s", async (_name, changes) => {
    await expect(register(changes)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it("lists the owner's apps, without secrets", async () => {
    const { ownerId, clientId } = await register();
    const [app, ...more] = await listApps(contextAt(models), { ownerId });
    expect(app).toMatchObject({ clientId, name: "Notes" });
    expect(app).not.toHaveProperty("clientSecrets");
    expect(more).toEqual([]);
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
