import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { type AuthorizationFacts, authorizationFacts } from "./parts/authorization-facts.js";
import { hash, list, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

const deviceStatuses = ["pending", "approved", "denied", "collected"] as const;
/** What has become of a device's request. */
export type DeviceStatus = (typeof deviceStatuses)[number];

/** A device that waits for its user to type a code somewhere else (RFC 8628). Collection `device_authorizations`. */
export interface DeviceAuthorizationDocument extends BaseDocument, AuthorizationFacts {
  /** SHA-256 of the device code. */
  deviceHash: Buffer;
  /** HMAC of the user code under the deployment's key, for the code is short. The device code leads to it too. */
  userCodeHash: Buffer;
  appId: Types.ObjectId;
  scopes: string[];
  status: DeviceStatus;
  /** Who approved or denied it. */
  userId?: Types.ObjectId;
  permissionId?: Types.ObjectId;
  permissionGeneration?: number;
  /** Milliseconds between two polls, at least: it grows by five seconds with each that comes early. */
  intervalMs: number;
  /** The last poll that was not early. */
  polledAt?: Date;
  createdAt: Date;
  expiresAt: Date;
  purgeAt: Date;
}

export const deviceAuthorizationSchema = new Schema<DeviceAuthorizationDocument>(
  {
    deviceHash: { ...hash, required: true },
    userCodeHash: { ...hash, required: true },
    appId: { type: Schema.Types.ObjectId, required: true },
    scopes: list(requiredText(limits.scope), limits.scopes),
    status: { type: String, enum: deviceStatuses, required: true },
    userId: Schema.Types.ObjectId,
    permissionId: Schema.Types.ObjectId,
    permissionGeneration: { type: Number, min: 0 },
    ...authorizationFacts,
    intervalMs: { type: Number, required: true, min: 1 },
    polledAt: Date,
    createdAt: requiredDate,
    expiresAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("device_authorizations", { userCodeHash: 1 }),
);

deviceAuthorizationSchema
  .index({ userCodeHash: 1 }, { name: "user_code_unique", unique: true }) // devicesByUserCode
  .index(
    { userId: 1, createdAt: -1, _id: -1 },
    { name: "user_newest", partialFilterExpression: { userId: { $exists: true } } },
  ) // devicesOfUser
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: devices that were answered or gave up
