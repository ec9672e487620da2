import { type Facts, gatherFacts, type Reason, type Rule } from "./facts.js";
import { scoreOfLogOdds } from "./logistic.js";
import { type Policy, type PolicyInput, type RiskAction, type RiskLevel, resolvePolicy } from "./policy.js";
import type { Population } from "./population/population.js";
import type { Profile } from "./profile.js";
import { historyRules, presentRules } from "./rules/rules.js";
import type { Attempt, AttemptContext } from "./signals.js";

/** Input of {@link assess}. */
export interface AssessInput {
  /** The user's profile; `null` for a new user. */
  readonly profile: Profile | null | undefined;
  /** Counts over all users. Without them a match is worth less. */
  readonly population?: Population | undefined;
  readonly attempt: Attempt;
  readonly context?: AttemptContext | undefined;
  /** Default: the preset `balanced`. Hand in the same object each time: it is read once. */
  readonly policy?: PolicyInput | undefined;
}

/** A judgement that explains itself. */
export interface Assessment {
  /** 100 / (1 + e^−x), x being `prior` plus the log-odds of all reasons; `null` when too little is known of the user. */
  readonly score: number | null;
  readonly level: RiskLevel;
  readonly action: RiskAction;
  /** For audit and administrators, the most suspicious first. Never for the person signing in: see {@link publicReason}. */
  readonly reasons: readonly Reason[];
  /** e to the sum of the log-odds: how many times the odds of an attack have changed. */
  readonly likelihoodRatio: number;
  /** Log-odds before anything was known: `policy.prior`. */
  readonly prior: number;
}

/**
 * Judges a sign-in before it is let in. Pure: the time is the attempt's. Never throws on an attempt, whatever it holds;
 * what is missing or malformed is no evidence.
 *
 * While fewer sign-ins were learnt than `policy.minimumLogins`, the level is `unscored` and the action that of the
 * policy, or the stricter one that evidence without history (failures, flags, automation and so on) gives alone.
 *
 * Feedback never refuses anybody: an attempt that only a report would deny is challenged. Nor does it admit anybody: an
 * attempt that the other evidence alone denies stays denied.
 *
 * @throws {RiskError} `INVALID_POLICY`
 *
 * @example
 * const { action, reasons } = assess({ profile, population, attempt: { at: Date.now(), ip, userAgent } });
 * if (action === "challenge") askForSecondFactor();
 */
export function assess(input: AssessInput): Assessment {
  const policy = resolvePolicy(input.policy);
  const facts = gatherFacts(input, policy);
  const unknown = facts.profile.learned < policy.minimumLogins;
  const reasons: Reason[] = [];
  collect(reasons, presentRules, facts);
  if (!unknown) collect(reasons, historyRules, facts);
  let evidence = 0;
  for (let index = 0; index < reasons.length; index++) evidence += (reasons[index] as Reason).logOdds;
  const found = scoreOfLogOdds(policy.prior + evidence);
  const level = levelOf(found, policy);
  const byLevel = policy.actions[level];
  const action = unknown ? stricter(policy.actions.unscored, byLevel) : byLevel;
  return {
    score: unknown ? null : found,
    level: unknown ? "unscored" : level,
    action: withReports(action, reasons, input),
    reasons,
    likelihoodRatio: Math.exp(evidence),
    prior: policy.prior,
  };
}

/** The level of a score. */
export function levelOf(score: number, { thresholds }: Policy): "low" | "medium" | "high" {
  if (score >= thresholds.high) return "high";
  return score >= thresholds.medium ? "medium" : "low";
}

/**
 * A report may be a mistake, or a thief's who wants the owner locked out: it costs a second factor, never access. So what
 * it adds leads to a challenge at most, and it takes nothing from what would be done without any feedback.
 */
function withReports(action: RiskAction, reasons: readonly Reason[], input: AssessInput): RiskAction {
  if (!reasons.some(({ code }) => code === "reported")) return action;
  const without = assess({ ...input, context: { ...input.context, feedback: [] } }).action;
  return stricter(action === "deny" ? "challenge" : action, without);
}

const strictness: Readonly<Record<RiskAction, number>> = { allow: 0, challenge: 1, deny: 2 };

function stricter(a: RiskAction, b: RiskAction): RiskAction {
  return strictness[a] >= strictness[b] ? a : b;
}

function collect(reasons: Reason[], rules: readonly Rule[], facts: Facts): void {
  for (let at = 0; at < rules.length; at++) {
    const found = (rules[at] as Rule)(facts);
    for (let index = 0; index < found.length; index++) insert(reasons, found[index] as Reason);
  }
}

// Keeps the list sorted: a handful of reasons are cheaper to insert than to sort.
function insert(reasons: Reason[], reason: Reason): void {
  if (reason.logOdds === 0) return;
  let index = reasons.push(reason) - 1;
  for (; index > 0; index--) {
    const before = reasons[index - 1] as Reason;
    if (before.logOdds >= reason.logOdds) break;
    reasons[index] = before;
  }
  reasons[index] = reason;
}
