import { addressKeys } from "./address.js";
import { levelOf } from "./assess.js";
import { countOf, isTime, type Reason } from "./facts.js";
import { countryOf, featuresOf, operatorOf } from "./features.js";
import { scoreOfLogOdds } from "./logistic.js";
import { type Policy, type PolicyInput, type RiskAction, resolvePolicy } from "./policy.js";
import { growth } from "./rules/growth.js";

/** A request's origin: the parts of an attempt that are compared with a live session. */
export interface SessionOrigin {
  readonly ip?: string | undefined;
  readonly asn?: number | string | undefined;
  readonly country?: string | undefined;
  readonly userAgent?: string | undefined;
  /** The address is anonymous or on a list of attackers. */
  readonly flagged?: boolean | undefined;
}

/** Input of {@link assessSession}. */
export interface SessionInput {
  /** How the session began. */
  readonly start: SessionOrigin & {
    /** When, ms since 1970. */
    readonly at: number;
    /** Score of its sign-in; `null` or missing when there was none: the policy's prior stands in. */
    readonly score?: number | null | undefined;
  };
  /** The request at hand. */
  readonly current: SessionOrigin & {
    /** When, ms since 1970. */
    readonly at: number;
    /** Requests of this session in the last minute, and in a usual one of this user. */
    readonly requestsPerMinute?: number | undefined;
    readonly usualRequestsPerMinute?: number | undefined;
    /** Endpoints called in this session that the user never called before. */
    readonly newEndpoints?: number | undefined;
  };
  /** Default: the preset `balanced`. Hand in the same object each time: it is read once. */
  readonly policy?: PolicyInput | undefined;
}

/** A live session's judgement. */
export interface SessionAssessment {
  /** 100 / (1 + e^−x), x being `prior` plus the log-odds of all reasons. */
  readonly score: number;
  readonly level: "low" | "medium" | "high";
  readonly action: RiskAction;
  /** Reasons for the changes, each at least 0. */
  readonly reasons: readonly Reason[];
  /** Log-odds of the sign-in's score. */
  readonly prior: number;
}

const hourMs = 3_600_000;
const nothing = { at: Number.NaN };

/**
 * Judges a live session by what has changed since it began. Nothing that changes can lower the score, and the score is
 * never below the sign-in's: a session does not earn trust by lasting. Cheap enough for each request. Never throws on an
 * origin, whatever it holds; what is missing or malformed is no evidence.
 *
 * @throws {RiskError} `INVALID_POLICY`
 *
 * @example
 * const { action } = assessSession({ start: session.risk, current: { at: Date.now(), ip, userAgent } });
 * if (action !== "allow") endSession();
 */
export function assessSession(input: SessionInput): SessionAssessment {
  const policy = resolvePolicy(input.policy);
  const start = input.start ?? nothing;
  const current = input.current ?? nothing;
  const prior = priorOf(start.score, policy);
  const reasons: Reason[] = [];
  const still = current.ip === start.ip && current.asn === start.asn && current.country === start.country;
  if (!still) addNetwork(reasons, start, current, policy);
  if (current.userAgent !== start.userAgent) addDevice(reasons, start, current, policy);
  if (current.flagged === true && start.flagged !== true) {
    add(reasons, "session_flagged", policy.session.flagged, {});
  }
  addUse(reasons, start, current, policy);
  let logOdds = prior;
  for (const reason of reasons) logOdds += reason.logOdds;
  const score = scoreOfLogOdds(logOdds);
  const level = levelOf(score, policy);
  return { score, level, action: policy.actions[level], reasons, prior };
}

// A score of 0 or 100 would be beyond all evidence.
function priorOf(score: number | null | undefined, { prior }: Policy): number {
  if (typeof score !== "number" || !(score >= 0 && score <= 100)) return prior;
  const share = Math.min(0.999_999, Math.max(0.000_001, score / 100));
  return Math.log(share / (1 - share));
}

function add(reasons: Reason[], code: string, logOdds: number, detail: Reason["detail"]): void {
  if (logOdds > 0) reasons.push({ code, logOdds, detail });
}

// The widest change counts, for it holds the narrower ones.
function addNetwork(reasons: Reason[], start: SessionOrigin, current: SessionOrigin, policy: Policy): void {
  const { country, asn, prefix } = policy.session;
  const countries = changeOf(countryOf(start.country), countryOf(current.country));
  const operators = changeOf(operatorOf(start.asn), operatorOf(current.asn));
  const networks = changeOf(addressKeys(start.ip)?.prefix, addressKeys(current.ip)?.prefix);
  if (countries) add(reasons, "session_country", Math.max(country, asn, prefix), countries);
  else if (operators) add(reasons, "session_operator", Math.max(asn, prefix), operators);
  else if (networks) add(reasons, "session_network", prefix, networks);
}

/** Two values that are both there, and not the same. */
function changeOf(
  from: string | undefined,
  to: string | undefined,
): { from: string; to: string } | undefined {
  return from !== undefined && to !== undefined && from !== to ? { from, to } : undefined;
}

function addDevice(reasons: Reason[], start: SessionOrigin, current: SessionOrigin, policy: Policy): void {
  const { device, downgrade } = policy.session;
  const before = featuresOf({ at: 0, userAgent: start.userAgent }, false);
  const now = featuresOf({ at: 0, userAgent: current.userAgent }, false);
  if (before.userAgent === undefined) return;
  if (before.userAgent !== now.userAgent) {
    add(reasons, "session_device", Math.max(device, downgrade), {
      browser: now.browser ?? "",
      os: now.os ?? "",
    });
  } else if (now.browserMajor < before.browserMajor) {
    add(reasons, "session_downgrade", downgrade, { from: before.browserMajor, to: now.browserMajor });
  }
}

function addUse(
  reasons: Reason[],
  start: SessionInput["start"],
  current: SessionInput["current"],
  { session }: Policy,
): void {
  const perMinute = countOf(current.requestsPerMinute);
  const usual = Math.max(
    session.requestFloor,
    session.requestRatio * countOf(current.usualRequestsPerMinute),
  );
  const fast = growth(perMinute, usual, session.requestDoubling, session.requestMost);
  add(reasons, "session_requests", fast, { perMinute, limit: usual });
  const endpoints = countOf(current.newEndpoints);
  const fresh = growth(endpoints, session.endpointFloor, session.endpointDoubling, session.endpointMost);
  add(reasons, "session_endpoints", fresh, { endpoints, limit: session.endpointFloor });
  // A clock that ran backwards makes no session young, nor old.
  const hours = isTime(current.at) && isTime(start.at) ? (current.at - start.at) / hourMs : 0;
  add(reasons, "session_age", growth(hours, session.ageHours, session.ageDoubling, session.ageMost), {
    hours,
  });
}
