import type { Types } from "mongoose";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { hashPassword } from "../core/passwords.js";
import type { SessionPolicy } from "../core/policies/sessions.js";
import type { IdentityModels } from "../schemas/models.js";
import type { UserDocument } from "../schemas/user.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { type RenewedSession, renewSession } from "../sessions/refresh.js";
import { endEverySession } from "../sessions/revoke.js";
import { passwordSchema } from "./input.js";

/**
 * What a password that is set changes in an account.
 *
 * @throws IdentityError `INVALID_INPUT`.
 */
export async function newPassword(
  password: string,
  now: Date,
): Promise<Required<Pick<UserDocument, "passwordHash" | "passwordChangedAt">>> {
  return { passwordHash: await hashPassword(parseInput(passwordSchema, password)), passwordChangedAt: now };
}

export interface PasswordChange {
  /** How many sessions were ended. */
  ended: number;
  /** The session that goes on, with its new token; only with `keepToken`. */
  session?: RenewedSession;
}

/**
 * Gives an account another password, and ends every session but the one that it was changed in, those of logins under
 * way with the old password included (ASVS 7.4.3). The session that goes on gets another token, and the one before is
 * refused from then on (ASVS 7.2.4); killed before its answer, it goes on for nobody, and its user signs in again. A
 * token that was sent to reset the password is void. API keys and what apps were granted stay. That it is the user who
 * asks is for the caller to see (ASVS 7.5.1).
 *
 * @param input - `keepToken` is the token of the session that goes on, as presented; without it none does.
 * @throws IdentityError `INVALID_INPUT`, `USER_NOT_FOUND`; `SESSION_NOT_FOUND` when `keepToken` stands for no live
 * session of the user, before anything is changed.
 */
export async function setPassword(
  models: IdentityModels,
  input: { userId: Types.ObjectId; password: string; keepToken?: unknown },
  now: Date,
  policy: Partial<SessionPolicy> = {},
): Promise<PasswordChange> {
  const { userId, keepToken } = input;
  const change = { $set: await newPassword(input.password, now), $unset: { passwordReset: "" } } as const;
  const session =
    keepToken === undefined ? undefined : await renew(models, { userId, token: keepToken }, now, policy);
  const { ended } = await endEverySession(
    models,
    { userId, reason: "credentials_changed", change, ...(session && { keep: session.id }) },
    now,
  );
  await recordSecurityEvent(models, { userId, kind: "password_changed", severity: "warning" }, now);
  return { ended, ...(session && { session }) };
}

async function renew(
  models: IdentityModels,
  kept: { userId: Types.ObjectId; token: unknown },
  now: Date,
  policy: Partial<SessionPolicy>,
): Promise<RenewedSession> {
  const session = await renewSession(models, kept, now, policy);
  if (!session)
    throw new IdentityError("SESSION_NOT_FOUND", "the token stands for no live session of the user");
  return session;
}
