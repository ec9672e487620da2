import { setTimeout } from "node:timers/promises";
import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import type { ProofMethod } from "../core/assurance.js";
import { IdentityError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { isAllowed } from "../core/network.js";
import type { SessionPolicy } from "../core/policies/sessions.js";
import { equalHashes, type LocatedToken } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import { soundUser } from "../queries/sound-user.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import type { UserDocument } from "../schemas/user.js";
import type {
  GeoLocation,
  RevocationReason,
  RiskAssessment,
  UserSessionDocument,
} from "../schemas/user-session.js";
import { capUserAgent, deviceHashOf, deviceOf } from "../stored/device.js";
import { writeLocation } from "../stored/location.js";
import { absoluteExpiryOf, storedAddress, storedLifetimes, storedRisk } from "../stored/session.js";
import { readSecurity } from "../stored/user.js";
import { mintSession } from "./mint.js";
import { expiryAfterUse, sessionPolicyOf } from "./policy.js";
import { proofsAt } from "./proofs.js";
import { readSlots, type SessionSlots } from "./read-slots.js";
import { endSessions } from "./revoke.js";
import { makeRoom, SlotClaim, sessionsRevoked } from "./room.js";
import { settleOpened } from "./settle.js";
import { decideSlot, type SlotGrant } from "./slots.js";

export interface OpenSessionInput {
  userId: Types.ObjectId;
  /** `sessionGeneration` that the authentication saw: if all sessions were ended since, this login is refused. */
  sessionGeneration?: number;
  /** The account as the authentication has just read it, which saves a read. It is read again once the session is in. */
  account?: SessionAccount;
  /**
   * The user's slots as `sessions.slots` has just read them, which saves a read too. What others have changed since costs
   * another attempt, and never lets more sessions live than the user may have.
   */
  slots?: SessionSlots;
  userAgent?: string;
  /**
   * Value of the long-lived cookie that the device has, or has from now on; it is then known by that and not by its user
   * agent, which somebody else's browser may share. A device that was only given a cookie now is a new one.
   */
  deviceCookie?: string;
  ip?: string | undefined;
  location?: GeoLocation;
  risk?: RiskAssessment;
  scopes?: string[];
  /**
   * Authentication methods that the user has just completed; `amr` and `acr` of the session follow from them. Without them
   * the session has `acr` 0.
   */
  proofs?: readonly ProofMethod[];
  /**
   * A session that this sign-in takes the place of, such as the one whose cookie the browser still has: it does not count
   * against the cap, and ends as `signed_in_again` when the new one opens (ASVS 7.2.4). Another user's is left alone.
   */
  replaces?: Types.ObjectId | undefined;
  /**
   * Ends what the session is opened for, such as a code that counts once. It is called once, as the last step; where the
   * account's cap evicts, just before the first eviction, which can't be taken back. What it throws is passed on, and no
   * session opens. The account is read again for it.
   */
  claim?: (() => Promise<void>) | undefined;
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
  deviceHash: Buffer;
  /** True when the account knows no such device: neither from a session within the retention nor from `logins.record`. */
  newDevice: boolean;
  /** True when the user has signed in before, but never from this country. */
  newLocation: boolean;
  evicted: EndedSession[];
}

/** The part of an account that a login is decided on; what `users.read` returns has it. */
export type SessionAccount = Pick<
  UserDocument,
  "_id" | "status" | "roles" | "security" | "sessionGeneration" | "schemaVersion" | "analytics"
>;

/** Facts for the decision on a login. */
interface LoginState {
  user: SessionAccount;
  holders: SessionSlots;
}

// Of parallel logins of one user at least one gets its slot in each round; far more rounds mean something else.
const maxAttempts = 400;
const maxBackoffMs = 100;
const userProjection = {
  status: 1,
  roles: 1,
  security: 1,
  sessionGeneration: 1,
  schemaVersion: 1,
  "analytics.countries": 1,
  "analytics.devices": 1,
} as const;

export async function openSession(context: Context, input: OpenSessionInput): Promise<OpenedSession> {
  if ((input.scopes?.length ?? 0) > limits.scopes) {
    throw new IdentityError("INVALID_INPUT", `a session has at most ${limits.scopes} scopes`);
  }
  return context.turns.take(input.userId, () => openUnderCap(context, input));
}

async function openUnderCap(context: Context, input: OpenSessionInput): Promise<OpenedSession> {
  const { models, now } = context;
  const userAgent = capUserAgent(input.userAgent);
  const deviceHash = deviceHashOf(deviceOf(userAgent), input.deviceCookie);
  const state = await readState(models, input.userId, input.claim ? {} : input);
  assertMayOpen(state.user, input, input.sessionGeneration ?? state.user.sessionGeneration);
  const policy = sessionPolicyOf(context);
  const { session, token } = describeSession(state.user, { ...input, userAgent, deviceHash }, policy, now);
  const slot = new SlotClaim(models, session);
  const claim = onceAtMost(input.claim);
  // The device is looked up while the insert waits for the disk.
  const [evicted, knownDevice] = await Promise.all([
    claimSlot(context, session, state, { ...input, slot, claim }),
    isKnownDevice(models, session, state),
  ]);
  await settleOpened(context, session);
  await orAbandon(slot, claim);
  return {
    id: session._id,
    token: token.raw,
    idleExpiresAt: session.idleExpiresAt,
    absoluteExpiresAt: absoluteExpiryOf(session),
    deviceHash,
    newDevice: !knownDevice,
    newLocation: isNewCountry(state.user, input.location?.country?.toUpperCase()),
    evicted: evicted.map((id) => ({ id, reason: "evicted" })),
  };
}

async function isKnownDevice(
  models: IdentityModels,
  session: UserSessionDocument,
  { user, holders }: LoginState,
): Promise<boolean> {
  // Sessions go after their retention; the devices of the account stay, so that a rare visitor is known.
  if (user.analytics.devices.some(({ deviceHash }) => equalHashes(deviceHash, session.deviceHash)))
    return true;
  if (holders.some(({ deviceHash }) => equalHashes(deviceHash, session.deviceHash))) return true;
  // This session may already be inserted, and must not vouch for itself.
  const query = queries.sessionsOfDevice(session.userId, session.deviceHash, 2);
  const known = await runQuery(models, query, { _id: 1 });
  return known.some(({ _id }) => !_id.equals(session._id));
}

function onceAtMost(claim: OpenSessionInput["claim"]): () => Promise<void> {
  let called: Promise<void> | undefined;
  return async () => {
    called ??= claim?.();
    await called;
  };
}

async function orAbandon<T>(slot: SlotClaim, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    await slot.abandon();
    throw error;
  }
}

