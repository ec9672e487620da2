// Each field of a stored document is damaged in turn: the others are shown, nothing more is allowed, and it is named.
import { generateKeyPairSync } from "node:crypto";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Types } from "mongoose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { duration } from "../src/core/limits.js";
import {
  createIdentity,
  type Identity,
  type IdentityDatabase,
  type IdentityModels,
  isIdentityError,
  openDatabase,
} from "../src/index.js";
import { queries, readSession, runQuery } from "../src/queries/index.js";
import { sealKeys } from "./context.js";
import { damaged, damages, pathsOf, type StoredDocument } from "./damage.js";
import { createIndexes, makeUser } from "./database.js";
import { enrolled } from "./factors-world.js";
import { now } from "./moment.js";
import { makeWorld, tokensFor, type World } from "./oauth-world.js";
import { withPasskey } from "./passkeys-world.js";

const temporary = useTemporaryDatabase({ label: "damaged" });
let database: IdentityDatabase;
let identity: Identity;
let models: IdentityModels;
let leftOut: string[] = [];

beforeAll(async () => {
  database = await openDatabase(temporary.uri);
  identity = createIdentity({
    connection: database.connection,
    clock: { now: () => now },
    sealKeys,
    onError: (error, what) => {
      if (isIdentityError(error, "DOCUMENT_DAMAGED")) leftOut.push(JSON.stringify([what, error.details]));
    },
  });
  models = identity.models;
  await createIndexes(models);
});
beforeEach(() => {
  leftOut = [];
});
afterAll(async () => {
  await identity?.close();
  await database?.close();
});

type Read = readonly [what: string, act: () => Promise<unknown>];

/** Two documents of a model, of which one is damaged, and what reads them. */
interface Case {
  readonly model: keyof IdentityModels;
  readonly filter: Record<string, unknown>;
  /** Show the other one, whatever became of the first. */
  readonly lists: readonly Read[];
  /** Decide, or say what is wrong with an error that has a code. */
  readonly decisions?: readonly Read[];
  /** The key of a counter, without which it is none of this account's. */
  readonly untouched?: readonly string[];
}

const page = { limit: 200 };

async function drained<T>(of: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of of) all.push(one);
  return all;
}

const where = {
  ip: "203.0.113.7",
  userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  location: { country: "NO", city: "Oslo" },
  risk: { score: 40, level: "medium", reasons: ["new_country"] },
  scopes: ["a:b"],
} as const;

async function sessionsCase(): Promise<Case> {
  const { _id: userId } = await makeUser(models, { security: { limitPolicy: "deny" } });
  const open = () =>
    identity.sessions.open({
      ...where,
      userId,
      scopes: ["a:b"],
      risk: { ...where.risk, reasons: ["new_country"] },
      proofs: ["password"],
    });
  const [{ id, token }] = [await open(), await open()];
  await identity.sessions.incrementApiUsage({ userId, sessionId: id, endpoint: "GET /a" });
  const history = async () =>
    (await runQuery(models, queries.sessionHistoryOfUser(userId, page))).map(readSession);
  const signIn = async () => {
    const { id: sessionId } = await identity.sessions.open({ userId });
    await models.UserSession.deleteOne({ _id: sessionId });
  };
  return {
    model: "UserSession",
    filter: { userId },
    lists: [
      ["the list of sessions", () => identity.sessions.list({ userId })],
      ["the history", history],
      ["the export", () => drained(identity.privacy.export(userId))],
    ],
    decisions: [
      ["a check", () => identity.sessions.validate(token)],
      ["a sign-in", signIn],
    ],
  };
}

async function apiKeysCase(): Promise<Case> {
  const { _id: userId } = await makeUser(models);
  const limits = {
    ipAllowlist: ["203.0.113.0/24"],
    rateLimit: { limit: 50_000, windowMs: 60_000 },
    quota: { remaining: 50_000, refill: { amount: 5, intervalMs: 60_000 } },
    lifetimeMs: duration.day,
  };
  const { key } = await identity.apiKeys.create({ userId, name: "one", scopes: ["a:b"], ...limits });
  await identity.apiKeys.create({ userId, name: "two", scopes: [] });
  return {
    model: "ApiKey",
    filter: { userId },
    lists: [
      ["the list of keys", () => identity.apiKeys.list({ userId })],
      ["the export", () => drained(identity.privacy.export(userId))],
    ],
    decisions: [["a verification", () => identity.apiKeys.verify({ key, ip: "203.0.113.7" })]],
  };
}

