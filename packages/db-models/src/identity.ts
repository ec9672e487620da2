import type { Connection } from "mongoose";
import { z } from "zod";
import { type Administrators, administratorsOf } from "./administrators/namespace.js";
import { type ApiKeys, apiKeysOf } from "./api-keys/namespace.js";
import { ApiKeyVerifier } from "./api-keys/verifier.js";
import { type Audit, auditOf } from "./audit/namespace.js";
import { AuditWriter } from "./audit/writer.js";
import { type BulkJobs, bulkJobsOf } from "./bulk-jobs/namespace.js";
import { type DatabaseOptions, openDatabase } from "./connect.js";
import { shared } from "./context/context.js";
import { type Clock, systemClock } from "./core/clock.js";
import type { IdentityError, Report } from "./core/errors.js";
import { parseInput } from "./core/input.js";
import { duration } from "./core/limits.js";
import {
  type IdentityPolicies,
  type IdentityPoliciesInput,
  identityPoliciesSchema,
} from "./core/policies/identity.js";
import type { BreachedPasswords } from "./core/pwned-passwords.js";
import { type SealKey, sealKeysSchema } from "./core/seal-keys.js";
import { type EmailChanges, emailChangesOf } from "./email-changes/namespace.js";
import { type ExternalIdentities, externalIdentitiesOf } from "./external/namespace.js";
import { type Factors, factorsOf } from "./factors/namespace.js";
import { type Impersonations, impersonationsOf } from "./impersonations/namespace.js";
import { type Logins, loginsOf } from "./logins/namespace.js";
import { type Migrations, migrationsOf } from "./migrations/namespace.js";
import { type ModelsWithMethods, withMethods } from "./models-with-methods.js";
import { type OAuth, oauthOf } from "./oauth/namespace.js";
import { type Privacy, privacyOf } from "./privacy/namespace.js";
import { queries } from "./queries/queries.js";
import { reportDamage } from "./queries/run-query.js";
import { RequestLimiter } from "./request-limits/limiter.js";
import { type RequestLimits, requestLimitsOf } from "./request-limits/namespace.js";
import { type Risk, riskOf } from "./risk/namespace.js";
import { RiskRecorder } from "./risk/recorder.js";
import { type IdentityModels, modelsOf } from "./schemas/models.js";
import { type SecurityEvents, securityEventsOf } from "./security-events/namespace.js";
import { invalidatingModels } from "./session-cache/invalidating-models.js";
import { assertDurableWrites, type SessionCacheInput, sessionCacheSchema } from "./session-cache/options.js";
import { SessionCache, type SessionCacheMetrics } from "./session-cache/session-cache.js";
import { type Sessions, sessionsOf } from "./sessions/namespace.js";
import { type SignInReports, signInReportsOf } from "./sign-in-reports/namespace.js";
import { AppUsageRecorder } from "./usage/app-recorder.js";
import { type Usage, usageOf } from "./usage/namespace.js";
import { UsageRecorder } from "./usage/recorder.js";
import { type Users, usersOf } from "./users/namespace.js";

/** Settings of an identity object: the policies, and these. */
export interface IdentitySettings extends IdentityPoliciesInput {
  /** Where the time comes from. Default: the system's clock. */
  clock?: Clock;
  /**
   * Keys of the deployment's, the current one first, that the secrets of authenticator apps are sealed with; without one
   * none can be enrolled. A former key stays until `factors.reseal` and `oauth.resealSigningKeys` are done.
   */
  sealKeys?: SealKey[];
  /** Milliseconds for which counts are kept in memory before they are written. Default 5,000; what logins teach, 2,000. */
  flushIntervalMs?: number;
  /**
   * Whether a new password is known from a breach, such as {@link pwnedPasswords}. One that fails refuses nobody, and is
   * reported to `onError`. Default: nobody is asked.
   */
  isBreached?: BreachedPasswords;
  /**
   * Told when counts that were kept in memory could not be written (they are lost, and nothing is counted twice), and when
   * a password could not be checked for breaches. Of each damaged document that is left out of a read it is told once.
   */
  onError?: Report;
}

export interface OpenIdentityOptions extends IdentitySettings {
  /** The pool and the name of the connection. */
  database?: DatabaseOptions;
  /**
   * Answers checks of sessions, of access tokens, and of API keys without a quota, from memory, within a bound after which none
   * that was revoked is accepted; `{}` takes the defaults. Default: every check reads. `close()` ends its stream.
   */
  sessionCache?: SessionCacheInput;
}

