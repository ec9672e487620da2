import type { Types } from "mongoose";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { canonicalClientAddress, isAllowed } from "../core/network.js";
import type { IdentityModels } from "../schemas/models.js";
import { type PublicUser, publicProjection } from "./accounts.js";
import {
  type ProfileChanges,
  profileChangesSchema,
  type SecurityChanges,
  securityChangesSchema,
} from "./input.js";

/**
 * Changes a user's profile; what is not named stays, `null` clears.
 *
 * @throws IdentityError `INVALID_INPUT`, `USER_NOT_FOUND`.
 */
export async function updateProfile(
  models: IdentityModels,
  input: { userId: Types.ObjectId; changes: ProfileChanges },
  now: Date,
): Promise<PublicUser> {
  return applyChanges(models, input.userId, "profile", parseInput(profileChangesSchema, input.changes), now);
}

/**
 * Changes a user's security settings. Timeouts hold for sessions opened from now on; a lower cap is met at the next
 * login.
 *
 * @param input - `from` is the address that the change comes from. An allowlist without it would lock its owner out, and
 * is refused unless `confirmed`.
 * @throws IdentityError `INVALID_INPUT`, `USER_NOT_FOUND`; `WOULD_LOCK_OUT`.
 */
export async function updateSecurity(
  models: IdentityModels,
  input: { userId: Types.ObjectId; changes: SecurityChanges; from?: string; confirmed?: boolean },
  now: Date,
): Promise<PublicUser> {
  const changes = parseInput(securityChangesSchema, input.changes);
  const { from, confirmed = false } = input;
  if (
    from !== undefined &&
    !confirmed &&
    !isAllowed(changes.ipAllowlist ?? [], canonicalClientAddress(from))
  ) {
    const message =
      "the allowlist leaves out the address that this change comes from; add it, or confirm the change";
    throw new IdentityError("WOULD_LOCK_OUT", message, { details: { from } });
  }
  return applyChanges(models, input.userId, "security", changes, now);
}

async function applyChanges(
  models: IdentityModels,
  userId: Types.ObjectId,
  section: "profile" | "security",
  changes: Record<string, unknown>,
  now: Date,
): Promise<PublicUser> {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const set = Object.fromEntries(
    given.filter(([, value]) => value !== null).map(([key, value]) => [`${section}.${key}`, value]),
  );
  const unset = Object.fromEntries(
    given.filter(([, value]) => value === null).map(([key]) => [`${section}.${key}`, ""]),
  );
  const updated = await models.User.collection.findOneAndUpdate(
    { _id: userId },
    { $set: { ...set, updatedAt: now }, ...(Object.keys(unset).length > 0 && { $unset: unset }) },
    { returnDocument: "after", projection: publicProjection },
  );
  if (!updated) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return updated as unknown as PublicUser;
}
