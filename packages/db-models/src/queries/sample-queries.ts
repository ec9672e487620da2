import { type Model, Types } from "mongoose";
import { duration } from "../core/limits.js";
import { lookupHash, sha256, sha256Text } from "../core/secrets.js";
import type { AdminApprovalDocument } from "../schemas/admin-approval.js";
import type { ApiKeyDocument } from "../schemas/api-key.js";
import type { AppDocument } from "../schemas/app.js";
import type { AppPermissionDocument } from "../schemas/app-permission.js";
import type { AppTokenDocument } from "../schemas/app-token.js";
import type { AppUsageDocument } from "../schemas/app-usage.js";
import type { AuditEventDocument } from "../schemas/audit-event.js";
import type { AuthorizationRequestDocument } from "../schemas/authorization-request.js";
import type { BulkJobDocument } from "../schemas/bulk-job.js";
import type { BulkJobItemDocument } from "../schemas/bulk-job-item.js";
import type { DeviceAuthorizationDocument } from "../schemas/device-authorization.js";
import type { ErasureDocument } from "../schemas/erasure.js";
import type { LoginChallengeDocument } from "../schemas/login-challenge.js";
import type { LoginProfileDocument } from "../schemas/login-profile.js";
import type { IdentityModels } from "../schemas/models.js";
import type { PasskeyChallengeDocument } from "../schemas/passkey-challenge.js";
import type { RequestLimitDocument } from "../schemas/request-limit.js";
import type { RiskCounterDocument } from "../schemas/risk-counter.js";
import type { SecurityEventDocument } from "../schemas/security-event.js";
import type { SignInReportDocument } from "../schemas/sign-in-report.js";
import { signingAlgorithms } from "../schemas/signing-key.js";
import type { UsageBucketDocument } from "../schemas/usage-bucket.js";
import type { UsedAssertionDocument } from "../schemas/used-assertion.js";
import type { UserDocument } from "../schemas/user.js";
import type { UserFactorsDocument } from "../schemas/user-factors.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { type NamedQuery, type Page, type Period, type QueryName, queries } from "./queries.js";

/** One query of each name; the map's type makes a query without a sample a compile error. */
export type QuerySamples = Record<QueryName, NamedQuery>;

/** Stands in for a value that no document of the database has. */
const nobody = {
  id: new Types.ObjectId("000000000000000000000000"),
  hash: sha256("nobody"),
  network: Buffer.from([192, 0, 2]),
  ref: sha256Text("nobody"),
  shortHash: lookupHash("nobody"),
};

const page: Page = { limit: 20 };

/**
 * Every named query with values taken from the database, so that explaining or timing them tells of the data at
 * hand. A collection without documents gives queries that find nothing.
 *
 * @param now - ends the periods that are asked for: hours to a month, with few documents in each.
 */
export async function sampleQueries(models: IdentityModels, now: Date): Promise<QuerySamples> {
  const [user, session, legacy, impersonation] = await Promise.all([
    anyOf(models.User, { username: { $exists: true }, "profile.company": { $exists: true } }),
    anyOf(models.UserSession, { slot: { $gte: 0 } }),
    anyOf(models.UserSession, { legacyTokenHash: { $exists: true } }),
    anyOf(models.UserSession, { "impersonation.actor": { $exists: true } }),
  ]);
  return {
    ...userSamples(user, await sampleSecrets(models), now),
    ...sessionSamples({ session, legacy, impersonation }, now),
    ...appSamples(await sampleAppDocuments(models, now), now),
    ...eventSamples(await sampleEventDocuments(models), now),
  } as QuerySamples;
}

/** A page of the last days, as a dashboard asks for it. */
function within(now: Date, days: number): Page {
  return { ...page, since: new Date(now.getTime() - days * duration.day) };
}

/** The stretch of time that begins or ends at a moment. */
function periodAround(moment: Date, length: number): Period {
  const other = new Date(moment.getTime() + length);
  return length < 0 ? { from: other, to: moment } : { from: moment, to: other };
}

