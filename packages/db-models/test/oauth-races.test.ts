import { bundleChild, startChild } from "@org/dev-kit/children";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { limits } from "../src/core/limits.js";
import { oauthPolicySchema } from "../src/core/policies/oauth.js";
import type { IdentityModels, TokenResult } from "../src/index.js";
import { validateAccessToken } from "../src/oauth/access.js";
import { revokeConsent } from "../src/oauth/consents.js";
import { revokeToken } from "../src/oauth/revoke.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { setUserStatus } from "../src/users/accounts.js";
import type { Assignment } from "./children/oauth-client.js";
import { contextAt } from "./context.js";
import { useIdentityDatabase } from "./database.js";
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

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});
afterEach(() => {
  vi.restoreAllMocks();
});

const parallel = 100;
const { rotationGraceMs } = oauthPolicySchema.parse({});
const times = <T>(count: number, act: () => Promise<T>) => Promise.all(Array.from({ length: count }, act));

const alarmsOf = async ({ user }: World) =>
  (await listSecurityEvents(contextAt(models), { userId: user._id, kind: "reuse_detected" })).map(
    ({ reasons }) => reasons,
  );

/** How many of the access tokens that were given out are live. */
async function liveOf(results: TokenResult[], at = now): Promise<number> {
  const given = results.flatMap((result) => (result.ok ? [result.accessToken] : []));
  const checks = await Promise.all(given.map((token) => validateAccessToken(contextAt(models, at), token)));
  return checks.filter(({ ok: active }) => active).length;
}

/** Lets something happen just before the next claim of a code or a token reaches the server, or just after it. */
function interleave(when: "before" | "after", act: () => Promise<unknown>): void {
  const { collection } = models.AppToken;
  const updateOne = collection.updateOne.bind(collection);
  const spy = vi.spyOn(collection, "updateOne");
  spy.mockImplementationOnce((async (...args: Parameters<typeof updateOne>) => {
    if (when === "before") await act();
    const result = await updateOne(...args);
    if (when === "after") await act();
    return result;
  }) as typeof updateOne);
}

describe("a code that is used more than once", () => {
  it(`${parallel} times at once gives tokens to one, and leaves nothing alive`, async () => {
    const world = await makeWorld(models);
    const code = await codeFor(models, world);
    const results = await times(parallel, () => exchange(models, world, code));
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    const refusals = results.filter((result) => !result.ok && result.reason === "code_reused");
    expect(refusals).toHaveLength(parallel - 1);
    expect(await liveOf(results)).toBe(0);
    expect(await alarmsOf(world)).toEqual([["code_reused"]]);
  });

  it.each(["before", "after"] as const)(
    "the second time just %s the first one's claim, leaves nothing alive",
    async (when) => {
      const world = await makeWorld(models);
      const code = await codeFor(models, world);
      const results: TokenResult[] = [];
      interleave(when, async () => results.push(await exchange(models, world, code)));
      results.push(await exchange(models, world, code));
      expect(results.map((result) => result.ok)).toEqual([when === "before", when === "after"]);
      expect(await liveOf(results)).toBe(0);
      expect(await models.AppToken.countDocuments({ ownerId: world.user._id, revokedAt: null })).toBe(0);
      expect(await alarmsOf(world)).toEqual([["code_reused"]]);
    },
  );

  it(`${parallel} wrong uses around one right one change nothing`, async () => {
    const [world, other] = [await makeWorld(models), await makeWorld(models)];
    const code = await codeFor(models, world);
    const wrong = () => exchange(models, { ...world, verifier: other.verifier }, code);
    const [, right] = await Promise.all([
      times(parallel / 2, wrong),
      exchange(models, world, code),
      times(parallel / 2, wrong),
    ]);
    expect(await liveOf([right])).toBe(1);
    expect(await alarmsOf(world)).toEqual([]);
  });
});

/** An authorization that has been rotated once, so that the first tokens are stolen goods once the grace is over. */
async function rotatedTokens(at = now) {
  const world = await makeWorld(models);
  const stolen = granted(await exchange(models, world, await codeFor(models, world), at));
  const current = granted(await refresh(models, world, stolen.refreshToken, at));
  return { world, stolen, current };
}

/** That one alarm was raised, and no token that was given out is good for anything. */
async function expectNothingAlive(world: World, given: TokenResult[], at = now): Promise<void> {
  expect(await alarmsOf(world)).toEqual([["refresh_reused"]]);
  expect(await liveOf(given, at)).toBe(0);
  for (const result of given.filter((one) => one.ok)) {
    const next = await refresh(models, world, granted(result).refreshToken, at);
    expect(next).toMatchObject({ ok: false, reason: "revoked" });
  }
}

