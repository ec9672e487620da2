import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { clockToleranceMs } from "../core/clock.js";
import { duration, limits } from "../core/limits.js";
import { equalHashes, mintToken, parseToken, sha256, type Token } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { UserDocument } from "../schemas/user.js";
import type { FactorRecovery, UserFactorsDocument } from "../schemas/user-factors.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { endEverySession } from "../sessions/revoke.js";
import type { RequestOrigin } from "../users/one-time-tokens.js";
import { datesOf, findFactors, hasFactor, liveRecovery, type PendingRecovery } from "./account.js";

/** A day: what NIST SP 800-63B-4 section 4.2.1.2 allows a recovery code that is mailed. */
const tokenLifetimeMs = duration.day;
/** After the wait the recovery can be completed for so long. */
const completionMs = 7 * duration.day;
const maxNotices = 3;

export type RecoveryRequest =
  | (PendingRecovery & {
      ok: true;
      /** `waiting`: not yet. `ready`: the wait is over. */
      state: "waiting" | "ready";
      /** For a notice to every address of the account: who opens its link ends the recovery. */
      cancelToken: string;
      /** Mail it to the account; with it and the password the recovery is completed. Only when `ready`. */
      token?: string;
      tokenExpiresAt?: Date;
    })
  | { ok: false; reason: "not_enrolled" | "password_was_reset" }
  | ({ ok: false; reason: "too_many_messages" } & PendingRecovery);

export type RecoveryCancellation = { ok: true; userId: Types.ObjectId } | { ok: false; reason: "unknown" };

export type RecoveryCompletion =
  | {
      ok: true;
      /** How many sessions were ended. */
      ended: number;
    }
  | { ok: false; reason: "malformed" | "unknown" | "too_early" | "expired" | "password_was_reset" };

export async function requestRecovery(
  context: Context,
  { userId, origin }: { userId: Types.ObjectId; origin?: RequestOrigin },
): Promise<RecoveryRequest> {
  const { models, now } = context;
  const factors = await findFactors(context, userId);
  if (!factors || !hasFactor(factors)) return { ok: false, reason: "not_enrolled" };
  if (await wasReset(context, factors)) return { ok: false, reason: "password_was_reset" };
  const known = liveRecovery(factors, now);
  if (known && noticesOf(known, now).length >= maxNotices) {
    return { ok: false, reason: "too_many_messages", ...datesOf(known) };
  }
  const { recovery, cancel, token } = nextRecovery(context, known);
  // Of several requests at once one begins the wait; each of the others finds it changed.
  const asSeen = factors.recovery
    ? { "recovery.id": factors.recovery.id, "recovery.cancelHash": factors.recovery.cancelHash }
    : { recovery: { $exists: false } };
  const { modifiedCount } = await models.UserFactors.collection.updateOne(
    { userId, enabledAt: { $exists: true }, ...asSeen },
    { $set: { recovery, updatedAt: now } },
  );
  if (modifiedCount === 0) return requestRecovery(context, { userId, ...(origin && { origin }) });
  if (!known) await note(context, userId, "requested", origin);
  const { tokenExpiresAt } = recovery;
  return {
    ok: true,
    state: token ? "ready" : "waiting",
    ...datesOf(recovery),
    cancelToken: cancel.raw,
    ...(token && tokenExpiresAt && { token: token.raw, tokenExpiresAt }),
  };
}

function nextRecovery(
  { now, policies }: Context,
  known: FactorRecovery | undefined,
): { recovery: FactorRecovery; cancel: Token; token?: Token } {
  const cancel = mintToken("oneTime");
  const availableAt = known?.availableAt ?? new Date(now.getTime() + policies.factors.recoveryDelayMs);
  const recovery: FactorRecovery = {
    id: known?.id ?? new Types.ObjectId(),
    cancelHash: sha256(cancel.raw),
    requestedAt: known?.requestedAt ?? now,
    availableAt,
    expiresAt: new Date(availableAt.getTime() + completionMs),
    noticesAt: [now, ...(known ? noticesOf(known, now) : [])].slice(0, limits.messages),
  };
  if (availableAt > now) return { recovery, cancel };
  const token = mintToken("oneTime");
  const tokenExpiresAt = new Date(now.getTime() + tokenLifetimeMs);
  return { recovery: { ...recovery, tokenHash: sha256(token.raw), tokenExpiresAt }, cancel, token };
}

