import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  ApiKeyVerifier,
  createApiKey,
  createLoginChallenge,
  type IdentityModels,
  openSession,
  parseToken,
  refreshSession,
  rotateApiKey,
  rotateClientSecret,
  type TokenKind,
  tokenPrefixes,
  validateAccessToken,
  validateSession,
  verifyLoginChallenge,
} from "../src/index.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { codeFor, exchange, granted, makeWorld, now, refresh } from "./oauth-world.js";
import { dumpOf } from "./person.js";

const database = useIdentityDatabase();
let models: IdentityModels;
/** Everything that a bearer was given. */
const secrets: string[] = [];
let dump = "";

beforeAll(async () => {
  models = database().models;
  const user = await makeUser(models);
  const userId = user._id;
  const opened = await openSession(models, { userId, ip: "203.0.113.7" }, now);
  const rotated = await refreshSession(models, opened.token, now);
  if (!rotated.refreshed) throw new Error(rotated.reason);
  secrets.push(opened.token, rotated.token);

  const world = await makeWorld(models);
  const code = await codeFor(models, world);
  const first = granted(await exchange(models, world, code));
  const second = granted(await refresh(models, world, first.refreshToken));
  secrets.push(code, world.verifier, world.clientSecret ?? "");
  for (const tokens of [first, second]) secrets.push(tokens.accessToken, tokens.refreshToken ?? "");
  const { clientId } = world.client;
  const { ownerId } = await models.App.findOne({ clientId }).orFail();
  secrets.push((await rotateClientSecret(models, { clientId, ownerId }, now)).clientSecret);

  const key = await createApiKey(
    models,
    { userId, name: "A key", scopes: ["repo"], quota: { remaining: 10 } },
    now,
  );
  const verifier = new ApiKeyVerifier(models);
  await verifier.verify({ key: key.key }, now);
  await verifier.close();
  const next = await rotateApiKey(models, { userId, keyId: key.apiKey.id, overlapMs: 60_000 }, now);
  secrets.push(key.key, next.key);

  const challenge = await createLoginChallenge(
    models,
    { userId, sessionGeneration: 0, risk: { level: "medium", reasons: [] } },
    now,
  );
  secrets.push(challenge.token, challenge.code);
  dump = await dumpOf(models);
});

/** Every string of a dump. */
function textsOf(text: string): string[] {
  const texts = new Set<string>();
  JSON.parse(text, (_key, value) => {
    if (typeof value === "string" && value.length < 2_000) texts.add(value);
    return value;
  });
  return [...texts];
}

describe("a dump of the whole database after every kind of secret was used", () => {
  it("has none of them, nor the random part of one", () => {
    expect(secrets.length).toBeGreaterThan(12);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(0);
      expect(dump).not.toContain(secret.length > 40 ? secret.slice(26, 60) : `"${secret}"`);
    }
  });

  it("has nothing that is a token of any kind", () => {
    const kinds = Object.keys(tokenPrefixes) as TokenKind[];
    const tokens = textsOf(dump).filter((text) => kinds.some((kind) => parseToken(kind, text)));
    expect(tokens).toEqual([]);
  });

  it("has nothing that opens anything when it is presented, as it is or behind any prefix", async () => {
    const verifier = new ApiKeyVerifier(models);
    const opened: string[] = [];
    for (const text of textsOf(dump)) {
      for (const presented of [text, ...Object.values(tokenPrefixes).map((prefix) => `${prefix}_${text}`)]) {
        const session = await validateSession(models, presented, now);
        const access = await validateAccessToken(models, presented, now);
        const key = await verifier.verify({ key: presented }, now);
        const challenge = await verifyLoginChallenge(models, { token: presented, code: "00000000" }, now);
        if (session.active || access.active || key.valid || challenge.passed) opened.push(presented);
      }
    }
    await verifier.close();
    expect(opened).toEqual([]);
  });

  it("has the SHA-256 of what is looked up, so that the search above was not of an empty place", () => {
    const last = secrets.at(-2) ?? "";
    expect(dump).toContain(createHash("sha256").update(last).digest("base64url"));
  });
});
