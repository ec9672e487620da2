import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { canonicalClientAddress, isAllowed } from "../core/network.js";
import { findAndUpdate, mergePatch } from "../queries/update.js";
import { type PublicUser, publicProjection, publicUser } from "./accounts.js";
import {
  type ProfileChanges,
  profileChangesSchema,
  type SecurityChanges,
  securityChangesSchema,
} from "./input.js";

export async function updateProfile(
  context: Context,
  input: { userId: Types.ObjectId; changes: ProfileChanges },
): Promise<PublicUser> {
  return applyChanges(context, input.userId, "profile", parseInput(profileChangesSchema, input.changes));
}

export async function updateSecurity(
  context: Context,
  input: { userId: Types.ObjectId; changes: SecurityChanges; from?: string; confirmed?: boolean },
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
  return applyChanges(context, input.userId, "security", changes);
}

async function applyChanges(
  context: Context,
  userId: Types.ObjectId,
  section: "profile" | "security",
  changes: Record<string, unknown>,
): Promise<PublicUser> {
  const { models, now } = context;
  const { $set, ...gone } = mergePatch(changes, (field) => `${section}.${field}`);
  const updated = await findAndUpdate(
    models.User,
    { _id: userId },
    { $set: { ...$set, updatedAt: now }, ...gone },
    { returnDocument: "after", projection: publicProjection },
  );
  if (!updated) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return publicUser(updated);
}
