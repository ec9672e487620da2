import {
  type RiskAssessment,
  readRiskKnowledge,
  recordSecurityEvent,
  type SecurityEventInput,
} from "@org/db-models";
import {
  type Assessment,
  type Attempt,
  assess,
  learn,
  type PolicyInput,
  type Profile,
  populationKeys,
  presets,
  type Reason,
  readProfile,
} from "@org/risk-engine";
import type { FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import type { CheckedPassword } from "./check-password.js";
import { originOf } from "./origin.js";
import type { Service } from "./service.js";

/** A sign-in as it was judged, with what is needed to learn it. */
export interface JudgedSignIn {
  readonly assessment: Assessment;
  readonly attempt: Attempt;
  readonly profile: Profile;
}

/** The policy that the configuration names; `undefined` when nothing is judged. */
export function riskPolicyOf({ config }: Pick<Service, "config">): PolicyInput | undefined {
  return config.riskPolicy === "off" ? undefined : presets[config.riskPolicy];
}

/** Judges a sign-in whose password was right: two reads. `undefined` when the policy is off. */
export async function judgeSignIn(
  service: Service,
  userId: Types.ObjectId,
  request: FastifyRequest,
  failures?: CheckedPassword["failures"],
): Promise<JudgedSignIn | undefined> {
  const policy = riskPolicyOf(service);
  if (!policy) return undefined;
  const attempt = attemptOf(service, request);
  const input = { userId, keys: populationKeys(attempt) };
  const known = await readRiskKnowledge(service.database.models, input);
  const { profile } = readProfile(service.risk.unwrittenProfileOf(userId) ?? known.profile);
  const context = failures && { failures };
  const { population } = known;
  return { assessment: assess({ profile, population, attempt, context, policy }), attempt, profile };
}

/** Takes a sign-in that has succeeded up into what is known of the user and of everybody, behind the answer. */
export function learnSignIn(
  service: Service,
  userId: Types.ObjectId,
  judged: JudgedSignIn,
  confirmed: boolean,
): void {
  const policy = riskPolicyOf(service);
  const { attempt, profile, assessment } = judged;
  const learnt = learn({ profile, attempt, level: assessment.level, confirmed, policy });
  if (learnt === profile) return;
  const login = { userId, profile: learnt, keys: populationKeys(attempt), newUser: profile.learned === 0 };
  service.risk.record(login, service.clock.now());
}

/** Tells the owner and administrators of a sign-in or a session whose risk is high. */
export async function recordHighRisk(
  service: Service,
  request: FastifyRequest,
  judged: Pick<SecurityEventInput, "userId" | "sessionId" | "reasons">,
): Promise<void> {
  const event = {
    ...judged,
    kind: "risk_high",
    severity: "critical",
    ...originOf(service, request),
  } as const;
  await recordSecurityEvent(service.database.models, event, service.clock.now());
}

/** What of a judgement a session keeps. */
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

function attemptOf(service: Service, request: FastifyRequest): Attempt {
  const { location, asn, accuracyKm } = service.locate(request) ?? { location: {} };
  const { country, latitude, longitude } = location;
  const placed = latitude !== undefined && longitude !== undefined;
  return {
    at: service.clock.now().getTime(),
    ip: request.ip,
    userAgent: request.headers["user-agent"],
    deviceId: request.deviceCookie(),
    asn,
    country,
    ...(placed && { place: { latitude, longitude, accuracyKm } }),
  };
}