describe("a refresh token that is used more than once", () => {
  it(`${parallel} times at once rotates once, and everybody gets the same tokens`, async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const results = await times(parallel, () => refresh(models, world, refreshToken));
    expect(results.filter((result) => result.ok && !result.retried)).toHaveLength(1);
    expect(new Set(results.map((result) => granted(result).refreshToken)).size).toBe(1);
    expect(new Set(results.map((result) => granted(result).accessToken)).size).toBe(1);
    expect(await models.AppToken.find({ ownerId: world.user._id }).lean()).toMatchObject([{ generation: 1 }]);
    expect(await liveOf(results)).toBe(parallel);
    expect(await alarmsOf(world)).toEqual([]);
  });

  it(`${parallel} times at once without a grace leaves nothing alive`, async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const strict = { rotationGraceMs: 0 };
    const results = await times(parallel, () => refresh(models, world, refreshToken, now, strict));
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    expect(await liveOf(results)).toBe(0);
    expect(await alarmsOf(world)).toEqual([["refresh_reused"]]);
  });

  it("parallel chains of refreshes, each going on with what it got, stay one lineage", async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const chain = async () => {
      let last = refreshToken;
      for (let use = 0; use < 5; use++) last = granted(await refresh(models, world, last)).refreshToken;
      return granted(await refresh(models, world, last));
    };
    const ends = await times(parallel, chain);
    const [current, ...more] = await models.AppToken.find({ ownerId: world.user._id }).lean();
    expect(more).toEqual([]);
    expect(current?.generation).toBeLessThanOrEqual(limits.tokenRotations);
    const last = await Promise.all(ends.map((end) => refresh(models, world, end.refreshToken)));
    expect(await liveOf(last)).toBe(parallel);
    expect(await alarmsOf(world)).toEqual([]);
  });

  it(`reuse racing with rotation, ${parallel} calls at once, leaves no live child`, async () => {
    const late = after(rotationGraceMs);
    for (let round = 0; round < 3; round++) {
      const { world, stolen, current } = await rotatedTokens();
      const [reuses, rotations] = await Promise.all([
        times(parallel / 2, () => refresh(models, world, stolen.refreshToken, late)),
        times(parallel / 2, () => refresh(models, world, current.refreshToken, late)),
      ]);
      expect(reuses.some((result) => result.ok)).toBe(false);
      await expectNothingAlive(world, [stolen, current, ...rotations], late);
    }
  });

  it.each(["before", "after"] as const)(
    "reuse just %s a rotation's claim leaves no live child",
    async (when) => {
      const late = after(rotationGraceMs);
      const { world, stolen, current } = await rotatedTokens();
      let reuse: TokenResult | undefined;
      interleave(when, async () => {
        reuse = await refresh(models, world, stolen.refreshToken, late);
      });
      const rotation = await refresh(models, world, current.refreshToken, late);
      expect(reuse).toMatchObject({ reason: "refresh_reused" });
      expect(rotation.ok).toBe(when === "after");
      await expectNothingAlive(world, [stolen, current, rotation], late);
    },
  );
});

describe("what ends an authorization, while it is being made", () => {
  type End = (world: World, refreshToken: string) => Promise<unknown>;
  // A user's state is not part of the claim: the answer then has tokens, which are dead.
  const ends: Array<[string, End, boolean]> = [
    [
      "a consent taken back",
      ({ user, client }) => revokeConsent(contextAt(models, now), { userId: user._id, appId: client._id }),
      false,
    ],
    [
      "a user suspended",
      ({ user }) => setUserStatus(contextAt(models, now), { userId: user._id, status: "suspended" }),
      true,
    ],
    [
      "a token revoked",
      ({ client }, refreshToken) => revokeToken(contextAt(models, now), { client, token: refreshToken }),
      false,
    ],
  ];

  it.each(ends)("%s just before a rotation's claim", async (_name, end, answered) => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    interleave("before", () => end(world, refreshToken));
    const result = await refresh(models, world, refreshToken);
    expect(result.ok).toBe(answered);
    expect(await liveOf([result])).toBe(0);
  });

  it.each(ends.slice(0, 2))("%s just before a code's claim", async (_name, end, answered) => {
    const world = await makeWorld(models);
    const code = await codeFor(models, world);
    interleave("before", () => end(world, ""));
    const result = await exchange(models, world, code);
    expect(result.ok).toBe(answered);
    expect(await liveOf([result])).toBe(0);
  });

  it("a consent taken back between reading it and storing the code", async () => {
    const world = await makeWorld(models);
    const { collection } = models.AppToken;
    const insertOne = collection.insertOne.bind(collection);
    vi.spyOn(collection, "insertOne").mockImplementationOnce((async (
      ...args: Parameters<typeof insertOne>
    ) => {
      await revokeConsent(contextAt(models, now), { userId: world.user._id, appId: world.client._id });
      return insertOne(...args);
    }) as typeof insertOne);
    const code = await codeFor(models, world);
    expect(await exchange(models, world, code)).toMatchObject({
      error: "invalid_grant",
      reason: "consent_revoked",
    });
  });

  it(`a consent taken back among ${parallel} sign-ins leaves nothing alive`, async () => {
    const world = await makeWorld(models);
    const signIn = async () => {
      const answer = await authorize(models, world);
      return answer.ok ? [await exchange(models, world, answer.code)] : [];
    };
    const before = times(parallel / 2, signIn);
    const revoked = revokeConsent(contextAt(models, now), {
      userId: world.user._id,
      appId: world.client._id,
    });
    const results = (await Promise.all([before, times(parallel / 2, signIn)])).flat(2);
    await revoked;
    expect(await liveOf(results)).toBe(0);
  });
});