/** Every named query with values that no document has: for what asks only for the shapes. */
export function shapesOfQueries(): NamedQuery[] {
  const now = new Date(0);
  const secrets = {
    verification: nobody.hash,
    reset: nobody.hash,
    emailChange: nobody.hash,
    emailUndo: nobody.hash,
    identity: nobody.hash,
  };
  const samples = {
    ...userSamples({}, secrets, now),
    ...sessionSamples({ session: {}, legacy: {}, impersonation: {} }, now),
    ...appSamples({}, now),
    ...eventSamples({}, now),
  } satisfies Record<QueryName, unknown>;
  return Object.values(samples) as NamedQuery[];
}

async function anyOf<T>(model: Model<T>, filter: Record<string, unknown> = {}): Promise<Partial<T>> {
  return ((await model.collection.findOne(filter)) ?? {}) as Partial<T>;
}

async function sampleSecrets(models: IdentityModels) {
  const [verification, reset, change, undo, identity] = await Promise.all([
    anyOf(models.User, { "emailVerification.tokenHash": { $exists: true } }),
    anyOf(models.User, { "passwordReset.tokenHash": { $exists: true } }),
    anyOf(models.User, { "emailChange.tokenHash": { $exists: true } }),
    anyOf(models.User, { "emailUndos.tokenHashes": { $exists: true } }),
    anyOf(models.User, { "externalIdentities.key": { $exists: true } }),
  ]);
  return {
    verification: verification.emailVerification?.tokenHash ?? nobody.hash,
    reset: reset.passwordReset?.tokenHash ?? nobody.hash,
    emailChange: change.emailChange?.tokenHash ?? nobody.hash,
    emailUndo: undo.emailUndos?.[0]?.tokenHashes[0] ?? nobody.hash,
    identity: identity.externalIdentities?.[0]?.key ?? nobody.hash,
  };
}

function userSamples(
  user: Partial<UserDocument>,
  secrets: Record<"verification" | "reset" | "emailChange" | "emailUndo" | "identity", Buffer>,
  now: Date,
) {
  const dormant = {
    ...periodAround(new Date(now.getTime() - 180 * duration.day), -30 * duration.day),
    limit: 20,
  };
  const nextWeek = periodAround(now, 7 * duration.day);
  return {
    userByEmail: queries.userByEmail(user.email ?? "nobody@example.com"),
    userByUsername: queries.userByUsername(user.username ?? "nobody"),
    userByExternalIdentity: queries.userByExternalIdentity(secrets.identity),
    userByEmailVerification: queries.userByEmailVerification(secrets.verification),
    userByPasswordReset: queries.userByPasswordReset(secrets.reset),
    userByEmailChange: queries.userByEmailChange(secrets.emailChange),
    userByEmailUndo: queries.userByEmailUndo(secrets.emailUndo),
    newestUsers: queries.newestUsers(within(now, 7)),
    usersByStatus: queries.usersByStatus("suspended", within(now, 180)),
    usersByRole: queries.usersByRole("admin", within(now, 365)),
    dormantUsers: queries.dormantUsers("active", dormant),
    activeUsersByStatus: queries.activeUsersByStatus("active", within(now, 1 / 24)),
    recentlyActiveUsers: queries.recentlyActiveUsers(within(now, 1 / 24)),
    subscriptionsEnding: queries.subscriptionsEnding("active", nextWeek),
    usersOfCompany: queries.usersOfCompany(user.profile?.company ?? "nobody", 20),
    mostEngagedUsers: queries.mostEngagedUsers(90, 20),
    heaviestApiUsers: queries.heaviestApiUsers(20_000, 20),
    usersByEmailPrefix: queries.usersByEmailPrefix((user.email ?? "nobody").slice(0, 5), undefined, 20),
    usersByUsernamePrefix: queries.usersByUsernamePrefix(
      (user.username ?? "nobody").slice(0, 5),
      undefined,
      20,
    ),
  };
}

