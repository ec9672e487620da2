import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Types } from "mongoose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Identity } from "../src/index.js";
import { metricsOf, openCached, until, untilCaughtUp, untilTrusted } from "./cached-identity.js";
import { commandsDuring, createIndexes, makeUser } from "./database.js";

const temporary = useTemporaryDatabase({ label: "session-cache-keys" });
let here: Identity;
let there: Identity;
beforeAll(async () => {
  here = await openCached(temporary.uri);
  await createIndexes(here.models);
  there = await openCached(temporary.uri);
  await Promise.all([untilTrusted(here), untilTrusted(there)]);
});
afterAll(() => Promise.all([here?.close(), there?.close()]));

async function makeKey(fields: object = {}) {
  const { _id: userId } = await makeUser(here.models);
  const created = await here.apiKeys.create({ userId, name: "deploy", scopes: ["repo:read"], ...fields });
  return { userId, keyId: created.apiKey.id, key: created.key };
}

async function untilRemembered(identity: Identity, key: string): Promise<void> {
  await until(async () => {
    const { hits } = metricsOf(identity);
    await identity.apiKeys.verify({ key });
    return metricsOf(identity).hits > hits;
  });
}

const finds = async (identity: Identity, act: () => Promise<unknown>) => {
  const { commands } = await commandsDuring({ connection: identity.models.User.db }, act);
  return commands.filter((name) => name === "find").length;
};

describe("an API key in memory", () => {
  it("is verified without a read, for its scopes and no others", async () => {
    const { key } = await makeKey();
    await untilRemembered(here, key);
    expect(await finds(here, () => here.apiKeys.verify({ key, scopes: ["repo:read"] }))).toBe(0);
    expect(await here.apiKeys.verify({ key, scopes: ["repo:write"] })).toMatchObject({
      ok: false,
      reason: "insufficient_scope",
    });
  });

  const endings: Record<
    string,
    (key: { userId: Types.ObjectId; keyId: Types.ObjectId }) => Promise<unknown>
  > = {
    "that is revoked": ({ userId, keyId }) => here.apiKeys.revoke({ userId, keyId }),
    "of an account that is suspended": ({ userId }) => here.users.setStatus({ userId, status: "suspended" }),
    "of a person who is erased": ({ userId }) => here.privacy.erase({ userId }),
  };
  it.each(Object.keys(endings))("%s is refused at once here, and soon elsewhere", async (ending) => {
    const made = await makeKey();
    await Promise.all([untilRemembered(here, made.key), untilRemembered(there, made.key)]);
    await endings[ending]!(made);
    expect(await here.apiKeys.verify({ key: made.key })).toMatchObject({ ok: false });
    await until(async () => !(await there.apiKeys.verify({ key: made.key })).ok);
  });

  it("stays there when its use is written", async () => {
    const { key } = await makeKey();
    await untilRemembered(here, key);
    await untilRemembered(there, key);
    await here.flush();
    await untilCaughtUp(there);
    expect(await finds(there, () => there.apiKeys.verify({ key }))).toBe(0);
  });

  it("is read once for a hundred verifications at the same time", async () => {
    const { key } = await makeKey();
    await untilCaughtUp(here);
    const { commands, result } = await commandsDuring({ connection: here.models.User.db }, () =>
      Promise.all(Array.from({ length: 100 }, () => here.apiKeys.verify({ key, scopes: ["repo:read"] }))),
    );
    expect(commands.filter((name) => name === "find")).toHaveLength(1);
    expect(result.every(({ ok }) => ok)).toBe(true);
  });

  it("with a quota is read once for all checks at the same time, and as many succeed as it holds", async () => {
    const { key } = await makeKey({ quota: { remaining: 30 } });
    await untilCaughtUp(here);
    const { entries } = metricsOf(here);
    const { commands, result } = await commandsDuring({ connection: here.models.User.db }, () =>
      Promise.all(Array.from({ length: 100 }, () => here.apiKeys.verify({ key }))),
    );
    // The lease looks once more before it refuses.
    expect(commands.filter((name) => name === "find").length).toBeLessThanOrEqual(2);
    expect(result.filter(({ ok }) => ok)).toHaveLength(30);
    expect(metricsOf(here).entries).toBe(entries);
    expect(await here.apiKeys.verify({ key })).toMatchObject({ ok: false, reason: "quota_exhausted" });
  });

  it("is read for each verification when it has a quota, which stays exact", async () => {
    const { key } = await makeKey({ quota: { remaining: 5 } });
    const checks = [];
    for (let count = 0; count < 8; count++) checks.push((await here.apiKeys.verify({ key })).ok);
    expect(checks.filter((ok) => ok)).toHaveLength(5);
    expect(await finds(here, () => here.apiKeys.verify({ key }))).toBeGreaterThanOrEqual(1);
  });
});