interface SlotInput extends Pick<OpenSessionInput, "ip" | "replaces"> {
  slot: SlotClaim;
  claim: () => Promise<void>;
}

/** Makes the session live. Returns the sessions that were evicted for it. */
function claimSlot(
  context: Context,
  session: UserSessionDocument,
  first: LoginState,
  { slot, claim, ...input }: SlotInput,
): Promise<Types.ObjectId[]> {
  const { models, now } = context;
  const { userId, userGeneration = 0 } = session;
  const evicted: Types.ObjectId[] = [];
  return orAbandon(slot, async () => {
    for (let state = first, attempt = 0; attempt < maxAttempts; attempt++) {
      const grant = decide(state, input, userGeneration, now);
      // Of two sign-ins by one code only one may evict. A cap that denies may still refuse the next attempt.
      if (readSecurity(state.user.security).limitPolicy !== "deny") await claim();
      await endReplaced(context, state, { userId, ...input });
      evicted.push(...(await makeRoom(context, grant, session)));
      if (await slot.take(grant.slot)) return evicted;
      await setTimeout(Math.random() * Math.min(2 ** attempt, maxBackoffMs));
      state = await readState(models, userId);
      assertMayOpen(state.user, input, userGeneration);
    }
    throw new IdentityError("CONTENTION", `no slot after ${maxAttempts} attempts among parallel logins`);
  });
}

