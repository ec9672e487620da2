import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { createApiKey } from "../src/api-keys/manage.js";
import { rotateApiKey } from "../src/api-keys/rotate.js";
import { ApiKeyVerifier } from "../src/api-keys/verifier.js";
import { hashPassword } from "../src/core/passwords.js";
import { parseToken, randomKey, tokenLength, tokenPrefixes, writePlace } from "../src/core/secrets.js";
import { verifyRecoveryCode } from "../src/factors/recovery-codes.js";
import type { IdentityModels, TokenKind } from "../src/index.js";
import { createLoginChallenge, verifyLoginChallenge } from "../src/logins/challenges.js";
import { reserveLoginAttempt } from "../src/logins/reserve.js";
import { settleLoginAttempt } from "../src/logins/settle.js";
import { validateAccessToken } from "../src/oauth/access.js";
import { rotateClientSecret } from "../src/oauth/apps.js";
import { authenticateClient } from "../src/oauth/clients.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { refreshSession } from "../src/sessions/refresh.js";
import { requestEmailVerification, verifyEmail } from "../src/users/email-verification.js";
import { requestPasswordReset, resetPassword } from "../src/users/password-reset.js";
import { contextAt, sealKeys } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { enrolled } from "./factors-world.js";
import { now } from "./moment.js";
import { codeFor, exchange, granted, makeWorld, refresh, type World } from "./oauth-world.js";
import { dumpOf } from "./person.js";

const database = useIdentityDatabase();
let models: IdentityModels;
/** Everything that a bearer was given. */
const secrets: string[] = [];
let dump = "";
let world: World;
let authorizationId: Types.ObjectId;
let factorOwner: Types.ObjectId;

beforeAll(async () => {
  models = database().models;
  const user = await makeUser(models);
  const userId = user._id;
  const opened = await openSession(contextAt(models, now), { userId, ip: "203.0.113.7" });
  const rotated = await refreshSession(contextAt(models, now), opened.token);
  if (!rotated.ok) throw new Error(rotated.reason);
  secrets.push(opened.token, rotated.token);

  world = await makeWorld(models);
  const unused = await codeFor(models, world);
  const code = await codeFor(models, world);
  const first = granted(await exchange(models, world, code));
  const second = granted(await refresh(models, world, first.refreshToken));
  authorizationId = second.authorizationId;
  secrets.push(unused, code, world.verifier, world.clientSecret ?? "");
  for (const tokens of [first, second]) secrets.push(tokens.accessToken, tokens.refreshToken ?? "");
  const { clientId } = world.client;
  const { ownerId } = await models.App.findOne({ clientId }).orFail();
  secrets.push((await rotateClientSecret(contextAt(models, now), { clientId, ownerId })).clientSecret);

  const key = await createApiKey(contextAt(models, now), {
    userId,
    name: "A key",
    scopes: ["repo"],
    quota: { remaining: 10 },
  });
  const verifier = new ApiKeyVerifier(models);
  await verifier.verify({ key: key.key }, now);
  await verifier.close();
  const next = await rotateApiKey(contextAt(models, now), {
    userId,
    keyId: key.apiKey.id,
    overlapMs: 60_000,
  });
  secrets.push(key.key, next.key);

  const challenge = await createLoginChallenge(contextAt(models, now), {
    userId,
    sessionGeneration: 0,
    risk: { level: "medium", reasons: [] },
  });
  secrets.push(challenge.token, challenge.code);

  const owner = await makeUser(models, { passwordHash: await hashPassword("a horse of another colour") });
  const verification = await requestEmailVerification(contextAt(models, now), { userId: owner._id });
  const reset = await requestPasswordReset(contextAt(models, now), { email: owner.email });
  if (!verification.ok || !reset.ok) throw new Error("a one-time token was not issued");
  secrets.push(verification.token, reset.token, "a horse of another colour");

  const deviceCookie = randomKey();
  const admission = await reserveLoginAttempt(contextAt(models, now), {
    identifier: user.email,
    deviceCookie,
  });
  if (!admission.ok) throw new Error("the sign-in is delayed");
  await settleLoginAttempt(contextAt(models, now), {
    attempt: admission.attempt,
    succeeded: true,
    userId,
    deviceCookie,
  });
  secrets.push(deviceCookie);

  factorOwner = userId;
  const factor = await enrolled(models, userId, now);
  secrets.push(factor.secret, ...factor.codes, ...sealKeys.map(({ key }) => key));
  dump = await dumpOf(models);
});

