import { generateKeyPairSync } from "node:crypto";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { mongo } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import {
  ApiKeyVerifier,
  appendAudit,
  applyAuditRetention,
  authenticateUser,
  createApiKey,
  createAuditCheckpoint,
  createLoginChallenge,
  duration,
  eraseUserData,
  exportUserData,
  getUserAnalytics,
  type IdentityModels,
  incrementApiUsage,
  introspectToken,
  listApiKeys,
  listSecurityEvents,
  listSessions,
  openSession,
  raiseSessionRisk,
  readRiskKnowledge,
  recordDatabaseEvent,
  recordLogin,
  recordRiskFeedback,
  recordSecurityEvent,
  refreshSession,
  registerApp,
  registerUser,
  requestEmailVerification,
  requestPasswordReset,
  reserveLoginAttempt,
  resetPassword,
  resumeErasures,
  revokeAllSessions,
  revokeApiKey,
  revokeConsent,
  revokeOtherSessions,
  revokeSession,
  revokeToken,
  rotateApiKey,
  rotateClientSecret,
  setAppStatus,
  setPassword,
  settleLoginAttempt,
  setUserRoles,
  setUserStatus,
  subscribeSecurityEvents,
  UsageRecorder,
  updateAnalytics,
  updateSecurity,
  validateAccessToken,
  validateSession,
  verifyAudit,
  verifyEmail,
  verifyLoginChallenge,
} from "../src/index.js";
import { useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";
import { codeFor, exchange, granted, makeWorld, redirectUri, refresh } from "./oauth-world.js";

// As an operator may write it to spare the primary: nothing that decides access may follow it.
const database = useIdentityDatabase("&readPreference=secondaryPreferred&w=1");
let models: IdentityModels;
beforeAll(async () => {
  models = database().models;
  // Among a few thousand others, so that an index is worth its while.
  await loadIdentityData(database().connection.db!, { users: 500, sessions: 2_000, seed: 20_961_126, now });
  // The loaded trail was signed with a key that nobody here has.
  await models.AuditCheckpoint.deleteMany({});
  await models.AuditEvent.deleteMany({});
});

const password = "correct horse battery staple";
let people = 0;

const { privateKey: signingKey, publicKey } = generateKeyPairSync("ed25519");

async function makePerson() {
  people += 1;
  const email = `commands-${people}@example.com`;
  return { email, userId: (await registerUser(models, { email, password }, now))._id };
}

async function useSessions(): Promise<void> {
  const { userId, email } = await makePerson();
  await authenticateUser(models, { identifier: email, password });
  await updateSecurity(models, { userId, changes: { maxConcurrentSessions: 2 } }, now);
  const open = (at = now) => openSession(models, { userId, ip: "203.0.113.7" }, at);
  const [{ id: sessionId, token }] = [await open(), await open(), await open()];
  await refreshSession(models, (await open()).token, now);
  await validateSession(models, (await open()).token, after(duration.hour));
  await incrementApiUsage(models, sessionId, { endpoint: "GET /a" }, now);
  await raiseSessionRisk(models, { sessionId, risk: { score: 5, level: "high", reasons: [] } });
  await listSessions(models, userId, now);
  await revokeSession(models, { userId, sessionId }, now);
  await revokeOtherSessions(models, { userId, sessionId }, now);
  await refreshSession(models, token, after(duration.hour));
  await open(after(40 * duration.day));
  await revokeAllSessions(models, { userId }, now);
  await setUserRoles(models, { userId, roles: ["admin"] }, now);
  await setPassword(models, { userId, password, keepToken: (await open()).token }, now);
  const theft = await open();
  await refreshSession(models, theft.token, now);
  await refreshSession(models, theft.token, after(duration.hour));
  await setUserStatus(models, { userId, status: "suspended" }, now);
  await setUserStatus(models, { userId, status: "active" }, now);
}

async function useOneTimeTokens(): Promise<void> {
  const { userId, email } = await makePerson();
  const issuedBy = <T extends { issued: boolean }>(request: T) => {
    if (!request.issued) throw new Error("no token was issued");
    return request as Extract<T, { issued: true }>;
  };
  const { token: verification } = issuedBy(await requestEmailVerification(models, { userId }, now));
  const { token } = issuedBy(await requestPasswordReset(models, { email }, now));
  for (const _ of ["used", "once more"]) {
    await verifyEmail(models, { token: verification }, now);
    await resetPassword(models, { token, password }, now);
  }
  await requestEmailVerification(models, { userId }, now);
  await requestPasswordReset(models, { email: "nobody@example.com" }, now);
}

async function useApiKeys(): Promise<void> {
  const { userId } = await makePerson();
  const limits = { quota: { remaining: 1_000 }, rateLimit: { limit: 500, windowMs: duration.hour } };
  const { key, apiKey } = await createApiKey(models, { userId, name: "ci", scopes: [], ...limits }, now);
  const verifier = new ApiKeyVerifier(models);
  await verifier.verify({ key }, now);
  await verifier.close();
  await rotateApiKey(models, { userId, keyId: apiKey.id }, now);
  await listApiKeys(models, { userId });
  await revokeApiKey(models, { userId, keyId: apiKey.id }, now);
}

async function useOAuth(): Promise<void> {
  const world = await makeWorld(models);
  const { client, user } = world;
  const code = await codeFor(models, world);
  const first = granted(await exchange(models, world, code));
  const second = granted(await refresh(models, world, first.refreshToken));
  await refresh(models, world, first.refreshToken);
  await validateAccessToken(models, second.accessToken, now);
  await introspectToken(
    models,
    { client: { ...client, type: "confidential" }, token: second.refreshToken },
    now,
  );
  await revokeToken(models, { client, token: second.accessToken }, now);
  await refresh(models, world, first.refreshToken, after(duration.hour));
  await exchange(models, world, code);
  await revokeConsent(models, { userId: user._id, appId: client._id }, now);
  const { ownerId } = await models.App.findOne({ clientId: client.clientId }).orFail();
  await rotateClientSecret(models, { clientId: client.clientId, ownerId }, now);
  await setAppStatus(models, { clientId: client.clientId, status: "deleted" }, now);
}

async function useRecords(): Promise<void> {
  const { userId, email } = await makePerson();
  const { id: sessionId, deviceHash } = await openSession(models, { userId }, now);
  await appendAudit(models, { action: "test.done", outcome: "success", actorId: userId }, now);
  await recordSecurityEvent(models, { userId, kind: "risk_high", severity: "critical" }, now);
  await listSecurityEvents(models, { userId });
  await listSecurityEvents(models, { userId, kind: "risk_high" });
  const usage = new UsageRecorder(models);
  usage.record({ userId, sessionId, endpoint: "GET /a" }, now);
  await usage.flush();
  await recordLogin(models, { userId, deviceHash, deviceLabel: "curl" }, now);
  await updateAnalytics(models, { userId }, now);
  await getUserAnalytics(models, { userId }, now);
  for (const succeeded of [false, true]) {
    const admission = await reserveLoginAttempt(models, { identifier: email, ip: "203.0.113.7" }, now);
    if (!admission.admitted) throw new Error("delayed");
    const outcome = { attempt: admission.attempt, succeeded, userId, deviceCookie: "a device" };
    await settleLoginAttempt(models, outcome, now);
  }
  const challenge = await createLoginChallenge(
    models,
    { userId, sessionGeneration: 0, risk: { level: "medium", reasons: [] } },
    now,
  );
  await verifyLoginChallenge(models, challenge, now);
}

async function useTrail(): Promise<void> {
  const { userId } = await makePerson();
  for (const at of [now, after(1)]) {
    await appendAudit(models, { action: "test.done", outcome: "success", subjectId: userId }, at);
    await createAuditCheckpoint(models, { signingKey }, at);
  }
  await verifyAudit(models, { publicKeys: [publicKey] });
  await applyAuditRetention(models, { signingKey }, after(1));
  const exposure = { kind: "security_finding", code: "auth_off", severity: "critical", at: now } as const;
  await recordDatabaseEvent(models, exposure);
  const subscription = subscribeSecurityEvents(models, { from: now, transport: "polling", pollMs: 1 });
  await subscription.next();
  await subscription.return();
  const { id: aboutSessionId } = await openSession(models, { userId }, now);
  const { id: fromSessionId } = await openSession(models, { userId }, now);
  const feedback = { userId, verdict: "not_mine", aboutSessionId, fromSessionId } as const;
  await recordRiskFeedback(models, feedback, now);
  await readRiskKnowledge(models, { userId, keys: [{ feature: "agent", level: "os", value: "Linux" }] });
}

async function useRights(): Promise<void> {
  const [{ userId: ownerId }, { userId: heirId }] = [await makePerson(), await makePerson()];
  const app = { name: "Notes", redirectUris: [redirectUri], scopes: ["repo"] };
  await registerApp(models, { ...app, type: "public", ownerId }, now);
  for await (const _ of exportUserData(models, ownerId, now));
  await eraseUserData(models, { userId: ownerId, appsTo: heirId }, now);
  await eraseUserData(models, { userId: heirId }, now);
  await resumeErasures(models, after(2 * duration.day));
}

/** The commands that look documents up, one of each shape, in a form that can be explained. */
async function lookupsDuring(act: () => Promise<void>): Promise<mongo.Document[]> {
  const lookups = new Map<string, mongo.Document>();
  const note = ({ commandName, command }: mongo.CommandStartedEvent) => {
    for (const lookup of explainable(commandName, command)) lookups.set(shapeOf(lookup), lookup);
  };
  const client = database().connection.getClient().on("commandStarted", note);
  try {
    await act();
  } finally {
    client.off("commandStarted", note);
  }
  return [...lookups.values()];
}

function explainable(name: string, command: mongo.Document): mongo.Document[] {
  const { lsid: _, $clusterTime: __, $db: ___, txnNumber: ____, ...rest } = command;
  if (name === "update") return rest.updates.map((one: object) => ({ update: rest.update, updates: [one] }));
  if (name === "delete") return rest.deletes.map((one: object) => ({ delete: rest.delete, deletes: [one] }));
  return ["find", "aggregate", "findAndModify", "count", "distinct"].includes(name) ? [rest] : [];
}

/** A command with the types of its values instead of them. */
function shapeOf(command: mongo.Document): string {
  const typed = JSON.stringify(command, (_, value) => (typeof value === "object" ? value : typeof value));
  return `${Object.values(command)[0]} ${typed}`;
}

/** Every stage of a plan, and of those that the server has set aside. */
function stagesIn(plan: unknown): string[] {
  if (typeof plan !== "object" || plan === null) return [];
  const { stage } = plan as { stage?: unknown };
  return [...(typeof stage === "string" ? [stage] : []), ...Object.values(plan).flatMap(stagesIn)];
}

const suites: [name: string, act: () => Promise<void>][] = [
  ["sessions", useSessions],
  ["one-time tokens", useOneTimeTokens],
  ["API keys", useApiKeys],
  ["OAuth", useOAuth],
  ["audit, events, usage, analytics, sign-ins", useRecords],
  ["audit trail, subscriptions, risk", useTrail],
  ["export and erasure", useRights],
];

describe("no command of an operation reads a whole collection", () => {
  it.each(suites)("%s", async (_name, act) => {
    const lookups = await lookupsDuring(act);
    expect(lookups.length).toBeGreaterThan(5);
    const db = database().connection.db!;
    for (const lookup of lookups) {
      if (wholeOnPurpose.has(`${Object.keys(lookup)[0]} ${Object.values(lookup)[0]}`)) continue;
      const stages = stagesIn(await db.command({ explain: lookup, verbosity: "queryPlanner" }));
      const usesIndex = stages.some((stage) => /IXSCAN|^EXPRESS|^IDHACK/.test(stage));
      expect([usesIndex, stages.includes("COLLSCAN")], JSON.stringify(lookup)).toEqual([true, false]);
    }
  });
});

/** A verification reads all checkpoints and names all chains. */
const wholeOnPurpose = new Set(["find audit_checkpoints", "distinct audit_events"]);

describe("the primary decides and a majority acknowledges, whatever the connection string says", () => {
  // Source: MongoDB's manual, "Read Preference" and the drivers' server selection specification: mode primary travels as
  // no $readPreference, and as primaryPreferred on a direct connection to a single server.
  const reads = new Set(["find", "aggregate", "count", "distinct"]);
  const writes = new Set(["insert", "update", "delete", "findAndModify"]);

  it("the connection alone would ask a secondary", () => {
    expect(database().connection.getClient().options.readPreference.mode).toBe("secondaryPreferred");
  });

  it.each(suites)("%s", async (_name, act) => {
    const modes = new Set<string>();
    const concerns = new Set<string>();
    const note = ({ commandName, command }: mongo.CommandStartedEvent) => {
      if (reads.has(commandName)) modes.add(command.$readPreference?.mode ?? "primary");
      if (writes.has(commandName)) concerns.add(String(command.writeConcern?.w));
    };
    const client = database().connection.getClient().on("commandStarted", note);
    try {
      await act();
    } finally {
      client.off("commandStarted", note);
    }
    const isDirect = client.options.directConnection;
    expect([...modes]).toEqual([isDirect ? "primaryPreferred" : "primary"]);
    expect([...concerns]).toEqual(["majority"]);
  });
});
