import { setTimeout } from "node:timers/promises";
import { createIdentity, type Identity, type IdentityModels, type UserDocument } from "@org/db-models";
import { duration } from "@org/db-models/core";
import { beforeAll, describe, expect, test } from "vitest";
import { cookie, password, useApi } from "./support/api.js";
import { type Answer, type Asked, ask, startTwo } from "./support/instances.js";

const api = useApi();
const parallel = 100;
/** Wrong passwords that an account may take at once; above what the tests sign in with. */
const free = 120;
const logins = {
  // Longer than the tests take, whatever else the machine does.
  firstDelayMs: duration.minute,
  account: { free, challengeAfter: 1_000 },
  network: { free: 10_000, challengeAfter: 10_000 },
};
let instances: string[] = [];
let models: IdentityModels;
/** At the system's clock, by which the instances go. */
let identity: Identity;

beforeAll(async () => {
  models = api.models;
  identity = createIdentity({ connection: api.connection });
  instances = await startTwo(api.uri, { policies: { logins } });
});

/** The same for each of the two instances in turn, all at once. */
function askBoth(
  path: string,
  asked: (index: number) => Asked,
  times = parallel,
  of = instances,
): Promise<Answer[]> {
  return Promise.all(Array.from({ length: times }, (_, index) => ask(of[index % 2], path, asked(index))));
}

