import { setTimeout } from "node:timers/promises";
import type { Types } from "mongoose";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import type { IdentityModels } from "../schemas/models.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { defaultSessionCap } from "./expand.js";

type Candidate = Pick<UserSessionDocument, "_id" | "slot" | "createdAt" | "idleExpiresAt">;

/** Changes after which the newest sessions, as many as the cap allows, have the slots. */
interface SlotChanges {
  release: Candidate[];
  assign: Array<{ _id: Types.ObjectId; slot: number }>;
}

/**
 * Gives the slots to the newest live sessions: the oldest go first, as they do when a login makes room. Pure.
 *
 * @param sessions - those that have not been revoked.
 */
export function slotChanges(sessions: readonly Candidate[], cap: number, now: Date): SlotChanges {
  const live = sessions.filter(({ idleExpiresAt }) => idleExpiresAt > now);
  const chosen = new Set(
    live.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || compareIds(b, a)).slice(0, cap),
  );
  const keeps = (one: Candidate) => chosen.has(one) && one.slot !== undefined && one.slot < cap;
  const taken = new Set(sessions.filter(keeps).map(({ slot }) => slot));
  const free = Array.from({ length: cap }, (_, slot) => slot).filter((slot) => !taken.has(slot));
  return {
    release: sessions.filter((one) => one.slot !== undefined && !keeps(one)),
    assign: [...chosen]
      .filter((one) => !keeps(one))
      .map(({ _id }, at) => ({ _id, slot: free[at] as number })),
  };
}

function compareIds(a: Candidate, b: Candidate): number {
  return a._id.toHexString() < b._id.toHexString() ? -1 : 1;
}

const maxRounds = 50;
const projection = { slot: 1, createdAt: 1, idleExpiresAt: 1 } as const;

/**
 * Aligns the slots of a user's sessions with the copied ones. Each change states its precondition, so of several
 * processes that do this at once one makes the change and the others retry.
 *
 * @throws IdentityError `CONTENTION`.
 */
export async function settleSlots(models: IdentityModels, userId: Types.ObjectId, now: Date): Promise<void> {
  const { collection } = models.UserSession;
  for (let round = 0; round < maxRounds; round++) {
    const [user, sessions] = await Promise.all([
      models.User.collection.findOne(
        { _id: userId },
        { projection: { "security.maxConcurrentSessions": 1 } },
      ),
      collection.find<Candidate>({ userId, revokedAt: null }, { projection }).toArray(),
    ]);
    const cap = (user as { security?: { maxConcurrentSessions?: number } } | null)?.security
      ?.maxConcurrentSessions;
    const changes = slotChanges(sessions, cap ?? defaultSessionCap, now);
    if (changes.release.length + changes.assign.length === 0) return;
    for (const { _id, slot } of changes.release)
      await collection.updateOne({ _id, userId, slot } as object, { $unset: { slot: "" } });
    for (const change of changes.assign) await assign(models, userId, change);
    if (round > 0) await setTimeout(Math.random() * Math.min(2 ** round, 50));
  }
  throw new IdentityError("CONTENTION", `no slots after ${maxRounds} attempts among parallel writers`);
}

async function assign(
  models: IdentityModels,
  userId: Types.ObjectId,
  { _id, slot }: SlotChanges["assign"][number],
): Promise<void> {
  try {
    await models.UserSession.collection.updateOne(
      { _id, userId, revokedAt: null, slot: { $exists: false } },
      { $set: { slot } },
    );
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}