export interface CreateIdentityOptions extends IdentitySettings {
  /** A Mongoose connection, open or opening. The caller closes it. */
  connection: Connection;
  /** As with {@link openIdentity}; `uri` is the connection string of the client that the cache opens for its stream. */
  sessionCache?: SessionCacheInput & { uri: string };
}

/** The operations on the identities of one database, by capability. */
export interface Identity {
  /** The models, for queries of your own; their users and sessions have methods that call this object. */
  readonly models: ModelsWithMethods;
  /** The named queries that the operations run. */
  readonly queries: typeof queries;
  readonly policies: IdentityPolicies;
  readonly clock: Clock;
  readonly users: Users;
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly oauth: OAuth;
  readonly emailChanges: EmailChanges;
  readonly factors: Factors;
  readonly externalIdentities: ExternalIdentities;
  readonly audit: Audit;
  readonly securityEvents: SecurityEvents;
  readonly usage: Usage;
  readonly risk: Risk;
  readonly signInReports: SignInReports;
  readonly administrators: Administrators;
  readonly bulkJobs: BulkJobs;
  readonly impersonations: Impersonations;
  readonly requestLimits: RequestLimits;
  readonly privacy: Privacy;
  readonly migrations: Migrations;
  /** What the session cache does; `undefined` without one. */
  sessionCacheMetrics(): SessionCacheMetrics | undefined;
  /** Writes what is counted in memory, and goes on. */
  flush(): Promise<void>;
  /** Writes what is counted in memory. An object of `openIdentity` closes its connection too. */
  close(): Promise<void>;
}

const settingsSchema = z.object({
  clock: z
    .custom<Clock>((clock) => typeof (clock as Partial<Clock> | null)?.now === "function", "must have now()")
    .default(systemClock),
  onError: z
    .custom<Report>((act) => typeof act === "function", "must be a function")
    .default(() => () => undefined),
  isBreached: z
    .custom<BreachedPasswords>((act) => typeof act === "function", "must be a function")
    .optional(),
  sealKeys: sealKeysSchema,
  flushIntervalMs: z.int().min(1).max(duration.hour).optional(),
});

// Each option is checked where it is used.
const isObject = (value: unknown) => typeof value === "object" && value !== null;
const anObject = <Options>(options: Options): Options =>
  parseInput(z.custom<Options>(isObject, "options must be an object"), options);

type Settings = z.output<typeof settingsSchema> & { policies: IdentityPolicies };

function settingsOf(given: IdentitySettings): Settings {
  const { clock, onError, flushIntervalMs, sealKeys, isBreached, ...policies } = given;
  const own = Object.entries({ clock, onError, flushIntervalMs, sealKeys, isBreached }).filter(
    ([, value]) => value !== undefined,
  );
  return {
    ...parseInput(settingsSchema, Object.fromEntries(own)),
    policies: parseInput(identityPoliciesSchema, policies),
  };
}

/**
 * Connects, and gives the operations on the identities there. Makes no collection and no index: that is what a setup is
 * for. One for a process; `close()` at shutdown.
 *
 * @param uri - MongoDB connection string.
 * @throws IdentityError what {@link openDatabase} throws; `INVALID_INPUT` for options out of bounds, with their paths;
 * `WRITE_CONCERN_TOO_WEAK` for a session cache with a connection string that asks for less than the majority.
 *
 * @example
 * const identity = await openIdentity(process.env.MONGODB_URI);
 * const user = await identity.users.register({ email, password });
 * const { token } = await identity.sessions.open({ userId: user._id });
 * await identity.close();
 */
export async function openIdentity(uri: string, options: OpenIdentityOptions = {}): Promise<Identity> {
  const { database = {}, sessionCache, ...given } = anObject(options);
  // Before anything connects.
  const settings = settingsOf(given);
  const cache = sessionCache && sessionCacheOf({ ...sessionCache, uri }, settings);
  const opened = await openDatabase(uri, database);
  const identity = identityOf(opened.connection, settings, cache);
  const close = async () => {
    await identity.close();
    await opened.close();
  };
  return { ...identity, close };
}

