import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { recentAssurance } from "../core/assurance.js";
import { clockToleranceMs } from "../core/clock.js";
import { parseInput, printable } from "../core/input.js";
import { limits } from "../core/limits.js";
import { sha256 } from "../core/secrets.js";
import type { StoredDevice } from "../schemas/user-factors.js";
import {
  type FactorSession,
  findFactors,
  hasFactor,
  noteChange,
  type ReauthenticationRequired,
  type RememberedDevice,
} from "./account.js";
import { generationOf } from "./generation.js";

export type DeviceRemembering =
  | { ok: true; device: RememberedDevice }
  | ReauthenticationRequired
  | { ok: false; reason: "not_enrolled" };

const labelSchema = printable(limits.name);

/** A device as one account knows it. */
const hashOf = (userId: Types.ObjectId, deviceCookie: string) =>
  sha256(`remembered:${userId.toHexString()}:${deviceCookie}`);

export async function rememberDevice(
  context: Context,
  { session, deviceCookie, label }: { session: FactorSession; deviceCookie: string; label: string },
): Promise<DeviceRemembering> {
  const { models, now, policies } = context;
  const { userId, proofs } = session;
  const called = parseInput(labelSchema, label);
  const [factors, userGeneration] = await Promise.all([
    findFactors(context, userId),
    generationOf(context, userId),
  ]);
  if (!hasFactor(factors) || userGeneration === undefined) return { ok: false, reason: "not_enrolled" };
  if (recentAssurance(proofs, now, policies.factors.reauthenticationMs) < 2) {
    return { ok: false, reason: "reauthentication_required", needed: 2 };
  }
  const device: StoredDevice = {
    id: new Types.ObjectId(),
    deviceHash: hashOf(userId, deviceCookie),
    label: called,
    userGeneration,
    createdAt: now,
    lastUsedAt: now,
    expiresAt: new Date(now.getTime() + policies.factors.rememberedDeviceMs),
  };
  const stored = { $ifNull: ["$rememberedDevices", []] };
  const isAnother = {
    $and: [{ $ne: ["$$one.deviceHash", device.deviceHash] }, { $gt: ["$$one.expiresAt", now] }],
  };
  const others = { $filter: { input: stored, as: "one", cond: isAnother } };
  const all = { $concatArrays: [[{ $literal: device }], others] };
  const { matchedCount } = await models.UserFactors.collection.updateOne(
    { userId, enabledAt: { $exists: true } },
    [{ $set: { rememberedDevices: { $slice: [all, limits.rememberedDevices] }, updatedAt: now } }],
  );
  if (matchedCount === 0) return { ok: false, reason: "not_enrolled" };
  await noteChange(context, session, "device_remembered");
  const { id, createdAt, lastUsedAt, expiresAt } = device;
  return { ok: true, device: { id, label: called, createdAt, lastUsedAt, expiresAt } };
}

export async function isDeviceRemembered(
  context: Context,
  { userId, deviceCookie }: { userId: Types.ObjectId; deviceCookie: string | undefined },
): Promise<boolean> {
  const { models, now } = context;
  if (!deviceCookie) return false;
  const userGeneration = await generationOf(context, userId);
  if (userGeneration === undefined) return false;
  // A later end was written by a clock that was wrong.
  const latest = now.getTime() + context.policies.factors.rememberedDeviceMs + clockToleranceMs;
  const device = {
    deviceHash: hashOf(userId, deviceCookie),
    userGeneration,
    expiresAt: { $gt: now, $lte: new Date(latest) },
  };
  // The use is noted in the write that decides; a device is never remembered for longer by it.
  const { matchedCount } = await models.UserFactors.collection.updateOne(
    { userId, rememberedDevices: { $elemMatch: device } },
    { $set: { "rememberedDevices.$.lastUsedAt": now } },
  );
  return matchedCount > 0;
}

/** @returns how many were forgotten. */
export async function forgetDevices(
  { models, now }: Context,
  { userId, id }: { userId: Types.ObjectId; id?: Types.ObjectId },
): Promise<number> {
  const kept = id ? { $filter: { input: "$rememberedDevices", cond: { $ne: ["$$this.id", id] } } } : [];
  const before = (await models.UserFactors.collection.findOneAndUpdate(
    { userId, ...(id ? { "rememberedDevices.id": id } : { "rememberedDevices.0": { $exists: true } }) },
    [{ $set: { rememberedDevices: kept, updatedAt: now } }],
    { projection: { rememberedDevices: 1 } },
  )) as { rememberedDevices?: unknown[] } | null;
  if (!before) return 0;
  return id ? 1 : (before.rememberedDevices?.length ?? 0);
}
