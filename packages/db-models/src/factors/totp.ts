/** The authenticator app of an account: enrolled, removed, and its secret sealed again. */

import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { isIdentityError } from "../core/errors.js";
import { type Failures, noFailures, noteFailure } from "../core/one-by-one.js";
import { sealText } from "../core/seal-keys.js";
import { base32, newTotpSecret, totpUri } from "../core/totp.js";
import { withUsedStep } from "../core/used-steps.js";
import { queries } from "../queries/queries.js";
import type { TotpSecret } from "../schemas/user-factors.js";
import { readUser } from "../users/accounts.js";
import {
  type FactorSession,
  findFactors,
  noteChange,
  type ReauthenticationRequired,
  refusalOfChange,
} from "./account.js";
import { type FactorDelayed, forgiveFactorAttempts } from "./attempts.js";
import { changeFactors, garbageUnlessEnabled, removal } from "./changes.js";
import { type CodeRefused, digitsOf, evaluateCode } from "./totp-codes.js";
import { inPlace, ownerOfTotp, underCurrentKey } from "./totp-secret.js";

export type TotpEnrolment =
  | {
      ok: true;
      /** 160 bits in base 32, here and never again: for who types it into the app. */
      secret: string;
      /** For the QR code; it has the secret too. */
      uri: string;
      expiresAt: Date;
    }
  | ReauthenticationRequired;

export type TotpConfirmation = { ok: true } | ReauthenticationRequired | FactorDelayed | CodeRefused;
export type TotpRemoval = { ok: true } | ReauthenticationRequired | { ok: false; reason: "not_enrolled" };

export async function enrolTotp(
  context: Context,
  { session }: { session: FactorSession },
): Promise<TotpEnrolment> {
  const { now, policies, sealKeys } = context;
  const { userId } = session;
  const [factors, user] = await Promise.all([findFactors(context, userId), readUser(context, userId)]);
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  const id = new Types.ObjectId();
  const secret = newTotpSecret();
  const expiresAt = new Date(now.getTime() + policies.factors.enrolmentMs);
  const pendingTotp = {
    id,
    ...sealText(sealKeys, secret.toString("base64url"), ownerOfTotp(userId, id)),
    expiresAt,
  };
  await changeFactors(context, userId, {
    pendingTotp: { $literal: pendingTotp },
    purgeAt: garbageUnlessEnabled(expiresAt),
  });
  const uri = totpUri(secret, policies.factors.issuer, user.email);
  return { ok: true, secret: base32(secret), uri, expiresAt };
}

export async function confirmTotp(
  context: Context,
  { session, code }: { session: FactorSession; code: unknown },
): Promise<TotpConfirmation> {
  const { models, now } = context;
  const { userId } = session;
  const digits = digitsOf(code);
  if (digits === undefined) return { ok: false, reason: "malformed" };
  const factors = await findFactors(context, userId);
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  const pending = factors?.pendingTotp;
  if (!pending || pending.expiresAt <= now) return { ok: false, reason: "not_enrolled" };
  const step = await evaluateCode(context, userId, { secret: pending, digits, used: [] });
  if (typeof step !== "number") return step;
  const usedSteps = withUsedStep([], step, context.policies.factors.windowSteps);
  const { id, keyId, sealedText } = pending;
  // The enrolment may have begun under a former key, which will be taken away.
  const sealed = underCurrentKey(context, userId, pending) ?? { keyId, sealedText };
  const moments = { usedSteps, confirmedAt: now, lastUsedAt: now };
  const totp = { id, ...sealed, ...moments, addedInSession: session.id };
  // The former app may be in other hands, and devices are remembered for what it proved.
  const forgotten = factors?.totp ? { rememberedDevices: "" } : {};
  const { modifiedCount } = await models.UserFactors.collection.updateOne(
    { userId, "pendingTotp.id": id },
    {
      $set: { totp, updatedAt: now },
      // Kept from an earlier factor.
      $min: { enabledAt: now },
      $unset: { pendingTotp: "", purgeAt: "", ...forgotten },
    },
  );
  if (modifiedCount === 0) return { ok: false, reason: "code_used" };
  await Promise.all([forgiveFactorAttempts(context, userId), noteChange(context, session, "totp_added")]);
  return { ok: true };
}

export async function removeTotp(
  context: Context,
  { session }: { session: FactorSession },
): Promise<TotpRemoval> {
  const { models, now } = context;
  const { userId } = session;
  const factors = await findFactors(context, userId);
  if (!factors?.totp) return { ok: false, reason: "not_enrolled" };
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  const { modifiedCount } = await models.UserFactors.collection.updateOne(
    { userId, "totp.id": factors.totp.id },
    removal({ totp: "$$REMOVE", pendingTotp: "$$REMOVE" }, now),
  );
  if (modifiedCount === 0) return { ok: false, reason: "not_enrolled" };
  await noteChange(context, session, "totp_removed");
  return { ok: true };
}

/** What came of sealing secrets with the current key. */
export interface ResealedFactors extends Failures<Types.ObjectId> {
  resealed: number;
  /** Whether none is left but those that failed, whose `id` is that of their user. */
  done: boolean;
}

/** Seals secrets that a former key sealed with the current one, at most `limit` of them, 1 to 10,000. */
export async function resealFactors(
  context: Context,
  { limit = 1_000 }: { limit?: number } = {},
): Promise<ResealedFactors> {
  const { models, sealKeys } = context;
  const [current, ...former] = sealKeys;
  const most = Math.min(Math.max(Math.trunc(limit), 1), 10_000);
  const query = queries.factorsSealedWith(former.map(({ id }) => id));
  const { collection } = models.UserFactors;
  // Without a limit: those that don't open stand before the others at every call.
  const found = collection.find(query.filter as object) as AsyncIterable<{
    userId: Types.ObjectId;
    totp: TotpSecret;
  }>;
  const report: ResealedFactors = { resealed: 0, done: true, ...noFailures() };
  let tried = 0;
  for await (const { userId, totp } of found) {
    if (tried === most) return { ...report, done: false };
    try {
      const sealed = underCurrentKey(context, userId, totp);
      if (!sealed) continue;
      tried += 1;
      const { modifiedCount } = await collection.updateOne(
        { userId, "totp.id": totp.id, "totp.keyId": { $ne: current?.id } },
        { $set: inPlace(sealed) },
      );
      report.resealed += modifiedCount;
    } catch (error) {
      if (!isIdentityError(error, "SEAL_BROKEN")) throw error;
      noteFailure(report, userId, error);
    }
  }
  return report;
}
