import { type QueryFilter, Types } from "mongoose";
import { IdentityError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { AdminApprovalDocument, ApprovalStatus } from "../schemas/admin-approval.js";
import type { AdministratorRegisterDocument } from "../schemas/administrator-register.js";
import type { ApiKeyDocument } from "../schemas/api-key.js";
import type { AppDocument, AppStatus } from "../schemas/app.js";
import type { AppPermissionDocument } from "../schemas/app-permission.js";
import type { AppTokenDocument } from "../schemas/app-token.js";
import type { AppUsageDocument } from "../schemas/app-usage.js";
import type { AuditCheckpointDocument } from "../schemas/audit-checkpoint.js";
import type { AuditEventDocument } from "../schemas/audit-event.js";
import type { AuthorizationRequestDocument } from "../schemas/authorization-request.js";
import type { BulkJobDocument } from "../schemas/bulk-job.js";
import type { BulkItemState, BulkJobItemDocument } from "../schemas/bulk-job-item.js";
import type { DeviceAuthorizationDocument } from "../schemas/device-authorization.js";
import type { ErasureDocument } from "../schemas/erasure.js";
import type { LoginChallengeDocument } from "../schemas/login-challenge.js";
import type { LoginProfileDocument, LoginSubject } from "../schemas/login-profile.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { PasskeyChallengeDocument } from "../schemas/passkey-challenge.js";
import type { RequestLimitDocument } from "../schemas/request-limit.js";
import type { RiskCounterDocument } from "../schemas/risk-counter.js";
import type { SecurityEventDocument, SecurityEventKind, Severity } from "../schemas/security-event.js";
import type { SignInReportDocument } from "../schemas/sign-in-report.js";
import type { SigningAlgorithm, SigningKeyDocument } from "../schemas/signing-key.js";
import type { UsageBucketDocument, UsageInterval } from "../schemas/usage-bucket.js";
import type { UsedAssertionDocument } from "../schemas/used-assertion.js";
import {
  leastEngagement,
  leastHeavyUse,
  type SubscriptionStatus,
  type UserDocument,
  type UserStatus,
} from "../schemas/user.js";
import type { UserFactorsDocument } from "../schemas/user-factors.js";
import type { ElevatedRisk, UserSessionDocument } from "../schemas/user-session.js";
import type { Place } from "./place.js";

/**
 * A query that the product's speed depends on. The operations run it, the tests and the optimizer explain it, the
 * benchmarks time it and the reference lists it: always this one object.
 */
export interface NamedQuery<T = Record<string, unknown>> {
  readonly name: string;
  readonly collection: string;
  readonly filter: QueryFilter<T>;
  readonly sort?: Readonly<Record<string, 1 | -1>>;
  readonly limit?: number;
  /** Name of the index that serves it: the winning plan uses this one. */
  readonly index: string;
  /** True for one that people, jobs or a migration ask now and then: on a sharded cluster it may ask every shard. */
  readonly rare?: true;
}

type Id = Types.ObjectId;

/** A place in a list that is ordered by a date, and by `_id` where dates are equal: the last document of a page. */
export interface PagePosition {
  at: Date;
  id: Id;
}

/** A page of a list that runs from the newest to the oldest; of equal dates, from the highest `_id` to the lowest. */
export interface Page {
  /** Documents per page, 1 to 200. Default 50. */
  limit?: number;
  /**
   * Only what comes after this place: the last document of the page before. A date stands for everything older; what
   * happened at that very moment is then left out.
   */
  before?: PagePosition | Date;
  /** Only what is not older. Default: no bound. */
  since?: Date;
}

/** From `from`, inclusive, to `to`, exclusive, the oldest first. */
export interface Period {
  from: Date;
  to: Date;
  /** Only what comes after this place: the last document of the window before. */
  after?: PagePosition;
  /** Documents to read at most. Default 1,000: what is longer is read in windows. */
  limit?: number;
}

const defaultPageSize = 50;
const maxPageSize = 200;
const defaultWindowSize = 1_000;

function pageSize(page: Page): number {
  return Math.min(Math.max(Math.trunc(page.limit ?? defaultPageSize), 1), maxPageSize);
}

function withinPage(field: string, { before, since }: Page): Record<string, unknown> {
  if (!before && !since) return {};
  const isDate = before instanceof Date;
  const until = before && (isDate ? { $lt: before } : { $lte: before.at });
  return {
    [field]: { ...(since && { $gte: since }), ...until },
    ...(before && !isDate && { $nor: [{ [field]: before.at, _id: { $gte: before.id } }] }),
  };
}

function withinPeriod(field: string, { from, to, after }: Period): Record<string, unknown> {
  if (!after) return { [field]: { $gte: from, $lt: to } };
  const begin = after.at > from ? after.at : from;
  return {
    [field]: { $gte: begin, $lt: to },
    $nor: [{ [field]: after.at, _id: { $lte: after.id } }],
  };
}

/** A {@link PagePosition} as text, for a link to the next page. */
export function writePagePosition({ at, id }: PagePosition): string {
  return `${at.toISOString()}_${id.toHexString()}`;
}

const pagePosition = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)_([0-9a-f]{24})$/;

