import type { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { emailSchema } from "../core/email.js";
import { parseInput } from "../core/input.js";
import { limits } from "../core/limits.js";
import { mintToken, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { UserDocument } from "../schemas/user.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { issueOneTimeToken, type RequestOrigin } from "../users/one-time-tokens.js";

export type EmailChangeRequest =
  | {
      ok: true;
      /** The address that it is to be. */
      email: string;
      /** For that address; here and never again. */
      token: string;
      expiresAt: Date;
      /** The address that it is. */
      former: string;
      /** For the owner of `former`; here and never again. */
      undoToken: string;
      undoExpiresAt: Date;
      /** Whether another account has `email`: then send it no token, and answer the person who asks all the same. */
      taken: boolean;
    }
  | { ok: false; reason: "unknown" | "not_active" | "same_address" | "too_many_messages" };

/** Who wants which address. */
export interface EmailChangeInput {
  userId: Types.ObjectId;
  /** The session that asks for it: a report of it as somebody else's undoes the change. */
  sessionId?: Types.ObjectId;
  email: string;
  origin?: RequestOrigin;
}

const inputSchema = z.strictObject({ email: emailSchema });

export async function requestEmailChange(
  context: Context,
  { userId, sessionId, origin, ...input }: EmailChangeInput,
): Promise<EmailChangeRequest> {
  const { models, now } = context;
  const { email } = parseInput(inputSchema, input);
  const projection = { email: 1, status: 1, emailUndos: 1 } as const;
  // Both ways, whether the address is in use or not, take the same reads and writes.
  const [user, holder] = await Promise.all([
    models.User.collection.findOne<Pick<UserDocument, keyof typeof projection>>(
      { _id: userId },
      { projection },
    ),
    findByQuery(models, queries.userByEmail(email), { _id: 1 }),
  ]);
  if (!user) return { ok: false, reason: "unknown" };
  if (user.status !== "active") return { ok: false, reason: "not_active" };
  if (user.email === email) return { ok: false, reason: "same_address" };
  const undoable = (user.emailUndos ?? []).filter((one) => one.changedAt && one.expiresAt > now);
  // Each address before can take the account back, so none of them may fall out of the list.
  if (undoable.length >= limits.emailUndos - 1) return { ok: false, reason: "too_many_messages" };
  const undo = mintToken("oneTime");
  const undoExpiresAt = new Date(now.getTime() + context.policies.oneTimeTokens.emailUndoLifetimeMs);
  const pending = { tokenHash: sha256(undo.raw), now, expiresAt: undoExpiresAt, sessionId };
  // As it was seen: a change that was confirmed meanwhile counts.
  const seen = { _id: userId, email: user.email };
  const set = { emailUndos: undosWith(pending) };
  const issued = await issueOneTimeToken(context, "emailChange", seen, { email, set });
  if (!issued) return { ok: false, reason: "too_many_messages" };
  const event = { userId, kind: "email_changed", severity: "warning" } as const;
  await recordSecurityEvent(context, { ...event, reasons: ["requested"], ...origin });
  const { token, expiresAt } = issued;
  const taken = holder !== undefined;
  return { ok: true, email, token, expiresAt, former: user.email, undoToken: undo.raw, undoExpiresAt, taken };
}

interface NewUndo {
  tokenHash: Buffer;
  now: Date;
  expiresAt: Date;
  sessionId: Types.ObjectId | undefined;
}

/**
 * The list with the change that is asked for at its end. It takes the place of one that waits, whose tokens stay good: who
 * was told of the first may answer it after the second.
 */
function undosWith({ tokenHash, now, expiresAt, sessionId }: NewUndo): Record<string, unknown> {
  const all = { $ifNull: ["$emailUndos", []] };
  const isLive = { $gt: ["$$one.expiresAt", now] };
  const isChanged = { $gt: ["$$one.changedAt", null] };
  const only = (...conditions: unknown[]) => ({
    $filter: { input: all, as: "one", cond: { $and: conditions } },
  });
  const waiting = only(isLive, { $not: [isChanged] });
  const hashes = {
    $ifNull: [{ $first: { $map: { input: waiting, as: "one", in: "$$one.tokenHashes" } } }, []],
  };
  const requestedAt = { $min: { $map: { input: waiting, as: "one", in: "$$one.requestedAt" } } };
  const undo = {
    email: "$email",
    tokenHashes: { $slice: [{ $concatArrays: [[tokenHash], hashes] }, limits.messages] },
    requestedAt: { $ifNull: [requestedAt, now] },
    expiresAt,
    ...(sessionId && { requestedInSession: sessionId }),
  };
  return { $concatArrays: [only(isLive, isChanged), [undo]] };
}