const app = { redirectUris: ["https://app.example.com/callback"], scopes: ["repo"] };

async function appsCase(): Promise<Case> {
  const { _id: ownerId } = await makeUser(models);
  const register = (name: string) =>
    identity.oauth.registerApp({ ownerId, name, type: "confidential", ...app });
  const [{ app: one, clientSecret }] = [await register("One"), await register("Other")];
  return {
    model: "App",
    filter: { ownerId },
    lists: [["the list of apps", () => identity.oauth.listApps({ ownerId })]],
    decisions: [
      [
        "a client's authentication",
        () => identity.oauth.authenticateClient({ clientId: one.clientId, clientSecret }),
      ],
    ],
  };
}

async function grantedWorld(): Promise<World & { accessToken: string; userId: Types.ObjectId }> {
  const world = await makeWorld(models);
  const userId = world.user._id;
  const { accessToken } = await tokensFor(models, world);
  const other = await identity.oauth.registerApp({
    ownerId: new Types.ObjectId(),
    name: "Another",
    type: "public",
    ...app,
  });
  await identity.oauth.grantConsent({ userId, appId: other.app._id, scopes: ["repo"] });
  await tokensFor(models, world);
  return { ...world, accessToken, userId };
}

async function consentsCase(): Promise<Case> {
  const { userId, accessToken } = await grantedWorld();
  return {
    model: "AppPermission",
    filter: { userId },
    lists: [["the list of consents", () => identity.oauth.listConsents({ userId })]],
    decisions: [["a check of a token", () => identity.oauth.validate(accessToken)]],
  };
}

async function tokensCase(): Promise<Case> {
  const { userId, client, accessToken } = await grantedWorld();
  const query = queries.tokensOfUserAndApp(userId, client._id, page);
  return {
    model: "AppToken",
    filter: { ownerId: userId },
    lists: [["the list of authorizations", () => runQuery(models, query)]],
    decisions: [["a check of a token", () => identity.oauth.validate(accessToken)]],
  };
}

const { publicKey, privateKey: signingKey } = generateKeyPairSync("ed25519");

async function auditCase(): Promise<Case> {
  const { _id: userId } = await makeUser(models);
  for (const action of ["session.opened", "user.suspended"]) {
    const about = { actorId: userId, subjectId: userId, network: "203.0.113.0/24" };
    const what = { targetType: "session", targetId: "a session", details: { why: "Ticket 4711" } };
    await identity.audit.append({ action, outcome: "success", ...about, ...what });
  }
  return {
    model: "AuditEvent",
    filter: {},
    lists: [
      ["the trail", () => identity.audit.list({ page })],
      [
        "the export of the trail",
        () => drained(identity.audit.export({ until: new Date(now.getTime() + 1) })),
      ],
    ],
    decisions: [
      ["the verification", () => identity.audit.verify()],
      ["the export of a person", () => drained(identity.privacy.export(userId))],
    ],
  };
}

async function checkpointsCase(): Promise<Case> {
  for (const action of ["one.done", "another.done"]) {
    await identity.audit.append({ action, outcome: "success" });
    await identity.audit.checkpoint({ signingKey });
  }
  return {
    model: "AuditCheckpoint",
    filter: {},
    lists: [],
    decisions: [
      ["the list of checkpoints", () => identity.audit.checkpoints()],
      ["the verification", () => identity.audit.verify({ publicKeys: [publicKey] })],
    ],
  };
}

