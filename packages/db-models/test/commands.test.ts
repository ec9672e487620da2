import { generateKeyPairSync } from "node:crypto";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { mongo } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { recordLogin } from "../src/analytics/logins.js";
import { getUserAnalytics, updateAnalytics } from "../src/analytics/user-analytics.js";
import { createApiKey, listApiKeys, revokeApiKey } from "../src/api-keys/manage.js";
import { rotateApiKey } from "../src/api-keys/rotate.js";
import { ApiKeyVerifier } from "../src/api-keys/verifier.js";
import { createAuditCheckpoint } from "../src/audit/checkpoints.js";
import { recordDatabaseEvent } from "../src/audit/database-events.js";
import { applyAuditRetention } from "../src/audit/retention.js";
import { verifyAudit } from "../src/audit/verify.js";
import { duration } from "../src/core/limits.js";
import type { IdentityModels } from "../src/index.js";
import { createLoginChallenge, verifyLoginChallenge } from "../src/logins/challenges.js";
import { reserveLoginAttempt } from "../src/logins/reserve.js";
import { settleLoginAttempt } from "../src/logins/settle.js";
import { validateAccessToken } from "../src/oauth/access.js";
import { registerApp, rotateClientSecret, setAppStatus } from "../src/oauth/apps.js";
import { revokeConsent } from "../src/oauth/consents.js";
import { introspectToken } from "../src/oauth/introspect.js";
import { revokeToken } from "../src/oauth/revoke.js";
import { exportUserData } from "../src/privacy/export.js";
import { recordRiskFeedback } from "../src/risk/feedback.js";
import { readRiskKnowledge } from "../src/risk/knowledge.js";
import { listSecurityEvents, recordSecurityEvent } from "../src/security-events/events.js";
import { subscribeSecurityEvents } from "../src/security-events/subscribe.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { listSessions } from "../src/sessions/list.js";
import { openSession } from "../src/sessions/open.js";
import { refreshSession } from "../src/sessions/refresh.js";
import { revokeAllSessions, revokeOtherSessions, revokeSession } from "../src/sessions/revoke.js";
import { raiseSessionRisk } from "../src/sessions/risk.js";
import { incrementApiUsage } from "../src/sessions/usage.js";
import { offerReport } from "../src/sign-in-reports/begin.js";
import { listReports, reportSignIn, resumeReports } from "../src/sign-in-reports/report.js";
import { undoReport } from "../src/sign-in-reports/undo.js";
import { UsageRecorder } from "../src/usage/recorder.js";
import { authenticateUser, registerUser, setUserRoles, setUserStatus } from "../src/users/accounts.js";
import { requestEmailVerification, verifyEmail } from "../src/users/email-verification.js";
import { setPassword } from "../src/users/password.js";
import { requestPasswordReset, resetPassword } from "../src/users/password-reset.js";
import { updateSecurity } from "../src/users/settings.js";
import { contextAt } from "./context.js";
import { useIdentityDatabase } from "./database.js";
import { eraseUserData, resumeErasures } from "./erasing.js";
import { after, now } from "./moment.js";
import { codeFor, exchange, granted, makeWorld, redirectUri, refresh } from "./oauth-world.js";
import { appendAudit, auditWriterOf } from "./recorders.js";

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
  return { email, userId: (await registerUser(contextAt(models, now), { email, password }))._id };
}

async function useSessions(): Promise<void> {
  const { userId, email } = await makePerson();
  await authenticateUser(contextAt(models), { identifier: email, password });
  await updateSecurity(contextAt(models, now), { userId, changes: { maxConcurrentSessions: 2 } });
  const open = (at = now) => openSession(contextAt(models, at), { userId, ip: "203.0.113.7" });
  const [{ id: sessionId, token }] = [await open(), await open(), await open()];
  await refreshSession(contextAt(models, now), (await open()).token);
  await validateSession(contextAt(models, after(duration.hour)), (await open()).token);
  await incrementApiUsage(contextAt(models, now), { userId, sessionId, endpoint: "GET /a" });
  await raiseSessionRisk(contextAt(models), {
    userId,
    sessionId,
    risk: { score: 5, level: "high", reasons: [] },
  });
  await listSessions(contextAt(models, now), { userId });
  await revokeSession(contextAt(models, now), { userId, sessionId });
  await revokeOtherSessions(contextAt(models, now), { userId, sessionId });
  await refreshSession(contextAt(models, after(duration.hour)), token);
  await open(after(40 * duration.day));
  await revokeAllSessions(contextAt(models, now), { userId });
  await setUserRoles(contextAt(models, now), { userId, roles: ["admin"] });
  await setPassword(contextAt(models, now), { userId, password, keepToken: (await open()).token });
  const theft = await open();
  await refreshSession(contextAt(models, now), theft.token);
  await refreshSession(contextAt(models, after(duration.hour)), theft.token);
  await setUserStatus(contextAt(models, now), { userId, status: "suspended" });
  await setUserStatus(contextAt(models, now), { userId, status: "active" });
}

