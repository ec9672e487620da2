import type { Passkey, PasskeyAuthenticationStart, PasskeyRegistrationStart } from "@org/db-models";
import type { Types } from "mongoose";
import { audit, byOwner, failedAttempt } from "../audit.js";
import type { FlowContext } from "../context.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import type { SignedIn } from "../sign-in/complete/candidate.js";
import { completeSignIn } from "../sign-in/complete/complete-sign-in.js";
import type { HeldSession } from "./accounts.js";
import { reauthentication, record } from "./factors.js";

type Session = HeldSession["session"];

/** Options for `navigator.credentials.create()`. */
export type PasskeyCreation = Omit<Extract<PasskeyRegistrationStart, { ok: true }>, "ok">;
/** Options for `navigator.credentials.get()`, and the attempt that comes back with the answer. */
export type PasskeyRequest = Omit<Extract<PasskeyAuthenticationStart, { ok: true }>, "ok">;

/** What a browser answered, and what the device is to be known by from now on. */
export interface PasskeySignInInput {
  /** As the credential's `toJSON()` writes it. */
  readonly response: unknown;
  readonly attempt: string;
  readonly deviceCookie?: string | undefined;
}

/**
 * Begins to add a passkey.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `PASSKEY_LIMIT`; IdentityError `PASSKEYS_NOT_CONFIGURED`.
 */
export async function beginPasskeyRegistration(
  context: FlowContext,
  session: Session,
): Promise<PasskeyCreation> {
  const start = await context.identity.factors.beginPasskeyRegistration({ session });
  if (start.ok) return { options: start.options, expiresAt: start.expiresAt };
  if (start.reason === "limit_reached") throw new IdentityProblem("PASSKEY_LIMIT");
  throw await reauthentication(context, session);
}

/**
 * Makes the passkey that the browser made a factor of the account.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `PASSKEY_REFUSED` with the reason, `PASSKEY_LIMIT`,
 * `PASSKEY_ALREADY_REGISTERED`; IdentityError `AUDIT_NOT_WRITTEN`, `PASSKEYS_NOT_CONFIGURED`.
 */
export async function addPasskey(
  context: FlowContext,
  requester: Requester,
  session: Session,
  { response, name }: { response: unknown; name?: string | undefined },
): Promise<Passkey> {
  const input = { session, response, ...(name !== undefined && { name }) };
  const made = await context.identity.factors.finishPasskeyRegistration(input);
  if (made.ok) {
    await record(context, requester, session, "passkey_added");
    return made.passkey;
  }
  const { reason } = made;
  if (reason === "reauthentication_required") throw await reauthentication(context, session);
  if (reason === "limit_reached") throw new IdentityProblem("PASSKEY_LIMIT");
  if (reason === "already_registered") throw new IdentityProblem("PASSKEY_ALREADY_REGISTERED");
  throw new IdentityProblem("PASSKEY_REFUSED", { reason });
}

/** Gives a passkey another name. @throws IdentityProblem `FACTOR_NOT_FOUND`. */
export async function renamePasskey(
  context: FlowContext,
  session: Session,
  input: { id: Types.ObjectId; name: string },
): Promise<void> {
  const renamed = await context.identity.factors.renamePasskey({ session, ...input });
  if (!renamed.ok) throw new IdentityProblem("FACTOR_NOT_FOUND");
}

/**
 * Takes a passkey from the account.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `FACTOR_NOT_FOUND`, `LAST_WAY_IN`; IdentityError
 * `AUDIT_NOT_WRITTEN`.
 */
export async function removePasskey(
  context: FlowContext,
  requester: Requester,
  session: Session,
  { id }: { id: Types.ObjectId },
): Promise<void> {
  const removed = await context.identity.factors.removePasskey({ session, id });
  if (removed.ok) return record(context, requester, session, "passkey_removed");
  if (removed.reason === "reauthentication_required") throw await reauthentication(context, session);
  throw new IdentityProblem(removed.reason === "last_way_in" ? "LAST_WAY_IN" : "FACTOR_NOT_FOUND");
}

/**
 * Begins a sign-in without a user name, by the browser's list or the form's autofill; with `userId` a step-up.
 *
 * @throws IdentityProblem `FACTOR_NOT_FOUND` for a user without a passkey; IdentityError `PASSKEYS_NOT_CONFIGURED`.
 */
export async function beginPasskey(
  { identity }: FlowContext,
  who: { userId?: Types.ObjectId } = {},
): Promise<PasskeyRequest> {
  const start = await identity.factors.beginPasskeyAuthentication(who);
  if (!start.ok) throw new IdentityProblem("FACTOR_NOT_FOUND");
  const { ok: _, ...request } = start;
  return request;
}

/** What a page needs to go on: of the rest nobody learns whether there is such an account or passkey. */
const toldReasons: readonly string[] = ["challenge_unknown", "challenge_expired", "malformed"];

/**
 * Signs in with a passkey alone, whose user was verified.
 *
 * @throws IdentityProblem `PASSKEY_REFUSED`, and as {@link completeSignIn}; IdentityError `PASSKEYS_NOT_CONFIGURED`.
 */
export async function signInWithPasskey(
  context: FlowContext,
  requester: Requester,
  { response, attempt, deviceCookie }: PasskeySignInInput,
): Promise<SignedIn> {
  const check = await context.identity.factors.finishPasskeyAuthentication({ response, attempt });
  if (!check.ok) {
    const { reason } = check;
    await audit(context, requester, failedAttempt("session.opened", { reason }));
    throw new IdentityProblem("PASSKEY_REFUSED", toldReasons.includes(reason) ? { reason } : {});
  }
  const { userId, method, sessionGeneration, counterRegressed } = check;
  const proofs = [method] as const;
  const signs = counterRegressed ? ["passkey_counter"] : [];
  return completeSignIn(context, requester, { userId, proofs, sessionGeneration, deviceCookie, signs });
}

/** Forgets remembered devices: the one, or all. @throws IdentityProblem `FACTOR_NOT_FOUND` for one that is not there. */
export async function forgetDevices(
  context: FlowContext,
  requester: Requester,
  { userId }: Session,
  id?: Types.ObjectId,
): Promise<{ forgotten: number }> {
  const forgotten = await context.identity.factors.forgetDevices({ userId, ...(id && { id }) });
  if (id && forgotten === 0) throw new IdentityProblem("FACTOR_NOT_FOUND");
  if (forgotten > 0) {
    await audit(context, requester, byOwner(userId, "devices.forgotten", { devices: String(forgotten) }));
  }
  return { forgotten };
}
