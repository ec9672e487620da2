import { setTimeout } from "node:timers/promises";
import { Types } from "mongoose";
import { capUserAgent, detectDevice, deviceHashOf } from "../device.js";
import { IdentityError, isDuplicateKey } from "../errors.js";
import type { IdentityModels } from "../models.js";
import { canonicalAddress, isAllowed, networkOf } from "../network.js";
import { queries } from "../queries.js";
import { runQuery } from "../run-query.js";
import { assertKnownVersion, currentSchemaVersion, limits } from "../schemas/common.js";
import type { UserDocument } from "../schemas/user.js";
import type {
  GeoLocation,
  RevocationReason,
  RiskAssessment,
  UserSessionDocument,
} from "../schemas/user-session.js";
import { mintToken, sha256, type Token } from "../secrets.js";
import { expiryAfterUse, type SessionPolicy, sessionPolicyOf } from "./policy.js";
import { endSessions } from "./revoke.js";
import { decideSlot, type SlotDecision, type SlotHolder } from "./slots.js";
import { inTurn } from "./turns.js";

export interface OpenSessionInput {
  userId: Types.ObjectId;
  /** `sessionGeneration` that the authentication saw: if all sessions were ended since, this login is refused. */
  sessionGeneration?: number;
  userAgent?: string;
  /** Value of a long-lived device cookie; the device is then recognised by it instead of by its user agent. */
  deviceCookie?: string;
  ip?: string;
  location?: GeoLocation;
  risk?: RiskAssessment;
  scopes?: string[];
  policy?: Partial<SessionPolicy>;
}

/** A session that ended to make room. */
export interface EndedSession {
  id: Types.ObjectId;
  reason: Extract<RevocationReason, "evicted">;
}

export interface OpenedSession {
  id: Types.ObjectId;
  /** The bearer token, here and never again. */
  token: string;
  idleExpiresAt: Date;
  absoluteExpiresAt: Date;
  deviceHash: string;
  /** True when no earlier session of the user, within the retention, came from this device. */
  newDevice: boolean;
  /** True when the user has signed in before, but never from this country. */
  newLocation: boolean;
  evicted: EndedSession[];
}

type SlotGrant = Extract<SlotDecision<Types.ObjectId>, { denied: false }>;
type SlotHolderDocument = SlotHolder<Types.ObjectId>;
type SessionUser = Pick<
  UserDocument,
  "_id" | "status" | "roles" | "security" | "sessionGeneration" | "schemaVersion" | "analytics"
>;

// Of parallel logins of one user at least one gets its slot in each round; far more rounds mean something else.
const maxAttempts = 400;
const maxBackoffMs = 100;
const slotProjection = { slot: 1, createdAt: 1, idleExpiresAt: 1, userGeneration: 1 } as const;

/**
 * Opens a session under the user's cap.
 *
 * The session is inserted without a slot, which nobody can use, and becomes live by one update that gives it one: a
 * unique index lets one session have a slot, and there are `maxConcurrentSessions` of them. So at every moment at
 * most that many are live, however many logins run in parallel, and a crash between two steps leaves a session that
 * never lived, not one too many.
 *
 * @param now - the moment of the login.
 * @throws IdentityError `USER_NOT_FOUND`; `USER_NOT_ACTIVE`; `ADDRESS_NOT_ALLOWED` outside the user's allowlist;
 * `SESSION_LIMIT_REACHED` under the policy `deny`, which is not a failed login; `SESSIONS_REVOKED` when all sessions
 * were ended while this login was under way; `CONTENTION` when parallel logins never left room.
 */
export async function openSession(
  models: IdentityModels,
  input: OpenSessionInput,
  now: Date,
): Promise<OpenedSession> {
  const user = await readUser(models, input.userId);
  assertMayOpen(user, input);
  const { session, token } = describeSession(user, input, sessionPolicyOf(models, input.policy), now);
  const [knownDevice] = await Promise.all([
    isKnownDevice(models, session),
    models.UserSession.collection.insertOne({ ...session }),
  ]);
  const evicted = await inTurn(models, user._id, () => activateUnderCap(models, session, now));
  return {
    id: session._id,
    token: token.raw,
    idleExpiresAt: session.idleExpiresAt,
    absoluteExpiresAt: session.absoluteExpiresAt,
    deviceHash: session.deviceHash,
    newDevice: !knownDevice,
    newLocation: isNewCountry(user, session.location?.country),
    evicted: evicted.map((id) => ({ id, reason: "evicted" })),
  };
}

