import type { Types } from "mongoose";
import { isDuplicateKey } from "../errors.js";
import type { IdentityModels } from "../models.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { endSessions } from "./revoke.js";
import type { SlotGrant } from "./slots.js";

/**
 * Ends and moves sessions one by one, each by a command that states what it relies on, so that of two parallel
 * logins one does it and the other looks again. Returns those that this call evicted.
 */
export async function makeRoom(
  models: IdentityModels,
  grant: SlotGrant<Types.ObjectId>,
  userGeneration: number,
  now: Date,
): Promise<Types.ObjectId[]> {
  const { collection } = models.UserSession;
  if (grant.expired.length > 0) {
    // A session that was used meanwhile is live again and keeps its slot.
    const unused = {
      $or: [{ idleExpiresAt: { $lte: now } }, { userGeneration: { $lt: userGeneration } }],
    };
    // Within $and: beside `_id` a $or may cost a read of the whole collection (SecantusDB).
    await collection.updateMany({ _id: { $in: grant.expired }, $and: [unused] }, { $unset: { slot: "" } });
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

/**
 * One login's way to a slot. The first attempt inserts the session with its slot, which makes it live. After a
 * refusal the session waits in the collection without a slot, which nothing accepts, and takes one by an update: a
 * server may take longer to see a slot free for an insert than for an update (SecantusDB does, after a session gave
 * its slot back), and a crash leaves a session that never lived.
 */
export class SlotClaim {
  readonly #models: IdentityModels;
  readonly #session: UserSessionDocument;
  #state: "new" | "refused" | "waiting" = "new";

  constructor(models: IdentityModels, session: UserSessionDocument) {
    this.#models = models;
    this.#session = session;
  }

  /** @returns false when another session has the slot. */
  async take(slot: number): Promise<boolean> {
    const { collection } = this.#models.UserSession;
    const { _id } = this.#session;
    if (this.#state === "refused") {
      await collection.insertOne({ ...this.#session });
      this.#state = "waiting";
    }
    try {
      if (this.#state === "new") await collection.insertOne({ ...this.#session, slot });
      else await collection.updateOne({ _id }, { $set: { slot } });
      return true;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      if (this.#state === "new") this.#state = "refused";
      return false;
    }
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    if (this.#state !== "waiting") return;
    await this.#models.UserSession.collection.deleteOne({ _id: this.#session._id, slot: { $exists: false } });
  }
}