async function useOneTimeTokens(): Promise<void> {
  const { userId, email } = await makePerson();
  const issuedBy = <T extends { ok: boolean }>(request: T) => {
    if (!request.ok) throw new Error("no token was issued");
    return request as Extract<T, { ok: true }>;
  };
  const { token: verification } = issuedBy(
    await requestEmailVerification(contextAt(models, now), { userId }),
  );
  const { token } = issuedBy(await requestPasswordReset(contextAt(models, now), { email }));
  for (const _ of ["used", "once more"]) {
    await verifyEmail(contextAt(models, now), { token: verification });
    await resetPassword(contextAt(models, now), { token, password });
  }
  await requestEmailVerification(contextAt(models, now), { userId });
  await requestPasswordReset(contextAt(models, now), { email: "nobody@example.com" });
}

async function useApiKeys(): Promise<void> {
  const { userId } = await makePerson();
  const limits = { quota: { remaining: 1_000 }, rateLimit: { limit: 500, windowMs: duration.hour } };
  const { key, apiKey } = await createApiKey(contextAt(models, now), {
    userId,
    name: "ci",
    scopes: [],
    ...limits,
  });
  const verifier = new ApiKeyVerifier(models);
  await verifier.verify({ key }, now);
  await verifier.close();
  await rotateApiKey(contextAt(models, now), { userId, keyId: apiKey.id });
  await listApiKeys(contextAt(models), { userId });
  await revokeApiKey(contextAt(models, now), { userId, keyId: apiKey.id });
}

async function useOAuth(): Promise<void> {
  const world = await makeWorld(models);
  const { client, user } = world;
  const code = await codeFor(models, world);
  const first = granted(await exchange(models, world, code));
  const second = granted(await refresh(models, world, first.refreshToken));
  await refresh(models, world, first.refreshToken);
  await validateAccessToken(contextAt(models, now), second.accessToken);
  await introspectToken(contextAt(models, now), {
    client: { ...client, type: "confidential" },
    token: second.refreshToken,
  });
  await revokeToken(contextAt(models, now), { client, token: second.accessToken });
  await refresh(models, world, first.refreshToken, after(duration.hour));
  await exchange(models, world, code);
  await revokeConsent(contextAt(models, now), { userId: user._id, appId: client._id });
  const { ownerId } = await models.App.findOne({ clientId: client.clientId }).orFail();
  await rotateClientSecret(contextAt(models, now), { clientId: client.clientId, ownerId });
  await setAppStatus(contextAt(models, now), { clientId: client.clientId, status: "deleted" });
}

async function useRecords(): Promise<void> {
  const { userId, email } = await makePerson();
  const { id: sessionId, deviceHash } = await openSession(contextAt(models, now), { userId });
  await appendAudit(models, { action: "test.done", outcome: "success", actorId: userId }, now);
  await recordSecurityEvent(contextAt(models, now), { userId, kind: "risk_high", severity: "critical" });
  await listSecurityEvents(contextAt(models), { userId });
  await listSecurityEvents(contextAt(models), { userId, kind: "risk_high" });
  const usage = new UsageRecorder(models);
  usage.record({ userId, sessionId, endpoint: "GET /a" }, now);
  await usage.flush();
  await recordLogin(contextAt(models, now), { userId, deviceHash, deviceLabel: "curl" });
  await updateAnalytics(contextAt(models, now), { userId });
  await getUserAnalytics(contextAt(models, now), { userId });
  for (const succeeded of [false, true]) {
    const admission = await reserveLoginAttempt(contextAt(models, now), {
      identifier: email,
      ip: "203.0.113.7",
    });
    if (!admission.ok) throw new Error("delayed");
    const outcome = { attempt: admission.attempt, succeeded, userId, deviceCookie: "a device" };
    await settleLoginAttempt(contextAt(models, now), outcome);
  }
  const challenge = await createLoginChallenge(contextAt(models, now), {
    userId,
    sessionGeneration: 0,
    risk: { level: "medium", reasons: [] },
  });
  await verifyLoginChallenge(contextAt(models, now), challenge);
}

