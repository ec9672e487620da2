import type { HeldSignIn, ProofMethod } from "@org/db-models";
import { mustHaveFactor } from "../account/assurance.js";
import { beginPasskey, type PasskeyRequest } from "../account/passkeys.js";
import type { FlowContext } from "../context.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { clientOf } from "./complete/hold.js";

/** The token of a held sign-in, as `CHALLENGE_REQUIRED` gave it. */
export interface HeldInput {
  readonly challenge: string;
}

/** What a held sign-in waits for. */
export interface PendingSignIn {
  /** Methods of which one is to be proved. */
  readonly ask: readonly ProofMethod[];
  readonly expiresAt: Date;
  /** Whether the device can be remembered: no second factor is asked for on it then, for some weeks. */
  readonly canRemember: boolean;
}

/**
 * Reads a held sign-in, for a page that shows what it asks for. It takes none of its attempts.
 *
 * @throws IdentityProblem `CHALLENGE_FAILED` with the reason, for one that nobody can go on with.
 */
export async function readPending(
  context: FlowContext,
  requester: Requester,
  input: HeldInput,
): Promise<PendingSignIn> {
  const { ask, expiresAt, userId } = await read(context, requester, input);
  const { roles } = await context.identity.users.read(userId);
  const isFactor = ask.some((method) => method !== "email" && method !== "password");
  return { ask, expiresAt, canRemember: isFactor && !mustHaveFactor(context, roles) };
}

/**
 * Begins to prove a passkey that a held sign-in asks for: other options for each try, as long as it has attempts left.
 *
 * @throws IdentityProblem `CHALLENGE_FAILED` with the reason, `FACTOR_NOT_FOUND`; IdentityError `PASSKEYS_NOT_CONFIGURED`.
 */
export async function beginPendingPasskey(
  context: FlowContext,
  requester: Requester,
  input: HeldInput,
): Promise<PasskeyRequest> {
  const { ask, userId } = await read(context, requester, input);
  if (!ask.includes("passkey")) throw new IdentityProblem("CHALLENGE_FAILED", { reason: "not_asked" });
  return beginPasskey(context, { userId });
}

async function read(
  { identity }: FlowContext,
  requester: Requester,
  { challenge: token }: HeldInput,
): Promise<HeldSignIn> {
  const held = await identity.logins.readChallenge({ token, client: clientOf(requester) });
  if (!held.ok) throw new IdentityProblem("CHALLENGE_FAILED", { reason: held.reason });
  return held;
}
