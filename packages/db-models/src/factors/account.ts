import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { type AssuranceLevel, recentAssurance } from "../core/assurance.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import type {
  FactorRecovery,
  StoredDevice,
  StoredPasskey,
  UserFactorsDocument,
} from "../schemas/user-factors.js";
import { recordSecurityEvent } from "../security-events/events.js";
import type { ActiveSession } from "../sessions/check/active.js";

/** The session in which factors are changed, as `sessions.validate` has just returned it. */
export type FactorSession = Pick<ActiveSession, "id" | "userId" | "proofs">;

/** `needed` is the level that proofs of the last minutes must reach: see `reauthenticationMs`. */
export interface ReauthenticationRequired {
  ok: false;
  reason: "reauthentication_required";
  needed: AssuranceLevel;
}

/** A passkey, as its owner sees it in a list. */
export interface Passkey
  extends Pick<StoredPasskey, "id" | "name" | "createdAt" | "aaguid" | "transports" | "backedUp"> {
  lastUsedAt?: Date;
  /** True when it is a sign-in by itself: its user was verified when it was registered. */
  verifiesUser: boolean;
  /** The session that added it. */
  addedInSession?: Types.ObjectId;
  /** True when it may be on several devices, so that one lost device does not lose it. */
  synced: boolean;
}

/** A device on which the second factor is not asked for again. */
export type RememberedDevice = Pick<StoredDevice, "id" | "label" | "createdAt" | "lastUsedAt" | "expiresAt">;

/** A wait of somebody who has lost every factor. */
export interface PendingRecovery {
  requestedAt: Date;
  /** From when on it can be completed. */
  availableAt: Date;
  expiresAt: Date;
}

/** The second factors of an account, without anything secret. */
export interface AccountFactors {
  totp?: { confirmedAt: Date; lastUsedAt: Date; addedInSession?: Types.ObjectId };
  passkeys: Passkey[];
  /** Recovery codes that are unused. */
  recoveryCodes: number;
  rememberedDevices: RememberedDevice[];
  recovery?: PendingRecovery;
}

export async function readFactors(
  context: Context,
  { userId }: { userId: Types.ObjectId },
): Promise<AccountFactors> {
  const factors = await findFactors(context, userId);
  const { totp, recoveryCodes = [], passkeys = [], rememberedDevices = [] } = factors ?? {};
  const recovery = liveRecovery(factors, context.now);
  return {
    ...(totp && { totp: publicTotp(totp) }),
    passkeys: passkeys.map(publicPasskey),
    recoveryCodes: recoveryCodes.length,
    rememberedDevices: rememberedDevices
      .filter(({ expiresAt }) => expiresAt > context.now)
      .map(({ id, label, createdAt, lastUsedAt, expiresAt }) => ({
        id,
        label,
        createdAt,
        lastUsedAt,
        expiresAt,
      })),
    ...(recovery && { recovery: datesOf(recovery) }),
  };
}

function publicTotp({
  confirmedAt,
  lastUsedAt,
  addedInSession,
}: NonNullable<UserFactorsDocument["totp"]>): NonNullable<AccountFactors["totp"]> {
  return { confirmedAt, lastUsedAt, ...(addedInSession && { addedInSession }) };
}

/** A passkey without what only a verification needs. */
export function publicPasskey(stored: StoredPasskey): Passkey {
  const { id, name, createdAt, lastUsedAt, addedInSession, aaguid, transports } = stored;
  const { backedUp, backupEligible, verifiesUser } = stored;
  return {
    id,
    name,
    createdAt,
    ...(lastUsedAt && { lastUsedAt }),
    ...(addedInSession && { addedInSession }),
    aaguid,
    transports,
    verifiesUser,
    synced: backupEligible,
    backedUp,
  };
}

/** The recovery of an account that is not over; `undefined` for none. */
export function liveRecovery(
  factors: Pick<UserFactorsDocument, "recovery"> | undefined,
  now: Date,
): FactorRecovery | undefined {
  const { recovery } = factors ?? {};
  return recovery && recovery.expiresAt > now ? recovery : undefined;
}

/** A recovery without what only its completion needs. */
export function datesOf({ requestedAt, availableAt, expiresAt }: FactorRecovery): PendingRecovery {
  return { requestedAt, availableAt, expiresAt };
}

/** The document of a user's factors; `undefined` for none. */
export async function findFactors(
  { models }: Context,
  userId: Types.ObjectId,
): Promise<UserFactorsDocument | undefined> {
  const factors = await findByQuery(models, queries.factorsOfUser(userId));
  if (factors) assertKnownVersion(factors);
  return factors;
}

/** True when the account has a second factor. Recovery codes stand in for one, and are none. */
export function hasFactor(factors: UserFactorsDocument | undefined): boolean {
  return factors?.enabledAt !== undefined;
}

/**
 * The refusal of a change to factors by a session whose user has not proved who they are of late: by two factors where
 * there is one already, or a thief with the password could put their own in its place.
 */
export function refusalOfChange(
  { now, policies }: Context,
  { proofs }: FactorSession,
  factors: UserFactorsDocument | undefined,
): ReauthenticationRequired | undefined {
  const needed = hasFactor(factors) ? 2 : 1;
  const reached = recentAssurance(proofs, now, policies.factors.reauthenticationMs);
  return reached >= needed ? undefined : { ok: false, reason: "reauthentication_required", needed };
}

/** A change of an account's factors, as the event `second_factor_changed` names it. */
export type FactorChange =
  | "totp_added"
  | "totp_removed"
  | "passkey_added"
  | "passkey_removed"
  | "recovery_codes_created"
  | "device_remembered";

/** Tells the user of a change. */
export async function noteChange(
  context: Context,
  { id: sessionId, userId }: FactorSession,
  change: FactorChange,
): Promise<void> {
  await recordSecurityEvent(context, {
    userId,
    kind: "second_factor_changed",
    severity: "warning",
    sessionId,
    reasons: [change],
  });
}
