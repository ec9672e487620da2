import {
  erasureDocuments,
  factorDocuments,
  loginChallengeDocuments,
  loginProfileDocuments,
  passkeyChallengeDocuments,
  requestLimitDocuments,
  riskCounterDocuments,
  securityEventDocuments,
  usageDocuments,
} from "./activity.js";
import {
  administratorDocuments,
  approvalDocuments,
  bulkItemDocuments,
  bulkJobDocuments,
} from "./administrators.js";
import { AuditChains } from "./audit.js";
import { legacyUserDocument } from "./legacy.js";
import { apiKeyDocuments, appDocuments, appUsageDocuments, grants } from "./oauth.js";
import {
  authorizationRequestDocuments,
  deviceAuthorizationDocuments,
  signingKeyDocuments,
  usedAssertionDocuments,
} from "./oauth-waiting.js";
import { type Generation, personAt } from "./people.js";
import { Random } from "./random.js";
import { sessionCounts } from "./session-counts.js";
import { SessionMixer, sessionDocuments } from "./sessions.js";
import { signInReportDocuments } from "./sign-in-reports.js";
import { userDocument } from "./users.js";

export type Layout = "current" | "legacy";

export interface GenerateOptions {
  /** How many users. */
  users: number;
  /** How many sessions in all. */
  sessions: number;
  /** The same seed gives the same documents. */
  seed: number;
  /** The moment that the data is as of. Default: midday of 1 November 2026, UTC. */
  now?: Date;
  /**
   * Whole days for which sessions began at a steady pace and nothing removed any: all but those of the last ten or so have
   * run out. Default: 40 % have run out, within 120 days.
   */
  uncleanedDays?: number;
  /** `current` is that of @org/db-models; `legacy` has the sessions embedded in the users. Default `current`. */
  layout?: Layout;
}

export interface GeneratedDocument {
  collection: string;
  document: Record<string, unknown>;
}

const sessionStream = 0x5e5510;

export const defaultNow = new Date("2026-11-01T12:00:00.000Z");

/**
 * Streams a realistic identity database, one document at a time and user by user: sessions per user skewed (median
 * 2, 99th percentile 28), devices, networks and countries that belong together, 40 % of the sessions expired unless
 * `uncleanedDays` says otherwise.
 *
 * @example
 * for (const { collection, document } of generateIdentityData({ users: 100, sessions: 400, seed: 1 })) { … }
 */
export function* generateIdentityData(options: GenerateOptions): Generator<GeneratedDocument> {
  const generation: Generation = { ...options, now: options.now ?? defaultNow };
  const counts = sessionCounts(generation.users, generation.sessions, generation.seed);
  const mixer = new SessionMixer(generation);
  const audit = new AuditChains(generation);
  for (let index = 0; index < generation.users; index++) {
    const person = personAt(generation, index, counts[index] as number);
    // A stream of their own gives both layouts the same sessions.
    const random = new Random(generation.seed ^ sessionStream, index);
    const sessions = sessionDocuments(generation, { ...person, random }, mixer.mixOf(person));
    if (options.layout === "legacy") {
      yield { collection: "legacy_users", document: legacyUserDocument(generation, person, sessions) };
      continue;
    }
    const user = userDocument(generation, person);
    yield { collection: "users", document: user };
    yield* inCollection("user_sessions", sessions);
    yield* inCollection("apps", appDocuments(generation, person));
    for (const { permission, tokens } of grants(generation, person)) {
      yield { collection: "app_permissions", document: permission };
      yield* inCollection("app_tokens", tokens);
    }
    yield* inCollection("api_keys", apiKeyDocuments(generation, person));
    yield* inCollection("audit_events", audit.documents(person, user.auditKey as string));
    yield* inCollection("security_events", securityEventDocuments(generation, person));
    yield* inCollection("usage_buckets", usageDocuments(generation, person));
    yield* inCollection("app_usage", appUsageDocuments(generation, person));
    yield* inCollection("login_profiles", loginProfileDocuments(generation, person));
    yield* inCollection("request_limits", requestLimitDocuments(generation, person));
    yield* inCollection("risk_counters", riskCounterDocuments(generation, person));
    yield* inCollection("login_challenges", loginChallengeDocuments(generation, person));
    yield* inCollection("user_factors", factorDocuments(generation, person));
    yield* inCollection("passkey_challenges", passkeyChallengeDocuments(generation, person));
    yield* inCollection("authorization_requests", authorizationRequestDocuments(generation, person));
    yield* inCollection("device_authorizations", deviceAuthorizationDocuments(generation, person));
    yield* inCollection("used_assertions", usedAssertionDocuments(generation, person));
    yield* inCollection("signing_keys", signingKeyDocuments(generation, person));
    yield* inCollection("administrators", administratorDocuments(generation, person));
    yield* inCollection("admin_approvals", approvalDocuments(generation, person));
    yield* inCollection("bulk_jobs", bulkJobDocuments(generation, person));
    yield* inCollection("bulk_job_items", bulkItemDocuments(generation, person));
    yield* inCollection("sign_in_reports", signInReportDocuments(generation, person));
    yield* inCollection("erasures", erasureDocuments(generation, person));
  }
  if (options.layout !== "legacy") yield { collection: "audit_checkpoints", document: audit.checkpoint() };
}

function* inCollection(
  collection: string,
  documents: Iterable<Record<string, unknown>>,
): Generator<GeneratedDocument> {
  for (const document of documents) yield { collection, document };
}
