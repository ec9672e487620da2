import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { clockToleranceMs } from "../core/clock.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { voidPassword } from "../core/passwords.js";
import { maxLifetimeMs } from "../core/policies/one-time.js";
import { equalHashes, parseToken, sha256 } from "../core/secrets.js";
import { removal } from "../factors/changes.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { EmailUndo, UserDocument } from "../schemas/user.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { claimAndEndSessions } from "../sessions/revoke.js";
import { endDelegated } from "../users/end-delegated.js";
import { type IssuedOneTimeToken, issueOneTimeToken, type RequestOrigin } from "../users/one-time-tokens.js";
import { releaseUnverified } from "./release.js";

export type EmailChangeUndo =
  | {
      ok: true;
      userId: Types.ObjectId;
      /** The account's address from now on. */
      email: string;
      /** `cancelled` when the change still waited for its confirmation. */
      undone: "cancelled" | "restored";
      /** How many sessions were ended. */
      ended: number;
      /** The token with which the owner sets a password; absent for an account that has none. */
      reset?: IssuedOneTimeToken;
    }
  | { ok: false; reason: "malformed" | "unknown" | "expired" | "taken"; userId?: Types.ObjectId };

type Holder = Pick<
  UserDocument,
  "_id" | "email" | "status" | "sessionGeneration" | "passwordHash" | "emailUndos"
>;

interface Found {
  readonly user: Holder;
  readonly undo: EmailUndo;
  /** Those before: their owners had the account earlier. */
  readonly earlier: EmailUndo[];
  readonly tokenHash: Buffer;
}

const held = { email: 1, status: 1, sessionGeneration: 1, passwordHash: 1, emailUndos: 1 } as const;

const maxAttempts = 20;

export async function undoEmailChange(
  context: Context,
  { token: presented, origin }: { token: unknown; origin?: RequestOrigin },
): Promise<EmailChangeUndo> {
  const token = parseToken("oneTime", presented);
  if (!token) return { ok: false, reason: "malformed" };
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const found = await find(context, sha256(token.raw));
    if ("reason" in found) return { ok: false, ...found };
    const { user, undo } = found;
    // Before: killed in between, the link is as good as it was. After: for what was made meanwhile.
    await endWaysIn(context, user._id, undo.requestedAt);
    const ended = await restore(context, found);
    if (ended === "taken") return { ok: false, reason: "taken", userId: user._id };
    if (ended === "changed") continue;
    await endWaysIn(context, user._id, undo.requestedAt);
    return told(context, found, ended, origin);
  }
  throw new IdentityError("CONTENTION", "the address is being changed over and over");
}

/** How a change that a session asked for was undone; `taken`: another account has verified the address before. */
export type UndoneChange = "cancelled" | "restored" | "taken";

/**
 * Undoes the changes of the address that a session asked for. Sessions end and the password opens nothing any more, as
 * by the owner's token.
 *
 * @returns `undefined` where it asked for none.
 * @throws IdentityError `CONTENTION`.
 */
export async function undoChangesOfSession(
  context: Context,
  { userId, sessionId }: { userId: Types.ObjectId; sessionId: Types.ObjectId },
): Promise<UndoneChange | undefined> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const user = await context.models.User.collection.findOne<Holder>({ _id: userId }, { projection: held });
    const undos = user?.emailUndos ?? [];
    const index = undos.findIndex((one) => one.requestedInSession?.equals(sessionId));
    const undo = undos[index];
    const [tokenHash] = undo?.tokenHashes ?? [];
    if (!user || !undo || tokenHash === undefined || user.status === "deleted") return undefined;
    const ended = await restore(context, { user, undo, earlier: undos.slice(0, index), tokenHash });
    if (ended === "taken") return "taken";
    if (ended !== "changed") return undo.changedAt ? "restored" : "cancelled";
  }
  throw new IdentityError("CONTENTION", "the address is being changed over and over");
}

