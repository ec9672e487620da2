import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { latest } from "../core/clock.js";
import { limits } from "../core/limits.js";

export interface Login {
  userId: Types.ObjectId;
  deviceHash: Buffer;
  deviceLabel: string;
  country?: string;
}

export async function recordLogin(context: Context, login: Login): Promise<void> {
  const { models, now } = context;
  const set = {
    "analytics.logins": { $add: [{ $ifNull: ["$analytics.logins", 0] }, 1] },
    "analytics.lastLoginAt": latest("$analytics.lastLoginAt", now),
    "analytics.devices": devices(login, now),
    ...(login.country && { "analytics.countries": countries(login.country.toUpperCase(), now) }),
    lastActiveAt: latest("$lastActiveAt", now),
  };
  await models.User.collection.updateOne({ _id: login.userId }, [{ $set: set }]);
}

function devices(login: Login, now: Date) {
  const stored = { $ifNull: ["$analytics.devices", []] };
  const firstSeenAt = fieldOfMatch(stored, "deviceHash", login.deviceHash, "firstSeenAt", now);
  const device = {
    deviceHash: login.deviceHash,
    label: { $literal: login.deviceLabel },
    firstSeenAt,
    lastSeenAt: now,
  };
  return newestFirst(stored, "deviceHash", login.deviceHash, device, limits.devices);
}

function countries(code: string, now: Date) {
  const stored = { $ifNull: ["$analytics.countries", []] };
  const logins = { $add: [fieldOfMatch(stored, "code", code, "logins", 0), 1] };
  return newestFirst(
    stored,
    "code",
    code,
    { code: { $literal: code }, logins, lastSeenAt: now },
    limits.countries,
  );
}

function fieldOfMatch(
  stored: object,
  key: string,
  value: string | Buffer,
  field: string,
  otherwise: unknown,
) {
  const match = {
    $filter: { input: stored, as: "item", cond: { $eq: [`$$item.${key}`, { $literal: value }] } },
  };
  const values = { $map: { input: match, as: "item", in: `$$item.${field}` } };
  return { $ifNull: [{ $arrayElemAt: [values, 0] }, otherwise] };
}

function newestFirst(stored: object, key: string, value: string | Buffer, item: object, max: number) {
  const others = {
    $filter: { input: stored, as: "item", cond: { $ne: [`$$item.${key}`, { $literal: value }] } },
  };
  return { $slice: [{ $concatArrays: [[item], others] }, max] };
}
