import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { hashPassword } from "../core/passwords.js";
import { withTimeLimit } from "../core/time-limit.js";
import { type PasswordWeakness, weaknessOf } from "../core/weak-passwords/weakness.js";
import type { UserDocument } from "../schemas/user.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { type RenewedSession, renewSession } from "../sessions/refresh.js";
import { claimAndEndSessions, ofGeneration } from "../sessions/revoke.js";
import { passwordSchema } from "./input.js";
import type { RequestOrigin } from "./one-time-tokens.js";

/** Whose password it is to be: the names that it must not be made of. */
export interface PasswordOwner {
  readonly email: string;
  readonly username?: string | undefined;
  readonly profile?: { readonly displayName?: string | undefined } | undefined;
}

/** The fields of a user that {@link newPassword} needs. */
const ownerProjection = { email: 1, username: 1, "profile.displayName": 1 } as const;

/**
 * The fields of an account that a new password changes.
 *
 * @throws IdentityError `INVALID_INPUT`; `PASSWORD_TOO_COMMON`, with the `reason` in its details.
 */
export async function newPassword(
  context: Context,
  input: string,
  owner: PasswordOwner,
): Promise<Required<Pick<UserDocument, "passwordHash" | "passwordChangedAt">>> {
  const password = parseInput(passwordSchema, input);
  const reason = weaknessOf(password, phrasesOf(context, owner)) ?? (await breachOf(context, password));
  if (reason) {
    throw new IdentityError("PASSWORD_TOO_COMMON", messages[reason], { details: { reason } });
  }
  return { passwordHash: await hashPassword(password), passwordChangedAt: context.now };
}

const messages: Readonly<Record<PasswordWeakness, string>> = {
  common: "the password is one of the most common ones",
  repetitive: "the password is one part over and over",
  context: "the password is little more than names of the account or the service",
  breached: "the password is known from a breach",
};

function phrasesOf({ policies }: Context, { email, username, profile }: PasswordOwner): string[] {
  const { passwords, factors } = policies;
  const [local = "", domain = ""] = email.split("@");
  // Without its last label, which is the same for everybody.
  const service = [factors.issuer, ...(factors.passkeys ? [withoutTop(factors.passkeys.rpId)] : [])];
  const own = [local, withoutTop(domain), username ?? "", profile?.displayName ?? ""];
  return [...passwords.words, ...service, ...own];
}

const withoutTop = (domain: string): string => domain.split(".").slice(0, -1).join(".");

/** A service that is away must not keep people from choosing a password: it is reported, and the password accepted. */
async function breachOf(context: Context, password: string): Promise<"breached" | undefined> {
  const { isBreached, onError, policies } = context;
  if (!isBreached) return undefined;
  try {
    const breached: unknown = await withTimeLimit(policies.passwords.breachedTimeoutMs, (signal) =>
      isBreached(password, { signal }),
    );
    if (typeof breached !== "boolean") throw new TypeError("isBreached answers with a boolean");
    return breached ? "breached" : undefined;
  } catch (error) {
    onError(error, { check: "breachedPasswords" });
    return undefined;
  }
}

export type PasswordAddition = { ok: true } | { ok: false; reason: "has_password" };

export async function addPassword(
  context: Context,
  { userId, password, origin }: { userId: Types.ObjectId; password: string; origin?: RequestOrigin },
): Promise<PasswordAddition> {
  const { models, now } = context;
  const projection = { ...ownerProjection, passwordHash: 1 } as const;
  const owner = await models.User.findById(userId, projection).lean<PasswordOwner & PasswordHolder>();
  if (!owner) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  if (owner.passwordHash !== undefined) return { ok: false, reason: "has_password" };
  const change = await newPassword(context, password, owner);
  // Of two at once one is the first.
  const { matchedCount } = await models.User.collection.updateOne(
    { _id: userId, passwordHash: { $exists: false } },
    { $set: { ...change, updatedAt: now } },
  );
  if (matchedCount === 0) return { ok: false, reason: "has_password" };
  const event = { userId, kind: "password_changed", severity: "warning" } as const;
  await recordSecurityEvent(context, { ...event, reasons: ["added"], ...origin });
  return { ok: true };
}

type PasswordHolder = Pick<UserDocument, "passwordHash">;

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
  const { userId, keepToken } = input;
  const projection = { ...ownerProjection, sessionGeneration: 1 } as const;
  const owner = await context.models.User.findById(userId, projection).lean<
    PasswordOwner & Pick<UserDocument, "sessionGeneration">
  >();
  if (!owner) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  const seen = owner.sessionGeneration ?? 0;
  const change = {
    $set: await newPassword(context, input.password, owner),
    $unset: { passwordReset: "", passwordResetAt: "" },
  } as const;
  const session = keepToken === undefined ? undefined : await renew(context, { userId, token: keepToken });
  // A reset or an undo meanwhile ended every session, that of this request included: its password stays.
  const ended = await claimAndEndSessions(context, {
    userId,
    reason: "credentials_changed",
    change,
    claim: ofGeneration(seen),
    seen,
    keep: session?.id,
  });
  if (ended === undefined)
    throw session
      ? notLive()
      : new IdentityError("CONTENTION", "the account's credentials changed meanwhile");
  await recordSecurityEvent(context, { userId, kind: "password_changed", severity: "warning" });
  return { ended, ...(session && { session }) };
}

async function renew(
  context: Context,
  kept: { userId: Types.ObjectId; token: unknown },
): Promise<RenewedSession> {
  const renewed = await renewSession(context, kept);
  if (!renewed.ok) throw notLive();
  return renewed.session;
}

const notLive = (): IdentityError =>
  new IdentityError("SESSION_NOT_FOUND", "the token belongs to no live session of the user");
