import type { Types } from "mongoose";
import type { IdentityModels } from "../schemas/models.js";
import type { UserDocument, UserStatus } from "../schemas/user.js";

/**
 * Makes a key good that was just inserted, if its owner is active. The user is read after the insert: who suspends the
 * account from then on finds the key too, and does it under a higher generation.
 *
 * @returns the owner's status; `undefined` without an owner.
 */
export async function activateApiKey(
  models: IdentityModels,
  _id: Types.ObjectId,
  userId: Types.ObjectId,
): Promise<UserStatus | undefined> {
  const projection = { status: 1, sessionGeneration: 1 } as const;
  const user = await models.User.collection.findOne({ _id: userId }, { projection });
  const { status, sessionGeneration } = (user ?? {}) as Partial<UserDocument>;
  if (status !== "active") return status;
  await models.ApiKey.collection.updateOne(
    { _id, userId, ownerGeneration: { $lte: sessionGeneration ?? 0 } },
    { $set: { ownerActive: true, ownerGeneration: sessionGeneration ?? 0 } },
  );
  return status;
}

/** Suspends a user's keys before the account is, so that a crash in between leaves too little open, not too much. */
export async function suspendApiKeys(models: IdentityModels, userId: Types.ObjectId): Promise<void> {
  await models.ApiKey.collection.updateMany({ userId }, { $set: { ownerActive: false } });
}

/**
 * Brings a user's keys in step with the account. Of changes of status that run in parallel the one with the highest
 * generation wins, in whichever order they get here; leaving `active` raises the generation, coming back does not.
 */
export async function settleApiKeys(
  models: IdentityModels,
  userId: Types.ObjectId,
  owner: { active: boolean; generation: number },
): Promise<void> {
  const older = owner.active ? { $lte: owner.generation } : { $lt: owner.generation };
  await models.ApiKey.collection.updateMany(
    { userId, ownerGeneration: older },
    { $set: { ownerActive: owner.active, ownerGeneration: owner.generation } },
  );
}