async function useTrail(): Promise<void> {
  const { userId } = await makePerson();
  for (const at of [now, after(1)]) {
    await appendAudit(models, { action: "test.done", outcome: "success", subjectId: userId }, at);
    await createAuditCheckpoint(contextAt(models, at), { signingKey });
  }
  await verifyAudit(contextAt(models), { publicKeys: [publicKey] });
  await applyAuditRetention(contextAt(models, after(1)), { signingKey });
  const exposure = { kind: "security_finding", code: "auth_off", severity: "critical", at: now } as const;
  await recordDatabaseEvent(contextAt(models), auditWriterOf(models), exposure);
  const subscription = subscribeSecurityEvents(contextAt(models), {
    from: now,
    transport: "polling",
    pollMs: 1,
  });
  await subscription.next();
  await subscription.return();
  const { id: aboutSessionId } = await openSession(contextAt(models, now), { userId });
  const { id: fromSessionId } = await openSession(contextAt(models, now), { userId });
  const feedback = { userId, verdict: "not_mine", aboutSessionId, fromSessionId } as const;
  await recordRiskFeedback(contextAt(models, now), feedback);
  await readRiskKnowledge(contextAt(models), {
    userId,
    keys: [{ feature: "agent", level: "os", value: "Linux" }],
  });
}

async function useRights(): Promise<void> {
  const [{ userId: ownerId }, { userId: heirId }] = [await makePerson(), await makePerson()];
  const app = { name: "Notes", redirectUris: [redirectUri], scopes: ["repo"] };
  await registerApp(contextAt(models, now), { ...app, type: "public", ownerId });
  for await (const _ of exportUserData(contextAt(models, now), ownerId));
  await eraseUserData(contextAt(models, now), { userId: ownerId, appsTo: heirId });
  await eraseUserData(contextAt(models, now), { userId: heirId });
  await resumeErasures(contextAt(models, after(2 * duration.day)));
}

async function useReports(): Promise<void> {
  const { userId } = await makePerson();
  const [one, other] = await Promise.all([
    openSession(contextAt(models, now), { userId, proofs: ["password"] }),
    openSession(contextAt(models, now), { userId }),
  ]);
  const { token } = await offerReport(contextAt(models, now), { userId, sessionId: one.id });
  await reportSignIn(contextAt(models, now), { token });
  await reportSignIn(contextAt(models, now), { userId, sessionId: other.id, fromSessionId: one.id });
  await resumeReports(contextAt(models, after(duration.hour)));
  for (const of of [{}, { userId }]) {
    for (const { id } of await listReports(contextAt(models, now), of)) {
      await undoReport(contextAt(models, now), { userId, id });
    }
  }
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
  ["reports of sign-ins", useReports],
  ["export and erasure", useRights],
];

/**
 * A lookup by the clauses of its `$or`: MongoDB scans indexes for it where each clause has one (Manual, `$or`, "$or Clauses and
 * Indexes"). The development engine takes no partial index for a clause.
 */
function clausesOf(lookup: Record<string, unknown>): Record<string, unknown>[] {
  const { filter, deletes, pipeline } = lookup as Filtered;
  const [only] = deletes ?? [];
  const [match, ...stages] = pipeline ?? [];
  const clauses = filter?.$or ?? only?.q.$or ?? match?.$match?.$or;
  if (!clauses) return [lookup];
  return clauses.map((clause) => ({
    ...lookup,
    ...(filter && { filter: clause }),
    ...(only && { deletes: [{ ...only, q: clause }] }),
    ...(match && { pipeline: [{ $match: clause }, ...stages] }),
  }));
}

interface Clauses {
  readonly $or?: object[];
}

/** Where the filter is: that of a find, of a delete, or of the first stage of an aggregation. */
interface Filtered {
  readonly filter?: Clauses;
  readonly deletes?: { q: Clauses }[];
  readonly pipeline?: { $match?: Clauses }[];
}

describe("no command of an operation reads a whole collection", () => {
  it.each(suites)("%s", async (_name, act) => {
    const lookups = (await lookupsDuring(act)).flatMap(clausesOf);
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
  // no $readPreference, and as primaryPreferred on a direct connection to a server that is no mongos.
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
    const { msg } = await client.db("admin").command({ hello: 1 });
    const isDirect = client.options.directConnection && msg !== "isdbgrid";
    expect([...modes]).toEqual([isDirect ? "primaryPreferred" : "primary"]);
    expect([...concerns]).toEqual(["majority"]);
  });
});
