import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import type { IdentityModels } from "../schemas/models.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { endSessions, openedBefore } from "./revoke.js";
import type { SlotGrant } from "./slots.js";

/**
 * Ends and moves sessions one by one, each by a command that states its precondition, so that of two parallel
 * logins one succeeds and the other retries. Returns those that this call evicted.
 */
export async function makeRoom(
  context: Context,
  grant: SlotGrant<Types.ObjectId>,
  { userId, userGeneration = 0 }: Pick<UserSessionDocument, "userId" | "userGeneration">,
): Promise<Types.ObjectId[]> {
  const { models, now } = context;
  const { collection } = models.UserSession;
  if (grant.expired.length > 0) {
    // A session that was used meanwhile is live again and keeps its slot.
    const unused = {
      $or: [{ idleExpiresAt: { $lte: now } }, openedBefore(userGeneration)],
    };
    // Within $and: beside `_id` a $or may cost a read of the whole collection (SecantusDB).
    await collection.updateMany(
      { _id: { $in: grant.expired }, userId, $and: [unused] },
      { $unset: { slot: "" } },
    );
  }
  const evicted: Types.ObjectId[] = [];
  for (const _id of grant.evicted) {
    const ended = await endSessions(context, { _id, userId, slot: { $gte: 0 } }, "evicted");
    if (ended === 1) evicted.push(_id);
  }
  for (const { _id, from, to } of grant.moved) await moveSlot(models, { _id, userId }, from, to);
  return evicted;
}

async function moveSlot(
  models: IdentityModels,
  session: Pick<UserSessionDocument, "_id" | "userId">,
  from: number,
  to: number,
): Promise<void> {
  // Where another login took the slot first, the next look finds the session where it was.
  await wins(() =>
    models.UserSession.collection.updateOne({ ...session, slot: from }, { $set: { slot: to } }),
  );
}

/**
 * One login's way to a slot. The first attempt inserts the session with its slot, which makes it live. After a
 * refusal the session waits in the collection without a slot, which nothing accepts, and takes one by an update, at
 * first the same: a server may see a slot free for an update that it does not yet see free for an insert (SecantusDB,
 * after a session gave its slot back). One that is ended while it waits gets none. A crash leaves a session that never
 * lived, and that nobody takes for an impersonation.
 */
export class SlotClaim {
  readonly #models: IdentityModels;
  readonly #session: UserSessionDocument;
  #inserted = false;
  #waiting = false;

  constructor(models: IdentityModels, session: UserSessionDocument) {
    this.#models = models;
    this.#session = session;
  }

  /**
   * @returns false when another session has the slot.
   * @throws IdentityError `SESSIONS_REVOKED` when this one was ended while it waited.
   */
  async take(slot: number): Promise<boolean> {
    const { collection } = this.#models.UserSession;
    const { impersonation, ...waiting } = this.#session;
    // Also one whose answer is lost may be there.
    this.#inserted = true;
    if (!this.#waiting) {
      if (await wins(() => collection.insertOne({ ...this.#session, slot }))) return true;
      await collection.insertOne(waiting);
      this.#waiting = true;
    }
    const { _id, userId } = waiting;
    return wins(async () => {
      const live = { $set: { slot, ...(impersonation && { impersonation }) } };
      const { matchedCount } = await collection.updateOne({ _id, userId, revokedAt: null }, live);
      if (matchedCount === 0) throw sessionsRevoked();
    });
  }

  /** Leaves nothing of a session behind whose token nobody has. */
  async abandon(): Promise<void> {
    if (!this.#inserted) return;
    const { _id, userId } = this.#session;
    await this.#models.UserSession.collection.deleteOne({ _id, userId });
  }
}

export function sessionsRevoked(): IdentityError {
  return new IdentityError("SESSIONS_REVOKED", "all sessions were ended while this login was under way");
}

async function wins(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return false;
  }
}
