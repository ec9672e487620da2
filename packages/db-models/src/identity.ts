import type { Connection, Types } from "mongoose";
import { z } from "zod";
import { recordLogin } from "./analytics/logins.js";
import { getUserAnalytics, updateAnalytics } from "./analytics/user-analytics.js";
import type { ApiKeyPresentation } from "./api-keys/check.js";
import { createApiKey, listApiKeys, revokeApiKey } from "./api-keys/manage.js";
import { rotateApiKey } from "./api-keys/rotate.js";
import { ApiKeyVerifier } from "./api-keys/verifier.js";
import { appendTo } from "./audit/append.js";
import { createAuditCheckpoint } from "./audit/checkpoints.js";
import type { AuditInput } from "./audit/input.js";
import { applyAuditRetention } from "./audit/retention.js";
import { verifyAudit } from "./audit/verify.js";
import { AuditWriter } from "./audit/writer.js";
import { type DatabaseOptions, openDatabase } from "./connect.js";
import { bound, type Context, governed, timed } from "./context/context.js";
import { bindRetention } from "./context/retention.js";
import { type Clock, systemClock } from "./core/clock.js";
import { parseInput } from "./core/input.js";
import { type IdentityPoliciesInput, identityPoliciesSchema } from "./core/policies/identity.js";
import { defineModels } from "./define-models.js";
import { createLoginChallenge, verifyLoginChallenge } from "./logins/challenges.js";
import { reserveLoginAttempt } from "./logins/reserve.js";
import { settleLoginAttempt } from "./logins/settle.js";
import { validateLegacySession } from "./migrations/legacy-tokens.js";
import { sessionsMigration } from "./migrations/sessions-migration.js";
import { defineUpgrades } from "./migrations/upgrades.js";
import { validateAccessToken } from "./oauth/access.js";
import { listApps, registerApp, rotateClientSecret, setAppStatus } from "./oauth/apps.js";
import { issueAuthorizationCode } from "./oauth/authorize.js";
import { authenticateClient } from "./oauth/clients.js";
import { grantConsent, listConsents, revokeConsent } from "./oauth/consents.js";
import { exchangeAuthorizationCode } from "./oauth/exchange.js";
import { introspectToken } from "./oauth/introspect.js";
import { refreshAppToken } from "./oauth/refresh.js";
import { revokeToken } from "./oauth/revoke.js";
import { eraseUserData, resumeErasures } from "./privacy/erase.js";
import { exportUserData } from "./privacy/export.js";
import { queries } from "./queries/queries.js";
import { recordRiskFeedback } from "./risk/feedback.js";
import { readRiskKnowledge } from "./risk/knowledge.js";
import { type LearntLogin, RiskRecorder } from "./risk/recorder.js";
import { listSecurityEvents, recordSecurityEvent } from "./security-events/events.js";
import { subscribeSecurityEvents } from "./security-events/subscribe.js";
import { listSessions } from "./sessions/list.js";
import { openSession } from "./sessions/open.js";
import { refreshSession, renewSession } from "./sessions/refresh.js";
import { revokeAllSessions, revokeOtherSessions, revokeSession } from "./sessions/revoke.js";
import { raiseSessionRisk, readSessionStart } from "./sessions/risk.js";
import { validateSession } from "./sessions/validate.js";
import { type ApiUse, UsageRecorder } from "./usage/recorder.js";
import { flushApiUsage } from "./usage/track.js";
import { authenticateUser, readUser, registerUser, setUserRoles, setUserStatus } from "./users/accounts.js";
import { requestEmailVerification, verifyEmail } from "./users/email-verification.js";
import { setPassword } from "./users/password.js";
import { requestPasswordReset, resetPassword } from "./users/password-reset.js";
import { updateProfile, updateSecurity } from "./users/settings.js";

/** What an identity object is made with: the policies, and these. */
export interface IdentitySettings extends IdentityPoliciesInput {
  /** Where the time comes from. Default: the system's clock. */
  clock?: Clock;
  /** Told when counts that were kept in memory could not be written; they are lost, and nothing is counted twice. */
  onError?: (error: unknown) => void;
}

export interface OpenIdentityOptions extends IdentitySettings {
  /** The pool and the name of the connection. */
  database?: Omit<DatabaseOptions, "retention">;
}