async function readUser(models: IdentityModels, userId: Types.ObjectId): Promise<SessionUser> {
  const projection = {
    status: 1,
    roles: 1,
    security: 1,
    sessionGeneration: 1,
    schemaVersion: 1,
    "analytics.countries": 1,
  } as const;
  const user = await models.User.collection.findOne({ _id: userId }, { projection });
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return user as unknown as SessionUser;
}

function assertMayOpen(user: SessionUser, input: OpenSessionInput): void {
  assertKnownVersion(user);
  if (user.status !== "active") {
    throw new IdentityError("USER_NOT_ACTIVE", "the account is not active", {
      details: { status: user.status },
    });
  }
  if (!isAllowed(user.security.ipAllowlist, input.ip)) {
    throw new IdentityError("ADDRESS_NOT_ALLOWED", "the account may not be used from this address");
  }
  const seen = input.sessionGeneration;
  if (seen !== undefined && seen !== user.sessionGeneration) throw sessionsRevoked();
  if ((input.scopes?.length ?? 0) > limits.scopes) {
    throw new IdentityError("INVALID_INPUT", `a session has at most ${limits.scopes} scopes`);
  }
}

function sessionsRevoked(): IdentityError {
  return new IdentityError("SESSIONS_REVOKED", "all sessions were ended while this login was under way");
}

function describeSession(
  user: SessionUser,
  input: OpenSessionInput,
  policy: SessionPolicy,
  now: Date,
): { session: UserSessionDocument; token: Token } {
  const token = mintToken("session");
  const device = detectDevice(input.userAgent);
  const { idleTimeoutMs, absoluteLifetimeMs } = user.security;
  const absoluteExpiresAt = new Date(now.getTime() + absoluteLifetimeMs);
  const session: UserSessionDocument = {
    _id: new Types.ObjectId(),
    userId: user._id,
    handleHash: sha256(token.handle),
    tokenHash: sha256(token.raw),
    generation: 0,
    userGeneration: user.sessionGeneration,
    roles: user.roles,
    scopes: input.scopes ?? [],
    device,
    deviceHash: deviceHashOf(device, input.deviceCookie),
    ...present({
      userAgent: capUserAgent(input.userAgent),
      ip: canonicalAddress(input.ip),
      network: networkOf(input.ip),
      location: input.location,
    }),
    risk: input.risk ?? { level: "unscored", reasons: [] },
    apiUsage: { requests: 0, failures: 0 },
    authenticatedAt: now,
    createdAt: now,
    lastSeenAt: now,
    idleTimeoutMs,
    absoluteExpiresAt,
    ...expiryAfterUse({ idleTimeoutMs, absoluteExpiresAt }, now, policy),
    schemaVersion: currentSchemaVersion,
  };
  return { session, token };
}

/** Without the keys that have no value, since an absent field and `null` are not the same to an index. */
function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}

async function isKnownDevice(models: IdentityModels, session: UserSessionDocument): Promise<boolean> {
  // This session may already be inserted, and must not vouch for itself.
  const query = queries.sessionsOfDevice(session.userId, session.deviceHash, { limit: 2 });
  const known = await runQuery(models, query, { _id: 1 });
  return known.some(({ _id }) => !_id.equals(session._id));
}

function isNewCountry(user: SessionUser, country: string | undefined): boolean {
  const known = user.analytics.countries;
  return country !== undefined && known.length > 0 && !known.some(({ code }) => code === country);
}