async function eventsCase(): Promise<Case> {
  const { _id: userId } = await makeUser(models);
  for (const kind of ["new_device", "risk_high"] as const) {
    const about = { reasons: ["new_country"], sessionId: new Types.ObjectId(), network: "203.0.113.0/24" };
    await identity.securityEvents.record({ userId, kind, severity: "warning", ...about });
  }
  return {
    model: "SecurityEvent",
    filter: { userId },
    lists: [["the list of events", () => identity.securityEvents.list({ userId, page })]],
  };
}

async function usageCase(): Promise<Case> {
  const { _id: userId } = await makeUser(models);
  const sessionId = new Types.ObjectId();
  identity.usage.track({ userId, sessionId, endpoint: "GET /a" });
  await identity.flush();
  const [stored] = await models.UsageBucket.collection.find({ userId, interval: "day" }).toArray();
  const { startedAt } = stored as unknown as { startedAt: Date };
  const before = new Date(startedAt.getTime() - duration.day);
  await models.UsageBucket.collection.insertOne({ ...stored, _id: new Types.ObjectId(), startedAt: before });
  return {
    model: "UsageBucket",
    filter: { userId, interval: "day" },
    lists: [],
    decisions: [
      ["the analytics", () => identity.users.analytics({ userId })],
      ["their update", () => identity.users.updateAnalytics({ userId })],
    ],
  };
}

async function reportsCase(): Promise<Case> {
  const { _id: userId } = await makeUser(models);
  const { id: fromSessionId } = await identity.sessions.open({ userId });
  for (const _ of ["one", "other"]) {
    const { id: sessionId } = await identity.sessions.open({
      ...where,
      userId,
      scopes: [],
      risk: { level: "low", reasons: [] },
    });
    await identity.signInReports.report({ userId, sessionId, fromSessionId });
  }
  return {
    model: "SignInReport",
    filter: { userId },
    lists: [["the list of reports", () => identity.signInReports.list({ userId })]],
  };
}

async function approvalsCase(): Promise<Case> {
  const [requestedBy, subjectId] = [new Types.ObjectId(), new Types.ObjectId()];
  for (const action of ["user.erase", "user.lock"])
    await identity.administrators.requestApproval({ action, subjectId, requestedBy, reason: "Ticket 4711" });
  return {
    model: "AdminApproval",
    filter: { requestedBy },
    lists: [["the list of approvals", () => identity.administrators.listApprovals({ page })]],
  };
}

async function jobsCase(): Promise<Case> {
  const createdBy = new Types.ObjectId();
  for (const reason of ["one", "other"]) {
    const users = [new Types.ObjectId()];
    const job = { act: "lock", reason, createdBy, users, excluded: [], filter: { by: "created" } } as const;
    const { id } = await identity.bulkJobs.prepare({ ...job, users, excluded: [] });
    await identity.bulkJobs.start({ id, createdBy });
  }
  return {
    model: "BulkJob",
    filter: { createdBy },
    lists: [["the list of jobs", () => identity.bulkJobs.list({ createdBy })]],
    decisions: [["a process that takes jobs up", () => identity.bulkJobs.takeUp({ limit: 10 })]],
  };
}

async function usersCase(): Promise<Case> {
  const [{ _id: userId }] = [await makeUser(models), await makeUser(models)];
  return {
    model: "User",
    filter: { createdAt: new Date("2026-01-01T00:00:00.000Z") },
    lists: [["the list of users", () => runQuery(models, queries.newestUsers(page))]],
    decisions: [
      ["a read", () => identity.users.read(userId)],
      ["the analytics", () => identity.users.analytics({ userId })],
      ["a sign-in", () => identity.sessions.open({ userId })],
      ["the export", () => drained(identity.privacy.export(userId))],
    ],
  };
}

async function factorsCase(): Promise<Case> {
  const { _id: userId } = await makeUser(models);
  await enrolled(models, userId, now);
  const { session } = await withPasskey(models, userId, now);
  const deviceCookie = "d".repeat(43);
  await identity.factors.rememberDevice({ session, deviceCookie, label: "Firefox on Windows" });
  return {
    model: "UserFactors",
    filter: { userId },
    lists: [],
    decisions: [
      ["a read", () => identity.factors.read({ userId })],
      ["a remembered device", () => identity.factors.isDeviceRemembered({ userId, deviceCookie })],
      ["the seals", () => identity.factors.reseal()],
    ],
  };
}

