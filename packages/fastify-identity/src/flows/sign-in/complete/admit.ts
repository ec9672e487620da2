// Admits a sign-in: the application, the session, the trail, and what the owner hears of.
import { isIdentityError, type OpenedSession } from "@org/db-models";
import type { Types } from "mongoose";
import { levelOf } from "../../account/assurance.js";
import { askHook, tellHook } from "../../ask-hooks.js";
import { audit, byOwner } from "../../audit.js";
import type { FlowContext } from "../../context.js";
import { originOf } from "../../origin.js";
import { toProblem } from "../../problems.js";
import type { Requester } from "../../requester.js";
import { noteSignIn } from "../note-sign-in.js";
import { learnSignIn, riskDetails, storedRisk } from "../risk.js";
import { type Candidate, type Claimed, type Judged, type SignedIn, unscored } from "./candidate.js";

type Details = Readonly<Record<string, string>>;

/** As many reasons as a session keeps. */
const maxReasons = 16;

/** Opens a session once the application agrees, and tells who is to know of it. */
export async function admit(
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