/** Gives the session a slot. Returns the sessions that were evicted for it. */
async function activateUnderCap(
  models: IdentityModels,
  session: UserSessionDocument,
  now: Date,
): Promise<Types.ObjectId[]> {
  const evicted: Types.ObjectId[] = [];
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const grant = await decide(models, session, now);
    evicted.push(...(await makeRoom(models, grant, session, now)));
    if (await takeSlot(models, session, grant.slot)) return evicted;
    await setTimeout(Math.random() * Math.min(2 ** attempt, maxBackoffMs));
  }
  await endSessions(models, { _id: session._id }, "evicted", now);
  throw new IdentityError("CONTENTION", `no slot after ${maxAttempts} attempts among parallel logins`);
}

async function decide(models: IdentityModels, session: UserSessionDocument, now: Date): Promise<SlotGrant> {
  const [user, holders] = await Promise.all([
    readGeneration(models, session.userId),
    runQuery(models, queries.slotsOfUser(session.userId), slotProjection),
  ]);
  // Ending all sessions raises the generation first and ends what it finds afterwards. Read after the insert, an
  // unchanged generation means that whoever raises it from now on finds this session too.
  if (!user || user.sessionGeneration !== session.userGeneration || user.status !== "active") {
    await endSessions(models, { _id: session._id }, "all_signed_out", now);
    throw sessionsRevoked();
  }
  const decision = decideSlot(holders as SlotHolderDocument[], {
    cap: user.security.maxConcurrentSessions,
    policy: user.security.limitPolicy,
    now,
    userGeneration: session.userGeneration,
    choice: Math.random(),
  });
  if (!decision.denied) return decision;
  await models.UserSession.collection.deleteOne({ _id: session._id });
  throw new IdentityError("SESSION_LIMIT_REACHED", "the account has as many live sessions as it may have", {
    details: { live: decision.live, limit: user.security.maxConcurrentSessions },
  });
}

async function readGeneration(models: IdentityModels, userId: Types.ObjectId) {
  const projection = {
    sessionGeneration: 1,
    status: 1,
    "security.maxConcurrentSessions": 1,
    "security.limitPolicy": 1,
  } as const;
  const user = await models.User.collection.findOne({ _id: userId }, { projection });
  return user as unknown as SessionUser | null;
}

/**
 * Ends and moves sessions one by one, each by a command that states what it relies on, so that of two parallel
 * logins one does it and the other looks again. Returns those that this call evicted.
 */
async function makeRoom(
  models: IdentityModels,
  grant: SlotGrant,
  session: UserSessionDocument,
  now: Date,
): Promise<Types.ObjectId[]> {
  const { collection } = models.UserSession;
  if (grant.expired.length > 0) {
    // A session that was used meanwhile is live again and keeps its slot.
    const unused = {
      $or: [{ idleExpiresAt: { $lte: now } }, { userGeneration: { $lt: session.userGeneration } }],
    };
    await collection.updateMany({ _id: { $in: grant.expired }, ...unused }, { $unset: { slot: "" } });
  }
  const evicted: Types.ObjectId[] = [];
  for (const _id of grant.evicted) {
    const ended = await endSessions(models, { _id, slot: { $gte: 0 } }, "evicted", now);
    if (ended === 1) evicted.push(_id);
  }
  for (const { _id, from, to } of grant.moved) await moveSlot(models, _id, from, to);
  return evicted;
}

async function moveSlot(
  models: IdentityModels,
  _id: Types.ObjectId,
  from: number,
  to: number,
): Promise<void> {
  try {
    await models.UserSession.collection.updateOne({ _id, slot: from }, { $set: { slot: to } });
  } catch (error) {
    // Another login took the slot first; the next look finds the session where it was.
    if (!isDuplicateKey(error)) throw error;
  }
}

/** Makes the session live, unless another took the slot. */
async function takeSlot(
  models: IdentityModels,
  session: UserSessionDocument,
  slot: number,
): Promise<boolean> {
  try {
    const unended = { _id: session._id, revokedAt: null };
    const { matchedCount } = await models.UserSession.collection.updateOne(unended, { $set: { slot } });
    if (matchedCount === 0) throw sessionsRevoked();
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}