function sessionSamples(
  {
    session,
    legacy,
    impersonation,
  }: Record<"session" | "legacy" | "impersonation", Partial<UserSessionDocument>>,
  now: Date,
) {
  const userId = session.userId ?? nobody.id;
  const lastHour = new Date(now.getTime() - duration.hour);
  return {
    sessionById: queries.sessionById({ ownerId: userId, id: session._id ?? nobody.id }),
    sessionsByLegacyToken: queries.sessionsByLegacyToken(legacy.legacyTokenHash ?? nobody.hash),
    slotsOfUser: queries.slotsOfUser(userId),
    sessionHistoryOfUser: queries.sessionHistoryOfUser(userId, page),
    sessionsOfDevice: queries.sessionsOfDevice(userId, session.deviceHash ?? nobody.shortHash, 20),
    sessionsFromNetwork: queries.sessionsFromNetwork(session.network ?? nobody.network, page),
    liveSessionsAtRisk: queries.liveSessionsAtRisk("high", lastHour, 20),
    sessionsEndedBetween: queries.sessionsEndedBetween({
      from: new Date(now.getTime() - 7 * duration.day),
      to: now,
      limit: 20,
    }),
    newestImpersonations: queries.newestImpersonations(page),
    impersonationsBy: queries.impersonationsBy(impersonation.impersonation?.actor ?? nobody.id, page),
    dueImpersonations: queries.dueImpersonations({ from: new Date(0), to: now, limit: 20 }),
  };
}

interface AppDocuments {
  ofSession?: Partial<AppTokenDocument>;
  request?: Partial<AuthorizationRequestDocument>;
  device?: Partial<DeviceAuthorizationDocument>;
  assertion?: Partial<UsedAssertionDocument>;
  app?: Partial<AppDocument>;
  token?: Partial<AppTokenDocument>;
  permission?: Partial<AppPermissionDocument>;
  key?: Partial<ApiKeyDocument>;
}

async function sampleAppDocuments(models: IdentityModels, now: Date): Promise<AppDocuments> {
  const [app, token, permission, key, request, device, assertion, ofSession] = await Promise.all([
    anyOf(models.App),
    anyOf(models.AppToken, { revokedAt: null, expiresAt: { $gt: now } }),
    anyOf(models.AppPermission),
    anyOf(models.ApiKey),
    anyOf(models.AuthorizationRequest),
    anyOf(models.DeviceAuthorization, { userId: { $exists: true } }),
    anyOf(models.UsedAssertion),
    anyOf(models.AppToken, { sessionId: { $exists: true } }),
  ]);
  return { app, token, permission, key, request, device, assertion, ofSession };
}

function appSamples(documents: AppDocuments, now: Date) {
  const { app = {}, token = {}, permission = {}, key = {} } = documents;
  const { request = {}, device = {}, assertion = {}, ofSession = {} } = documents;
  const userId = token.ownerId ?? nobody.id;
  const appId = token.appId ?? nobody.id;
  const nextMonth = periodAround(now, 30 * duration.day);
  return {
    appByClientId: queries.appByClientId(app.clientId ?? "nobody"),
    appsOfOwner: queries.appsOfOwner(app.ownerId ?? nobody.id, page),
    appsByStatus: queries.appsByStatus("active", page),
    authorizationById: queries.authorizationById({ ownerId: userId, id: token._id ?? nobody.id }),
    tokensOfUserAndApp: queries.tokensOfUserAndApp(userId, appId, page),
    liveTokensOfUser: queries.liveTokensOfUser(userId, now),
    tokensOfApp: queries.tokensOfApp(appId, page),
    tokensOfSession: queries.tokensOfSession(
      ofSession.ownerId ?? nobody.id,
      ofSession.sessionId ?? nobody.id,
      page,
    ),
    authorizationRequestByToken: queries.authorizationRequestByToken(request.tokenHash ?? nobody.hash),
    devicesByUserCode: queries.devicesByUserCode([device.userCodeHash ?? nobody.hash]),
    devicesOfUser: queries.devicesOfUser(device.userId ?? nobody.id, page),
    signingKeysOf: queries.signingKeysOf(signingAlgorithms),
    usedAssertion: queries.usedAssertion(assertion.assertionHash ?? nobody.hash),
    permissionOfUserForApp: queries.permissionOfUserForApp(
      permission.userId ?? nobody.id,
      permission.appId ?? nobody.id,
    ),
    livePermissionsOfUser: queries.livePermissionsOfUser(permission.userId ?? nobody.id, page),
    livePermissionsOfApp: queries.livePermissionsOfApp(permission.appId ?? nobody.id, page),
    permissionsWithScope: queries.permissionsWithScope(permission.scopes?.[0] ?? "nobody", within(now, 7)),
    apiKeyById: queries.apiKeyById({ ownerId: key.userId ?? nobody.id, id: key._id ?? nobody.id }),
    liveApiKeysOfUser: queries.liveApiKeysOfUser(key.userId ?? nobody.id, page),
    apiKeysExpiringBetween: queries.apiKeysExpiringBetween({ ...nextMonth, limit: 20 }),
    apiKeysByStart: queries.apiKeysByStart(key.start ?? "nobody", 20),
  };
}

