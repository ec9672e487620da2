import type { LoginFeedback, RiskAssessment, SecurityEventInput } from "@org/db-models";
import { queries, readSession, runQuery } from "@org/db-models/queries";
import {
  type Assessment,
  type Attempt,
  type AttemptContext,
  assess,
  type Feedback,
  learn,
  type Profile,
  populationKeys,
  type Reason,
  readProfile,
} from "@org/risk-engine";
import type { Types } from "mongoose";
import type { FlowContext } from "../context.js";
import type { FlowLog } from "../flow-log.js";
import { flagsOf } from "../networks.js";
import { originOf } from "../origin.js";
import type { Requester } from "../requester.js";
import type { SignInFailures } from "./check-password.js";

/** A sign-in as it was judged, with what is needed to learn it. */
export interface JudgedSignIn {
  readonly assessment: Assessment;
  readonly attempt: Attempt;
  readonly profile: Profile;
}

/**
 * Judges a sign-in whose password was right: two reads of what is known, and one of the live sessions where they can be
 * compared. `undefined` when the policy is off.
 */
export async function judgeSignIn(
  context: FlowContext,
  userId: Types.ObjectId,
  requester: Requester,
  failures?: SignInFailures,
): Promise<JudgedSignIn | undefined> {
  const policy = context.riskPolicy;
  if (!policy) return undefined;
  const attempt = attemptOf(context, requester);
  const input = { userId, keys: populationKeys(attempt) };
  const { risk } = context.identity;
  // It may be written, and forgotten here, while an older one is read.
  const unwritten = risk.unwrittenProfileOf(userId);
  const [known, sessions] = await Promise.all([
    risk.readKnowledge(input),
    attempt.place ? placesOfSessions(context, userId, requester.log) : [],
  ]);
  const { profile } = readProfile(risk.unwrittenProfileOf(userId) ?? unwritten ?? known.profile);
  const { population } = known;
  const around: AttemptContext = { failures, sessions, feedback: known.feedback.map(feedbackOf) };
  const assessment = assess({ profile, population, attempt, context: around, policy });
  return { assessment, attempt, profile };
}

/** Adds a successful sign-in to the user's profile and to the counts over all users, after responding. */
export function learnSignIn(
  context: FlowContext,
  userId: Types.ObjectId,
  judged: JudgedSignIn,
  confirmed: boolean,
): void {
  const policy = context.riskPolicy;
  const { attempt, profile, assessment } = judged;
  const learnt = learn({ profile, attempt, level: assessment.level, confirmed, policy });
  if (learnt === profile) return;
  const login = { userId, profile: learnt, keys: populationKeys(attempt), newUser: profile.learned === 0 };
  context.identity.risk.learn(login);
}

/** Tells the owner and administrators of a sign-in or a session whose risk is high. */
export async function recordHighRisk(
  context: FlowContext,
  requester: Requester,
  judged: Pick<SecurityEventInput, "userId" | "sessionId" | "reasons">,
): Promise<void> {
  const event = {
    ...judged,
    kind: "risk_high",
    severity: "critical",
    ...originOf(requester),
  } as const;
  await context.identity.securityEvents.record(event);
}

/** The parts of an assessment that a session stores. */
export function storedRisk({
  score,
  level,
  reasons,
}: Pick<Assessment, "score" | "level" | "reasons">): RiskAssessment {
  return { ...(score !== null && { score: rounded(score) }), level, reasons: codesOf(reasons) };
}

/** A judgement as the audit trail keeps it: with every reason and its weight. */
export function riskDetails({ action, score, level, reasons }: Assessment): Record<string, string> {
  const weighed = reasons.map(({ code, logOdds }) => `${code} ${logOdds.toFixed(2)}`).join(", ");
  return {
    riskAction: action,
    riskLevel: level,
    ...(score !== null && { riskScore: String(rounded(score)) }),
    ...(weighed && { riskReasons: weighed.slice(0, 512) }),
  };
}

/** The codes of the reasons that speak against a sign-in, the strongest first. */
export function codesOf(reasons: readonly Reason[]): string[] {
  return reasons
    .filter(({ logOdds }) => logOdds > 0)
    .map(({ code }) => code)
    .slice(0, 16);
}

/** To a hundredth: what a person can make use of. */
export function rounded(score: number): number {
  return Math.round(score * 100) / 100;
}

function attemptOf(context: FlowContext, requester: Requester): Attempt {
  const { location, asn, accuracyKm } = requester.located ?? { location: {} };
  const { country, latitude, longitude } = location;
  const placed = latitude !== undefined && longitude !== undefined;
  return {
    at: context.clock.now().getTime(),
    ip: requester.address,
    userAgent: requester.userAgent,
    deviceId: requester.deviceId,
    flags: flagsOf(context, requester.log, requester.address ?? ""),
    asn,
    country,
    ...(placed && { place: { latitude, longitude, accuracyKm } }),
  };
}

/**
 * Where the account's live sessions are, as far as that can be told: a session that is known to have moved is where its
 * sign-in was no longer, and one through a VPN or the like never was.
 */
async function placesOfSessions(
  context: FlowContext,
  userId: Types.ObjectId,
  log: FlowLog,
): Promise<NonNullable<AttemptContext["sessions"]>> {
  const now = context.clock.now();
  const projection = {
    ip: 1,
    location: 1,
    createdAt: 1,
    lastSeenAt: 1,
    idleExpiresAt: 1,
    "risk.reasons": 1,
  } as const;
  const sessions = await runQuery(context.identity.models, queries.slotsOfUser(userId), projection);
  return sessions.map(readSession).flatMap(({ ip, location, lastSeenAt, idleExpiresAt, risk }) => {
    if (idleExpiresAt <= now) return [];
    const { latitude, longitude } = location ?? {};
    if (latitude === undefined || longitude === undefined) return [];
    const elsewhere = risk.reasons.some((code) => movedCodes.has(code));
    if (elsewhere || (ip && flagsOf(context, log, ip).length > 0)) return [];
    return [{ at: lastSeenAt.getTime(), place: { latitude, longitude } }];
  });
}

const movedCodes: ReadonlySet<string> = new Set(["session_network", "session_operator", "session_country"]);

function feedbackOf({ at, aboutSessionId, fromSessionId, ...said }: LoginFeedback): Feedback {
  return {
    ...said,
    at: at.getTime(),
    aboutSessionId: aboutSessionId.toHexString(),
    fromSessionId: fromSessionId.toHexString(),
  };
}