/**
 * The operations on the identities of a connection that somebody else made, and closes: `close()` writes what is still
 * counted in memory. Several on one connection share nothing but its models and its pool: each has its own clock,
 * policies, recorders, and documents whose methods call it.
 *
 * @throws IdentityError `INVALID_INPUT` for options out of bounds, with their paths; `WRITE_CONCERN_TOO_WEAK` as with
 * {@link openIdentity}.
 */
export function createIdentity(options: CreateIdentityOptions): Identity {
  const { connection, sessionCache, ...given } = anObject(options);
  const settings = settingsOf(given);
  return identityOf(connection, settings, sessionCache && sessionCacheOf(sessionCache, settings));
}

function sessionCacheOf(
  { uri, ...given }: SessionCacheInput & { uri: string },
  { onError }: Settings,
): SessionCache {
  const settings = parseInput(sessionCacheSchema, given);
  assertDurableWrites(uri);
  return new SessionCache(uri, settings, (error) => onError(error, { stream: "sessionCache" }));
}

function identityOf(connection: Connection, settings: Settings, cache?: SessionCache): Identity {
  const { policies, clock, sealKeys, isBreached, onError } = settings;
  const own = modelsOf(connection);
  const models = cache ? invalidatingModels(own, cache.invalidate) : own;
  const onDamage = (damage: IdentityError) => onError(damage, leftOutOf(damage));
  reportDamage(models, onDamage);
  const identity = shared({ models, policies, clock, sealKeys, isBreached, onError, cache });
  // The name of the database is known once the connection is open.
  if (cache)
    void connection.asPromise().then(
      () => cache.start(own),
      () => undefined,
    );
  const recorders = recordersOf(models, settings, cache);
  const flush = async () => {
    await Promise.all(Object.values(recorders).map((recorder) => recorder.flush()));
  };
  const close = async () => {
    await Promise.all([flush(), recorders.apiKeys.close(), cache?.close()]);
  };
  const operations = {
    users: usersOf(identity),
    logins: loginsOf(identity),
    sessions: sessionsOf(identity),
    apiKeys: apiKeysOf(identity, recorders.apiKeys),
    oauth: oauthOf(identity),
    emailChanges: emailChangesOf(identity),
    factors: factorsOf(identity, recorders.audit),
    externalIdentities: externalIdentitiesOf(identity),
    audit: auditOf(identity, recorders.audit),
    securityEvents: securityEventsOf(identity),
    usage: usageOf(identity, recorders),
    risk: riskOf(identity, recorders.risk),
    signInReports: signInReportsOf(identity),
    administrators: administratorsOf(identity),
    bulkJobs: bulkJobsOf(identity),
    impersonations: impersonationsOf(identity),
    requestLimits: requestLimitsOf(limiterOf(models, settings)),
    privacy: privacyOf(identity, recorders.audit),
    migrations: migrationsOf(identity),
  };
  const sessionCacheMetrics = () => cache?.metrics();
  const withOwn = withMethods(models, operations);
  reportDamage(withOwn, onDamage);
  const given = { models: withOwn, queries, policies, clock, sessionCacheMetrics };
  return { ...given, ...operations, flush, close };
}

const leftOutOf = ({ details }: IdentityError) => ({
  leftOut: String(details.collection),
  id: String(details.id),
});

const limiterRules = { maxClients: 50_000, patienceMs: duration.second, aloneMs: duration.second };

function limiterOf(models: IdentityModels, { clock, onError }: Settings): RequestLimiter {
  return new RequestLimiter(models, limiterRules, clock, (error) =>
    onError(error, { recorder: "requestLimits" }),
  );
}

const usageFlushMs = 5 * duration.second;

function recordersOf(
  models: IdentityModels,
  { policies, onError, flushIntervalMs }: Settings,
  cache: SessionCache | undefined,
) {
  const interval = flushIntervalMs === undefined ? {} : { flushIntervalMs };
  const counted = {
    flushIntervalMs: usageFlushMs,
    ...interval,
    retention: policies.retention,
    onError: (error: unknown, lost: number) => onError(error, { recorder: "usage", lost }),
  };
  return {
    usage: new UsageRecorder(models, counted),
    appUsage: new AppUsageRecorder(models, counted),
    risk: new RiskRecorder(models, {
      ...interval,
      onError: (error, lost) => onError(error, { recorder: "risk", lost }),
    }),
    apiKeys: new ApiKeyVerifier(models, {
      ...interval,
      cache,
      onError: (error) => onError(error, { recorder: "apiKeys" }),
    }),
    audit: new AuditWriter(models),
  };
}