async function readState(
  models: IdentityModels,
  userId: Types.ObjectId,
  { account, slots }: Pick<OpenSessionInput, "account" | "slots"> = {},
): Promise<LoginState> {
  const [user, holders] = await Promise.all([
    account ??
      models.User.collection.findOne<SessionAccount>({ _id: userId }, { projection: userProjection }),
    slots ?? readSlots(models, userId),
  ]);
  if (!user?._id.equals(userId)) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return { user: soundUser(models, user, userProjection), holders };
}

function assertMayOpen(user: SessionAccount, { ip }: Pick<OpenSessionInput, "ip">, generation: number): void {
  assertKnownVersion(user);
  if (user.status !== "active") {
    throw new IdentityError("USER_NOT_ACTIVE", "the account is not active", {
      details: { status: user.status },
    });
  }
  if (!isAllowed(readSecurity(user.security).ipAllowlist, ip)) {
    throw new IdentityError("ADDRESS_NOT_ALLOWED", "the account may not be used from this address");
  }
  if (generation !== user.sessionGeneration) throw sessionsRevoked();
}

async function endReplaced(
  context: Context,
  { holders }: LoginState,
  { userId, replaces }: Pick<OpenSessionInput, "userId" | "replaces">,
): Promise<void> {
  if (!replaces || !holders.some(({ _id }) => _id.equals(replaces))) return;
  await endSessions(context, { _id: replaces, userId }, "signed_in_again");
}

function decide(
  { user, holders }: LoginState,
  { replaces }: Pick<OpenSessionInput, "replaces">,
  userGeneration: number,
  now: Date,
): SlotGrant<Types.ObjectId> {
  const staying = replaces ? holders.filter(({ _id }) => !_id.equals(replaces)) : holders;
  const { maxConcurrentSessions: cap, limitPolicy: policy } = readSecurity(user.security);
  const decision = decideSlot(staying, {
    cap,
    policy,
    now,
    userGeneration,
    choice: Math.random(),
  });
  if (!decision.denied) return decision;
  throw new IdentityError("SESSION_LIMIT_REACHED", "the account has as many live sessions as it may have", {
    details: { live: decision.live, limit: cap },
  });
}

function describeSession(
  user: SessionAccount,
  input: Omit<OpenSessionInput, "userAgent"> & {
    userAgent: string | undefined;
    deviceHash: Buffer;
  },
  policy: SessionPolicy,
  now: Date,
): { session: UserSessionDocument; token: LocatedToken } {
  const { minted, token } = mintSession(user);
  const { scopes = [], risk, location } = input;
  const { idleTimeoutMs, absoluteLifetimeMs } = readSecurity(user.security);
  const absoluteExpiresAt = absoluteExpiryOf({ createdAt: now, absoluteLifetimeMs });
  const session: UserSessionDocument = {
    ...minted,
    ...(scopes.length > 0 && { scopes }),
    deviceHash: input.deviceHash,
    ...present({
      userAgent: input.userAgent,
      ...storedAddress(input.ip),
      location: location && writeLocation(location),
      risk: risk && storedRisk(risk),
    }),
    ...(input.proofs && { proofs: proofsAt(input.proofs, now) }),
    createdAt: now,
    lastSeenAt: now,
    ...storedLifetimes({ idleTimeoutMs, absoluteLifetimeMs }),
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

function isNewCountry(user: SessionAccount, country: string | undefined): boolean {
  const known = user.analytics.countries;
  return country !== undefined && known.length > 0 && !known.some(({ code }) => code === country);
}
