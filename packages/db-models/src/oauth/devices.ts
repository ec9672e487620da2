import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { duration } from "../core/limits.js";
import type { SealKey } from "../core/seal-keys.js";
import { equalHashes, hmac, mintToken, parseToken, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import { findAndUpdate } from "../queries/update.js";
import { deviceGrantType } from "../schemas/app.js";
import type { DeviceAuthorizationDocument } from "../schemas/device-authorization.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import { audiencesOf } from "./audiences.js";
import { describeApp, type RequestingApp, useConsent } from "./authorize.js";
import { grantConsent } from "./consents.js";
import { grantableScopes } from "./grantable-scopes.js";
import { readGrant, refusalOf, refused } from "./grants.js";
import { grantAtOnce } from "./issue.js";
import type { AuthenticatedClient, DeviceError, GrantRefused, TokenResult } from "./types.js";

/** RFC 8628 section 6.1: consonants that make no words and look like no others; 8 of them have 34.6 bits. */
const letters = "BCDFGHJKLMNPQRSTVWXZ";
const userCodeLength = 8;
/** RFC 8628 section 3.5. */
const slowDownMs = 5 * duration.second;
/** Of the interval, what has passed between polls of a punctual device: one request is slower than the next. */
const punctual = 0.8;

export interface DeviceRequest {
  client: AuthenticatedClient;
  scope?: unknown;
  audiences?: string[] | undefined;
}

export interface DeviceCodes {
  ok: true;
  deviceCode: string;
  /** Eight letters with a hyphen in the middle. */
  userCode: string;
  expiresAt: Date;
  intervalMs: number;
}

export async function beginDeviceAuthorization(
  context: Context,
  input: DeviceRequest,
): Promise<DeviceCodes | GrantRefused> {
  const { models, now, policies } = context;
  const { client } = input;
  if (!client.grantTypes.includes(deviceGrantType)) {
    return refused("grant_type_not_allowed", "unauthorized_client");
  }
  const scopes = grantableScopes(client, input.scope);
  if (scopes.length === 0) return refused("scope_not_granted", "invalid_scope");
  const audiences = audiencesOf({}, client, input.audiences);
  if (audiences === "refused") return refused("audience_not_granted", "invalid_target");
  const { deviceCodeLifetimeMs, devicePollIntervalMs: intervalMs } = policies.oauth;
  const expiresAt = new Date(now.getTime() + deviceCodeLifetimeMs);
  const sealKey = currentKey(context);
  const waiting = {
    appId: client._id,
    scopes,
    ...(audiences && { audiences }),
    status: "pending" as const,
    intervalMs,
    createdAt: now,
    expiresAt,
    purgeAt: new Date(expiresAt.getTime() + duration.hour),
    schemaVersion: currentSchemaVersion,
  };
  // Where another device has the user code, both are made again.
  for (let attempt = 0; attempt < 10; attempt++) {
    const { raw: deviceCode } = mintToken("deviceCode");
    const userCode = userCodeOf(sealKey, deviceCode);
    try {
      await models.DeviceAuthorization.collection.insertOne({
        _id: new Types.ObjectId(),
        ...waiting,
        deviceHash: sha256(deviceCode),
        userCodeHash: userCodeHashOf(sealKey, userCode),
      });
      return {
        ok: true,
        deviceCode,
        userCode: `${userCode.slice(0, 4)}-${userCode.slice(4)}`,
        expiresAt,
        intervalMs,
      };
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
  }
  throw new IdentityError("CONTENTION", "no user code is free");
}

/**
 * The user code that goes with a device code: both lead to the one document by the same hash. Without the deployment's key
 * neither follows from the other.
 */
function userCodeOf({ key }: SealKey, deviceCode: string): string {
  const bytes = Buffer.from(hmac(key, `user code of ${deviceCode}`), "base64url");
  // Bytes above the last multiple are left out, for every letter to be as likely. Of 32 bytes enough are left but once in 10^19.
  const even = bytes.filter((byte) => byte < 256 - (256 % letters.length));
  return Array.from(even.subarray(0, userCodeLength), (byte) => letters[byte % letters.length]).join("");
}

/** What was typed, without what people add: case, spaces, hyphens. */
function normalised(typed: unknown): string | undefined {
  if (typeof typed !== "string" || typed.length > 64) return undefined;
  const code = typed
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[^A-Z]/g, "");
  return code.length === userCodeLength ? code : undefined;
}

// The code is short: from a plain hash in a copy of the database it could be guessed.
function userCodeHashOf({ key }: SealKey, userCode: string): Buffer {
  return Buffer.from(hmac(key, `user code ${userCode}`), "base64url");
}

function currentKey({ sealKeys }: Context): SealKey {
  const [current] = sealKeys;
  if (!current) throw new IdentityError("SEAL_KEY_MISSING", "sealKeys: set one to give codes to devices");
  return current;
}

/** The devices of a user code, one at most under each key. */
function findDevices(
  { models, sealKeys }: Context,
  codeUnder: (key: SealKey) => string,
): Promise<DeviceAuthorizationDocument[]> {
  const hashes = sealKeys.map((key) => userCodeHashOf(key, codeUnder(key)));
  return runQuery(models, queries.devicesByUserCode(hashes));
}

/** A device that waits for its user. */
export interface WaitingDevice {
  app: RequestingApp;
  scopes: string[];
  expiresAt: Date;
}

export async function findWaitingDevice(
  context: Context,
  { userCode }: { userCode: unknown },
): Promise<WaitingDevice | undefined> {
  const { models } = context;
  const device = await findPending(context, userCode);
  if (!device) return undefined;
  const app = await models.App.findOne({ _id: device.appId, status: "active" }).lean();
  if (!app) return undefined;
  return { app: describeApp(app), scopes: device.scopes, expiresAt: device.expiresAt };
}

async function findPending(
  context: Context,
  typed: unknown,
): Promise<DeviceAuthorizationDocument | undefined> {
  const { now } = context;
  const userCode = normalised(typed);
  if (!userCode) return undefined;
  currentKey(context);
  const found = await findDevices(context, () => userCode);
  const device = found.find(({ status, expiresAt }) => status === "pending" && expiresAt > now);
  if (device) assertKnownVersion(device);
  return device;
}

export interface DeviceDecision {
  userCode: unknown;
  userId: Types.ObjectId;
  /** True when the user agrees to all that the device asks for. */
  approved: boolean;
  /** The session in which they decide. */
  sessionId?: Types.ObjectId;
  facts?: AuthorizationFacts;
}

/**
 * The decision is claimed before the consent is written: of a decision that comes too late nothing is left. Until the consent
 * is there the device waits.
 *
 * @returns true when this call decided.
 */
export async function decideOnDevice(context: Context, input: DeviceDecision): Promise<boolean> {
  const { models, now } = context;
  const { userId, approved, facts, sessionId } = input;
  const device = await findPending(context, input.userCode);
  if (!device) return false;
  const { matchedCount } = await models.DeviceAuthorization.collection.updateOne(
    { ...documentOf(device), status: "pending", expiresAt: { $gt: now } },
    { $set: { status: approved ? "approved" : "denied", userId, ...(approved && facts) } },
  );
  if (matchedCount === 0 || !approved) return matchedCount === 1;
  const { appId, scopes } = device;
  await grantConsent(context, { userId, appId, scopes, ...(sessionId && { sessionId }) });
  const consent = await useConsent(context, userId, appId);
  if (!consent) return false;
  const { _id: permissionId, generation: permissionGeneration } = consent;
  await models.DeviceAuthorization.collection.updateOne(documentOf(device), {
    $set: { permissionId, permissionGeneration },
  });
  return true;
}

/** A device's poll at the token endpoint (RFC 8628 section 3.4). */
export interface DevicePoll {
  client: AuthenticatedClient;
  deviceCode: unknown;
  dpopKey?: string | undefined;
}

export type DeviceResult = TokenResult | { ok: false; error: DeviceError; reason: DeviceError };

export async function pollDevice(context: Context, input: DevicePoll): Promise<DeviceResult> {
  const { models, now } = context;
  const code = parseToken("deviceCode", input.deviceCode);
  if (!code) return refused("malformed");
  const found = await findDevices(context, (key) => userCodeOf(key, code.raw));
  const codeHash = sha256(code.raw);
  const device = found.find(({ deviceHash }) => equalHashes(deviceHash, codeHash));
  if (!device) return refused("unknown");
  assertKnownVersion(device);
  if (!device.appId.equals(input.client._id)) return refused("other_client");
  if (device.status === "collected") return refused("revoked");
  if (device.status === "denied") return waits("access_denied");
  if (device.expiresAt <= now) return waits("expired_token");
  if (device.status === "pending" || !device.permissionId) return notePoll(context, device);
  const collected = await findAndUpdate(
    models.DeviceAuthorization,
    { ...documentOf(device), status: "approved" },
    { $set: { status: "collected" } },
  );
  return collected ? grantToDevice(context, collected, input) : refused("revoked");
}

/** The document of a device, on its shard. */
const documentOf = ({ _id, userCodeHash }: DeviceAuthorizationDocument) => ({ _id, userCodeHash });

const waits = (error: DeviceError) => ({ ok: false, error, reason: error }) as const;

/**
 * A poll that comes early makes the interval longer. It counts from the last poll that was not early, or a device that does
 * not slow down would never be answered.
 */
async function notePoll(
  { models, now }: Context,
  device: DeviceAuthorizationDocument,
): Promise<DeviceResult> {
  const { polledAt, intervalMs } = device;
  const isEarly = polledAt !== undefined && now.getTime() - polledAt.getTime() < punctual * intervalMs;
  await models.DeviceAuthorization.collection.updateOne(
    documentOf(device),
    isEarly ? { $inc: { intervalMs: slowDownMs } } : { $set: { polledAt: now } },
  );
  return waits(isEarly ? "slow_down" : "authorization_pending");
}

async function grantToDevice(
  context: Context,
  device: DeviceAuthorizationDocument,
  { client, dpopKey }: DevicePoll,
): Promise<TokenResult> {
  const { appId, userId, permissionId, permissionGeneration, scopes, audiences } = device;
  if (!userId || !permissionId) return refused("consent_revoked");
  const grant = {
    ...device,
    appId,
    userId,
    permissionId,
    ...(permissionGeneration !== undefined && { permissionGeneration }),
    scopes,
    ...(client.type === "public" && dpopKey && { dpopKey }),
  };
  const mayRefresh = client.grantTypes.includes("refresh_token");
  const granted = await grantAtOnce(context, grant, { wish: { scopes, audiences, dpopKey }, mayRefresh });
  // The session or the consent may have ended since the approval: then the tokens were never good, and the device is told.
  const { now } = context;
  const written = await readGrant(context, { ownerId: userId, id: granted.authorizationId });
  const reason = written ? refusalOf(written, now) : "unknown";
  return reason ? refused(reason) : granted;
}
