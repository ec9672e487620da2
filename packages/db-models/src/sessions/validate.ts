import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import {
  type AssuranceLevel,
  type AuthenticationMethod,
  amrOf,
  assuranceOf,
  type Proof,
} from "../core/assurance.js";
import { isOver, wrongClockMs } from "../core/clock.js";
import type { SessionPolicy } from "../core/policies/sessions.js";
import { isReplacedInGrace } from "../core/rotations.js";
import {
  equalHashes,
  type LocatedToken,
  lookupHash,
  parseToken,
  sha256,
  sha256Text,
  type Token,
  tokenLength,
} from "../core/secrets.js";
import { endOfImpersonation } from "../impersonators/live.js";
import { placeOf } from "../queries/place.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import type { RiskAssessment, UserSessionDocument } from "../schemas/user-session.js";
import { type CommittedReadOptions, readCommitted } from "../session-cache/committed-read.js";
import type { Entry } from "../session-cache/entries.js";
import { mostWaits } from "../session-cache/look-up.js";
import type { RememberedSession } from "../session-cache/remembered.js";
import type { SessionCache } from "../session-cache/session-cache.js";
import { readSession, readSessionFacts, type Session, type SessionFacts } from "../stored/session.js";
import { expiryAfterUse, sessionPolicyOf } from "./policy.js";
import { isRememberedGood, rememberSession } from "./remember.js";
import type { SessionRefusal } from "./types.js";

/** Facts about the session of a request. */
export interface ActiveSession {
  id: Types.ObjectId;
  userId: Types.ObjectId;
  roles: string[];
  scopes: string[];
  risk: RiskAssessment;
  /** When the user last proved who they are. */
  authenticatedAt: Date;
  /** The user's proofs in this session, each method with its last time. */
  proofs: Proof[];
  /** The methods of {@link proofs} in RFC 8176's values. */
  amr: AuthenticationMethod[];
  /** The level that {@link proofs} reach together. */
  acr: AssuranceLevel;
  /** The administrator who acts for the user in this session; absent in the user's own. */
  actor?: Types.ObjectId;
  /** The administrator's own session from which they act. */
  actorSession?: Types.ObjectId;
  createdAt: Date;
  /** The cookie's expiry: it and the document end together. */
  idleExpiresAt: Date;
  absoluteExpiresAt: Date;
}

export type SessionCheck =
  | { ok: true; session: ActiveSession; touched: boolean }
  | { ok: false; reason: SessionRefusal };

export interface ValidationOptions {
  /** False leaves the use unnoted: the check writes nothing, and the idle expiry does not move. Default true. */
  touch?: boolean;
}

/** The fields of a session that a check reads. */
export type CheckedSession = Omit<RememberedSession, "replacedAt"> &
  Pick<
    Session,
    | "handleHash"
    | "tokenHash"
    | "legacyTokenHash"
    | "rotations"
    | "revokedAt"
    | "impersonation"
    | "schemaVersion"
  >;

/** A session that was accepted, from a read or from memory. */
type AcceptedSession = Omit<RememberedSession, "replacedAt"> & Pick<CheckedSession, "impersonation">;

export function validateSession(
  context: Context,
  token: unknown,
  { touch = true }: ValidationOptions = {},
): Promise<SessionCheck> {
  const { cache, models } = context;
  if (cache) return checkFromMemory(context, cache, token, touch);
  const parsed = parseToken("session", token);
  if (!parsed) return Promise.resolve(malformed);
  return findChecked(models, parsed).then((session) => checkToken(context, parsed, session, touch));
}

const malformed: SessionCheck = Object.freeze({ ok: false, reason: "malformed" });
const sessionTokenLength = tokenLength("session");

/** Decision of {@link validateSession} on a token and the session that has just been read for it. */
export async function checkToken(
  context: Context,
  token: Token,
  session: CheckedSession | undefined,
  touch = true,
): Promise<SessionCheck> {
  const reason = refusalOfToken(session, token, context.now, sessionPolicyOf(context));
  if (reason || !session) return { ok: false, reason: reason ?? "unknown" };
  if (session.impersonation && (await endOfImpersonation(context, session)))
    return { ok: false, reason: "revoked" };
  if (!touch || !isTouchDue(context, session)) return accepted(session, undefined);
  const { idleExpiresAt } = await touchSession(context, session);
  return accepted(session, idleExpiresAt);
}

