import fc from "fast-check";
import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { createApiKey, listApiKeys, revokeApiKey } from "../src/api-keys/manage.js";
import { rotateApiKey } from "../src/api-keys/rotate.js";
import { ApiKeyVerifier, type ApiKeyVerifierOptions } from "../src/api-keys/verifier.js";
import { duration } from "../src/core/limits.js";
import { parseToken } from "../src/core/secrets.js";
import { createIdentity, type IdentityModels } from "../src/index.js";
import { exportUserData } from "../src/privacy/export.js";
import { setUserStatus } from "../src/users/accounts.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, useIdentityDatabase } from "./database.js";
import { eraseUserData } from "./erasing.js";
import { after, now } from "./moment.js";
import { verifyApiKey } from "./recorders.js";
import { strayToken } from "./tokens.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

async function makeKey(fields: Partial<Parameters<typeof createApiKey>[1]> = {}) {
  const { _id: userId } = await makeUser(models);
  const { apiKey, key } = await createApiKey(contextAt(models, now), {
    userId,
    name: "ci",
    scopes: [],
    ...fields,
  });
  return { userId, keyId: apiKey.id, key, apiKey };
}

const stored = (keyId: Types.ObjectId) => models.ApiKey.findById(keyId).lean();
const check = (key: unknown, at = now, more: object = {}) => verifyApiKey(models, { key, ...more }, at);

/** A verifier whose timers run when the test says so. */
function manual(options: ApiKeyVerifierOptions = {}) {
  const due = new Set<() => void>();
  const verifier = new ApiKeyVerifier(models, {
    schedule: (run) => {
      due.add(run);
      return () => due.delete(run);
    },
    ...options,
  });
  const runTimers = () => {
    for (const run of [...due]) {
      due.delete(run);
      run();
    }
  };
  return { verifier, runTimers };
}

describe("the key itself", () => {
  it("reads back, and no single typo passes", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const { raw } = strayToken("apiKey");
    expect(parseToken("apiKey", raw)?.raw).toBe(raw);
    for (let at = 0; at < raw.length; at++) {
      for (const letter of alphabet) {
        const typo = raw.slice(0, at) + letter + raw.slice(at + 1);
        if (typo !== raw) expect(parseToken("apiKey", typo), typo).toBeUndefined();
      }
    }
  });

  it("is told from a text, a swap, a cut and an addition", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), fc.nat(75), (text, at) => {
        const { raw } = strayToken("apiKey");
        expect(parseToken("apiKey", raw)?.raw).toBe(raw);
        const swapped = raw.slice(0, at) + (raw[at + 1] ?? "") + (raw[at] ?? "") + raw.slice(at + 2);
        for (const other of [text, raw.slice(1), raw.slice(0, -1), `${raw}a`, ` ${raw}`]) {
          expect(parseToken("apiKey", other)).toBeUndefined();
        }
        expect(parseToken("apiKey", swapped) === undefined).toBe(swapped !== raw);
      }),
    );
  });

  it.each([
    undefined,
    null,
    7,
    {},
    [],
    "",
    "idk_",
    "x".repeat(100_000),
    { $ne: "" },
    strayToken("session").raw,
  ])("is refused without a read when it is %j", async (key) => {
    const { result, commands } = await commandsDuring(database(), () => check(key));
    expect(result).toEqual({ ok: false, reason: "malformed" });
    expect(commands).toEqual([]);
  });
});