export interface CreateIdentityOptions extends IdentitySettings {
  /** A connection of Mongoose, opened or about to be; whoever made it closes it. */
  connection: Connection;
}

/** The operations on the identities of one database, by capability. */
export type Identity = ReturnType<typeof identityOf>;

const settingsSchema = z.object({
  clock: z
    .custom<Clock>((clock) => typeof (clock as Partial<Clock> | null)?.now === "function", "must have now()")
    .default(systemClock),
  onError: z
    .custom<(error: unknown) => void>((act) => typeof act === "function", "must be a function")
    .default(() => () => undefined),
});

function settingsOf({ clock, onError, ...policies }: IdentitySettings) {
  const own = { ...(clock !== undefined && { clock }), ...(onError !== undefined && { onError }) };
  return { ...parseInput(settingsSchema, own), policies: parseInput(identityPoliciesSchema, policies) };
}

/**
 * Connects, and gives the operations on the identities there. Makes no collection and no index: that is what a setup is
 * for. One for a process; `close()` at shutdown.
 *
 * @param uri - MongoDB connection string.
 * @throws IdentityError what {@link openDatabase} throws; `INVALID_INPUT` for options out of bounds, with their paths.
 *
 * @example
 * const identity = await openIdentity(process.env.MONGODB_URI);
 * const user = await identity.users.register({ email, password });
 * const { token } = await identity.sessions.open({ userId: user._id });
 * await identity.close();
 */
export async function openIdentity(uri: string, options: OpenIdentityOptions = {}): Promise<Identity> {
  const { database = {}, ...given } = options;
  // Before anything connects.
  const settings = settingsOf(given);
  const opened = await openDatabase(uri, database);
  const identity = identityOf(opened.connection, settings, given.retention);
  const close = async () => {
    await identity.close();
    await opened.close();
  };
  return { ...identity, close };
}

/**
 * The operations on the identities of a connection that somebody else made, and closes: `close()` writes what is still
 * counted in memory. Several on one connection have their own clock, policies and recorders; `retention` holds for the
 * connection, and the last that was given counts.
 *
 * @throws IdentityError `INVALID_INPUT` for options out of bounds, with their paths.
 */
export function createIdentity({ connection, ...given }: CreateIdentityOptions): Identity {
  return identityOf(connection, settingsOf(given), given.retention);
}

/** @param retention - as it was given: without it that of the connection stays. */
function identityOf(
  connection: Connection,
  { clock, onError, policies }: ReturnType<typeof settingsOf>,
  retention: IdentitySettings["retention"],
) {
  const models = defineModels(connection);
  if (retention) bindRetention(connection, retention);
  const context: Context = { models, policies, clock };
  const recorders = {
    usage: new UsageRecorder(models, { flushIntervalMs: 5_000, onError }),
    risk: new RiskRecorder(models, { onError }),
    apiKeys: new ApiKeyVerifier(models, { onError }),
    audit: new AuditWriter(models),
  };
  const flush = async () => {
    await Promise.all([recorders.usage.flush(), recorders.risk.flush(), recorders.audit.flush()]);
    await flushApiUsage(models);
  };
  const close = async () => {
    await Promise.all([flush(), recorders.apiKeys.close()]);
  };
  return {
    /** The models, for whoever goes deeper. */
    models,
    /** The named queries that the operations run. */
    queries,
    policies,
    clock,
    users: usersOf(context),
    logins: loginsOf(context),
    sessions: sessionsOf(context),
    apiKeys: apiKeysOf(context, recorders.apiKeys),
    oauth: oauthOf(context),
    audit: auditOf(context, recorders.audit),
    securityEvents: {
      record: timed(context, recordSecurityEvent),
      list: bound(context, listSecurityEvents),
      subscribe: bound(context, subscribeSecurityEvents),
    },
    usage: {
      /** Counts one request in memory; written within five seconds and by `close()`. Never waits and never throws. */
      track: (use: ApiUse): void => recorders.usage.record(use, clock.now()),
    },
    risk: riskOf(context, recorders.risk),
    privacy: privacyOf(context),
    migrations: {
      sessions: sessionsMigration,
      defineUpgrades,
      validateLegacySession: governed(context, validateLegacySession, policies.sessions),
    },
    /** Writes what is counted in memory, and goes on. */
    flush,
    /** Writes what is counted in memory. An object of `openIdentity` closes its connection too. */
    close,
  };
}