async function attemptsCase(): Promise<Case> {
  const { email: identifier } = await makeUser(models);
  const attempt = { identifier, ip: "203.0.113.7" };
  await identity.logins.reserve(attempt);
  return {
    model: "LoginProfile",
    filter: { subject: "account" },
    untouched: ["subject", "key"],
    lists: [],
    decisions: [["an attempt", () => identity.logins.reserve(attempt)]],
  };
}

async function signingKeysCase(): Promise<Case> {
  const algorithms = ["ES256", "EdDSA"] as const;
  await identity.oauth.signingKeys({ algorithms });
  return {
    model: "SigningKey",
    filter: {},
    lists: [["the list of keys", async () => ({ keys: await identity.oauth.listSigningKeys() })]],
    decisions: [["the keys", () => identity.oauth.signingKeys({ algorithms })]],
  };
}

const cases: readonly [name: string, make: () => Promise<Case>][] = [
  ["a session", sessionsCase],
  ["an API key", apiKeysCase],
  ["an app", appsCase],
  ["a consent", consentsCase],
  ["an authorization", tokensCase],
  ["an audit event", auditCase],
  ["a checkpoint", checkpointsCase],
  ["a security event", eventsCase],
  ["a day of use", usageCase],
  ["a report of a sign-in", reportsCase],
  ["an approval", approvalsCase],
  ["a bulk job", jobsCase],
  ["an account", usersCase],
  ["an account's factors", factorsCase],
  ["an account's attempts", attemptsCase],
  ["a signing key", signingKeysCase],
];

/** What tells the other document from the first in a list. */
const marksOf = ({ _id, kid }: StoredDocument) => [String(_id), ...(kid ? [String(kid)] : [])];

async function faultOf([what, act]: Read, other?: StoredDocument): Promise<string[]> {
  try {
    const shown = JSON.stringify(await act());
    return !other || marksOf(other).some((mark) => shown.includes(mark)) ? [] : [`${what} loses the other`];
  } catch (error) {
    const hasCode = isIdentityError(error) && error.code !== "CONTENTION";
    return hasCode && !other ? [] : [`${what}: ${error}`];
  }
}

async function faultsWith({ lists, decisions = [] }: Case, other: StoredDocument | undefined) {
  const faults: string[] = [];
  for (const read of lists) faults.push(...(await faultOf(read, other)));
  for (const read of decisions) faults.push(...(await faultOf(read)));
  return faults;
}

describe("a damaged document", () => {
  it.each(cases)("that is %s keeps nobody from the others", { timeout: 120_000 }, async (_name, make) => {
    const made = await make();
    const { untouched = [] } = made;
    const { collection } = models[made.model];
    const stored = (await collection.find(made.filter, { sort: { _id: 1 } }).toArray()) as StoredDocument[];
    const [first, other] = stored;
    if (!first) throw new Error("there is no document");
    const faults: string[] = [];
    for (const path of pathsOf(first)) {
      if (untouched.includes(path.join("."))) continue;
      for (const damage of damages) {
        if (!(await replace(made, damaged(first, path, damage)))) continue;
        const found = await faultsWith(made, other);
        faults.push(...found.map((fault) => `${path.join(".")} ${damage[0]}: ${fault}`));
        await replace(made, first);
      }
    }
    expect(faults).toEqual([]);
  });
});

/** @returns false where an index or the size of its keys forbids it. */
async function replace({ model }: Case, document: StoredDocument): Promise<boolean> {
  const { _id, ...fields } = document;
  const written = models[model].collection.replaceOne({ _id } as never, fields, { upsert: true });
  return written.then(
    () => true,
    () => false,
  );
}

const setRaw = (model: keyof IdentityModels, filter: object, set: Record<string, unknown>) =>
  models[model].collection.updateOne(filter, { $set: set } as never);

