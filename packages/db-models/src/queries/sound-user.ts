// An account whose damaged parts are as of a new one, where nothing is decided by them.
import type { Types } from "mongoose";
import type { IdentityModels } from "../schemas/models.js";
import type { UserDocument } from "../schemas/user.js";
import type { Projection } from "./projection.js";
import { isSound, sound } from "./run-query.js";

/** What people read of an account, and nobody decides by. */
const toldParts = ["profile", "analytics", "apiUsage", "subscription"] as const;

/**
 * Keeps nobody out of their account for what is only told of it: such a part, where it is damaged, is replaced by that of a
 * new account, and reported.
 *
 * @throws IdentityError `DOCUMENT_DAMAGED` where something is damaged that is decided by.
 */
export function soundUser<T extends { _id: Types.ObjectId }>(
  models: IdentityModels,
  user: T,
  projection: Projection,
): T {
  const { name } = models.User.collection;
  const told = user as T & Partial<Pick<UserDocument, (typeof toldParts)[number]>>;
  const { _id } = user;
  for (const part of toldParts) {
    const read = projectionOf(part, projection);
    if (read && !isSound(models, name, { _id, [part]: told[part] }, read))
      Object.assign(told, { [part]: new models.User().toObject()[part] });
  }
  return sound(models, name, user, projection);
}

/** What was read of a part; `undefined` for nothing. */
function projectionOf(part: string, projection: Projection): Projection | undefined {
  const names = Object.entries(projection).filter(([name]) => name === part || name.startsWith(`${part}.`));
  const isOfSome = Object.values(projection).includes(1);
  if (!isOfSome) return names.length === 0 ? { [part]: 1 } : undefined;
  return names.length > 0 ? Object.fromEntries(names) : undefined;
}