async function told(
  context: Context,
  { user, undo }: Found,
  ended: number,
  origin: RequestOrigin | undefined,
): Promise<EmailChangeUndo> {
  const { _id: userId } = user;
  const undone = undo.changedAt ? "restored" : "cancelled";
  const event = { userId, kind: "email_changed", severity: "critical" } as const;
  await recordSecurityEvent(context, { ...event, reasons: [undone], ...origin });
  const reset = user.passwordHash
    ? await issueOneTimeToken(context, "passwordReset", { _id: userId, email: undo.email })
    : undefined;
  return { ok: true, userId, email: undo.email, undone, ended, ...(reset && { reset }) };
}

async function find(
  { models, now }: Context,
  tokenHash: Buffer,
): Promise<Found | { reason: "unknown" | "expired"; userId?: Types.ObjectId }> {
  const user = await findByQuery<UserDocument>(models, queries.userByEmailUndo(tokenHash), held);
  const undos = user?.emailUndos ?? [];
  const index = undos.findIndex(({ tokenHashes }) => tokenHashes.some((one) => equalHashes(one, tokenHash)));
  const undo = undos[index];
  if (!user || !undo || user.status === "deleted") return { reason: "unknown" };
  const latest = now.getTime() + maxLifetimeMs.emailUndo + clockToleranceMs;
  // One that a wrong clock minted would be good for as long as that clock was ahead.
  if (undo.expiresAt <= now || undo.expiresAt.getTime() > latest)
    return { reason: "expired", userId: user._id };
  return { user, undo, earlier: undos.slice(0, index), tokenHash };
}

/**
 * Gives the account its address back and ends every session; a password that a stranger knows, or set, opens nothing any
 * more. The link came to the mailbox, so the address is verified.
 */
async function restore(context: Context, found: Found): Promise<number | "changed" | "taken"> {
  const { user, undo, earlier, tokenHash } = found;
  const { now } = context;
  const claim = { email: user.email, status: user.status, "emailUndos.tokenHashes": tokenHash };
  const none = { passwordReset: "", passwordResetAt: "", emailVerification: "", emailChange: "" } as const;
  const change = {
    $set: {
      email: undo.email,
      emailVerifiedAt: now,
      ...(user.passwordHash && (await voidPassword(now))),
      ...(earlier.length > 0 && { emailUndos: earlier }),
    },
    $unset: {
      ...none,
      "messagesAt.passwordReset": "",
      ...(earlier.length === 0 && ({ emailUndos: "" } as const)),
    },
  } as const;
  const end = {
    userId: user._id,
    reason: "credentials_changed",
    claim,
    seen: user.sessionGeneration,
  } as const;
  try {
    return (await claimAndEndSessions(context, { ...end, change })) ?? "changed";
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return (await releaseUnverified(context, undo.email)) ? "changed" : "taken";
  }
}

/**
 * Ends what was added since the change was asked for and lets somebody in by itself: API keys, consents, identities at
 * providers, passkeys, remembered devices. An authenticator app stays, no matter who added it: what is mailed must not take a
 * second factor away.
 */
async function endWaysIn(context: Context, userId: Types.ObjectId, since: Date): Promise<void> {
  const { models, now } = context;
  await endDelegated(context, userId, { $gte: since });
  const withoutLater = (path: string, at: string) => {
    const earlier = { $filter: { input: path, as: "one", cond: { $lt: [`$$one.${at}`, since] } } };
    return { $cond: [{ $eq: [earlier, []] }, "$$REMOVE", earlier] };
  };
  await models.User.collection.updateOne({ _id: userId, "externalIdentities.linkedAt": { $gte: since } }, [
    { $set: { externalIdentities: withoutLater("$externalIdentities", "linkedAt") } },
  ]);
  await models.UserFactors.collection.updateOne(
    { userId, "passkeys.createdAt": { $gte: since } },
    removal({ passkeys: withoutLater("$passkeys", "createdAt") }, now),
  );
  await models.UserFactors.collection.updateOne({ userId }, { $unset: { rememberedDevices: "" } });
}
