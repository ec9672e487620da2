import { isIdentityError, type OpenedSession, type PublicUser, type RiskAssessment } from "@org/db-models";
import { publicReason } from "@org/risk-engine";
import type { FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import type { Service } from "../service.js";
import { alertsOf, eventsOf, signInCode } from "./alerts.js";
import { audit, byOwner, inVain } from "./audit.js";
import { type Credentials, checkPassword } from "./check-password.js";
import { notifyLater } from "./notify-later.js";
import { originOf } from "./origin.js";
import { ApiError } from "./problems.js";
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

/** Somebody who has shown enough to get a session. */
interface Proven {
  readonly user: PublicUser;
  readonly sessionGeneration: number;
  readonly risk?: RiskAssessment | undefined;
  readonly judged: JudgedSignIn | undefined;
  /** By a one-time code. */
  readonly confirmed: boolean;
  /** Cookie by which the device is known from now on. */
  readonly deviceCookie?: string | undefined;
}

/**
 * Checks the credentials, judges the sign-in, and opens a session under the user's cap, or sends a one-time code, or
 * refuses; notes what the user should hear of.
 *
 * @param deviceCookie - what the device is known by from now on.
 * @throws ApiError `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`, `USER_NOT_ACTIVE`, `SIGN_IN_DENIED`, `CHALLENGE_REQUIRED`,
 * `NOTICE_NOT_SENT`; IdentityError `CHALLENGE_LIMIT`, `AUDIT_NOT_WRITTEN`, and as `sessions.open`.
 */
export async function signIn(
  service: Service,
  credentials: Credentials,
  request: FastifyRequest,
  deviceCookie?: string,
): Promise<SignedIn> {
  const { checked, failures } = await checkPassword(service, credentials, request, deviceCookie);
  if (!checked.ok) {
    await audit(service, request, inVain("session.opened", checked));
    throw new ApiError(checked.reason === "not_active" ? "USER_NOT_ACTIVE" : "BAD_CREDENTIALS");
  }
  const { userId, sessionGeneration } = checked;
  const [user, judged] = await Promise.all([
    // Read before this sign-in is counted: whoever signs in for the first time is not warned of a new device.
    service.identity.users.read(userId),
    judgeSignIn(service, userId, request, failures),
  ]);
  if (judged?.assessment.action === "deny") throw await denied(service, user, judged, request);
  if (judged?.assessment.action === "challenge") {
    throw await challenged(service, user, sessionGeneration, judged, request);
  }
  const risk = judged && storedRisk(judged.assessment);
  return admit(service, { user, sessionGeneration, risk, judged, confirmed: false, deviceCookie }, request);
}

/**
 * Ends a challenge: with the right code the sign-in gets its session.
 *
 * @param deviceCookie - what the device is known by from now on.
 * @throws ApiError `CHALLENGE_FAILED`; IdentityError `AUDIT_NOT_WRITTEN`, and as `sessions.open`.
 */
export async function signInByCode(
  service: Service,
  answer: { challenge: string; code: string },
  request: FastifyRequest,
  deviceCookie?: string,
): Promise<SignedIn> {
  const input = { token: answer.challenge, code: answer.code };
  const check = await service.identity.logins.verifyChallenge(input);
  if (!check.ok) {
    await audit(service, request, inVain("session.opened", check));
    throw new ApiError("CHALLENGE_FAILED", { reason: check.reason });
  }
  const { userId, sessionGeneration, risk } = check;
  const user = await service.identity.users.read(userId);
  const judged = await judgeSignIn(service, userId, request);
  return admit(service, { user, sessionGeneration, risk, judged, confirmed: true, deviceCookie }, request);
}

async function denied(
  service: Service,
  user: PublicUser,
  { assessment }: JudgedSignIn,
  request: FastifyRequest,
): Promise<ApiError> {
  const details = { reason: "risk", ...riskDetails(assessment) };
  await audit(service, request, {
    action: "session.opened",
    outcome: "denied",
    subjectId: user._id,
    details,
  });
  await recordHighRisk(service, request, { userId: user._id, reasons: codesOf(assessment.reasons) });
  return new ApiError("SIGN_IN_DENIED", { reason: publicReason(assessment) });
}

async function challenged(
  service: Service,
  user: PublicUser,
  sessionGeneration: number,
  { assessment }: JudgedSignIn,
  request: FastifyRequest,
): Promise<ApiError> {
  const input = { userId: user._id, sessionGeneration, risk: storedRisk(assessment) };
  const challenge = await service.identity.logins.createChallenge(input);
  const details = riskDetails(assessment);
  const event = { action: "session.challenged", outcome: "success", subjectId: user._id, details } as const;
  await audit(service, request, event);
  if (assessment.level === "high")
    await recordHighRisk(service, request, { userId: user._id, reasons: codesOf(assessment.reasons) });
  try {
    await service.notifier.send(signInCode(user, challenge.code, originOf(service, request)));
  } catch (cause) {
    return new ApiError("NOTICE_NOT_SENT", {}, { cause });
  }
  const { token, expiresAt } = challenge;
  return new ApiError("CHALLENGE_REQUIRED", {
    challenge: token,
    expiresAt,
    reason: publicReason(assessment),
  });
}

async function admit(service: Service, proven: Proven, request: FastifyRequest): Promise<SignedIn> {
  const { user, judged, confirmed } = proven;
  const opened = await open(service, proven, request);
  await auditOrClose(service, proven, opened, request);
  if (judged) learnSignIn(service, user._id, judged, confirmed);
  await note(service, user, opened, request);
  return { ...opened, userId: user._id };
}

// Nobody signs in unseen: a session that the trail does not know of ends before its token leaves.
async function auditOrClose(
  service: Service,
  { user, judged, confirmed }: Proven,
  { id: sessionId }: OpenedSession,
  request: FastifyRequest,
): Promise<void> {
  const { _id: userId } = user;
  try {
    const details = {
      ...(judged && riskDetails(judged.assessment)),
      ...(confirmed && { confirmedBy: "code" }),
    };
    await audit(service, request, byOwner(userId, "session.opened", details));
  } catch (error) {
    await service.identity.sessions.revoke({ userId, sessionId });
    throw error;
  }
}

async function open(service: Service, proven: Proven, request: FastifyRequest): Promise<OpenedSession> {
  const { user, sessionGeneration, risk, deviceCookie } = proven;
  const { _id: userId } = user;
  const userAgent = request.headers["user-agent"];
  const location = service.locate(request)?.location;
  const client = {
    ip: request.clientAddress,
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
    replaces: await sessionOfBrowser(service, userId, request),
  };
  try {
    return await service.identity.sessions.open(input);
  } catch (error) {
    if (isIdentityError(error) && error.kind === "state") {
      const details = { reason: error.code };
      await audit(service, request, {
        action: "session.opened",
        outcome: "denied",
        details,
        subjectId: userId,
      });
    }
    if (isIdentityError(error, "ADDRESS_NOT_ALLOWED")) {
      const event = { userId, kind: "allowlist_refused", severity: "warning" } as const;
      await service.identity.securityEvents.record({ ...event, ...originOf(service, request) });
    }
    throw error;
  }
}

// Whoever signs in again in the same browser has one session, not two, and isn't refused because of their own.
async function sessionOfBrowser(
  service: Service,
  userId: Types.ObjectId,
  request: FastifyRequest,
): Promise<Types.ObjectId | undefined> {
  const cookie = request.sessionCookie();
  if (!cookie) return undefined;
  // What is about to end need not be noted as used.
  const check = await service.identity.sessions.validate(cookie, { touch: false });
  return check.ok && check.session.userId.equals(userId) ? check.session.id : undefined;
}

// The session is open and its token not yet delivered: failing now would cost the user a slot and gain nothing.
async function note(
  service: Service,
  user: PublicUser,
  opened: OpenedSession,
  request: FastifyRequest,
): Promise<void> {
  const origin = originOf(service, request);
  const login = {
    userId: user._id,
    deviceHash: opened.deviceHash,
    deviceLabel: origin.device ?? "",
    ...(origin.country && { country: origin.country }),
  };
  const events = eventsOf(user, opened);
  const notes = await Promise.allSettled([
    service.identity.logins
      .record(login)
      .then(() => service.identity.users.updateAnalytics({ userId: user._id })),
    ...events.map((event) =>
      service.identity.securityEvents.record({ ...event, userId: user._id, ...origin }),
    ),
  ]);
  for (const notice of alertsOf(user, events, origin)) notifyLater(service, request, notice);
  for (const result of notes) {
    if (result.status === "rejected")
      request.log.error({ err: result.reason }, "a sign-in was not fully noted");
  }
}