function usersOf(context: Context) {
  const { policies } = context;
  return {
    register: timed(context, registerUser),
    authenticate: bound(context, authenticateUser),
    read: bound(context, readUser),
    setStatus: timed(context, setUserStatus),
    setRoles: timed(context, setUserRoles),
    setPassword: governed(context, setPassword, policies.sessions),
    updateProfile: timed(context, updateProfile),
    updateSecurity: timed(context, updateSecurity),
    requestPasswordReset: governed(context, requestPasswordReset, policies.oneTimeTokens),
    resetPassword: timed(context, resetPassword),
    requestEmailVerification: governed(context, requestEmailVerification, policies.oneTimeTokens),
    verifyEmail: timed(context, verifyEmail),
    analytics: timed(context, getUserAnalytics),
    updateAnalytics: timed(context, updateAnalytics),
  };
}

function loginsOf(context: Context) {
  const { policies } = context;
  return {
    reserve: governed(context, reserveLoginAttempt, policies.logins),
    settle: governed(context, settleLoginAttempt, policies.logins),
    record: timed(context, recordLogin),
    createChallenge: timed(context, createLoginChallenge),
    verifyChallenge: timed(context, verifyLoginChallenge),
  };
}

function sessionsOf(context: Context) {
  const policy = context.policies.sessions;
  return {
    open: timed(context, openSession),
    validate: governed(context, validateSession, policy),
    refresh: governed(context, refreshSession, policy),
    renew: governed(context, renewSession, policy),
    list: timed(context, (models, { userId }: { userId: Types.ObjectId }, now) =>
      listSessions(models, userId, now),
    ),
    revoke: timed(context, revokeSession),
    revokeOthers: timed(context, revokeOtherSessions),
    revokeAll: timed(context, revokeAllSessions),
    readStart: bound(context, readSessionStart),
    raiseRisk: bound(context, raiseSessionRisk),
  };
}

function apiKeysOf(context: Context, verifier: ApiKeyVerifier) {
  return {
    create: timed(context, createApiKey),
    list: bound(context, listApiKeys),
    rotate: timed(context, rotateApiKey),
    revoke: timed(context, revokeApiKey),
    /** Quotas are claimed in leases, and use is written in groups; `close()` gives back and writes the rest. */
    verify: (presented: ApiKeyPresentation) => verifier.verify(presented, context.clock.now()),
  };
}

function oauthOf(context: Context) {
  const { oauth } = context.policies;
  return {
    registerApp: timed(context, registerApp),
    listApps: bound(context, listApps),
    setAppStatus: timed(context, setAppStatus),
    rotateClientSecret: timed(context, rotateClientSecret),
    authenticateClient: timed(context, authenticateClient),
    grantConsent: timed(context, grantConsent),
    listConsents: bound(context, listConsents),
    revokeConsent: timed(context, revokeConsent),
    authorize: governed(context, issueAuthorizationCode, oauth),
    exchange: governed(context, exchangeAuthorizationCode, oauth),
    refresh: governed(context, refreshAppToken, oauth),
    validate: timed(context, validateAccessToken),
    introspect: timed(context, introspectToken),
    revoke: timed(context, revokeToken),
  };
}

function auditOf(context: Context, writer: AuditWriter) {
  return {
    /** Resolves when a majority has the event in its journal. */
    append: (event: AuditInput) => appendTo(writer, event, context.clock.now()),
    checkpoint: timed(context, createAuditCheckpoint),
    applyRetention: timed(context, applyAuditRetention),
    verify: bound(context, verifyAudit),
  };
}

function riskOf(context: Context, recorder: RiskRecorder) {
  return {
    readKnowledge: bound(context, readRiskKnowledge),
    recordFeedback: bound(context, recordRiskFeedback),
    /** Takes a login up in memory; written within two seconds and by `close()`. Never waits and never throws. */
    learn: (login: LearntLogin): void => recorder.record(login, context.clock.now()),
    /** A profile that was learnt and is not written yet: newer than what the database has. */
    unwrittenProfileOf: (userId: Types.ObjectId) => recorder.unwrittenProfileOf(userId),
  };
}

function privacyOf(context: Context) {
  return {
    export: timed(context, exportUserData),
    erase: timed(context, eraseUserData),
    resumeErasures: () => resumeErasures(context.models, context.clock.now()),
  };
}