export async function cancelRecovery(
  context: Context,
  input: { token: unknown } | { userId: Types.ObjectId },
): Promise<RecoveryCancellation> {
  const { models, now } = context;
  const factors =
    "userId" in input ? await findFactors(context, input.userId) : await byToken(context, input.token);
  if (!factors?.recovery) return { ok: false, reason: "unknown" };
  const { userId, recovery } = factors;
  const { modifiedCount } = await models.UserFactors.collection.updateOne(
    { userId, "recovery.id": recovery.id },
    { $set: { updatedAt: now }, $unset: { recovery: "" } },
  );
  if (modifiedCount === 0) return { ok: false, reason: "unknown" };
  await note(context, userId, "cancelled");
  return { ok: true, userId };
}

async function byToken({ models }: Context, presented: unknown): Promise<UserFactorsDocument | undefined> {
  const token = parseToken("oneTime", presented);
  return token && findByQuery(models, queries.factorsByRecovery(sha256(token.raw)));
}

export async function completeRecovery(
  context: Context,
  { userId, token: presented, origin }: { userId: Types.ObjectId; token: unknown; origin?: RequestOrigin },
): Promise<RecoveryCompletion> {
  const { models, now } = context;
  const token = parseToken("oneTime", presented);
  if (!token) return { ok: false, reason: "malformed" };
  const factors = await findFactors(context, userId);
  const tokenHash = sha256(token.raw);
  const reason = refusalOfCompletion(factors, tokenHash, now);
  if (!factors || reason) return { ok: false, reason: reason ?? "unknown" };
  if (await wasReset(context, factors)) return { ok: false, reason: "password_was_reset" };
  // A recovery that was cancelled, used or completed meanwhile is not found.
  const { deletedCount } = await models.UserFactors.collection.deleteOne({
    userId,
    "recovery.tokenHash": tokenHash,
  });
  if (deletedCount === 0) return { ok: false, reason: "unknown" };
  const { ended } = await endEverySession(context, { userId, reason: "credentials_changed" });
  await note(context, userId, "completed", origin);
  return { ok: true, ended };
}

function refusalOfCompletion(
  factors: UserFactorsDocument | undefined,
  tokenHash: Buffer,
  now: Date,
): "unknown" | "too_early" | "expired" | undefined {
  const { recovery } = factors ?? {};
  if (!recovery?.tokenExpiresAt || !equalHashes(recovery.tokenHash, tokenHash)) return "unknown";
  if (recovery.availableAt > now) return "too_early";
  const latest = now.getTime() + tokenLifetimeMs + clockToleranceMs;
  const { tokenExpiresAt, expiresAt } = recovery;
  const isOver = tokenExpiresAt <= now || expiresAt <= now || tokenExpiresAt.getTime() > latest;
  return isOver ? "expired" : undefined;
}

/**
 * True when the password was set by mail and no factor was used since: mail would then be both of the proofs that a
 * recovery takes, and who has the mailbox would have the account.
 */
async function wasReset({ models }: Context, factors: UserFactorsDocument): Promise<boolean> {
  const user = await models.User.collection.findOne<Pick<UserDocument, "passwordResetAt">>(
    { _id: factors.userId },
    { projection: { passwordResetAt: 1 } },
  );
  const resetAt = user?.passwordResetAt;
  if (!resetAt) return false;
  const uses = [factors.totp?.lastUsedAt, ...(factors.passkeys ?? []).map(({ lastUsedAt }) => lastUsedAt)];
  return !uses.some((at) => at && at > resetAt);
}

const noticesOf = ({ noticesAt }: FactorRecovery, now: Date) =>
  noticesAt.filter((at) => at.getTime() > now.getTime() - duration.day);

async function note(
  context: Context,
  userId: Types.ObjectId,
  reason: "requested" | "cancelled" | "completed",
  origin: RequestOrigin = {},
): Promise<void> {
  const severity = reason === "cancelled" ? "warning" : "critical";
  await recordSecurityEvent(context, {
    userId,
    kind: "factor_recovery",
    severity,
    ...origin,
    reasons: [reason],
  });
}