describe("a list", () => {
  async function eventsOf(userId: Types.ObjectId, limit: number) {
    const pages: string[][] = [];
    for (let before: { at: Date; id: Types.ObjectId } | undefined; pages.length < 5; ) {
      const found = await identity.securityEvents.list({
        userId,
        page: { limit, ...(before && { before }) },
      });
      pages.push(found.map(({ severity }) => severity));
      const last = found.at(-1);
      if (!last || found.length < limit) break;
      before = { at: last.at, id: last._id };
    }
    return pages;
  }

  it("is full without the damaged ones, page by page, and each of them is named once", async () => {
    const { _id: userId } = await makeUser(models);
    const ids: Types.ObjectId[] = [];
    for (const severity of ["info", "warning", "info", "warning", "critical"] as const)
      ids.push((await identity.securityEvents.record({ userId, kind: "new_device", severity }))._id);
    // The second and the third of the newest.
    for (const _id of [ids[3], ids[2]]) await setRaw("SecurityEvent", { _id }, { reasons: "unknown" });
    expect(await eventsOf(userId, 2)).toEqual([["critical", "warning"], ["info"]]);
    await eventsOf(userId, 2);
    expect(leftOut).toEqual(
      [ids[3], ids[2]].map((id) => {
        const named = { collection: "security_events", id: String(id), path: "reasons" };
        return JSON.stringify([{ leftOut: "security_events", id: String(id) }, named]);
      }),
    );
  });

  it("of windows goes on behind a whole window of damaged ones", async () => {
    await models.AuditEvent.deleteMany({});
    for (const action of ["a.done", "b.done", "c.done"])
      await identity.audit.append({ action, outcome: "success" });
    await setRaw("AuditEvent", { action: "a.done" }, { details: "none" });
    const until = new Date(now.getTime() + 1);
    const records = await drained(identity.audit.export({ until }));
    const actions = records.flatMap((record) => (record.type === "event" ? [record.action] : []));
    expect(actions.sort()).toEqual(["b.done", "c.done"]);
    // The trail that leaves the house says what it could not read.
    const { _id } = await models.AuditEvent.findOne({ action: "a.done" }).lean().orFail();
    expect(records).toContainEqual({ type: "damaged", id: String(_id), path: "details" });
    expect(records.at(-1)).toEqual({ type: "end", events: 2, damaged: 1 });
  });
});

describe("what has ended", () => {
  it.each([["a text"], [{ a: 1 }], [[1]]])("stays so when its end becomes %j", async (end) => {
    const { _id: userId } = await makeUser(models);
    const { id, token } = await identity.sessions.open({ userId });
    await setRaw("UserSession", { _id: id }, { absoluteLifetimeMs: end });
    expect(await identity.sessions.validate(token)).toEqual({ ok: false, reason: "unknown" });

    const { key, apiKey } = await identity.apiKeys.create({ userId, name: "old", scopes: [] });
    await setRaw("ApiKey", { _id: apiKey.id }, { "secrets.0.expiresAt": end });
    expect(await identity.apiKeys.verify({ key })).toEqual({ ok: false, reason: "unknown" });
  });

  it("is a consent whose end is no date", async () => {
    const { accessToken, userId, client } = await grantedWorld();
    await setRaw("AppPermission", { userId, appId: client._id }, { revokedAt: Number.NaN });
    expect(await identity.oauth.validate(accessToken)).toEqual({ ok: false, reason: "consent_revoked" });
  });

  it("is a client secret whose end is a text", async () => {
    const ownerId = new Types.ObjectId();
    const registration = { ownerId, name: "Old", type: "confidential", ...app } as const;
    const { app: client, clientSecret } = await identity.oauth.registerApp({ ...registration, ...app });
    const { clientId } = client;
    await identity.oauth.rotateClientSecret({ clientId, ownerId });
    await setRaw("App", { clientId }, { "clientSecrets.1.expiresAt": "tomorrow" });
    await expect(identity.oauth.authenticateClient({ clientId, clientSecret })).rejects.toMatchObject({
      code: "DOCUMENT_DAMAGED",
    });
  });
});