interface EventDocuments {
  audit?: Partial<AuditEventDocument>;
  security?: Partial<SecurityEventDocument>;
  usage?: Partial<UsageBucketDocument>;
  appUsage?: Partial<AppUsageDocument>;
  login?: Partial<LoginProfileDocument>;
  account?: Partial<LoginProfileDocument>;
  erasure?: Partial<ErasureDocument>;
  challenge?: Partial<LoginChallengeDocument>;
  limited?: Partial<RequestLimitDocument>;
  counter?: Partial<RiskCounterDocument>;
  factors?: Partial<UserFactorsDocument>;
  keys?: Partial<UserFactorsDocument>;
  recovering?: Partial<UserFactorsDocument>;
  passkey?: Partial<PasskeyChallengeDocument>;
  approval?: Partial<AdminApprovalDocument>;
  report?: Partial<SignInReportDocument>;
  offer?: Partial<SignInReportDocument>;
  job?: Partial<BulkJobDocument>;
  item?: Partial<BulkJobItemDocument>;
}

async function sampleEventDocuments(models: IdentityModels): Promise<EventDocuments> {
  const [audit, security, usage, login, account, erasure, challenge, counter, factors] = await Promise.all([
    anyOf(models.AuditEvent, { subjectRef: { $exists: true }, actorRef: { $exists: true } }),
    anyOf(models.SecurityEvent),
    anyOf(models.UsageBucket, { interval: "day" }),
    anyOf(models.LoginProfile, { subject: "user" }),
    anyOf(models.LoginProfile, { subject: "account", userId: { $exists: true } }),
    anyOf(models.Erasure, { userId: { $exists: true } }),
    anyOf(models.LoginChallenge),
    anyOf(models.RiskCounter),
    anyOf(models.UserFactors, { "totp.keyId": { $exists: true } }),
  ]);
  const passkeys = await samplePasskeys(models);
  const limited = await anyOf(models.RequestLimit);
  const approval = await anyOf(models.AdminApproval);
  const report = await anyOf(models.SignInReport, { reportedAt: { $exists: true } });
  const offer = await anyOf(models.SignInReport, { tokenHash: { $exists: true } });
  const appUsage = await anyOf(models.AppUsage);
  const job = await anyOf(models.BulkJob);
  const item = await anyOf(models.BulkJobItem);
  return {
    audit,
    security,
    usage,
    login,
    account,
    erasure,
    challenge,
    counter,
    limited,
    factors,
    approval,
    report,
    offer,
    appUsage,
    job,
    item,
    ...passkeys,
  };
}

async function samplePasskeys(models: IdentityModels) {
  const [keys, recovering, passkey] = await Promise.all([
    anyOf(models.UserFactors, { "passkeys.credentialId": { $exists: true } }),
    anyOf(models.UserFactors, { "recovery.cancelHash": { $exists: true } }),
    anyOf(models.PasskeyChallenge, { userId: { $exists: true } }),
  ]);
  return { keys, recovering, passkey };
}

