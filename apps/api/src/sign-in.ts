import {
  isIdentityError,
  type OpenedSession,
  openSession,
  type PublicUser,
  readUser,
  recordLogin,
  recordSecurityEvent,
  revokeSession,
  type SecurityEventInput,
  updateAnalytics,
} from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { audit, byOwner } from "./audit.js";
import { type Credentials, checkPassword } from "./check-password.js";
import { originOf } from "./origin.js";
import { ApiError } from "./problems.js";
import type { Service } from "./service.js";

/** A session that was just opened, and whose it is. */
export type SignedIn = OpenedSession & { userId: Types.ObjectId };

/**
 * Checks the credentials, opens a session under the user's cap and notes what the user should hear of.
 *
 * @param deviceCookie - what the device is known by from now on.
 * @throws ApiError `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`, `USER_NOT_ACTIVE`; IdentityError `AUDIT_NOT_WRITTEN`, and as {@link openSession}.
 */
export async function signIn(
  service: Service,
  credentials: Credentials,
  request: FastifyRequest,
  deviceCookie?: string,
): Promise<SignedIn> {
  const { models } = service.database;
  const checked = await checkPassword(service, credentials, request, deviceCookie);
  if (!checked.authenticated) {
    const { userId: subjectId, reason } = checked;
    const failure = { action: "session.opened", outcome: "failure", details: { reason } } as const;
    await audit(service, request, { ...failure, ...(subjectId && { subjectId }) });
    throw new ApiError(checked.reason === "not_active" ? "USER_NOT_ACTIVE" : "BAD_CREDENTIALS");
  }
  const { userId, sessionGeneration } = checked;
  // Read before this sign-in is counted: whoever signs in for the first time is not warned of a new device.
  const user = await readUser(models, userId);
  const opened = await open(service, { userId, sessionGeneration }, request);
  await auditOrClose(service, userId, opened, request);
  await note(service, user, opened, request);
  return { ...opened, userId };
}

// Nobody signs in unseen: a session that the trail does not know of ends before its token leaves.
async function auditOrClose(
  service: Service,
  userId: Types.ObjectId,
  { id: sessionId }: OpenedSession,
  request: FastifyRequest,
): Promise<void> {
  try {
    await audit(service, request, byOwner(userId, "session.opened"));
  } catch (error) {
    await revokeSession(service.database.models, { userId, sessionId }, service.clock.now());
    throw error;
  }
}

async function open(
  service: Service,
  user: { userId: Types.ObjectId; sessionGeneration: number },
  request: FastifyRequest,
): Promise<OpenedSession> {
  const { models } = service.database;
  const now = service.clock.now();
  const userAgent = request.headers["user-agent"];
  const location = service.locate(request);
  const client = { ip: request.ip, ...(userAgent && { userAgent }), ...(location && { location }) };
  try {
    return await openSession(models, { ...user, ...client, policy: service.sessionPolicy }, now);
  } catch (error) {
    if (isIdentityError(error) && error.kind === "state") {
      const denial = {
        action: "session.opened",
        outcome: "denied",
        details: { reason: error.code },
      } as const;
      await audit(service, request, { ...denial, subjectId: user.userId });
    }
    if (isIdentityError(error, "ADDRESS_NOT_ALLOWED")) {
      const event = { userId: user.userId, kind: "allowlist_refused", severity: "warning" } as const;
      await recordSecurityEvent(models, { ...event, ...originOf(service, request) }, now);
    }
    throw error;
  }
}

// The session is open and its token not yet delivered: failing now would cost the user a slot and gain nothing.
async function note(
  service: Service,
  user: PublicUser,
  opened: OpenedSession,
  request: FastifyRequest,
): Promise<void> {
  const { models } = service.database;
  const now = service.clock.now();
  const origin = originOf(service, request);
  const login = {
    userId: user._id,
    deviceHash: opened.deviceHash,
    deviceLabel: origin.device ?? "",
    ...(origin.country && { country: origin.country }),
  };
  const events = eventsOf(user, opened).map((event) => ({ ...event, userId: user._id, ...origin }));
  const notes = await Promise.allSettled([
    recordLogin(models, login, now).then(() => updateAnalytics(models, { userId: user._id }, now)),
    ...events.map((event) => recordSecurityEvent(models, event, now)),
  ]);
  for (const result of notes) {
    if (result.status === "rejected")
      request.log.error({ err: result.reason }, "a sign-in was not fully noted");
  }
}

function eventsOf(user: PublicUser, opened: OpenedSession): Omit<SecurityEventInput, "userId">[] {
  const { alerts } = user.security;
  const sessionId = opened.id;
  const hasSignedInBefore = user.analytics.logins > 0;
  return [
    ...(alerts.newDevice && opened.newDevice && hasSignedInBefore
      ? [{ kind: "new_device", severity: "warning", sessionId } as const]
      : []),
    ...(alerts.newLocation && opened.newLocation
      ? [{ kind: "new_location", severity: "warning", sessionId } as const]
      : []),
    ...opened.evicted.map(
      ({ id }) => ({ kind: "session_evicted", severity: "info", sessionId: id }) as const,
    ),
  ];
}
