import type {
  AccountFactors,
  ActiveSession,
  AssuranceLevel,
  FactorDecision,
  ProofMethod,
} from "@org/db-models";
import { assuranceOf, recentProofs } from "@org/db-models/core";
import type { Types } from "mongoose";
import type { FlowContext } from "../context.js";
import { IdentityProblem } from "../problems.js";

/** What a session must have proved. */
export interface AssuranceRule {
  /** Level that its proofs must reach. */
  readonly acr?: AssuranceLevel | undefined;
  /** Only proofs of this time count, milliseconds. */
  readonly maxAgeMs?: number | undefined;
}

type Session = Pick<ActiveSession, "userId" | "roles" | "proofs" | "acr" | "authenticatedAt" | "actor">;

/** Whether users with these roles must have a second factor. */
export function mustHaveFactor({ secondFactor }: FlowContext, roles: readonly string[]): boolean {
  if (typeof secondFactor === "string") return secondFactor === "always";
  return roles.some((role) => secondFactor.roles.includes(role));
}

/**
 * Refuses what takes more than a live session: a proof of who its user is, given lately, and two different factors where
 * the account has a second one (ASVS 7.5.1).
 *
 * @param given - methods that are proved in the same request.
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `IMPERSONATED`
 */
export async function requireRecentAuthentication(
  context: FlowContext,
  session: Session,
  given: readonly ProofMethod[] = [],
  maxAgeMs = context.recentAuthenticationMs,
): Promise<void> {
  if (session.actor) throw new IdentityProblem("IMPERSONATED");
  const proofs = [...recentMethods(context, session, maxAgeMs), ...given];
  const needed = await decide(context, session, proofs);
  if (needed.action !== "allow") throw recentRequired(session, maxAgeMs, needed);
}

/**
 * {@link requireRecentAuthentication} of who reports a session as a stranger's: the factors that were added from it are not
 * asked for, because they may be the stranger's.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`
 */
export async function requireRecentAuthenticationBesides(
  context: FlowContext,
  session: Session,
  reported: Types.ObjectId,
): Promise<void> {
  const maxAgeMs = context.recentAuthenticationMs;
  const needed = await decide(context, session, recentMethods(context, session, maxAgeMs), reported);
  if (needed.action === "allow") return;
  const problem = recentRequired(session, maxAgeMs, needed);
  throw new IdentityProblem(problem.code, { ...problem.members, reported: reported.toHexString() });
}

/** The factors of an account but for those that were added from a session. */
export function factorsBesides(
  factors: AccountFactors,
  reported: Types.ObjectId | undefined,
): AccountFactors {
  const isTheirs = ({ addedInSession }: { addedInSession?: Types.ObjectId }) =>
    reported !== undefined && addedInSession?.equals(reported);
  const { totp, passkeys, ...rest } = factors;
  return {
    ...rest,
    ...(totp && !isTheirs(totp) && { totp }),
    passkeys: passkeys.filter((one) => !isTheirs(one)),
  };
}

/** The refusal of an act for which the proofs of the last while do not suffice, with what is to be proved. */
export async function recentAuthenticationRequired(
  context: FlowContext,
  session: Session,
  maxAgeMs: number,
): Promise<IdentityProblem> {
  const needed = await decide(context, session, recentMethods(context, session, maxAgeMs));
  return recentRequired(session, maxAgeMs, needed);
}

/**
 * Refuses a session whose proofs do not meet a rule. With an `acr` and a time, the proofs of that time must reach it;
 * with a time alone any authentication of that time suffices. Who must have a second factor needs it everywhere where no
 * `acr` is asked for. Who acts for a user has proved nothing of who the user is, and can't.
 *
 * @returns `undefined` where they do: nothing is to be waited for.
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `SECOND_FACTOR_REQUIRED`, `IMPERSONATED`
 */
