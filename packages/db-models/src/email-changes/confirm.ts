import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { isDuplicateKey } from "../core/errors.js";
import { mintToken, sha256, type Token } from "../core/secrets.js";
import { recordSecurityEvent } from "../security-events/events.js";
import {
  findOneTimeToken,
  type OneTimeTokenRefusal,
  type OpenToken,
  type RefusedToken,
  type RequestOrigin,
  refusalOfClaim,
} from "../users/one-time-tokens.js";
import { releaseUnverified } from "./release.js";

export type EmailChange =
  | {
      ok: true;
      userId: Types.ObjectId;
      email: string;
      former: string;
      /** For the owner of `former`, besides the one that came with the request; here and never again. */
      undoToken: string;
      undoExpiresAt: Date;
    }
  | { ok: false; reason: OneTimeTokenRefusal | "taken"; userId?: Types.ObjectId };

export async function confirmEmailChange(
  context: Context,
  input: { token: unknown; origin?: RequestOrigin },
): Promise<EmailChange> {
  const found = await findOneTimeToken(context, "emailChange", input.token);
  if ("reason" in found) return refuse(found);
  const { _id: userId, email: former, emailChange } = found.user;
  const email = emailChange?.email;
  if (email === undefined) return { ok: false, reason: "unknown" };
  if (await isDisowned(context, found.user)) return { ok: false, reason: "superseded", userId };
  const undo = mintToken("oneTime");
  const undoExpiresAt = new Date(context.now.getTime() + context.policies.oneTimeTokens.emailUndoLifetimeMs);
  const take = () => claim(context, found, email, { undo, undoExpiresAt });
  const first = await take();
  const outcome = first === "taken" && (await releaseUnverified(context, email)) ? await take() : first;
  if (outcome === "taken") return { ok: false, reason: "taken", userId };
  if (outcome === "lost") return refuse(await refusalOfClaim(context, "emailChange", input.token));
  const event = { userId, kind: "email_changed", severity: "critical" } as const;
  await recordSecurityEvent(context, { ...event, reasons: ["changed"], ...input.origin });
  return { ok: true, userId, email, former, undoToken: undo.raw, undoExpiresAt };
}

/** Ends of a session by its own user, or because there were too many. Any other is somebody's who did not want it. */
const ownEnds: readonly (string | undefined)[] = ["signed_out", "signed_in_again", "evicted"];

/** Whether the session that asked for the change was ended by somebody else than who used it. */
async function isDisowned(
  { models }: Context,
  { _id: userId, emailUndos }: OpenToken["user"],
): Promise<boolean> {
  const waiting = emailUndos?.find(({ changedAt }) => !changedAt);
  if (!waiting?.requestedInSession) return false;
  const ended = { _id: waiting.requestedInSession, userId, revokedAt: { $ne: null } };
  const session = await models.UserSession.findOne(ended, { revocationReason: 1 }).lean();
  return session !== null && !ownEnds.includes(session.revocationReason);
}

/** The unique index decides, now, who has the address: one of any number of parallel claims succeeds. */
async function claim(
  { models, now }: Context,
  { claim: filter }: OpenToken,
  email: string,
  { undo, undoExpiresAt }: { undo: Token; undoExpiresAt: Date },
): Promise<"changed" | "lost" | "taken"> {
  const changed = {
    changedAt: now,
    expiresAt: undoExpiresAt,
    tokenHashes: { $concatArrays: ["$$one.tokenHashes", [sha256(undo.raw)]] },
  };
  const isWaiting = { $not: [{ $gt: ["$$one.changedAt", null] }] };
  const emailUndos = {
    $map: {
      input: { $ifNull: ["$emailUndos", []] },
      as: "one",
      in: { $cond: [isWaiting, { $mergeObjects: ["$$one", changed] }, "$$one"] },
    },
  };
  try {
    const { modifiedCount } = await models.User.collection.updateOne(filter, [
      {
        $set: {
          email: { $literal: email },
          emailVerifiedAt: now,
          updatedAt: now,
          "emailChange.usedAt": now,
          emailUndos,
        },
      },
      // A mail to the former address opens nothing any more.
      { $unset: ["passwordReset", "emailVerification"] },
    ]);
    return modifiedCount === 1 ? "changed" : "lost";
  } catch (error) {
    if (isDuplicateKey(error)) return "taken";
    throw error;
  }
}

function refuse({ reason, user }: RefusedToken): EmailChange {
  return { ok: false, reason, ...(user && { userId: user._id }) };
}
