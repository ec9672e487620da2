import type { Context } from "../context/context.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { UserDocument } from "../schemas/user.js";
import { claimAndEndSessions } from "../sessions/revoke.js";
import { setUserStatus } from "../users/accounts.js";

/**
 * Takes the address from an account that never verified it, for who has just shown that the mailbox is theirs: otherwise
 * anybody could register an address to keep its owner from having it. The account is kept, and waits for an address.
 *
 * @returns false where the account that has it has verified it.
 */
export async function releaseUnverified(context: Context, email: string): Promise<boolean> {
  const { models } = context;
  const holder = await findByQuery<UserDocument>(models, queries.userByEmail(email), {
    emailVerifiedAt: 1,
    sessionGeneration: 1,
  });
  if (!holder) return true;
  if (holder.emailVerifiedAt) return false;
  const { _id: userId, sessionGeneration: seen } = holder;
  const claim = { email, emailVerifiedAt: null };
  // RFC 2606 section 2: nobody has a mailbox there.
  const change = { $set: { email: `${userId.toHexString()}@released.invalid` } };
  const reason = "account_not_active" as const;
  const ended = await claimAndEndSessions(context, { userId, reason, claim, seen, change });
  if (ended !== undefined) await setUserStatus(context, { userId, status: "pending" });
  return true;
}