function eventSamples(documents: EventDocuments, now: Date) {
  const { audit = {}, security = {}, usage = {} } = documents;
  const { login = {}, account = {}, challenge = {}, counter = {}, erasure = {}, factors = {} } = documents;
  const { limited = {}, keys = {}, recovering = {}, passkey = {}, approval = {} } = documents;
  const { appUsage = {}, report = {}, offer = {}, job = {}, item = {} } = documents;
  const lastDay = { ...periodAround(now, -duration.day), limit: 20 };
  const lastMonth = periodAround(now, -30 * duration.day);
  return {
    auditChain: queries.auditChain(audit.chainId ?? "nobody", 0, 20),
    auditOfSubject: queries.auditOfSubject(audit.subjectRef ?? nobody.ref, page),
    auditByActor: queries.auditByActor(audit.actorRef ?? nobody.ref, page),
    auditOfAction: queries.auditOfAction(audit.action ?? "nobody", within(now, 7)),
    auditBetween: queries.auditBetween(lastDay),
    newestAuditEvents: queries.newestAuditEvents(within(now, 1)),
    newestAuditCheckpoint: queries.newestAuditCheckpoint(),
    auditCheckpointsBefore: queries.auditCheckpointsBefore(1_000_000, 20),
    securityEventsOfUser: queries.securityEventsOfUser(security.userId ?? nobody.id, page),
    securityEventsOfUserByKind: queries.securityEventsOfUserByKind(
      security.userId ?? nobody.id,
      security.kind ?? "new_device",
      page,
    ),
    securityEventsByKind: queries.securityEventsByKind("reuse_detected", within(now, 30)),
    securityEventsBySeverity: queries.securityEventsBySeverity("critical", within(now, 30)),
    securityEventsBetween: queries.securityEventsBetween(lastDay),
    newestSecurityEvents: queries.newestSecurityEvents(within(now, 1)),
    usageOfUser: queries.usageOfUser(usage.userId ?? nobody.id, "day", lastMonth),
    heaviestUsageOf: queries.heaviestUsageOf("day", usage.startedAt ?? now, 400, 20),
    usageOfApp: queries.usageOfApp(appUsage.clientId ?? "nobody", lastMonth),
    loginProfileOf: queries.loginProfileOf("user", login.key ?? "nobody"),
    delayedSubjects: queries.delayedSubjects("network", now, 20),
    loginAccountsOfUser: queries.loginAccountsOfUser(account.userId ?? nobody.id),
    challengeByToken: queries.challengeByToken(challenge.tokenHash ?? nobody.hash),
    challengesOfUser: queries.challengesOfUser(challenge.userId ?? nobody.id, page),
    requestLimitOf: queries.requestLimitOf(limited.key ?? nobody.hash),
    riskCountersOf: queries.riskCountersOf([counter.key ?? nobody.hash, sha256("somebody")]),
    factorsOfUser: queries.factorsOfUser(factors.userId ?? nobody.id),
    factorsByCredential: queries.factorsByCredential(keys.passkeys?.[0]?.credentialId ?? "nobody"),
    factorsByRecovery: queries.factorsByRecovery(recovering.recovery?.cancelHash ?? nobody.hash),
    accountsWithFactors: queries.accountsWithFactors(within(now, 2)),
    passkeyChallenge: queries.passkeyChallenge(passkey.challengeHash ?? nobody.hash),
    passkeyChallengesOfUser: queries.passkeyChallengesOfUser(passkey.userId ?? nobody.id, page),
    factorsSealedWith: queries.factorsSealedWith([factors.totp?.keyId ?? "nobody"], 20),
    erasureOfUser: queries.erasureOfUser(erasure.userId ?? nobody.id),
    dueErasures: queries.dueErasures(now, 20),
    signInReportOf: queries.signInReportOf(report.userId ?? nobody.id, report.sessionId ?? nobody.id),
    signInReportByToken: queries.signInReportByToken(offer.tokenHash ?? nobody.hash),
    signInReportsOfUser: queries.signInReportsOfUser(report.userId ?? nobody.id, page),
    newestSignInReports: queries.newestSignInReports(within(now, 30)),
    dueSignInReports: queries.dueSignInReports(now, 20),
    administratorRegister: queries.administratorRegister(),
    approvalById: queries.approvalById(approval._id ?? nobody.id),
    approvalsByStatus: queries.approvalsByStatus("pending", page),
    approvalsWith: queries.approvalsWith(approval.requestedBy ?? nobody.id, page),
    bulkJobById: queries.bulkJobById(job._id ?? nobody.id),
    newestBulkJobs: queries.newestBulkJobs(within(now, 30)),
    bulkJobsOf: queries.bulkJobsOf(job.createdBy ?? nobody.id, page),
    dueBulkJobs: queries.dueBulkJobs(now, 20),
    bulkJobItems: queries.bulkJobItems(item.jobId ?? nobody.id, 0, 20),
    bulkJobItemsIn: queries.bulkJobItemsIn(item.jobId ?? nobody.id, item.state ?? "pending", 0, 20),
    bulkJobItemsOfUser: queries.bulkJobItemsOfUser(item.userId ?? nobody.id, 20),
  };
}