describe("two processes", () => {
  async function inTwoProcesses(world: World, assignment: Pick<Assignment, "codes" | "refreshTokens">) {
    const script = await bundleChild(new URL("./children/oauth-client.ts", import.meta.url));
    const uri = databaseUri();
    const children = [startChild(script, uri), startChild(script, uri)];
    await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
    const { clientId } = world.client;
    const credentials = { clientId, clientSecret: world.clientSecret, codeVerifier: world.verifier };
    const uses = (assignment.codes?.length ?? 0) + (assignment.refreshTokens?.length ?? 0);
    const job: Assignment = {
      ...credentials,
      redirectUri,
      ...assignment,
      times: parallel / 2 / uses,
      rotate: false,
    };
    for (const child of children) child.tell(JSON.stringify(job));
    await Promise.all(children.map(({ exited }) => exited));
    return children.flatMap((child) => child.printed().match(/^\d+ .+$/gm) ?? []);
  }

  function databaseUri(): string {
    const { host, port, name } = database().connection;
    return `mongodb://${host}:${port}/${name}`;
  }

  it(`${parallel} uses of one code: tokens for one, nothing alive`, async () => {
    const world = await makeWorld(models);
    const said = await inTwoProcesses(world, { codes: [await codeFor(models, world)] });
    expect(said).toHaveLength(parallel);
    expect(said.filter((line) => line === "0 refused code_reused")).toHaveLength(parallel - 1);
    expect(await models.AppToken.countDocuments({ ownerId: world.user._id, revokedAt: null })).toBe(0);
    expect(await alarmsOf(world)).toEqual([["code_reused"]]);
  });

  it(`${parallel} uses of one refresh token: one lineage, the same tokens for all`, async () => {
    const world = await makeWorld(models);
    const { refreshToken } = await tokensFor(models, world);
    const said = await inTwoProcesses(world, { refreshTokens: [refreshToken] });
    expect(said).toHaveLength(parallel);
    expect(new Set(said).size).toBe(1);
    const accessToken = said[0]?.split(" ")[2];
    expect(await validateAccessToken(contextAt(models, now), accessToken)).toMatchObject({ ok: true });
    expect(await models.AppToken.find({ ownerId: world.user._id }).lean()).toMatchObject([{ generation: 1 }]);
    expect(await alarmsOf(world)).toEqual([]);
  });

  it(`${parallel} uses of a stolen token and of the current one: nothing alive, one alarm`, async () => {
    // The processes have one moment: the rotation was a grace earlier.
    const { world, stolen, current } = await rotatedTokens(after(-rotationGraceMs));
    const refreshTokens = [current.refreshToken, stolen.refreshToken];
    const said = await inTwoProcesses(world, { refreshTokens });
    expect(said).toHaveLength(parallel);
    expect(said.filter((line) => line.startsWith("1 ") && !line.startsWith("1 refused "))).toEqual([]);
    await expectNothingAlive(world, [stolen, current]);
    for (const [, refreshToken, accessToken] of said.map((line) => line.split(" "))) {
      if (refreshToken === "refused") continue;
      expect(await validateAccessToken(contextAt(models, now), accessToken)).toEqual({
        ok: false,
        reason: "revoked",
      });
      expect(await refresh(models, world, refreshToken)).toMatchObject({ reason: "revoked" });
    }
  });
});