const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` });
const withStatus = (answers: Answer[], status: number) =>
  answers.filter((answer) => answer.status === status);
const tokensOf = (answers: Answer[]) => withStatus(answers, 201).map(({ body }) => body.token as string);
const isLive = async (token: string, of = instances) =>
  (await Promise.all(of.map((instance) => ask(instance, "/session", { headers: bearer(token) })))).map(
    ({ status }) => status === 200,
  );

async function makePerson(security: UserDocument["security"] = {}) {
  const { id, email } = await api.register();
  const user = await models.User.findById(id).orFail();
  user.set("security", { ...user.toObject().security, ...security });
  await user.save();
  const credentials = { identifier: email, password, delivery: "token" };
  return {
    userId: user._id,
    credentials,
    signIn: () => ask(instances[0], "/sessions", { payload: credentials }),
  };
}

/** The most live sessions that were seen while something went on. */
async function highestDuring(userId: UserDocument["_id"], act: () => Promise<unknown>): Promise<number> {
  let highest = 0;
  let over = false;
  const acting = act().finally(() => {
    over = true;
  });
  while (!over) highest = Math.max(highest, (await identity.sessions.list({ userId })).length);
  await acting;
  return highest;
}

describe("two instances, each a process of its own", () => {
  test(`keep the cap over ${parallel} sign-ins at once, and name whom they evicted once`, async () => {
    const { userId, credentials } = await makePerson({ maxConcurrentSessions: 5 });
    let answers: Answer[] = [];
    const highest = await highestDuring(userId, async () => {
      answers = await askBoth("/sessions", () => ({ payload: credentials }));
    });
    expect(withStatus(answers, 201)).toHaveLength(parallel);
    expect(highest).toBeLessThanOrEqual(5);
    expect(await identity.sessions.list({ userId })).toHaveLength(5);
    const evicted = answers.flatMap(({ body }) => (body.evicted as { id: string }[]).map(({ id }) => id));
    expect(new Set(evicted).size).toBe(parallel - 5);
    expect(evicted).toHaveLength(parallel - 5);
  });

  test(`deny all of ${parallel} but as many as the cap allows, and count no failed sign-in for it`, async () => {
    const { userId, credentials } = await makePerson({ maxConcurrentSessions: 5, limitPolicy: "deny" });
    const answers = await askBoth("/sessions", () => ({ payload: credentials }));
    expect(withStatus(answers, 201)).toHaveLength(5);
    expect(new Set(withStatus(answers, 409).map(({ body }) => body.code))).toEqual(
      new Set(["SESSION_LIMIT_REACHED"]),
    );
    expect(withStatus(answers, 409)).toHaveLength(parallel - 5);
    const events = await identity.securityEvents.list({ userId });
    expect(events.filter(({ kind }) => kind.startsWith("login_"))).toEqual([]);
    const profile = await models.LoginProfile.findOne({ subject: "account", userId }).lean();
    expect(profile?.counter.failures).toBe(0);
  });

  test(`rotate a token once over ${parallel} refreshes at once, and no loser loses its cookie`, async () => {
    const { userId, signIn } = await makePerson();
    const token = (await signIn()).body.token as string;
    const headers = { ...cookie(token), "sec-fetch-site": "same-origin" };
    const answers = await askBoth("/session/refresh", () => ({ method: "POST", headers }));
    expect(withStatus(answers, 200)).toHaveLength(parallel);
    expect(answers.filter(({ body }) => body.retried === false)).toHaveLength(1);
    const next = answers.map(({ cookies }) => /^__Host-session=([^;]*)/.exec(cookies[0] ?? "")?.[1] ?? "");
    expect(new Set(next).size).toBe(1);
    expect(await isLive(next[0] ?? "")).toEqual([true, true]);
    expect(await identity.securityEvents.list({ userId, kind: "reuse_detected" })).toEqual([]);
  });

  test(`end a session whose token is used ${parallel} times after its grace, with one alarm`, async () => {
    const strict = await startTwo(api.uri, { policies: { logins, sessions: { rotationGraceMs: 0 } } });
    const { userId, signIn } = await makePerson();
    const token = (await signIn()).body.token as string;
    const refresh = { method: "POST", headers: bearer(token) };
    const rotated = await ask(strict[0], "/session/refresh", refresh);
    expect(rotated.status).toBe(200);
    // By the other instance's clock too.
    await setTimeout(5);
    const answers = await askBoth("/session/refresh", () => refresh, parallel, strict);
    expect(withStatus(answers, 401)).toHaveLength(parallel);
    for (const one of [token, rotated.body.token as string])
      expect(await isLive(one, strict)).toEqual([false, false]);
    expect(await identity.securityEvents.list({ userId, kind: "reuse_detected" })).toHaveLength(1);
  });

  test(`end all sessions, and those of sign-ins under way, ${parallel} actors`, async () => {
    const { userId, credentials, signIn } = await makePerson({ maxConcurrentSessions: parallel });
    const first = (await signIn()).body.token as string;
    // One less, or the first session might have to make room for the last.
    const signIns = askBoth("/sessions", () => ({ payload: credentials }), parallel - 1);
    while ((await models.UserSession.countDocuments({ userId })) < 5);
    const end = await ask(instances[1], "/sessions?all=true", { method: "DELETE", headers: bearer(first) });
    expect(end.status).toBe(200);
    const ended = new Set(
      (await models.UserSession.find({ userId, revokedAt: { $exists: true } }).lean()).map(({ _id }) =>
        _id.toHexString(),
      ),
    );
    expect(ended.size).toBeGreaterThanOrEqual(5);
    const answers = await signIns;
    const { sessionGeneration } = await models.User.findById(userId).orFail();
    expect(sessionGeneration).toBe(1);
    expect(await models.UserSession.countDocuments({ userId, userGeneration: 0, revokedAt: null })).toBe(0);
    expect(await isLive(first)).toEqual([false, false]);
    for (const { status, body } of answers) {
      if (status === 201)
        expect(await isLive(body.token as string)).toEqual(Array(2).fill(!ended.has(body.id as string)));
      else expect([status, body.code]).toEqual([409, "SESSIONS_REVOKED"]);
    }
  });

  test("verify an API key exactly as often as its quota says, and its revocation holds at once", async () => {
    const { signIn } = await makePerson();
    const headers = bearer((await signIn()).body.token);
    const payload = { name: "ci", scopes: ["profile:read"], quota: { remaining: 37 } };
    const { body } = await ask(instances[0], "/api-keys", { headers, payload });
    const answers = await askBoth("/profile", () => ({ headers: { "x-api-key": String(body.key) } }));
    expect(withStatus(answers, 200)).toHaveLength(37);
    expect(withStatus(answers, 429)).toHaveLength(parallel - 37);
    const { id } = body.apiKey as { id: string };
    expect((await ask(instances[1], `/api-keys/${id}`, { method: "DELETE", headers })).status).toBe(204);
    const after = await askBoth("/profile", () => ({ headers: { "x-api-key": String(body.key) } }), 2);
    expect(after.map(({ body }) => body.reason)).toEqual(["revoked", "revoked"]);
  });

  test("look at no more wrong passwords at once than are free", async () => {
    const { credentials, signIn } = await makePerson();
    expect((await signIn()).status).toBe(201);
    const wrong = { ...credentials, password: "a wrong password" };
    const answers = await askBoth("/sessions", () => ({ payload: wrong }), free + 20);
    expect(withStatus(answers, 401)).toHaveLength(free);
    expect(withStatus(answers, 429)).toHaveLength(20);
    expect(withStatus(answers, 429).every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
  });

  test(`let ${parallel} sign-ins of one client through as often as the limit says, together`, async () => {
    const config = { signInRateLimit: 10 };
    const limited = await startTwo(api.uri, { policies: { logins }, config });
    const { credentials } = await makePerson({ maxConcurrentSessions: parallel });
    // A window is a minute of the clock: the parallel requests are all in one, or in two.
    const before = Math.floor(Date.now() / duration.minute);
    const answers = await askBoth("/sessions", () => ({ payload: credentials }), parallel, limited);
    const windows = 1 + Math.floor(Date.now() / duration.minute) - before;
    const through = withStatus(answers, 201).length;
    expect(through).toBeGreaterThanOrEqual(10);
    expect(through).toBeLessThanOrEqual(10 * windows);
    const refused = withStatus(answers, 429);
    expect(refused).toHaveLength(parallel - through);
    expect(new Set(refused.map(({ body }) => body.code))).toEqual(new Set(["RATE_LIMITED"]));
    expect(refused.every(({ retryAfter }) => Number(retryAfter) > 0 && Number(retryAfter) <= 60)).toBe(true);
  });

  test("know at once of a user that is suspended", async () => {
    const { userId, credentials, signIn } = await makePerson();
    const token = (await signIn()).body.token as string;
    expect(await isLive(token)).toEqual([true, true]);
    await identity.users.setStatus({ userId, status: "suspended" });
    expect(await isLive(token)).toEqual([false, false]);
    const refused = await askBoth("/sessions", () => ({ payload: credentials }), 2);
    expect(refused.map(({ body }) => body.code)).toEqual(["USER_NOT_ACTIVE", "USER_NOT_ACTIVE"]);
  });

  test(`erase somebody who signs in meanwhile, ${parallel} actors: nothing is left, and nobody gets in`, async () => {
    const { userId, credentials, signIn } = await makePerson({ maxConcurrentSessions: parallel });
    const headers = bearer((await signIn()).body.token);
    // One less, or the first session might have to make room for the last.
    const signIns = askBoth("/sessions", () => ({ payload: credentials }), parallel - 1);
    while ((await models.UserSession.countDocuments({ userId })) < 5);
    const erased = await ask(instances[1], "/account", { method: "DELETE", headers, payload: { password } });
    expect([erased.status, erased.body.remaining]).toMatchObject([200, { users: 0, user_sessions: 0 }]);
    const answers = await signIns;
    for (const token of tokensOf(answers)) expect(await isLive(token)).toEqual([false, false]);
    expect(await models.User.countDocuments({ _id: userId })).toBe(0);
    expect(await models.UserSession.countDocuments({ userId, revokedAt: null })).toBe(0);
    expect((await ask(instances[0], "/sessions", { payload: credentials })).body.code).toBe(
      "BAD_CREDENTIALS",
    );
  });

  test("write one audit trail: each in a chain of its own, every session in it, and all of it verifies", async () => {
    const before = await models.AuditEvent.distinct("chainId");
    const { credentials } = await makePerson({ maxConcurrentSessions: parallel });
    const opened = { action: "session.opened", outcome: "success" } as const;
    const known = await models.AuditEvent.countDocuments(opened);
    const answers = await askBoth("/sessions", () => ({ payload: credentials }), 20);
    expect(withStatus(answers, 201)).toHaveLength(20);
    expect(await models.AuditEvent.countDocuments(opened)).toBe(known + 20);
    const { intact, chains } = await identity.audit.verify();
    expect([intact, chains]).toEqual([true, before.length]);
    expect(chains).toBeGreaterThanOrEqual(instances.length);
  });
});