export function requireAssurance(
  context: FlowContext,
  session: Session,
  rule: AssuranceRule,
): Promise<void> | undefined {
  if (session.actor) {
    if (rule.acr || rule.maxAgeMs !== undefined) throw new IdentityProblem("IMPERSONATED");
    return undefined;
  }
  const unmet = unmetRule(context, session, rule);
  return unmet && refuse(context, session, rule, unmet);
}

/** What a refusal goes by. */
interface UnmetRule {
  readonly acr: AssuranceLevel;
  readonly isLate: boolean;
  readonly methods: readonly ProofMethod[];
}

/** `undefined` where the proofs of a session meet a rule. */
function unmetRule(
  context: FlowContext,
  session: Session,
  { acr: asked, maxAgeMs }: AssuranceRule,
): UnmetRule | undefined {
  const acr = asked ?? (mustHaveFactor(context, session.roles) ? 2 : 0);
  const isLate =
    maxAgeMs !== undefined && context.clock.now().getTime() - session.authenticatedAt.getTime() > maxAgeMs;
  if (!isLate && acr === 0) return undefined;
  const methods =
    maxAgeMs === undefined || asked === undefined
      ? session.proofs.map(({ method }) => method)
      : recentMethods(context, session, maxAgeMs);
  return !isLate && levelOf(methods) >= acr ? undefined : { acr, isLate, methods };
}

async function refuse(
  context: FlowContext,
  session: Session,
  { acr: asked, maxAgeMs }: AssuranceRule,
  { acr, isLate, methods }: UnmetRule,
): Promise<never> {
  const needed = await decide(context, session, isLate ? [] : methods);
  if (isLate || (maxAgeMs !== undefined && asked !== undefined)) {
    throw recentRequired(session, maxAgeMs, needed, acr);
  }
  throw new IdentityProblem("SECOND_FACTOR_REQUIRED", { acr, ...needed.members });
}

/** Whether an account has a second factor. Recovery codes stand in for one, and are none. */
export function hasFactor({ totp, passkeys }: AccountFactors): boolean {
  return totp !== undefined || passkeys.length > 0;
}

/** The level that methods reach together. */
export function levelOf(methods: readonly ProofMethod[]): AssuranceLevel {
  return assuranceOf(methods.map((method) => ({ method })));
}

function recentMethods({ clock }: FlowContext, { proofs }: Session, maxAgeMs: number): ProofMethod[] {
  return recentProofs(proofs, clock.now(), maxAgeMs).map(({ method }) => method);
}

/** Whether proofs suffice, and what a refusal says otherwise. */
interface Needed {
  readonly action: FactorDecision["action"];
  /** What is to be proved next, one of `ask`; `enrol` where there is no factor that could be. */
  readonly members: { readonly ask: readonly ProofMethod[]; readonly enrol?: true };
}

async function decide(
  { identity }: FlowContext,
  { userId }: Session,
  proofs: readonly ProofMethod[],
  besides?: Types.ObjectId,
): Promise<Needed> {
  const factors = factorsBesides(await identity.factors.read({ userId }), besides);
  const decision = identity.factors.decide({ factors, risk: "allow", proofs });
  const { action } = decision;
  if (action === "challenge") return { action, members: { ask: decision.ask } };
  if (action === "allow") return { action, members: { ask: [], enrol: true } };
  // Nothing counts: the first proof is missing, and what comes after is decided then. A passkey is both.
  const { linked, hasPassword } = await identity.externalIdentities.list({ userId });
  const ask: ProofMethod[] = factors.passkeys.length > 0 ? ["passkey"] : [];
  if (hasPassword) ask.push("password");
  if (linked.length > 0) ask.push("external");
  return { action, members: { ask } };
}

function recentRequired(
  { authenticatedAt }: Session,
  maxAgeMs: number | undefined,
  { members }: Needed,
  acr: AssuranceLevel = 0,
): IdentityProblem {
  const given = { authenticatedAt, maxAgeMs, ...(acr > 0 && { acr }), ...members };
  return new IdentityProblem("RECENT_AUTHENTICATION_REQUIRED", given);
}