describe("an account", () => {
  it("whose profile is damaged is signed in to, with the profile of a new one", async () => {
    const { _id: userId } = await makeUser(models, { profile: { displayName: "Somebody" } });
    await setRaw("User", { _id: userId }, { profile: "lost", "analytics.devices": "lost" });
    await identity.sessions.open({ userId });
    expect((await identity.users.read(userId)).profile).toMatchObject({ timezone: "UTC", language: "en" });
    expect(leftOut.join()).toContain('"path":"profile"');
  });

  it("whose factors are damaged is not signed in to without them", async () => {
    const { _id: userId } = await makeUser(models);
    await enrolled(models, userId, now);
    await setRaw("UserFactors", { userId }, { totp: null });
    await expect(identity.factors.read({ userId })).rejects.toMatchObject({ code: "DOCUMENT_DAMAGED" });
  });

  it("of an administrator keeps its roles when another's entry is damaged, who has none and stays protected", async () => {
    const [{ _id: one }, { _id: other }] = [await makeUser(models), await makeUser(models)];
    for (const userId of [one, other])
      await identity.administrators.setRoles({ userId, roles: ["identity:admin"] });
    await setRaw("AdministratorRegister", {}, { "members.0.since": "yesterday" });
    expect((await identity.administrators.list()).map(({ userId, roles }) => [userId, roles])).toEqual([
      [one, []],
      [other, ["identity:admin"]],
    ]);
    // Nor does it keep the trail from being read.
    expect(await identity.audit.list({ action: "not.done" })).toEqual([]);
    await models.AdministratorRegister.deleteMany({});
  });
});

describe("an API key", () => {
  it.each([
    [{ limit: 2, windowMs: 60_000 }, { "rateLimit.windowMs": "" }, "rateLimit.windowMs"],
    [{ limit: 2, windowMs: 60_000 }, { "rateLimit.limit": "" }, "rateLimit.limit"],
    [undefined, { "quota.remaining": "" }, "quota.remaining"],
    [undefined, { "quota.refillIntervalMs": "" }, "quota.refillIntervalMs"],
  ])("whose limit %j has lost %j is unknown, and not without a limit", async (rateLimit, lost, path) => {
    const { _id: userId } = await makeUser(models);
    const quota = { remaining: 3, refill: { amount: 3, intervalMs: 60_000 } };
    const limited = rateLimit ? { rateLimit } : { quota };
    const { key, apiKey } = await identity.apiKeys.create({ userId, name: "one", scopes: [], ...limited });
    await models.ApiKey.collection.updateOne({ _id: apiKey.id }, { $unset: lost });
    expect(await identity.apiKeys.verify({ key })).toEqual({ ok: false, reason: "unknown" });
    expect(leftOut.join()).toContain(`"path":"${path}"`);
  });
});

describe("a signing key", () => {
  it("that nobody can read gets a successor, which signs at once", async () => {
    const keysOf = () => identity.oauth.signingKeys({ algorithms: ["RS256"] });
    const [first] = await keysOf();
    await setRaw("SigningKey", { kid: first?.kid }, { publicJwk: 7 });
    const [second, ...others] = await keysOf();
    expect(second).toMatchObject({ state: "active", algorithm: "RS256" });
    expect([second?.kid === first?.kid, others]).toEqual([false, []]);
    expect(second?.privateJwk).toBeDefined();
  });
});

describe("what is due", () => {
  const year = 365 * duration.day;
  // A clock that was ahead by an hour, by a year; a repair by hand that left a text, a number.
  it.each([[new Date(now.getTime() + year)], [new Date(now.getTime() + 2 * duration.hour)], ["2026"], [7]])(
    "at %j is taken up now",
    async (dueAt) => {
      await models.BulkJob.deleteMany({});
      const createdBy = new Types.ObjectId();
      const job = { act: "lock", reason: "Ticket 4711", createdBy } as const;
      const { id } = await identity.bulkJobs.prepare({ ...job, users: [new Types.ObjectId()], excluded: [] });
      await identity.bulkJobs.start({ id, createdBy });
      await setRaw("BulkJob", { _id: id }, { dueAt });
      expect(await identity.bulkJobs.takeUp({ limit: 1 })).toMatchObject([{ id }]);
    },
  );
});
