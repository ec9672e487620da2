import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { duration } from "../core/limits.js";
import { findAndUpdate } from "../queries/update.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { UserFactorsDocument } from "../schemas/user-factors.js";

type Expression = Record<string, unknown>;

const maxAttempts = 10;

/** Changes the factors of a user by a pipeline, and makes their document where there is none yet. */
export async function changeFactors(
  context: Context,
  userId: Types.ObjectId,
  set: Expression,
): Promise<UserFactorsDocument> {
  const { models, now } = context;
  const always = { createdAt: { $ifNull: ["$createdAt", now] }, updatedAt: now };
  const update = [{ $set: { ...set, ...always, schemaVersion: currentSchemaVersion } }];
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    try {
      const changed = await findAndUpdate(models.UserFactors, { userId }, update, {
        upsert: true,
        returnDocument: "after",
      });
      if (changed) return changed;
    } catch (error) {
      // Another first enrolment inserted the document between the look and the insert of this one.
      if (!isDuplicateKey(error)) throw error;
    }
  }
  throw new IdentityError("CONTENTION", "parallel changes of the factors never left room");
}

const isThere = (path: string): Expression => ({ $ne: [{ $type: path }, "missing"] });

/** An aggregation expression: when a document is garbage that has no factor, and is to stay otherwise. */
export function garbageUnlessEnabled(at: Date): Expression {
  return { $cond: [isThere("$enabledAt"), "$$REMOVE", new Date(at.getTime() + duration.day)] };
}

/**
 * The stages of an update that takes a factor away: once none is left, what stands in for one goes too. Devices are
 * remembered for what was proved on them, so none is after any removal.
 *
 * @param set - takes the factor away.
 */
export function removal(set: Expression, now: Date): Expression[] {
  const isLeft = { $or: [isThere("$totp"), isThere("$passkeys")] };
  const whileLeft = (path: string) => ({ $cond: [isLeft, path, "$$REMOVE"] });
  return [
    { $set: set },
    {
      $set: {
        enabledAt: whileLeft("$enabledAt"),
        recoveryCodes: whileLeft("$recoveryCodes"),
        recoveryCodesOfSession: whileLeft("$recoveryCodesOfSession"),
        recovery: whileLeft("$recovery"),
        purgeAt: { $cond: [isLeft, "$$REMOVE", new Date(now.getTime() + duration.day)] },
        rememberedDevices: "$$REMOVE",
        updatedAt: now,
      },
    },
  ];
}
