import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { clockToleranceMs } from "../core/clock.js";
import { limits } from "../core/limits.js";
import { maxLifetimeMs } from "../core/policies/one-time.js";
import { mintToken, parseToken, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { OneTimeToken, UserDocument, UserStatus } from "../schemas/user.js";
import type { SecurityEventInput } from "../security-events/events.js";
import { ofGeneration } from "../sessions/revoke.js";

/** Where a request comes from, for the user's security events. */
export type RequestOrigin = Pick<SecurityEventInput, "network" | "country" | "device">;

/** A token for the account's owner, to be sent to this address and told nobody else. */
export interface IssuedOneTimeToken {
  ok: true;
  userId: Types.ObjectId;
  email: string;
  /** Here and never again. */
  token: string;
  expiresAt: Date;
}

/** Why a presented token is refused. `malformed` costs no read. */
export type OneTimeTokenRefusal =
  | "malformed"
  | "unknown"
  | "used"
  | "expired"
  | "address_changed"
  /** Every session has ended since it was asked for: by a reset, a change of the password, or the owner. */
  | "superseded"
  | "not_active";

type Purpose = "emailVerification" | "passwordReset" | "emailChange";

/** Account states in which a token of each kind may be used. */
export const usableBy = {
  emailVerification: ["pending", "active"],
  passwordReset: ["active"],
  emailChange: ["active"],
} as const satisfies Record<Purpose, readonly UserStatus[]>;

const queryOf = {
  emailVerification: queries.userByEmailVerification,
  passwordReset: queries.userByPasswordReset,
  emailChange: queries.userByEmailChange,
} as const;

/**
 * Mints a token for the user that matches, and stores its hash in the place of the one before: one conditional update,
 * which also decides whether the account may be sent one more message of this kind. Each kind has a count of its own:
 * anybody may ask for a reset, only the owner for the others. A moment that a wrong clock dated ahead does not count.
 *
 * @param other - the address that is to replace the account's, and what else the update sets.
 * @returns `undefined` when nobody matches, or the account was sent enough.
 */
export async function issueOneTimeToken(
  context: Context,
  purpose: Purpose,
  who: Record<string, unknown>,
  other?: { readonly email: string; readonly set: Record<string, unknown> },
): Promise<IssuedOneTimeToken | undefined> {
  const { models, now } = context;
  const policy = context.policies.oneTimeTokens;
  const token = mintToken("oneTime");
  const expiresAt = new Date(now.getTime() + policy[`${purpose}LifetimeMs`]);
  const windowStart = new Date(now.getTime() - policy.messageWindowMs);
  const latest = new Date(now.getTime() + clockToleranceMs);
  const generation = { $ifNull: ["$sessionGeneration", 0] };
  const sentTo = other
    ? { email: { $literal: other.email }, from: "$email", generation }
    : { email: "$email" };
  const stored = { $ifNull: [`$messagesAt.${purpose}`, []] };
  const sound = { $filter: { input: stored, as: "at", cond: { $lte: ["$$at", latest] } } };
  const lastOfMost = `messagesAt.${purpose}.${policy.maxMessages - 1}`;
  const mayBeSent = { [lastOfMost]: { $not: { $gt: windowStart, $lte: latest } } };
  const user = await models.User.collection.findOneAndUpdate(
    { ...who, ...mayBeSent, status: { $in: [...usableBy[purpose]] } },
    [
      // $set merges a document into the previous one, whose `usedAt` would then mark the new token as used.
      { $unset: purpose },
      {
        $set: {
          [purpose]: { tokenHash: sha256(token.raw), expiresAt, ...sentTo },
          [`messagesAt.${purpose}`]: { $slice: [{ $concatArrays: [[now], sound] }, limits.messages] },
          ...other?.set,
        },
      },
    ],
    { returnDocument: "after", projection: { email: 1 } },
  );
  if (!user) return undefined;
  const email = other?.email ?? String(user.email);
  return { ok: true, userId: user._id, email, token: token.raw, expiresAt };
}

/** The fields of an account that decide on its tokens. */
type TokenHolder = Pick<
  UserDocument,
  | "_id"
  | "email"
  | "username"
  | "profile"
  | "status"
  | "sessionGeneration"
  | "emailVerifiedAt"
  | "passwordReset"
  | "emailChange"
  | "emailUndos"
>;

/** A token that may be used as long as `claim` matches. Use it in the same update that `claim` filters. */
export interface OpenToken {
  user: TokenHolder;
  claim: Record<string, unknown>;
}

export interface RefusedToken {
  reason: OneTimeTokenRefusal;
  user?: TokenHolder;
}

/** Looks a presented token up, by one read. */
export async function findOneTimeToken(
  context: Context,
  purpose: Purpose,
  presented: unknown,
): Promise<OpenToken | RefusedToken> {
  const { models, now } = context;
  const token = parseToken("oneTime", presented);
  if (!token) return { reason: "malformed" };
  const tokenHash = sha256(token.raw);
  const projection = {
    email: 1,
    username: 1,
    "profile.displayName": 1,
    status: 1,
    sessionGeneration: 1,
    emailVerifiedAt: 1,
    [purpose]: 1,
    ...(purpose === "emailChange" && { emailUndos: 1 as const }),
  } as const;
  const user = await findByQuery<UserDocument>(models, queryOf[purpose](tokenHash), projection);
  const stored = user?.[purpose];
  if (!user || !stored) return { reason: "unknown" };
  const latestExpiry = new Date(now.getTime() + maxLifetimeMs[purpose] + clockToleranceMs);
  // One that a wrong clock minted would be good for as long as that clock was ahead.
  const isOver = stored.expiresAt <= now || stored.expiresAt > latestExpiry;
  const reason = refusalOf(user, stored, usableBy[purpose], isOver);
  if (reason) return { reason, user };
  const claim = {
    _id: user._id,
    email: stored.from ?? stored.email,
    status: { $in: [...usableBy[purpose]] },
    ...(stored.generation !== undefined && ofGeneration(stored.generation)),
    [`${purpose}.tokenHash`]: tokenHash,
    [`${purpose}.usedAt`]: null,
    [`${purpose}.expiresAt`]: { $gt: now, $lte: latestExpiry },
  };
  return { user, claim };
}

function refusalOf(
  { email, status, sessionGeneration }: TokenHolder,
  stored: OneTimeToken,
  statuses: readonly UserStatus[],
  isOver: boolean,
): OneTimeTokenRefusal | undefined {
  if (stored.usedAt) return "used";
  if (isOver) return "expired";
  if ((stored.from ?? stored.email) !== email) return "address_changed";
  if (stored.generation !== undefined && stored.generation !== (sessionGeneration ?? 0)) return "superseded";
  return statuses.includes(status) ? undefined : "not_active";
}

/** Why a token that was open can't be claimed: what has become of it meanwhile. */
export async function refusalOfClaim(
  context: Context,
  purpose: Purpose,
  presented: unknown,
): Promise<RefusedToken> {
  const found = await findOneTimeToken(context, purpose, presented);
  return "reason" in found ? found : { reason: "used", user: found.user };
}