/** @throws IdentityError `INVALID_INPUT` for what {@link writePagePosition} did not write. */
export function readPagePosition(text: string): PagePosition {
  const [, date = "", id = ""] = pagePosition.exec(text) ?? [];
  const at = new Date(date);
  if (Number.isNaN(at.getTime())) throw new IdentityError("INVALID_INPUT", "this is no position of a page");
  return { at, id: new Types.ObjectId(id) };
}

/** The named queries of one collection: `one` finds a document by a unique key, `page` lists, `during` takes a period. */
function forCollection<T>(collection: string) {
  return {
    one: (name: string, index: string, filter: QueryFilter<T>): NamedQuery<T> => ({
      name,
      collection,
      filter,
      limit: 1,
      index,
    }),
    all: (
      name: string,
      index: string,
      filter: QueryFilter<T>,
      sort: Record<string, 1 | -1>,
      limit?: number,
    ): NamedQuery<T> => ({ name, collection, filter, sort, ...(limit && { limit }), index }),
    page: (
      name: string,
      index: string,
      filter: Record<string, unknown>,
      newestBy: string,
      page: Page,
    ): NamedQuery<T> => ({
      name,
      collection,
      filter: { ...filter, ...withinPage(newestBy, page) } as QueryFilter<T>,
      sort: { [newestBy]: -1, _id: -1 },
      limit: pageSize(page),
      index,
    }),
    during: (
      name: string,
      index: string,
      filter: Record<string, unknown>,
      field: string,
      period: Period,
    ): NamedQuery<T> => ({
      name,
      collection,
      filter: { ...filter, ...withinPeriod(field, period) } as QueryFilter<T>,
      sort: { [field]: 1, _id: 1 },
      limit: period.limit ?? defaultWindowSize,
      index,
    }),
  };
}

const users = forCollection<UserDocument>("users");
const sessions = forCollection<UserSessionDocument>("user_sessions");
const apps = forCollection<AppDocument>("apps");
const tokens = forCollection<AppTokenDocument>("app_tokens");
const permissions = forCollection<AppPermissionDocument>("app_permissions");
const keys = forCollection<ApiKeyDocument>("api_keys");
const audit = forCollection<AuditEventDocument>("audit_events");
const checkpoints = forCollection<AuditCheckpointDocument>("audit_checkpoints");
const security = forCollection<SecurityEventDocument>("security_events");
const usage = forCollection<UsageBucketDocument>("usage_buckets");
const appUsage = forCollection<AppUsageDocument>("app_usage");
const logins = forCollection<LoginProfileDocument>("login_profiles");
const challenges = forCollection<LoginChallengeDocument>("login_challenges");
const requestLimits = forCollection<RequestLimitDocument>("request_limits");
const counters = forCollection<RiskCounterDocument>("risk_counters");
const factors = forCollection<UserFactorsDocument>("user_factors");
const passkeyChallenges = forCollection<PasskeyChallengeDocument>("passkey_challenges");
const requests = forCollection<AuthorizationRequestDocument>("authorization_requests");
const devices = forCollection<DeviceAuthorizationDocument>("device_authorizations");
const signingKeys = forCollection<SigningKeyDocument>("signing_keys");
const assertions = forCollection<UsedAssertionDocument>("used_assertions");
const erasures = forCollection<ErasureDocument>("erasures");
const reports = forCollection<SignInReportDocument>("sign_in_reports");
const registers = forCollection<AdministratorRegisterDocument>("administrators");
const approvals = forCollection<AdminApprovalDocument>("admin_approvals");
const jobs = forCollection<BulkJobDocument>("bulk_jobs");
const jobItems = forCollection<BulkJobItemDocument>("bulk_job_items");