describe("creating a key", () => {
  it("shows it once and stores its hash", async () => {
    const { key, keyId, apiKey, userId } = await makeKey({
      scopes: ["repo:read", "repo"],
      lifetimeMs: duration.day,
    });
    expect(key).toMatch(/^idk_/);
    expect(apiKey).toMatchObject({
      scopes: ["repo"],
      start: key.slice(0, 8),
      expiresAt: after(duration.day),
    });
    const document = await stored(keyId);
    expect(JSON.stringify(document)).not.toContain(key);
    await models.ApiKey.validate(document);
    expect(await listApiKeys(contextAt(models), { userId })).toEqual([apiKey]);
    expect(JSON.stringify(apiKey)).not.toMatch(/hash/i);
  });

  it("is a method of a user", async () => {
    const { _id } = await makeUser(models);
    const { models: withMethods } = createIdentity({ connection: database().connection });
    const user = await withMethods.User.findById(_id).orFail();
    const { key } = await user.createApiKey({ name: "ci", scopes: [] });
    expect(await check(key)).toMatchObject({ ok: true, userId: _id });
  });

  it.each([
    { name: "" },
    { name: "a\u0000b" },
    { scopes: ["a b"] },
    { scopes: Array.from({ length: 65 }, (_, index) => `s${index}`) },
    { lifetimeMs: 1 },
    { lifetimeMs: Number.NaN },
    { ipAllowlist: ["0177.0.0.1"] },
    { rateLimit: { limit: 0, windowMs: 1_000 } },
    { rateLimit: { limit: 1, windowMs: 10 } },
    { quota: { remaining: -1 } },
    { quota: { remaining: 1.5 } },
    { quota: { remaining: 1, refill: { amount: 0, intervalMs: 1_000 } } },
    { unknown: true },
  ])("refuses %j", async (wrong) => {
    const { _id: userId } = await makeUser(models);
    const input = { userId, name: "ci", scopes: [], ...wrong };
    await expect(createApiKey(contextAt(models, now), input)).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect(await models.ApiKey.countDocuments({ userId })).toBe(0);
  });

  it("is for active users, and leaves nothing behind for others", async () => {
    const { _id: suspended } = await makeUser(models, { status: "suspended" });
    const input = { name: "ci", scopes: [] };
    await expect(createApiKey(contextAt(models, now), { ...input, userId: suspended })).rejects.toMatchObject(
      {
        code: "USER_NOT_ACTIVE",
      },
    );
    const nobody = new Types.ObjectId();
    await expect(createApiKey(contextAt(models, now), { ...input, userId: nobody })).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
    expect(await models.ApiKey.countDocuments({ userId: { $in: [suspended, nobody] } })).toBe(0);
  });
});

describe("a verification", () => {
  it("says whose the key is and what it may", async () => {
    const { key, keyId, userId } = await makeKey({ scopes: ["repo:*"] });
    const wanted = { scopes: ["repo:read"] };
    expect(await check(key, now, wanted)).toEqual({ ok: true, keyId, userId, scopes: ["repo:*"] });
    expect(await check(key, now, { scopes: ["repo:read", "profile"] })).toEqual({
      ok: false,
      reason: "insufficient_scope",
    });
    expect((await stored(keyId))?.usage).toEqual({ requests: 2, failures: 1 });
  });

  it("refuses a key that nobody has, one that has expired, and one that was revoked, from the next on", async () => {
    expect(await check(strayToken("apiKey").raw)).toEqual({ ok: false, reason: "unknown" });
    const { key, keyId, userId } = await makeKey({ lifetimeMs: duration.hour });
    const { verifier } = manual();
    expect(await verifier.verify({ key }, after(duration.hour - 1))).toMatchObject({ ok: true });
    expect(await verifier.verify({ key }, after(duration.hour))).toEqual({ ok: false, reason: "expired" });
    expect(await revokeApiKey(contextAt(models, now), { userId: new Types.ObjectId(), keyId })).toBe(false);
    expect(await revokeApiKey(contextAt(models, now), { userId, keyId })).toBe(true);
    expect(await revokeApiKey(contextAt(models, now), { userId, keyId })).toBe(false);
    expect(await verifier.verify({ key }, now)).toEqual({ ok: false, reason: "revoked" });
    expect(await listApiKeys(contextAt(models), { userId })).toEqual([]);
    await verifier.close();
  });

  it.each([
    ["203.0.113.9", true],
    ["::ffff:203.0.113.9", true],
    ["198.51.100.1", false],
    ["2001:db8::1", true],
    ["2001:db9::1", false],
    [undefined, false],
    ["junk", false],
  ])("from %s is allowed: %s", async (ip, allowed) => {
    const { key } = await makeKey({ ipAllowlist: ["203.0.113.0/24", "2001:db8::/32"] });
    const answer = allowed ? { ok: true } : { ok: false, reason: "address_not_allowed" };
    expect(await check(key, now, ip ? { ip } : {})).toMatchObject(answer);
  });

  it("follows the account's status, and so does a key that is made meanwhile", async () => {
    const { key, userId } = await makeKey();
    const made: Promise<unknown>[] = [];
    for (let round = 0; round < 10; round++) {
      made.push(
        setUserStatus(contextAt(models, now), { userId, status: "suspended" }),
        createApiKey(contextAt(models, now), { userId, name: "late", scopes: [] }),
        setUserStatus(contextAt(models, now), { userId, status: "active" }),
      );
    }
    const results = await Promise.allSettled(made);
    await setUserStatus(contextAt(models, now), { userId, status: "suspended" });
    const keys = results.flatMap((result) =>
      result.status === "fulfilled" && result.value ? [(result.value as { key: string }).key] : [],
    );
    for (const one of [key, ...keys]) expect(await check(one)).toMatchObject({ reason: "user_not_active" });
    await setUserStatus(contextAt(models, now), { userId, status: "active" });
    for (const one of [key, ...keys]) expect(await check(one)).toMatchObject({ ok: true });
  });

  it("refuses what a newer version has written", async () => {
    const { key, keyId } = await makeKey();
    await models.ApiKey.collection.updateOne({ _id: keyId }, { $set: { schemaVersion: 99 } });
    await expect(check(key)).rejects.toMatchObject({ code: "SCHEMA_TOO_NEW" });
  });
});

