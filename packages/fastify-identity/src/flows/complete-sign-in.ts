import { isIdentityError, type OpenedSession, type PublicUser, type RiskAssessment } from "@org/db-models";
import { publicReason } from "@org/risk-engine";
import type { Types } from "mongoose";
import { alertsOf, eventsOf, signInCode } from "./alerts.js";
import { askHook, tellHook } from "./ask-hooks.js";
import { audit, byOwner } from "./audit.js";
import type { CheckedPassword } from "./check-password.js";
import type { FlowContext } from "./context.js";
import type { SignInWay } from "./hooks.js";
import { notifyLater } from "./notify-later.js";
import { originOf } from "./origin.js";
import { IdentityProblem, toProblem } from "./problems.js";
import type { Requester } from "./requester.js";
import {
  codesOf,
  type JudgedSignIn,
  judgeSignIn,
  learnSignIn,
  recordHighRisk,
  riskDetails,
  storedRisk,
} from "./risk.js";

/** A session that was just opened, and whose it is. */
export type SignedIn = OpenedSession & { userId: Types.ObjectId };

/** Evidence of the user's identity. */
export interface SignInProofs {
  readonly way: SignInWay;
  readonly userId: Types.ObjectId;
  /** The account's generation when the proofs were checked; a session of an older one does not live. */
  readonly sessionGeneration: number;
  /** Failures before this attempt, for its judgement. */
  readonly failures?: CheckedPassword["failures"];
  /** The judgement that a passed challenge has answered. */
  readonly risk?: RiskAssessment | undefined;
  /** Cookie by which the device is known from now on. */
  readonly deviceCookie?: string | undefined;
}

type Candidate = SignInProofs & { readonly user: PublicUser };
type Details = Readonly<Record<string, string>>;

/**
 * The one end of every way of signing in: judges it, denies it or asks for a code where the policy says so, asks the
 * application, opens a session under the user's cap, records it, and tells the owner what they should hear of.
 *
 * @throws IdentityProblem `SIGN_IN_DENIED`, `CHALLENGE_REQUIRED`, `NOTICE_NOT_SENT`, `SIGN_IN_REFUSED`, `HOOK_FAILED`;
 * IdentityError `CHALLENGE_LIMIT`, `AUDIT_NOT_WRITTEN`, and as `sessions.open`.
 */
export async function completeSignIn(
  context: FlowContext,
  requester: Requester,
  proofs: SignInProofs,
): Promise<SignedIn> {
  const { userId, failures, way } = proofs;
  const [user, judged] = await Promise.all([
    // Read before this sign-in is counted, so that a first sign-in does not send a warning about a new device.
    context.identity.users.read(userId),
    judgeSignIn(context, userId, requester, failures),
  ]);
  const candidate = { ...proofs, user };
  const action = judged?.assessment.action;
  if (judged && action === "deny") throw await denied(context, candidate, judged, requester);
  if (judged && action === "challenge" && way !== "challenge") {
    throw await challenged(context, candidate, judged, requester);
  }
  return admit(context, candidate, judged, requester);
}

async function denied(
  context: FlowContext,
  { user, way }: Candidate,
  { assessment }: JudgedSignIn,
  requester: Requester,
): Promise<IdentityProblem> {
  const details = { reason: "risk", ...riskDetails(assessment) };
  await audit(context, requester, {
    action: "session.opened",
    outcome: "denied",
    subjectId: user._id,
    details,
  });
  const reasons = codesOf(assessment.reasons);
  await recordHighRisk(context, requester, { userId: user._id, reasons });
  tellHook(context, requester, "onRiskDenied", () =>
    context.hooks.onRiskDenied?.({ userId: user._id, way, reasons }, requester),
  );
  return new IdentityProblem("SIGN_IN_DENIED", { reason: publicReason(assessment) });
}

