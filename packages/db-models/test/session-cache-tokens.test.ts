import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Types } from "mongoose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Identity, TokensGranted } from "../src/index.js";
import { metricsOf, openCached, until, untilCaughtUp, untilTrusted } from "./cached-identity.js";
import { commandsDuring, createIndexes } from "./database.js";
import { now as issuedAt } from "./moment.js";
import { makeWorld, refresh, tokensFor, type World } from "./oauth-world.js";

const temporary = useTemporaryDatabase({ label: "session-cache-tokens" });
let now = issuedAt;
const clock = { now: () => now };
let here: Identity;
let there: Identity;
beforeAll(async () => {
  here = await openCached(temporary.uri, { clock });
  await createIndexes(here.models);
  there = await openCached(temporary.uri, { clock });
  await Promise.all([untilTrusted(here), untilTrusted(there)]);
});
afterAll(() => Promise.all([here?.close(), there?.close()]));

type Made = World & TokensGranted & { refreshToken: string };

async function makeToken(): Promise<Made> {
  now = issuedAt;
  const world = await makeWorld(here.models);
  return { ...world, ...(await tokensFor(here.models, world)) };
}

async function untilRemembered(identity: Identity, { accessToken }: Made): Promise<void> {
  await until(async () => {
    const { hits } = metricsOf(identity);
    await identity.oauth.validate(accessToken);
    return metricsOf(identity).hits > hits;
  });
}

/** A token that both instances have in memory. */
async function rememberedToken(): Promise<Made> {
  const made = await makeToken();
  await Promise.all([untilRemembered(here, made), untilRemembered(there, made)]);
  return made;
}

const during = (identity: Identity, act: () => Promise<unknown>) =>
  commandsDuring({ connection: identity.models.User.db }, act);

describe("an access token in memory", () => {
  it("is checked without a command, and tells what the read tells", async () => {
    const made = await makeToken();
    const read = await here.oauth.validate(made.accessToken);
    await untilRemembered(here, made);
    const { result, commands } = await during(here, () => here.oauth.validate(made.accessToken));
    expect(commands).toEqual([]);
    expect(result).toEqual(read);
    expect(result).toMatchObject({ ok: true, token: { clientId: made.client.clientId } });
  });

  it("is read once for a hundred checks at the same time", async () => {
    const { accessToken } = await makeToken();
    await untilCaughtUp(here);
    const { result, commands } = await during(here, () =>
      Promise.all(Array.from({ length: 100 }, () => here.oauth.validate(accessToken))),
    );
    expect(new Set((result as { ok: boolean }[]).map(({ ok }) => ok))).toEqual(new Set([true]));
    expect(commands).toEqual(["aggregate"]);
  });

  it("is found by its id too, and by none that names another place", async () => {
    const made = await rememberedToken();
    const { hits } = metricsOf(here);
    expect(await here.oauth.validateById(made.accessTokenId)).toMatchObject({ ok: true });
    expect(metricsOf(here).hits).toBe(hits + 1);
    const [, hash] = made.accessTokenId.split(".");
    const other = await makeToken();
    const elsewhere = `${other.accessTokenId.split(".")[0]}.${hash}`;
    expect(await here.oauth.validateById(elsewhere)).toEqual({ ok: false, reason: "unknown" });
  });

  it("is not changed by who changes an answer", async () => {
    const { accessToken } = await rememberedToken();
    const first = await here.oauth.validate(accessToken);
    if (!first.ok) throw new Error(first.reason);
    first.token.scopes.push("admin");
    first.token.expiresAt.setFullYear(3000);
    expect(await here.oauth.validate(accessToken)).toMatchObject({ token: { scopes: ["profile", "repo"] } });
    now = new Date(issuedAt.getTime() + 60 * 60_000);
    expect(await here.oauth.validate(accessToken)).toEqual({ ok: false, reason: "expired" });
  });

  it("expires at the millisecond at which it expires", async () => {
    const made = await rememberedToken();
    const { hits } = metricsOf(here);
    now = new Date(made.accessTokenExpiresAt.getTime() - 1);
    expect(await here.oauth.validate(made.accessToken)).toMatchObject({ ok: true });
    expect(metricsOf(here).hits).toBe(hits + 1);
    now = made.accessTokenExpiresAt;
    expect(await here.oauth.validate(made.accessToken)).toEqual({ ok: false, reason: "expired" });
  });

  it("stays there when its user's profile changes", async () => {
    const made = await rememberedToken();
    await here.users.updateProfile({ userId: made.user._id, changes: { bio: "x" } });
    await untilCaughtUp(there);
    const { hits } = metricsOf(there);
    await Promise.all([here, there].map((one) => one.oauth.validate(made.accessToken)));
    expect(metricsOf(there).hits).toBe(hits + 1);
  });
});

const endings: Record<string, (made: Made) => Promise<unknown>> = {
  "that its client revokes": ({ client, accessToken }) => here.oauth.revoke({ client, token: accessToken }),
  "whose refresh token its client revokes": ({ client, refreshToken }) =>
    here.oauth.revoke({ client, token: refreshToken }),
  "whose consent is taken back": ({ user, client }) =>
    here.oauth.revokeConsent({ userId: user._id, appId: client._id }),
  "of an app that is suspended": ({ client }) =>
    here.oauth.setAppStatus({ clientId: client.clientId, status: "suspended" }),
  "of an account that is suspended": ({ user }) =>
    here.users.setStatus({ userId: user._id, status: "suspended" }),
  "of a person who is erased": ({ user }) => here.privacy.erase({ userId: user._id }),
  "whose refresh token was used twice": async (made) => {
    const { models } = here;
    await refresh(models, made, made.refreshToken);
    await refresh(models, made, made.refreshToken, new Date(now.getTime() + 300_000));
  },
};

describe("an access token", () => {
  it.each(Object.keys(endings))("%s is refused at once here, and soon elsewhere", async (ending) => {
    const made = await rememberedToken();
    await endings[ending]?.(made);
    expect(await here.oauth.validate(made.accessToken)).toMatchObject({ ok: false });
    await until(async () => !(await there.oauth.validate(made.accessToken)).ok);
  });

  it("that ends with its session is refused when the session ends", async () => {
    const made = await makeToken();
    const { id: boundSessionId } = await here.sessions.open({ userId: made.user._id });
    await here.models.AppToken.collection.updateOne(
      { _id: new Types.ObjectId(made.authorizationId) },
      { $set: { boundSessionId } },
    );
    await Promise.all([untilRemembered(here, made), untilRemembered(there, made)]);
    await here.sessions.revoke({ userId: made.user._id, sessionId: boundSessionId });
    const ended = { ok: false, reason: "session_ended" };
    expect(await here.oauth.validate(made.accessToken)).toEqual(ended);
    await until(async () => !(await there.oauth.validate(made.accessToken)).ok);
  });
});