function accepted(session: AcceptedSession, touchedExpiry: Date | undefined): SessionCheck {
  return { ok: true, session: activeSession(session, touchedExpiry), touched: touchedExpiry !== undefined };
}

/** Memory only ever accepts: whatever it does not know, or finds over, the database decides. */
function checkFromMemory(
  context: Context,
  cache: SessionCache,
  token: unknown,
  touch: boolean,
): Promise<SessionCheck> {
  if (typeof token !== "string" || token.length !== sessionTokenLength) return Promise.resolve(malformed);
  const key = sha256Text(token);
  const isGood = (session: RememberedSession) =>
    !refusalOf(session, context.now) && isRememberedGood(context, session);
  const entry = cache.sessions.recall(key, isGood);
  // Nothing to wait for: nearly every check ends here.
  if (entry && !mayTouch(context, entry, touch)) return Promise.resolve(accepted(entry.value, undefined));
  // A token in memory was well-formed when it was read.
  const parsed = parseToken("session", token);
  if (!parsed) return Promise.resolve(malformed);
  return checkBesideMemory(context, cache, { token: parsed, key, isGood }, entry, touch);
}

interface SoughtSession {
  readonly token: LocatedToken;
  /** SHA-256 of the whole token. */
  readonly key: string;
  readonly isGood: (session: RememberedSession) => boolean;
}

/** Decides with what memory has, where its use is to be noted, or with a read that leaves something there. */
async function checkBesideMemory(
  context: Context,
  cache: SessionCache,
  { token, key, isGood }: SoughtSession,
  known: Entry<RememberedSession> | undefined,
  touch: boolean,
): Promise<SessionCheck> {
  const { sessions } = cache;
  let entry = known;
  for (let waits = 0; !entry && waits < mostWaits && sessions.isBeingRead(key); waits++)
    entry = await sessions.join(key, isGood);
  const answer = entry && (await answerFromMemory(context, cache, entry, touch));
  if (answer) return answer;
  const session = await sessions.fill(key, isGood, async (position) => {
    const read = (options?: CommittedReadOptions) => findChecked(context.models, token, options);
    const committed = await readCommitted(
      context.models.UserSession.collection,
      position,
      cache.boundMs,
      read,
    );
    if (!committed) return { result: await read() };
    const { found } = committed;
    const reason = refusalOfToken(found, token, context.now, sessionPolicyOf(context));
    const keep = found && !reason ? rememberSession(context, found, sha256(token.raw)) : undefined;
    return { result: found, keep };
  });
  return checkToken(context, token, session, touch);
}

/** Whether this check is the one to note that an entry is in use. */
function mayTouch(context: Context, entry: Entry<RememberedSession>, touch: boolean): boolean {
  return touch && !entry.isBeingTouched && isTouchDue(context, entry.value);
}

/** `undefined` when the use of the session could not be noted: somebody has changed it, and memory has dropped it. */
async function answerFromMemory(
  context: Context,
  { sessions, noteUntouched }: SessionCache,
  entry: Entry<RememberedSession>,
  touch: boolean,
): Promise<SessionCheck | undefined> {
  if (!mayTouch(context, entry, touch)) return accepted(entry.value, undefined);
  entry.isBeingTouched = true;
  try {
    const { matched, idleExpiresAt } = await touchSession(context, entry.value);
    if (!matched) {
      noteUntouched();
      sessions.drop(entry);
      return undefined;
    }
    entry.value = { ...entry.value, lastSeenAt: context.now, idleExpiresAt };
    // The write may have taken longer than memory was trusted.
    return sessions.stillHolds(entry) ? accepted(entry.value, idleExpiresAt) : undefined;
  } finally {
    entry.isBeingTouched = false;
  }
}

/** The session that a token leads to, as far as a check reads it. */
export async function findChecked(
  models: IdentityModels,
  token: LocatedToken,
  options?: CommittedReadOptions,
): Promise<SessionFacts | undefined> {
  const stored = await findStored(models, token, options);
  return stored && readSessionFacts(stored);
}

