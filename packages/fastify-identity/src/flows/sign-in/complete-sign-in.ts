import {
  detectDevice,
  type FactorDecision,
  type FactorQuestion,
  isIdentityError,
  type OpenedSession,
  type ProofMethod,
  type RiskAssessment,
} from "@org/db-models";
import { publicReason } from "@org/risk-engine";
import type { Types } from "mongoose";
import { levelOf, mustHaveFactor } from "../account/assurance.js";
import { askHook, tellHook } from "../ask-hooks.js";
import { audit, byOwner } from "../audit.js";
import type { FlowContext } from "../context.js";
import { sendNotice } from "../notices/send-notice.js";
import { originOf } from "../origin.js";
import { IdentityProblem, toProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { signInCode } from "./alerts.js";
import type { SignInFailures } from "./check-password.js";
import { noteSignIn } from "./note-sign-in.js";
import { readSignInAccount, type SignInAccount } from "./read-account.js";
import { codesOf, type JudgedSignIn, learnSignIn, recordHighRisk, riskDetails, storedRisk } from "./risk.js";

/** A session that was just opened, and whose it is. */
export type SignedIn = OpenedSession & {
  userId: Types.ObjectId;
  /** True when the user must have a second factor and is to enrol one now: guards refuse the session until then. */
  enrol: boolean;
};

/** Evidence of the user's identity. */
export interface SignInProofs {
  readonly userId: Types.ObjectId;
  /** Methods that were proved in this sign-in; the first is the way of signing in. */
  readonly proofs: readonly ProofMethod[];
  /** The account's generation when the proofs were checked; a session of an older one does not live. */
  readonly sessionGeneration: number;
  /** Failures before this attempt, for its judgement. */
  readonly failures?: SignInFailures;
  /** The judgement that held the sign-in before. */
  readonly risk?: RiskAssessment | undefined;
  /** Signs of risk that the proofs showed, for the session's reasons; alone they raise no level. */
  readonly signs?: readonly string[];
  /** Cookie by which the device is known from now on. A sign-in that is held goes on only with the same one. */
  readonly deviceCookie?: string | undefined;
}

/** What goes on beside a sign-in. */
export interface SignInSteps {
  /** Ends what the proofs were given for, once nothing but the session is missing; where it throws, nobody signs in. */
  readonly claim?: () => Promise<void>;
  /** The account, where reading it has begun. Default: it is read now. */
  readonly account?: Promise<SignInAccount> | undefined;
}

type Candidate = SignInProofs & Pick<SignInAccount, "user" | "slots">;
type Details = Readonly<Record<string, string>>;
type Judged = JudgedSignIn | undefined;

interface Claimed {
  readonly judged: Judged;
  readonly claim: SignInSteps["claim"] | undefined;
}

/**
 * The one end of every way of signing in: judges it, denies it or holds it until what the account's factors or the risk
 * policy ask for is proved, asks the application, opens a session under the user's cap, records it, and tells the owner
 * what they should hear of.
 *
 * @throws IdentityProblem `SIGN_IN_DENIED`, `CHALLENGE_REQUIRED`, `NOTICE_NOT_SENT`, `SIGN_IN_REFUSED`, `HOOK_FAILED`;
 * IdentityError `CHALLENGE_LIMIT`, `AUDIT_NOT_WRITTEN`, and as `sessions.open`.
 */
export async function completeSignIn(
  context: FlowContext,
  requester: Requester,
  input: SignInProofs,
  { claim, account }: SignInSteps = {},
): Promise<SignedIn> {
  const { userId, failures, proofs } = input;
  const { user, factors, judged, slots } = await (account ??
    readSignInAccount(context, requester, userId, failures));
  const candidate = { ...input, user, slots };
  const risk = judged?.assessment.action ?? "allow";
  const policy = mustHaveFactor(context, user.roles) ? "always" : "enrolled";
  const question = { factors, policy, risk, proofs } as const;
  const decision = await decideOn(context, requester, candidate, question);
  if (decision.action === "deny") throw await denied(context, candidate, judged, requester);
  if (decision.action === "challenge") {
    throw await held(context, candidate, { judged, claim }, { requester, ...decision });
  }
  const opened = await admit(context, candidate, { judged, claim }, requester);
  return { ...opened, enrol: decision.enrol };
}

/**
 * The decision, with the device taken for remembered only where that decides. Who must have a second factor is asked at
 * each sign-in: guards would refuse a session without it.
 */
async function decideOn(
  { identity }: FlowContext,
  { deviceId: deviceCookie }: Requester,
  { userId }: SignInProofs,
  question: FactorQuestion,
): Promise<FactorDecision> {
  const decision = identity.factors.decide(question);
  if (decision.action !== "challenge" || !deviceCookie || question.policy === "always") return decision;
  const onDevice = identity.factors.decide({ ...question, rememberedDevice: true });
  if (onDevice.action !== "allow") return decision;
  return (await identity.factors.isDeviceRemembered({ userId, deviceCookie })) ? onDevice : decision;
}

async function denied(
  context: FlowContext,
  { user, proofs }: Candidate,
  judged: Judged,
  requester: Requester,
): Promise<IdentityProblem> {
  const { _id: userId } = user;
  const isRisky = judged?.assessment.action === "deny";
  await audit(context, requester, {
    action: "session.opened",
    outcome: "denied",
    subjectId: userId,
    details: { reason: isRisky ? "risk" : "proofs", ...(judged && riskDetails(judged.assessment)) },
  });
  if (!judged || !isRisky) return new IdentityProblem("SIGN_IN_DENIED");
  const reasons = codesOf(judged.assessment.reasons);
  await recordHighRisk(context, requester, { userId, reasons });
  tellHook(context, requester, "onRiskDenied", () =>
    context.hooks.onRiskDenied?.({ userId, proofs, reasons }, requester),
  );
  return new IdentityProblem("SIGN_IN_DENIED", { reason: publicReason(judged.assessment) });
}

interface Asked extends Extract<FactorDecision, { action: "challenge" }> {
  readonly requester: Requester;
}

/** As many as a session keeps. */
const maxReasons = 16;

const unscored: RiskAssessment = { level: "unscored", reasons: [] };

/** Holds a sign-in: who goes on with it has its token, is the same client, and proves one of what is asked for. */
async function held(
  context: FlowContext,
  { user, sessionGeneration, proofs, deviceCookie }: Candidate,
  { judged, claim }: Claimed,
  { ask, requester }: Asked,
): Promise<IdentityProblem> {
  const { _id: userId } = user;
  const risk = judged ? storedRisk(judged.assessment) : unscored;
  const client = clientOf(requester, deviceCookie);
  const input = { userId, sessionGeneration, risk, proofs, client };
  const { logins } = context.identity;
  const mailed = ask.includes("email") ? await logins.createChallenge(input) : undefined;
  const { token, expiresAt } = mailed ?? (await logins.createFactorChallenge({ ...input, ask }));
  const details = { ask: ask.join(" "), ...(judged && riskDetails(judged.assessment)) };
  const event = { action: "session.challenged", outcome: "success", subjectId: userId, details } as const;
  await audit(context, requester, event);
  if (judged?.assessment.level === "high")
    await recordHighRisk(context, requester, { userId, reasons: codesOf(judged.assessment.reasons) });
  try {
    if (mailed) await sendNotice(context, signInCode(user, mailed.code, originOf(requester)));
  } catch (cause) {
    return new IdentityProblem("NOTICE_NOT_SENT", {}, { cause });
  }
  const isRisky = judged?.assessment.action === "challenge";
  const reason = isRisky ? { reason: publicReason(judged.assessment) } : {};
  const passkey = ask.includes("passkey") ? await passkeyOptions(context, userId) : {};
  // Where it throws, nobody has the token of the sign-in that is held from now on.
  await claim?.();
  const members = { challenge: token, expiresAt, ask, ...passkey, ...reason };
  return new IdentityProblem("CHALLENGE_REQUIRED", members);
}

/** Options for the passkeys of a user whose first proof was right; none where passkeys were switched off since. */
async function passkeyOptions({ identity }: FlowContext, userId: Types.ObjectId): Promise<object> {
  if (!identity.policies.factors.passkeys) return {};
  const start = await identity.factors.beginPasskeyAuthentication({ userId });
  return start.ok ? { passkey: start.options } : {};
}

/** Key of the client that a held sign-in belongs to: its device cookie, or what its browser is. */
export function clientOf({ deviceId, userAgent }: Requester, deviceCookie = deviceId): string {
  return deviceCookie ?? detectDevice(userAgent).label;
}

async function admit(
  context: FlowContext,
  candidate: Candidate,
  { judged, claim }: Claimed,
  requester: Requester,
): Promise<Omit<SignedIn, "enrol">> {
  const { user, proofs } = candidate;
  const { _id: userId } = user;
  const ask = () => context.hooks.onSignIn?.({ userId, proofs }, requester);
  const added = await askHook(context, "SIGN_IN_REFUSED", ask, userId).catch((error: unknown) =>
    hookRefused(context, requester, userId, error),
  );
  const opened = await open(context, candidate, { judged, claim }, requester);
  await auditOrClose(context, candidate, { judged, opened, added }, requester);
  if (judged) learnSignIn(context, userId, judged, proofs.includes("email") || levelOf(proofs) === 2);
  await noteSignIn(context, user, opened, requester);
  const { token: _, ...told } = opened;
  tellHook(context, requester, "onSessionOpened", () =>
    context.hooks.onSessionOpened?.({ ...told, userId, proofs }, requester),
  );
  return { ...opened, userId };
}

async function hookRefused(
  context: FlowContext,
  requester: Requester,
  subjectId: Types.ObjectId,
  error: unknown,
): Promise<never> {
  const { code, members } = toProblem(error);
  const reason = typeof members.reason === "string" ? members.reason : code;
  const event = { action: "session.opened", outcome: "denied", subjectId } as const;
  await audit(context, requester, { ...event, details: { reason } });
  throw error;
}

// Nobody signs in unseen: a session that the trail does not know of ends before its token leaves.
async function auditOrClose(
  context: FlowContext,
  { user, proofs }: Candidate,
  { judged, opened, added }: { judged: Judged; opened: OpenedSession; added: Details },
  requester: Requester,
): Promise<void> {
  const { _id: userId } = user;
  const { id: sessionId } = opened;
  try {
    const details = {
      ...added,
      ...(judged && riskDetails(judged.assessment)),
      proofs: proofs.join(" "),
      acr: String(levelOf(proofs)),
    };
    await audit(context, requester, byOwner(userId, "session.opened", details));
  } catch (error) {
    await context.identity.sessions.revoke({ userId, sessionId });
    throw error;
  }
}

async function open(
  context: FlowContext,
  { user, slots, sessionGeneration, proofs, risk: confirmed, signs = [], deviceCookie }: Candidate,
  { judged, claim }: Claimed,
  requester: Requester,
): Promise<OpenedSession> {
  const scored = confirmed ?? (judged ? storedRisk(judged.assessment) : unscored);
  const risk = { ...scored, reasons: [...scored.reasons, ...signs].slice(0, maxReasons) };
  const { _id: userId } = user;
  const userAgent = requester.userAgent;
  const location = requester.located?.location;
  const client = {
    ip: requester.address,
    ...(userAgent && { userAgent }),
    ...(location && { location }),
  };
  const input = {
    userId,
    sessionGeneration,
    proofs,
    account: user,
    slots,
    ...client,
    ...(deviceCookie && { deviceCookie }),
    risk,
    replaces: await sessionOfBrowser(context, userId, requester),
    claim,
  };
  try {
    return await context.identity.sessions.open(input);
  } catch (error) {
    if (isIdentityError(error) && error.kind === "state") {
      const details = { reason: error.code };
      await audit(context, requester, {
        action: "session.opened",
        outcome: "denied",
        details,
        subjectId: userId,
      });
    }
    if (isIdentityError(error, "ADDRESS_NOT_ALLOWED")) {
      const event = { userId, kind: "allowlist_refused", severity: "warning" } as const;
      await context.identity.securityEvents.record({ ...event, ...originOf(requester) });
    }
    throw error;
  }
}

// A user who signs in again in the same browser has one session, not two, and their old one never causes a refusal.
async function sessionOfBrowser(
  context: FlowContext,
  userId: Types.ObjectId,
  requester: Requester,
): Promise<Types.ObjectId | undefined> {
  const cookie = requester.sessionToken;
  if (!cookie) return undefined;
  // A session that is about to end need not be marked as used.
  const check = await context.identity.sessions.validate(cookie, { touch: false });
  return check.ok && check.session.userId.equals(userId) ? check.session.id : undefined;
}