async function challenged(
  context: FlowContext,
  { user, sessionGeneration }: Candidate,
  { assessment }: JudgedSignIn,
  requester: Requester,
): Promise<IdentityProblem> {
  const input = { userId: user._id, sessionGeneration, risk: storedRisk(assessment) };
  const challenge = await context.identity.logins.createChallenge(input);
  const details = riskDetails(assessment);
  const event = { action: "session.challenged", outcome: "success", subjectId: user._id, details } as const;
  await audit(context, requester, event);
  if (assessment.level === "high")
    await recordHighRisk(context, requester, { userId: user._id, reasons: codesOf(assessment.reasons) });
  try {
    await context.notifier.send(signInCode(user, challenge.code, originOf(requester)));
  } catch (cause) {
    return new IdentityProblem("NOTICE_NOT_SENT", {}, { cause });
  }
  const { token, expiresAt } = challenge;
  return new IdentityProblem("CHALLENGE_REQUIRED", {
    challenge: token,
    expiresAt,
    reason: publicReason(assessment),
  });
}

async function admit(
  context: FlowContext,
  candidate: Candidate,
  judged: JudgedSignIn | undefined,
  requester: Requester,
): Promise<SignedIn> {
  const { user, way } = candidate;
  const { _id: userId } = user;
  const added = await askHook(context, "SIGN_IN_REFUSED", () =>
    context.hooks.onSignIn?.({ userId, way }, requester),
  ).catch((error: unknown) => hookRefused(context, requester, userId, error));
  const opened = await open(context, candidate, judged, requester);
  await auditOrClose(context, candidate, { judged, opened, added }, requester);
  if (judged) learnSignIn(context, userId, judged, way === "challenge");
  await note(context, user, opened, requester);
  const { token: _, ...told } = opened;
  tellHook(context, requester, "onSessionOpened", () =>
    context.hooks.onSessionOpened?.({ ...told, userId, way }, requester),
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
  await audit(context, requester, { ...event, details: { reason: reason.slice(0, 512) } });
  throw error;
}

// Nobody signs in unseen: a session that the trail does not know of ends before its token leaves.
async function auditOrClose(
  context: FlowContext,
  { user, way }: Candidate,
  { judged, opened, added }: { judged: JudgedSignIn | undefined; opened: OpenedSession; added: Details },
  requester: Requester,
): Promise<void> {
  const { _id: userId } = user;
  const { id: sessionId } = opened;
  try {
    const details = {
      ...added,
      ...(judged && riskDetails(judged.assessment)),
      ...(way === "challenge" && { confirmedBy: "code" }),
    };
    await audit(context, requester, byOwner(userId, "session.opened", details));
  } catch (error) {
    await context.identity.sessions.revoke({ userId, sessionId });
    throw error;
  }
}

async function open(
  context: FlowContext,
  { user, sessionGeneration, risk: confirmed, deviceCookie }: Candidate,
  judged: JudgedSignIn | undefined,
  requester: Requester,
): Promise<OpenedSession> {
  const risk = confirmed ?? (judged && storedRisk(judged.assessment));
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
    account: user,
    ...client,
    ...(deviceCookie && { deviceCookie }),
    ...(risk && { risk }),
    replaces: await sessionOfBrowser(context, userId, requester),
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

// The session is open and its token not yet delivered: failing now would cost the user a slot and gain nothing.
async function note(
  context: FlowContext,
  user: PublicUser,
  opened: OpenedSession,
  requester: Requester,
): Promise<void> {
  const origin = originOf(requester);
  const login = {
    userId: user._id,
    deviceHash: opened.deviceHash,
    deviceLabel: origin.device ?? "",
    ...(origin.country && { country: origin.country }),
  };
  const events = eventsOf(user, opened);
  const notes = await Promise.allSettled([
    context.identity.logins
      .record(login)
      .then(() => context.identity.users.updateAnalytics({ userId: user._id })),
    ...events.map((event) =>
      context.identity.securityEvents.record({ ...event, userId: user._id, ...origin }),
    ),
  ]);
  for (const notice of alertsOf(user, events, origin)) notifyLater(context, requester, notice);
  for (const result of notes) {
    if (result.status === "rejected")
      requester.log.error({ err: result.reason }, "a sign-in was not fully noted");
  }
}