/** The session that a token leads to. */
export async function findByToken(models: IdentityModels, token: LocatedToken): Promise<Session | undefined> {
  const stored = await findStored(models, token);
  return stored && readSession(stored);
}

/** The document that a token leads to, if the token has its handle. */
async function findStored(
  models: IdentityModels,
  token: LocatedToken,
  options?: CommittedReadOptions,
): Promise<UserSessionDocument | undefined> {
  // Whole: to leave out what isn't read here costs a server more than to send the few hundred bytes.
  const stored = await findByQuery(models, queries.sessionById(placeOf(token)), undefined, options);
  // Without its handle nobody has had a token of this session: it is as unknown as if there were none.
  return stored && equalHashes(lookupHash(token.handle), stored.handleHash) ? stored : undefined;
}

/** Why a session, or none, does not stand for a token at this moment; `undefined` when it does. */
export function refusalOfToken(
  session: CheckedSession | undefined,
  token: Token,
  now: Date,
  rules: SessionPolicy,
): SessionRefusal | undefined {
  if (!session) return "unknown";
  assertKnownVersion(session);
  return refusalOf(session, now) ?? tokenRefusal(session, token, now, rules);
}

/** Why a session is not live at this moment, whatever the token; `undefined` when it is. */
export function refusalOf(
  session: Pick<Session, "revokedAt" | "idleExpiresAt" | "absoluteExpiresAt" | "slot">,
  now: Date,
): SessionRefusal | undefined {
  if (session.revokedAt) return "revoked";
  if (isOver(session.absoluteExpiresAt, now)) return "absolute_expired";
  // Without a slot another login, by a clock ahead of ours, has already seen it expired.
  if (isOver(session.idleExpiresAt, now) || session.slot === undefined) return "idle_expired";
  return undefined;
}

function tokenRefusal(
  session: CheckedSession,
  token: Token,
  now: Date,
  policy: SessionPolicy,
): SessionRefusal | undefined {
  const tokenHash = sha256(token.raw);
  if (equalHashes(tokenHash, session.tokenHash ?? session.legacyTokenHash)) return undefined;
  const isGood = isReplacedInGrace(session.rotations, tokenHash, now, policy.rotationGraceMs);
  return isGood ? undefined : "rotated";
}

function isTouchDue({ now, policies }: Context, session: RememberedSession): boolean {
  const sinceMs = now.getTime() - session.lastSeenAt.getTime();
  // Seen more than a week ahead is what a wrong clock wrote: it is put right, and the idle expiry with it.
  return sinceMs >= policies.sessions.touchIntervalMs || sinceMs <= -wrongClockMs;
}

// The filter on lastSeenAt lets one of many parallel requests write.
async function touchSession(
  context: Context,
  session: RememberedSession,
): Promise<{ matched: boolean; idleExpiresAt: Date }> {
  const { models, now } = context;
  const expiry = expiryAfterUse(session, now, sessionPolicyOf(context));
  const { matchedCount } = await models.UserSession.collection.updateOne(
    {
      _id: session._id,
      userId: session.userId,
      lastSeenAt: session.lastSeenAt,
      revokedAt: null,
      slot: { $gte: 0 },
    },
    { $set: { lastSeenAt: now, ...expiry } },
  );
  return { matched: matchedCount === 1, idleExpiresAt: expiry.idleExpiresAt };
}

/** The facts about a session that a service receives: copies, so that nothing it does to them gets into memory. */
export function activeSession(session: AcceptedSession, touchedExpiry: Date | undefined): ActiveSession {
  const { risk, proofs = [] } = session;
  return {
    id: session._id,
    userId: session.userId,
    roles: [...session.roles],
    scopes: [...session.scopes],
    risk: { ...risk, reasons: [...risk.reasons] },
    authenticatedAt: new Date(session.authenticatedAt),
    proofs: proofs.map(({ method, at }) => ({ method, at: new Date(at) })),
    amr: amrOf(proofs),
    acr: assuranceOf(proofs),
    ...(session.impersonation && {
      actor: session.impersonation.actor,
      actorSession: session.impersonation.actorSession,
    }),
    createdAt: new Date(session.createdAt),
    idleExpiresAt: new Date(touchedExpiry ?? session.idleExpiresAt),
    absoluteExpiresAt: new Date(session.absoluteExpiresAt),
  };
}