describe("rotating a key", () => {
  it("keeps the one before good for the overlap, and both share the quota and the limits", async () => {
    const made = await makeKey({ scopes: ["a"], quota: { remaining: 3 }, lifetimeMs: duration.day });
    const rotation = { userId: made.userId, keyId: made.keyId, overlapMs: duration.hour };
    const { key, formerExpiresAt, apiKey } = await rotateApiKey(contextAt(models, now), rotation);
    expect(formerExpiresAt).toEqual(after(duration.hour));
    expect(apiKey).toMatchObject({ ...made.apiKey, start: key.slice(0, 8), rotatedAt: now, formerExpiresAt });
    expect(await check(made.key)).toMatchObject({ ok: true, keyId: made.keyId, remaining: 2 });
    expect(await check(key)).toMatchObject({ ok: true, keyId: made.keyId, scopes: ["a"], remaining: 1 });
    expect(await check(made.key, after(duration.hour))).toEqual({ ok: false, reason: "expired" });
    expect(await check(key, after(duration.hour))).toMatchObject({ ok: true, remaining: 0 });
    expect(await check(key)).toMatchObject({ reason: "quota_exhausted" });
  });

  it("ends the one before at once without an overlap, and never leaves more than two", async () => {
    const { userId, keyId, key: first } = await makeKey();
    const rotate = (overlapMs: number) => rotateApiKey(contextAt(models, now), { userId, keyId, overlapMs });
    const { key: second } = await rotate(0);
    expect(await check(first)).toMatchObject({ reason: "expired" });
    const results = await Promise.all(Array.from({ length: 100 }, () => rotate(duration.day)));
    const checks = await Promise.all(
      [first, second, ...results.map(({ key }) => key)].map((key) => check(key)),
    );
    expect(checks.filter(({ ok: valid }) => valid)).toHaveLength(2);
  });

  it("can give the new key a life of its own, and the old one none beyond its end", async () => {
    const { userId, keyId, key: first } = await makeKey({ lifetimeMs: duration.hour });
    const rotation = { userId, keyId, overlapMs: duration.day, lifetimeMs: 2 * duration.day };
    const { key, formerExpiresAt } = await rotateApiKey(contextAt(models, now), rotation);
    expect(formerExpiresAt).toEqual(after(duration.hour));
    expect(await check(first, after(duration.hour))).toMatchObject({ reason: "expired" });
    expect(await check(key, after(duration.day))).toMatchObject({ ok: true });
  });

  it("is for live keys of the user", async () => {
    const { userId, keyId } = await makeKey({ lifetimeMs: duration.hour });
    const rotate = (who: Types.ObjectId, at: Date, overlapMs = 0) =>
      rotateApiKey(contextAt(models, at), { userId: who, keyId, overlapMs });
    const notFound = { code: "API_KEY_NOT_FOUND" };
    await expect(rotate(new Types.ObjectId(), now)).rejects.toMatchObject(notFound);
    await expect(rotate(userId, after(duration.hour))).rejects.toMatchObject(notFound);
    await expect(rotate(userId, now, 8 * duration.day)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await revokeApiKey(contextAt(models, now), { userId, keyId });
    await expect(rotate(userId, now)).rejects.toMatchObject(notFound);
  });
});

describe("a quota", () => {
  it("costs one read each, and a write for each hundred", async () => {
    const rateLimit = { limit: 1_000_000, windowMs: duration.hour };
    const { key, keyId } = await makeKey({ quota: { remaining: 1_000_000 }, rateLimit });
    const { verifier } = manual();
    const amount = 2_000;
    const { commands } = await commandsDuring(database(), async () => {
      for (let spent = 0; spent < amount; spent++) {
        expect(await verifier.verify({ key }, after(spent))).toMatchObject({
          ok: true,
          remaining: 1_000_000 - spent - 1,
          rateLimit: { limit: 1_000_000, remaining: 1_000_000 - spent - 1 },
        });
      }
      await verifier.close();
    });
    expect(commands.filter((name) => name === "find")).toHaveLength(amount);
    const writes = commands.filter((name) => name !== "find");
    expect(new Set(writes)).toEqual(new Set(["update"]));
    expect(writes.length).toBeLessThanOrEqual(amount * 0.02);
    expect(await stored(keyId)).toMatchObject({
      quota: { remaining: 1_000_000 - amount },
      rateLimit: { used: amount },
      usage: { requests: amount, failures: 0 },
      leases: [],
      lastUsedAt: after(amount - 1),
    });
  });

  it("without limits costs no write but the counts", async () => {
    const { key } = await makeKey();
    const { verifier } = manual();
    const { commands } = await commandsDuring(database(), async () => {
      for (let spent = 0; spent < 100; spent++) await verifier.verify({ key }, now);
    });
    expect(commands).toEqual(Array.from({ length: 100 }, () => "find"));
    await verifier.close();
  });

  it("is given back by a process that has no use for it, and another one waits for that", async () => {
    const { key, keyId } = await makeKey({ quota: { remaining: 200 } });
    const idle = manual();
    expect(await idle.verifier.verify({ key }, now)).toMatchObject({ ok: true, remaining: 199 });
    expect((await stored(keyId))?.quota.remaining).toBe(180);
    const other = new ApiKeyVerifier(models);
    const spend = () => other.verify({ key }, now);
    const all = Promise.all(Array.from({ length: 199 }, spend));
    const spent = async () => (await stored(keyId))?.quota.remaining;
    await expect.poll(spent, { timeout: 60_000 }).toBe(0);
    idle.runTimers();
    expect((await all).filter(({ ok: valid }) => valid)).toHaveLength(199);
    expect(await spend()).toEqual({ ok: false, reason: "quota_exhausted" });
    await Promise.all([other.close(), idle.verifier.close()]);
  });

  it("is filled up at the interval, not added to, and once", async () => {
    const refill = { amount: 5, intervalMs: duration.hour };
    const { key, keyId } = await makeKey({ quota: { remaining: 2, refill } });
    const verifiers = [manual().verifier, manual().verifier];
    const spend = (times: number, at: Date) =>
      Promise.all(Array.from({ length: times }, (_, index) => verifiers[index % 2]!.verify({ key }, at)));
    const succeeded = async (times: number, at: Date) =>
      (await spend(times, at)).filter(({ ok: valid }) => valid).length;
    expect(await succeeded(10, now)).toBe(2);
    const [refused] = await spend(1, after(1_000));
    expect(refused).toEqual({
      ok: false,
      reason: "quota_exhausted",
      retryAfterMs: duration.hour - 1_000,
    });
    expect(await succeeded(10, after(duration.hour))).toBe(5);
    // Three intervals later it is filled up once, on the beat of the first.
    expect(await succeeded(10, after(4.5 * duration.hour))).toBe(5);
    expect((await stored(keyId))?.quota.refilledAt).toEqual(after(4 * duration.hour));
    // A clock that was set back fills up nothing.
    expect(await succeeded(10, after(duration.hour))).toBe(0);
    for (const verifier of verifiers) await verifier.close();
  });

  it("of an interval is not spent in the next", async () => {
    const refill = { amount: 100, intervalMs: duration.minute };
    const { key } = await makeKey({ quota: { remaining: 1_000, refill } });
    const { verifier, runTimers } = manual({ leaseMs: duration.hour });
    expect(await verifier.verify({ key }, now)).toMatchObject({ remaining: 999 });
    const next = after(duration.minute);
    const checks = await Promise.all(Array.from({ length: 150 }, () => verifier.verify({ key }, next)));
    runTimers();
    expect(checks.filter(({ ok: valid }) => valid)).toHaveLength(100);
    await verifier.close();
  });

  it("survives a clock that jumps back: nothing is granted twice", async () => {
    const { key } = await makeKey({ quota: { remaining: 300 } });
    const { verifier } = manual();
    let succeeded = 0;
    for (let spent = 0; spent < 320; spent++) {
      const at = after(spent % 2 ? -duration.day : duration.minute * spent);
      if ((await verifier.verify({ key }, at)).ok) succeeded += 1;
    }
    expect(succeeded).toBe(300);
    await verifier.close();
  });
});

describe("a rate limit", () => {
  it("lets exactly so many through in a window, over two verifiers, and tells when to come back", async () => {
    const { key } = await makeKey({ rateLimit: { limit: 40, windowMs: duration.minute } });
    const verifiers = [manual().verifier, manual().verifier];
    const spend = (at: Date) =>
      Promise.all(Array.from({ length: 100 }, (_, index) => verifiers[index % 2]!.verify({ key }, at)));
    const first = await spend(after(10_000));
    expect(first.filter(({ ok: valid }) => valid)).toHaveLength(40);
    const refused = { ok: false, reason: "rate_limited", retryAfterMs: 50_000 };
    expect(first.filter(({ ok: valid }) => !valid)).toEqual(Array.from({ length: 60 }, () => refused));
    const second = await spend(after(duration.minute));
    expect(second.filter(({ ok: valid }) => valid)).toHaveLength(40);
    // A clock that was set back opens no window again.
    const back = await spend(after(10_000));
    expect(back.filter(({ ok: valid }) => valid)).toEqual([]);
    for (const verifier of verifiers) await verifier.close();
  });

  it("gives back to the window that it took from", async () => {
    const { key, keyId } = await makeKey({ rateLimit: { limit: 1_000, windowMs: duration.minute } });
    const { verifier } = manual();
    await verifier.verify({ key }, now);
    expect((await stored(keyId))?.rateLimit.used).toBe(100);
    await verifier.close();
    expect((await stored(keyId))?.rateLimit.used).toBe(1);
  });
});

describe("usage counts", () => {
  it("are written in groups, and never more than the stated number is unwritten", async () => {
    const { key, keyId } = await makeKey();
    const { verifier, runTimers } = manual({ maxUnwritten: 20 });
    await Promise.all(Array.from({ length: 7 }, () => verifier.verify({ key }, now)));
    expect((await stored(keyId))?.usage.requests).toBe(0);
    runTimers();
    await verifier.flush();
    expect((await stored(keyId))?.usage.requests).toBe(7);
    await Promise.all(Array.from({ length: 100 }, () => verifier.verify({ key }, now)));
    expect((await stored(keyId))?.usage.requests).toBeGreaterThanOrEqual(107 - 20);
    await verifier.close();
    expect((await stored(keyId))?.usage.requests).toBe(107);
  });

  it("of one key that can't be counted in take no other key's with them", async () => {
    const [broken, sound] = [await makeKey(), await makeKey()];
    const failures: unknown[] = [];
    const { verifier } = manual({ onError: (error) => failures.push(error) });
    for (const { key } of [broken, sound]) await verifier.verify({ key }, now);
    // A repair by hand has made text of a number.
    const text = { $set: { "usage.requests": "many" } };
    await models.ApiKey.collection.updateOne({ _id: broken.keyId, userId: broken.userId }, text);
    await verifier.flush();
    expect(failures).toHaveLength(1);
    expect((await stored(sound.keyId))?.usage.requests).toBe(1);
    await verifier.close();
    await models.ApiKey.collection.deleteOne({ _id: broken.keyId, userId: broken.userId });
  });
});

it("keys are exported without hashes, and erased", async () => {
  const { userId, key, keyId } = await makeKey({ quota: { remaining: 500 } });
  await rotateApiKey(contextAt(models, now), { userId, keyId });
  const records = [];
  for await (const record of exportUserData(contextAt(models, now), userId))
    records.push(JSON.stringify(record));
  const exported = records.find((record) => record.includes("api_keys"));
  expect(exported).toContain('"name":"ci"');
  expect(exported).not.toMatch(/keyHash|secrets/);
  await eraseUserData(contextAt(models, now), { userId });
  expect(await check(key)).toEqual({ ok: false, reason: "unknown" });
});
