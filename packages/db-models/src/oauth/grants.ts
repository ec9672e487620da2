import type { Context } from "../context/context.js";
import { isOver } from "../core/clock.js";
import { endOfImpersonation } from "../impersonators/live.js";
import type { Place } from "../queries/place.js";
import { queries } from "../queries/queries.js";
import { isSound } from "../queries/run-query.js";
import type { AppDocument } from "../schemas/app.js";
import type { AppTokenDocument, TokenRevocationReason } from "../schemas/app-token.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import { recordSecurityEvent } from "../security-events/events.js";
import type { CommittedReadOptions } from "../session-cache/committed-read.js";
import type { GrantState } from "../session-cache/remembered.js";
import { isLive } from "../stored/session.js";
import type { GrantRefusal, GrantRefused, OAuthErrorCode } from "./types.js";

/** An authorization together with the state of everything that it rests on. */
export interface Grant extends AppTokenDocument, GrantState {}

/**
 * Reads an authorization, its app, its user and the consent in one command, so that whatever ends one of them ends
 * every token at that moment, with nothing to sweep.
 *
 * @param options - of a read whose result memory may keep.
 */
export function readGrant(
  context: Pick<Context, "models" | "now">,
  place: Place,
  options: Partial<CommittedReadOptions> = {},
): Promise<Grant | undefined> {
  return read<Grant>(context, place, { options, ofApp: { status: 1, clientId: 1 } });
}

/** Reads an authorization as {@link readGrant} does, and all of its app. */
export async function readGrantWithApp(
  context: Pick<Context, "models" | "now">,
  place: Place,
): Promise<{ grant: Grant; app: AppDocument | undefined } | undefined> {
  const grant = await read<Grant & { app: AppDocument[] }>(context, place, {});
  return grant && { grant, app: grant.app[0] };
}

async function read<G extends Grant>(
  context: Pick<Context, "models" | "now">,
  place: Place,
  { options, ofApp }: { options?: Partial<CommittedReadOptions>; ofApp?: Record<string, 1> },
): Promise<G | undefined> {
  const { models } = context;
  const { filter } = queries.authorizationById(place);
  const grant = (await models.AppToken.collection
    .aggregate([{ $match: filter as Record<string, unknown> }, ...joins(models, ofApp)], options)
    .next()) as G | null;
  // A damaged authorization counts as absent.
  if (!grant || !isSound(models, models.AppToken.collection.name, grant)) return undefined;
  leaveOutDamaged(models, grant, ofApp);
  assertKnownVersion(grant);
  const { ownerId, appId } = grant;
  if (ownerId.equals(appId)) return grant;
  return { ...grant, userId: ownerId, session: await liveFor(context, grant) };
}

/** Damaged documents that an authorization rests on count as absent. */
function leaveOutDamaged(models: IdentityModels, grant: Grant, ofApp: Record<string, 1> | undefined): void {
  const { App, AppPermission, UserSession } = models;
  grant.app = grant.app.filter((app) => isSound(models, App.collection.name, app, ofApp));
  grant.permission = grant.permission.filter((permission) =>
    isSound(models, AppPermission.collection.name, permission, ofPermission),
  );
  grant.session = grant.session.filter((session) =>
    isSound(models, UserSession.collection.name, session, ofSession),
  );
}

/** The session that an authorization rests on; none where who acts in it may no longer. */
async function liveFor(
  context: Pick<Context, "models" | "now">,
  { ownerId: userId, session }: Grant,
): Promise<Grant["session"]> {
  const { impersonation } = session[0] ?? {};
  if (!impersonation) return session;
  return (await endOfImpersonation(context, { userId, impersonation })) ? [] : session;
}

const ofPermission = { generation: 1, revokedAt: 1, lastUsedAt: 1 } as const;
const ofSession = {
  revokedAt: 1,
  idleExpiresAt: 1,
  createdAt: 1,
  absoluteLifetimeMs: 1,
  impersonation: 1,
} as const;

function joins({ App, User, AppPermission, UserSession }: IdentityModels, ofApp?: Record<string, 1>) {
  return [
    joined(App.collection.name, "appId", "app", ofApp),
    joined(User.collection.name, "ownerId", "user", { status: 1 }),
    ofOwner(joined(AppPermission.collection.name, "permissionId", "permission", ofPermission)),
    ofOwner(joined(UserSession.collection.name, "boundSessionId", "session", ofSession)),
  ];
}

/** @param projection - absent for the whole document. */
function joined(from: string, localField: string, as: string, projection?: Record<string, 1>) {
  const pipeline = projection ? [{ $project: { _id: 0, ...projection } }] : [];
  return { $lookup: { from, localField, foreignField: "_id", as, pipeline } };
}

/** With the shard key of what belongs to the same user, for one shard to be asked. */
function ofOwner({ $lookup }: ReturnType<typeof joined>) {
  const sameOwner = { $match: { $expr: { $eq: ["$userId", "$$ownerId"] } } };
  return {
    $lookup: {
      ...$lookup,
      let: { ownerId: "$ownerId" },
      pipeline: [sameOwner, ...$lookup.pipeline],
    },
  };
}

/** Why an authorization is over at this moment, whatever was presented; `undefined` when it is not. */
export function refusalOf(grant: GrantState, now: Date): GrantRefusal | undefined {
  if (grant.revokedAt) return "revoked";
  if (grant.app[0]?.status !== "active") return "app_not_active";
  const ofUser = grant.userId && refusalOfUser(grant, now);
  if (ofUser) return ofUser;
  return isOver(grant.expiresAt, now) ? "expired" : undefined;
}

/** Why a user's authorization is over, by what it rests on besides its app. */
function refusalOfUser(grant: GrantState, now: Date): GrantRefusal | undefined {
  if (grant.user[0]?.status !== "active") return "user_not_active";
  const permission = grant.permission[0];
  if (!permission || permission.revokedAt || permission.generation !== grant.permissionGeneration) {
    return "consent_revoked";
  }
  if (!grant.boundSessionId) return undefined;
  const session = grant.session[0];
  return session && isLive(session, now) ? undefined : "session_ended";
}

/** The document of an authorization, on its owner's shard. */
export function documentOf({ _id, ownerId }: Pick<AppTokenDocument, "_id" | "ownerId">) {
  return { _id, ownerId };
}

/**
 * Ends the authorizations that match and have not been ended yet. Their purge date stays.
 *
 * @returns how many were ended.
 */
export async function endGrants(
  context: Context,
  filter: Record<string, unknown>,
  reason: TokenRevocationReason,
): Promise<number> {
  const { models, now } = context;
  const { modifiedCount } = await models.AppToken.collection.updateMany(
    { ...filter, revokedAt: null },
    { $set: { revokedAt: now, revocationReason: reason } },
  );
  return modifiedCount;
}

/** Ends an authorization of which somebody has a copy, and tells its user. */
export async function endReused(
  context: Context,
  grant: Pick<Grant, "_id" | "ownerId" | "userId">,
  reason: "code_reused" | "refresh_reused",
): Promise<GrantRefused> {
  const ended = (await endGrants(context, documentOf(grant), reason)) === 1;
  if (ended && grant.userId) {
    await recordSecurityEvent(context, {
      userId: grant.userId,
      kind: "reuse_detected",
      severity: "critical",
      reasons: [reason],
    });
  }
  return refused(reason);
}

/** The answer that refuses a grant. */
export function refused(reason: GrantRefusal, error: OAuthErrorCode = "invalid_grant"): GrantRefused {
  return { ok: false, error, reason };
}
