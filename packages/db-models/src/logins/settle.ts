import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { limits } from "../core/limits.js";
import { keptFor } from "../core/profile-retention.js";
import { queries } from "../queries/queries.js";
import { recordSecurityEvent, type SecurityEventInput } from "../security-events/events.js";
import { loginAccountOf, loginDeviceOf, type ReservedLoginAttempt, takeBack } from "./reserve.js";

export interface LoginOutcome {
  attempt: ReservedLoginAttempt;
  /** True when the password was right, whatever came of the sign-in afterwards. */
  succeeded: boolean;
  /** Whose account it is, if it is anybody's. */
  userId?: Types.ObjectId;
  /** Value of the cookie that the device has from now on: after a success the account knows it by that. */
  deviceCookie?: string;
  /** Where the attempt came from, for the user's security events. */
  origin?: Pick<SecurityEventInput, "network" | "country" | "device">;
  /**
   * Takes what a failure at somebody's account still has to record, to be done once the answer is sent: nobody's has
   * nothing, and the time of the answer would tell them apart. Default: it is done at once.
   */
  defer?: (record: () => Promise<void>) => void;
}

export async function settleLoginAttempt(context: Context, outcome: LoginOutcome): Promise<void> {
  try {
    if (outcome.succeeded) await noteSuccess(context, outcome);
    else if (outcome.defer) outcome.defer(() => noteFailure(context, outcome));
    else await noteFailure(context, outcome);
  } finally {
    context.attempts.end(outcome.attempt.account, outcome.attempt.id, true);
  }
}

async function noteSuccess(context: Context, outcome: LoginOutcome): Promise<void> {
  const { models, now } = context;
  const { attempt } = outcome;
  await Promise.all([
    forgive(context, outcome),
    attempt.network && takeBack(models, "network", attempt.network, { id: attempt.id, now }),
  ]);
}

async function noteFailure(context: Context, { attempt, userId, origin }: LoginOutcome): Promise<void> {
  const { models } = context;
  if (!userId) return;
  const { filter } = queries.loginProfileOf("account", attempt.account);
  const event = { userId, ...origin };
  const reasons = attempt.knownDevice ? ["known_device"] : [];
  await Promise.all([
    models.LoginProfile.collection.updateOne(filter as object, { $set: { userId } }),
    recordSecurityEvent(context, { ...event, kind: "login_failed", severity: "info", reasons }),
    attempt.beginsDelay &&
      recordSecurityEvent(context, { ...event, kind: "login_delayed", severity: "warning", reasons }),
  ]);
}

/**
 * Forgets the failures of a user's identifiers, on any device, after the user has proved ownership of the account in
 * another way. Failures of networks stay, for they may be guesses at other accounts.
 */
export async function forgiveAccount(context: Context, identifiers: readonly string[]): Promise<void> {
  const { models, now } = context;
  const forgiven = { failures: 0 };
  const devices = {
    $map: {
      input: { $ifNull: ["$devices", []] },
      as: "device",
      in: { $mergeObjects: ["$$device", { counter: forgiven }] },
    },
  };
  const set = { updatedAt: now, counter: { $literal: forgiven }, devices };
  await Promise.all(
    identifiers.map((identifier) => {
      const { filter } = queries.loginProfileOf("account", loginAccountOf(identifier));
      return models.LoginProfile.collection.updateOne(filter as object, [{ $set: set }]);
    }),
  );
}

async function forgive(context: Context, { attempt, userId, deviceCookie }: LoginOutcome): Promise<void> {
  const { models, now } = context;
  const { filter } = queries.loginProfileOf("account", attempt.account);
  const set = {
    updatedAt: now,
    ...(userId && { userId }),
    ...(!attempt.knownDevice && { counter: { $literal: { failures: 0 } } }),
    ...(deviceCookie && {
      devices: devicesWith(loginDeviceOf(attempt.account, deviceCookie), now),
      purgeAt: keptFor(context.policies.logins.knownDeviceMs, now),
    }),
  };
  await models.LoginProfile.collection.updateOne(filter as object, [{ $set: set }]);
}

/** The device first, with nothing against it; the longest unseen of too many is forgotten. */
function devicesWith(deviceHash: Buffer, now: Date): Record<string, unknown> {
  const stored = { $ifNull: ["$devices", []] };
  const others = {
    $filter: { input: stored, as: "device", cond: { $ne: ["$$device.deviceHash", deviceHash] } },
  };
  const device = { deviceHash, counter: { failures: 0 }, lastSeenAt: now };
  return { $slice: [{ $concatArrays: [[device], others] }, limits.devices] };
}