/** The texts that begin with a prefix, from a place on: the last text of the page before. */
function beginsWith(prefix: string, after: string | undefined): Record<string, string> {
  // U+FFFF is no character: no text of people has it.
  return { ...(after === undefined ? { $gte: prefix } : { $gt: after }), $lt: `${prefix}\uffff` };
}

const rare = <T>(query: NamedQuery<T>): NamedQuery<T> => ({ ...query, rare: true });

/** Condition that live sessions meet and ended ones do not. */
const live = { slot: { $gte: 0 } } as const;

/** Every hot query, by name. */
export const queries = {
  userByEmail: (email: string) => users.one("userByEmail", "email_unique", { email }),
  userByUsername: (username: string) => users.one("userByUsername", "username_unique", { username }),
  userByExternalIdentity: (key: Buffer) =>
    users.one("userByExternalIdentity", "external_identity_unique", { "externalIdentities.key": key }),
  userByEmailVerification: (tokenHash: Buffer) =>
    users.one("userByEmailVerification", "email_verification_unique", {
      "emailVerification.tokenHash": tokenHash,
    }),
  userByPasswordReset: (tokenHash: Buffer) =>
    users.one("userByPasswordReset", "password_reset_unique", { "passwordReset.tokenHash": tokenHash }),
  userByEmailChange: (tokenHash: Buffer) =>
    users.one("userByEmailChange", "email_change_unique", { "emailChange.tokenHash": tokenHash }),
  /** By a token that an address was sent when the account got another one. */
  userByEmailUndo: (tokenHash: Buffer) =>
    users.one("userByEmailUndo", "email_undo_unique", { "emailUndos.tokenHashes": tokenHash }),
  newestUsers: (page: Page = {}) => users.page("newestUsers", "newest", {}, "createdAt", page),
  usersByStatus: (status: UserStatus, page: Page = {}) =>
    users.page("usersByStatus", "status_newest", { status }, "createdAt", page),
  usersByRole: (role: string, page: Page = {}) =>
    users.page(
      "usersByRole",
      "role_newest",
      { roles: role, "roles.0": { $exists: true } },
      "createdAt",
      page,
    ),
  /** Users of a status without a request in a period, the longest silent first. */
  dormantUsers: (status: UserStatus, period: Period) =>
    users.during("dormantUsers", "status_dormant", { status }, "lastActiveAt", period),
  /** Users of a status that were ever active, the last active first. */
  activeUsersByStatus: (status: UserStatus, { since = new Date(0), ...page }: Page = {}) =>
    users.page("activeUsersByStatus", "status_dormant", { status }, "lastActiveAt", { ...page, since }),
  recentlyActiveUsers: (page: Page = {}) =>
    users.page("recentlyActiveUsers", "recently_active", {}, "lastActiveAt", page),
  subscriptionsEnding: (status: SubscriptionStatus, period: Period) =>
    users.during(
      "subscriptionsEnding",
      "subscription_ending",
      { "subscription.status": status },
      "subscription.periodEnd",
      period,
    ),
  usersOfCompany: (company: string, limit = defaultPageSize) =>
    users.all(
      "usersOfCompany",
      "company_name",
      { "profile.company": company },
      { "profile.displayName": 1, _id: 1 },
      limit,
    ),
  /** @param minimum - engagement score from which a user is listed, 75 to 100. */
  mostEngagedUsers: (minimum = leastEngagement, limit = defaultPageSize) =>
    users.all(
      "mostEngagedUsers",
      "engagement",
      { "analytics.engagementScore": { $gte: Math.max(minimum, leastEngagement) } },
      { "analytics.engagementScore": -1, _id: -1 },
      limit,
    ),
  /** @param minimum - requests in all from which a user is listed, 10,000 at least. */
  heaviestApiUsers: (minimum = leastHeavyUse, limit = defaultPageSize) =>
    users.all(
      "heaviestApiUsers",
      "api_heaviest",
      { "apiUsage.totals.requests": { $gte: Math.max(minimum, leastHeavyUse) } },
      { "apiUsage.totals.requests": -1, _id: -1 },
      limit,
    ),

  /** @param after - address of the last user of the page before. */
  usersByEmailPrefix: (prefix: string, after?: string, limit = defaultPageSize) =>
    users.all(
      "usersByEmailPrefix",
      "email_unique",
      { email: beginsWith(prefix, after) },
      { email: 1 },
      limit,
    ),
  /** @param after - username of the last user of the page before. */
  usersByUsernamePrefix: (prefix: string, after?: string, limit = defaultPageSize) =>
    users.all(
      "usersByUsernamePrefix",
      "username_unique",
      { username: beginsWith(prefix, after) },
      { username: 1 },
      limit,
    ),

  /** The one read of every authenticated request: its token says where. */
  sessionById: ({ ownerId, id }: Place) => sessions.one("sessionById", "_id_", { _id: id, userId: ownerId }),
  /** The sessions, one at most, whose token came from the old layout, which does not say whose it is. */
  sessionsByLegacyToken: (legacyTokenHash: Buffer) =>
    rare(sessions.all("sessionsByLegacyToken", "legacy_token", { legacyTokenHash }, {}, 2)),
  /** The sessions that hold a slot, expired ones included: what the cap is decided on, and what a user's list shows. */
  slotsOfUser: (userId: Id) => sessions.all("slotsOfUser", "slot_unique", { userId, ...live }, { slot: 1 }),
  sessionHistoryOfUser: (userId: Id, page: Page = {}) =>
    sessions.page("sessionHistoryOfUser", "history_of_user", { userId }, "createdAt", page),
  /** Some sessions of a user on a device, ended ones too: whether it is known. */
  sessionsOfDevice: (userId: Id, deviceHash: Buffer, limit = defaultPageSize) =>
    sessions.all("sessionsOfDevice", "device_of_user", { userId, deviceHash }, {}, limit),
  sessionsFromNetwork: (network: Buffer, page: Page = {}) =>
    rare(sessions.page("sessionsFromNetwork", "network_newest", { network }, "createdAt", page)),
  /** Sessions of a risk level that hold a slot and were used since. */
  liveSessionsAtRisk: (level: ElevatedRisk, since: Date, limit = defaultPageSize) =>
    rare(
      sessions.all(
        "liveSessionsAtRisk",
        "risk_recent",
        { "risk.level": level, ...live, lastSeenAt: { $gt: since } },
        { lastSeenAt: -1, _id: -1 },
        limit,
      ),
    ),

  /** Sessions that something ended in a period: their apps are told. */
  sessionsEndedBetween: (period: Period) =>
    rare(sessions.during("sessionsEndedBetween", "ended", {}, "revokedAt", period)),

  /** Sessions in which administrators act, or acted, for users. */
  newestImpersonations: (page: Page = {}) =>
    rare(
      sessions.page(
        "newestImpersonations",
        "impersonation_newest",
        { "impersonation.actor": { $exists: true } },
        "createdAt",
        page,
      ),
    ),
  /** Those of one administrator. */
  impersonationsBy: (actor: Id, page: Page = {}) =>
    rare(
      sessions.page("impersonationsBy", "actor_newest", { "impersonation.actor": actor }, "createdAt", page),
    ),
  /** Impersonations whose end is to be noted, or may have come. */
  dueImpersonations: (period: Period) =>
    rare(sessions.during("dueImpersonations", "impersonation_due", {}, "impersonation.sweepAt", period)),

  appByClientId: (clientId: string) => apps.one("appByClientId", "client_id_unique", { clientId }),
  appsOfOwner: (ownerId: Id, page: Page = {}) =>
    apps.page("appsOfOwner", "owner_newest", { ownerId }, "createdAt", page),
  appsByStatus: (status: AppStatus, page: Page = {}) =>
    apps.page("appsByStatus", "status_newest", { status }, "createdAt", page),

  /** An authorization with its code and tokens: the one read of every request with an access token. */
  authorizationById: ({ ownerId, id }: Place) =>
    tokens.one("authorizationById", "_id_", { _id: id, ownerId }),
  tokensOfUserAndApp: (ownerId: Id, appId: Id, page: Page = {}) =>
    tokens.page("tokensOfUserAndApp", "owner_app_newest", { ownerId, appId }, "createdAt", page),
  liveTokensOfUser: (ownerId: Id, now: Date) =>
    tokens.all(
      "liveTokensOfUser",
      "live_of_owner",
      { ownerId, revokedAt: null, expiresAt: { $gt: now } },
      { expiresAt: -1, _id: -1 },
    ),
  tokensOfApp: (appId: Id, page: Page = {}) =>
    rare(tokens.page("tokensOfApp", "app_newest", { appId }, "createdAt", page)),

  /** The authorizations that a session gave, the newest first: their apps are told when it ends. */
  tokensOfSession: (ownerId: Id, sessionId: Id, page: Page = {}) =>
    tokens.page("tokensOfSession", "session_newest", { ownerId, sessionId }, "createdAt", page),
  authorizationRequestByToken: (tokenHash: Buffer) =>
    requests.one("authorizationRequestByToken", "token_unique", { tokenHash }),
  /** A device by its user code, under each key of the deployment that may have hashed it. */
  devicesByUserCode: (userCodeHashes: readonly Buffer[]) =>
    devices.all(
      "devicesByUserCode",
      "user_code_unique",
      { userCodeHash: { $in: [...userCodeHashes] } },
      {},
      limits.sealKeys,
    ),
  devicesOfUser: (userId: Id, page: Page = {}) =>
    rare(devices.page("devicesOfUser", "user_newest", { userId }, "createdAt", page)),
  /** The keys that sign or did, the oldest of each algorithm first. */
  signingKeysOf: (algorithms: readonly SigningAlgorithm[]) =>
    signingKeys.all(
      "signingKeysOf",
      "generation_unique",
      { algorithm: { $in: [...algorithms] } },
      { algorithm: 1, generation: 1 },
      limits.signingKeys,
    ),
  usedAssertion: (assertionHash: Buffer) =>
    assertions.one("usedAssertion", "assertion_unique", { assertionHash }),

  permissionOfUserForApp: (userId: Id, appId: Id) =>
    permissions.one("permissionOfUserForApp", "user_app_unique", { userId, appId }),
  livePermissionsOfUser: (userId: Id, page: Page = {}) =>
    permissions.page("livePermissionsOfUser", "live_of_user", { userId, revokedAt: null }, "grantedAt", page),
  livePermissionsOfApp: (appId: Id, page: Page = {}) =>
    rare(
      permissions.page("livePermissionsOfApp", "live_of_app", { appId, revokedAt: null }, "grantedAt", page),
    ),
  permissionsWithScope: (scope: string, page: Page = {}) =>
    rare(permissions.page("permissionsWithScope", "scope_newest", { scopes: scope }, "grantedAt", page)),

  /** The one read of every verification of an API key, which says where. */
  apiKeyById: ({ ownerId, id }: Place) => keys.one("apiKeyById", "_id_", { _id: id, userId: ownerId }),
  liveApiKeysOfUser: (userId: Id, page: Page = {}) =>
    keys.page("liveApiKeysOfUser", "live_of_user", { userId, revokedAt: null }, "createdAt", page),
  apiKeysExpiringBetween: (period: Period) =>
    rare(keys.during("apiKeysExpiringBetween", "expiring", {}, "expiresAt", period)),
  /** Keys by the characters that people see of them; several may begin alike. */
  apiKeysByStart: (start: string, limit = defaultPageSize) =>
    rare(keys.all("apiKeysByStart", "start", { start }, { start: 1, _id: 1 }, limit)),

  /** A stretch of a chain: its sequence has no gaps, so it is as long as `length` says. */
  auditChain: (chainId: string, from = 0, length = 1_000) =>
    audit.all(
      "auditChain",
      "chain_unique",
      { chainId, sequence: { $gte: from, $lt: from + length } },
      { sequence: 1 },
      length,
    ),
  auditOfSubject: (subjectRef: string, page: Page = {}) =>
    rare(audit.page("auditOfSubject", "subject_newest", { subjectRef }, "at", page)),
  auditByActor: (actorRef: string, page: Page = {}) =>
    rare(audit.page("auditByActor", "actor_newest", { actorRef }, "at", page)),
  auditOfAction: (action: string, page: Page = {}) =>
    rare(audit.page("auditOfAction", "action_newest", { action }, "at", page)),
  auditBetween: (period: Period) => rare(audit.during("auditBetween", "at", {}, "at", period)),
  newestAuditEvents: (page: Page = {}) => rare(audit.page("newestAuditEvents", "at", {}, "at", page)),
  newestAuditCheckpoint: () =>
    checkpoints.all("newestAuditCheckpoint", "number_unique", { number: { $gte: 0 } }, { number: -1 }, 1),
  /** Checkpoints below a number, the newest first. */
  auditCheckpointsBefore: (number: number, limit = defaultPageSize) =>
    rare(
      checkpoints.all(
        "auditCheckpointsBefore",
        "number_unique",
        { number: { $lt: number } },
        { number: -1 },
        limit,
      ),
    ),

  securityEventsOfUser: (userId: Id, page: Page = {}) =>
    security.page("securityEventsOfUser", "user_newest", { userId }, "at", page),
  securityEventsOfUserByKind: (userId: Id, kind: SecurityEventKind, page: Page = {}) =>
    security.page("securityEventsOfUserByKind", "user_kind_newest", { userId, kind }, "at", page),
  securityEventsByKind: (kind: SecurityEventKind, page: Page = {}) =>
    rare(security.page("securityEventsByKind", "kind_newest", { kind }, "at", page)),
  securityEventsBySeverity: (severity: Severity, page: Page = {}) =>
    rare(security.page("securityEventsBySeverity", "severity_newest", { severity }, "at", page)),
  securityEventsBetween: (period: Period) =>
    rare(security.during("securityEventsBetween", "at", {}, "at", period)),
  newestSecurityEvents: (page: Page = {}) =>
    rare(security.page("newestSecurityEvents", "at", {}, "at", page)),

  usageOfUser: (userId: Id, interval: UsageInterval, period: Period) =>
    usage.all(
      "usageOfUser",
      "user_interval_unique",
      { userId, interval, startedAt: { $gte: period.from, $lt: period.to } },
      { startedAt: -1 },
      period.limit ?? defaultWindowSize,
    ),
  /** @param minimum - requests in the interval from which a user is listed. */
  heaviestUsageOf: (interval: UsageInterval, startedAt: Date, minimum = 1, limit = defaultPageSize) =>
    rare(
      usage.all(
        "heaviestUsageOf",
        "interval_heaviest",
        { interval, startedAt, requests: { $gte: minimum } },
        { requests: -1, _id: -1 },
        limit,
      ),
    ),

  /** What an app did, day by day. */
  usageOfApp: (clientId: string, period: Period) =>
    appUsage.all(
      "usageOfApp",
      "client_day_unique",
      { clientId, startedAt: { $gte: period.from, $lt: period.to } },
      { startedAt: -1 },
      period.limit ?? defaultWindowSize,
    ),

  loginProfileOf: (subject: LoginSubject, key: string) =>
    logins.one("loginProfileOf", "subject_unique", { subject, key }),
  delayedSubjects: (subject: LoginSubject, now: Date, limit = defaultPageSize) =>
    rare(
      logins.all(
        "delayedSubjects",
        "delayed",
        { subject, "counter.delayedUntil": { $gt: now } },
        { "counter.delayedUntil": -1, _id: -1 },
        limit,
      ),
    ),
  /** The counters of what a user signs in with: their email address, their username. */
  loginAccountsOfUser: (userId: Id) => rare(logins.all("loginAccountsOfUser", "user", { userId }, {}, 10)),

  challengeByToken: (tokenHash: Buffer) => challenges.one("challengeByToken", "token_unique", { tokenHash }),
  challengesOfUser: (userId: Id, page: Page = {}) =>
    rare(challenges.page("challengesOfUser", "user_newest", { userId }, "createdAt", page)),
  /** A client's window, for the update that takes a piece of it. */
  requestLimitOf: (key: Buffer) => requestLimits.one("requestLimitOf", "key_unique", { key }),
  /** The keys under which all users' sign-ins are counted: at most nine. */
  riskCountersOf: (keys: readonly Buffer[]) =>
    counters.all("riskCountersOf", "key_unique", { key: { $in: [...keys] } }, { key: 1 }),

  /** The second factors of a user. */
  factorsOfUser: (userId: Id) => factors.one("factorsOfUser", "user_unique", { userId }),
  /** The account that a passkey belongs to: the one read of a sign-in without a user name. */
  factorsByCredential: (credentialId: string) =>
    factors.one("factorsByCredential", "credential_unique", { "passkeys.credentialId": credentialId }),
  /** The account of a recovery, by the token that cancels it. */
  factorsByRecovery: (cancelHash: Buffer) =>
    factors.one("factorsByRecovery", "recovery_unique", { "recovery.cancelHash": cancelHash }),
  /** Accounts with a second factor, the newest first. */
  accountsWithFactors: (page: Page = {}) =>
    factors.page(
      "accountsWithFactors",
      "enabled_newest",
      { enabledAt: { $exists: true } },
      "enabledAt",
      page,
    ),
  passkeyChallenge: (challengeHash: Buffer) =>
    passkeyChallenges.one("passkeyChallenge", "challenge_unique", { challengeHash }),
  passkeyChallengesOfUser: (userId: Id, page: Page = {}) =>
    rare(passkeyChallenges.page("passkeyChallengesOfUser", "user_newest", { userId }, "createdAt", page)),
  /** Secrets of authenticator apps that these keys sealed. */
  factorsSealedWith: (keyIds: readonly string[], limit = defaultPageSize) =>
    factors.all("factorsSealedWith", "totp_key", { "totp.keyId": { $in: [...keyIds] } }, {}, limit),

  erasureOfUser: (userId: Id) => erasures.one("erasureOfUser", "user_unique", { userId }),
  /** Erasures to go through again, the longest due first. */
  dueErasures: (now: Date, limit = defaultPageSize) =>
    erasures.all("dueErasures", "due", { sweepAt: { $lte: now } }, { sweepAt: 1, _id: 1 }, limit),

  signInReportOf: (userId: Id, sessionId: Id) =>
    reports.one("signInReportOf", "user_session_unique", { userId, sessionId }),
  signInReportByToken: (tokenHash: Buffer) =>
    reports.one("signInReportByToken", "token_unique", { tokenHash }),
  signInReportsOfUser: (userId: Id, page: Page = {}) =>
    reports.page(
      "signInReportsOfUser",
      "user_newest",
      { userId, reportedAt: { $exists: true } },
      "reportedAt",
      page,
    ),
  newestSignInReports: (page: Page = {}) =>
    reports.page("newestSignInReports", "newest", { reportedAt: { $exists: true } }, "reportedAt", page),
  /** Reports that a crash stopped, or that are to be gone through once more. */
  dueSignInReports: (now: Date, limit = defaultPageSize) =>
    reports.all("dueSignInReports", "due", { sweepAt: { $lte: now } }, { sweepAt: 1, _id: 1 }, limit),

  administratorRegister: () =>
    registers.one("administratorRegister", "name_unique", { name: "administrators" }),
  approvalById: (id: Id) => approvals.one("approvalById", "_id_", { _id: id }),
  approvalsByStatus: (status: ApprovalStatus, page: Page = {}) =>
    approvals.page("approvalsByStatus", "status_newest", { status }, "createdAt", page),
  /** Approvals in which a user has a part: whom they are about, who asked, who decided. */
  approvalsWith: (userId: Id, page: Page = {}) =>
    approvals.page("approvalsWith", "people_newest", { people: userId }, "createdAt", page),

  bulkJobById: (id: Id) => jobs.one("bulkJobById", "_id_", { _id: id }),
  newestBulkJobs: (page: Page = {}) => jobs.page("newestBulkJobs", "newest", {}, "createdAt", page),
  /** The jobs of an administrator. */
  bulkJobsOf: (createdBy: Id, page: Page = {}) =>
    jobs.page("bulkJobsOf", "creator_newest", { createdBy }, "createdAt", page),
  /** Jobs that a process may take up, the longest due first. */
  /** Without those that only a newer version of the package knows what to do with: however many they are, they hide no other. */
  dueBulkJobs: (now: Date, limit = defaultPageSize) =>
    jobs.all(
      "dueBulkJobs",
      "due",
      { dueAt: { $lte: now }, schemaVersion: { $lte: currentSchemaVersion } },
      { dueAt: 1, _id: 1 },
      limit,
    ),
  /** @param from - position of the first one. */
  bulkJobItems: (jobId: Id, from = 0, limit = defaultPageSize) =>
    jobItems.all(
      "bulkJobItems",
      "position_unique",
      { jobId, position: { $gte: from } },
      { position: 1 },
      limit,
    ),
  /** The users of a job who came to one thing. */
  bulkJobItemsIn: (jobId: Id, state: BulkItemState, from = 0, limit = defaultPageSize) =>
    jobItems.all(
      "bulkJobItemsIn",
      "state_position_unique",
      { jobId, state, position: { $gte: from } },
      { position: 1 },
      limit,
    ),
  /** What jobs did to a user, the newest job first. */
  bulkJobItemsOfUser: (userId: Id, limit = defaultPageSize) =>
    jobItems.all("bulkJobItemsOfUser", "user", { userId }, { jobId: -1, _id: -1 }, limit),
} as const;

/** The names of the hot queries. */
export type QueryName = keyof typeof queries;