/** Every string of a dump. */
function textsOf(text: string): string[] {
  const texts = new Set<string>();
  JSON.parse(text, (key, value) => {
    if (typeof value === "string" && value.length < 2_000) texts.add(value);
    // Bytes, as a token would have them.
    if (key === "base64") texts.add(Buffer.from(value, "base64").toString("base64url"));
    return value;
  });
  return [...texts];
}

/** A text as tokens of each kind, with the prefix and the checksum that let it get as far as a read, and where to look. */
function forgedFrom(text: string): string[] {
  const place = writePlace({ ownerId: world.user._id.toHexString(), id: authorizationId.toHexString() });
  return Object.entries(tokenPrefixes).map(([kind, prefix]) => {
    const length = tokenLength(kind as TokenKind) - prefix.length - 7;
    const repeated = text.repeat(Math.ceil(length / Math.max(text.length, 1)));
    const located = `${repeated.slice(0, 22)}${place}${repeated.slice(22)}`;
    const unchecked = `${prefix}_${(length > 65 ? located : repeated).slice(0, length)}`;
    return unchecked + (crc32(unchecked) >>> 1).toString(36).padStart(6, "0");
  });
}

/** Everything that takes a bearer value, and whether it takes this one. */
async function opens(presented: string, verifier: ApiKeyVerifier): Promise<boolean> {
  const { clientId } = world.client;
  const answers = await Promise.all([
    validateSession(contextAt(models, now), presented).then(({ ok: active }) => active),
    refreshSession(contextAt(models, now), presented).then(({ ok: refreshed }) => refreshed),
    validateAccessToken(contextAt(models, now), presented).then(({ ok: active }) => active),
    exchange(models, world, presented).then(({ ok: granted }) => granted),
    refresh(models, world, presented).then(({ ok: granted }) => granted),
    authenticateClient(contextAt(models, now), { clientId, clientSecret: presented }).then((one) => one.ok),
    verifier.verify({ key: presented }, now).then(({ ok: valid }) => valid),
    verifyEmail(contextAt(models, now), { token: presented }).then(({ ok: verified }) => verified),
    resetPassword(contextAt(models, now), { token: presented, password: "a thief's password" }).then(
      ({ ok: reset }) => reset,
    ),
    verifyRecoveryCode(contextAt(models, now), { userId: factorOwner, code: presented }).then(
      ({ ok: passed }) => passed,
    ),
    verifyLoginChallenge(contextAt(models, now), { token: presented, code: "00000000" }).then(
      ({ ok: passed }) => passed,
    ),
  ]);
  return answers.includes(true);
}

describe("a dump of the whole database after every kind of secret was used", () => {
  it("has none of them, nor the random part of one", () => {
    expect(secrets.length).toBeGreaterThan(12);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(0);
      expect(dump).not.toContain(secret.length > 40 ? secret.slice(-40, -6) : `"${secret}"`);
    }
  });

  it("has nothing that is a token of any kind", () => {
    const kinds = Object.keys(tokenPrefixes) as TokenKind[];
    const tokens = textsOf(dump).filter((text) => kinds.some((kind) => parseToken(kind, text)));
    expect(tokens).toEqual([]);
  });

  it("has nothing that opens anything when it is presented: as it is, behind any prefix, or as any token", async () => {
    const verifier = new ApiKeyVerifier(models);
    const opened: string[] = [];
    let wellFormed = 0;
    for (const text of textsOf(dump)) {
      const prefixed = Object.values(tokenPrefixes).map((prefix) => `${prefix}_${text}`);
      const forged = /^[\w-]{43}$/.test(text) ? forgedFrom(text) : [];
      wellFormed += forged.filter((token) => parseToken("session", token)).length;
      for (const presented of [text, ...prefixed, ...forged]) {
        if (await opens(presented, verifier)) opened.push(presented);
      }
    }
    await verifier.close();
    expect(opened).toEqual([]);
    expect(wellFormed).toBeGreaterThan(20);
  });

  it("has the SHA-256 of what is looked up, so that the search above was not of an empty place", () => {
    const [, session = ""] = secrets;
    expect(dump).toContain(createHash("sha256").update(session).digest("base64"));
  });
});
