import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { factorRules } from "../core/policies/factors.js";
import { keptFor } from "../core/profile-retention.js";
import { answerOf, counterAfter } from "../logins/counters.js";
import { updateProfile } from "../logins/reserve.js";
import { queries } from "../queries/queries.js";
import { recordSecurityEvent } from "../security-events/events.js";

/** An attempt at a code that may be evaluated. It counts as a failure until it is forgiven. */
export interface FactorAttempt {
  ok: true;
  beginsDelay: boolean;
}

export interface FactorDelayed {
  ok: false;
  reason: "delayed";
  retryAfterMs: number;
}

/**
 * Counts an attempt before its code is looked at, in the command that admits it: so no more are evaluated than the policy
 * allows, however many come at once and wherever one of them crashes.
 */
export async function reserveFactorAttempt(
  context: Context,
  userId: Types.ObjectId,
): Promise<FactorAttempt | FactorDelayed> {
  const { now, policies } = context;
  const rules = factorRules(policies.factors);
  const attempt = { id: new Types.ObjectId(), now, skipsDelay: false };
  const profile = await updateProfile(context, "factor", userId.toHexString(), {
    counter: counterAfter("$counter", rules, attempt),
    devices: { $ifNull: ["$devices", []] },
    purgeAt: keptFor(rules.cap * rules.forgetMs, now),
  });
  const { admitted, retryAfterMs, beginsDelay } = answerOf(profile.counter, rules, attempt);
  return admitted ? { ok: true, beginsDelay } : { ok: false, reason: "delayed", retryAfterMs };
}

/** A right code: what was counted before is forgotten. */
export async function forgiveFactorAttempts({ models, now }: Context, userId: Types.ObjectId): Promise<void> {
  const { filter } = queries.loginProfileOf("factor", userId.toHexString());
  await models.LoginProfile.collection.updateOne(filter as object, {
    $set: { counter: { failures: 0 }, updatedAt: now },
  });
}

/** A wrong code: whose it is hears of it when delays begin, for somebody has the password. */
export async function noteWrongCode(
  context: Context,
  userId: Types.ObjectId,
  { beginsDelay }: FactorAttempt,
): Promise<void> {
  if (!beginsDelay) return;
  await recordSecurityEvent(context, { userId, kind: "second_factor_delayed", severity: "critical" });
}
