import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { hashPassword } from "../core/passwords.js";
import type { UserDocument } from "../schemas/user.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { type RenewedSession, renewSession } from "../sessions/refresh.js";
import { endEverySession } from "../sessions/revoke.js";
import { passwordSchema } from "./input.js";

/**
 * The fields of an account that a new password changes.
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

export async function setPassword(
  context: Context,
  input: { userId: Types.ObjectId; password: string; keepToken?: unknown },
): Promise<PasswordChange> {
  const { now } = context;
  const { userId, keepToken } = input;
  const change = {
    $set: await newPassword(input.password, now),
    $unset: { passwordReset: "", passwordResetAt: "" },
  } as const;
  const session = keepToken === undefined ? undefined : await renew(context, { userId, token: keepToken });
  const { ended } = await endEverySession(context, {
    userId,
    reason: "credentials_changed",
    change,
    ...(session && { keep: session.id }),
  });
  await recordSecurityEvent(context, { userId, kind: "password_changed", severity: "warning" });
  return { ended, ...(session && { session }) };
}

async function renew(
  context: Context,
  kept: { userId: Types.ObjectId; token: unknown },
): Promise<RenewedSession> {
  const renewed = await renewSession(context, kept);
  if (!renewed.ok)
    throw new IdentityError("SESSION_NOT_FOUND", "the token belongs to no live session of the user");
  return renewed.session;
}
