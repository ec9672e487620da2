import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { parseInput } from "../core/input.js";
import type { UserFactorsDocument } from "../schemas/user-factors.js";
import {
  type FactorSession,
  findFactors,
  noteChange,
  type ReauthenticationRequired,
  refusalOfChange,
} from "./account.js";
import { removal } from "./changes.js";
import { passkeyName } from "./passkey-registration.js";

export type PasskeyRemoval =
  | { ok: true }
  | ReauthenticationRequired
  /** `last_way_in`: the account has no password, no provider and no other passkey that is a sign-in by itself. */
  | { ok: false; reason: "not_enrolled" | "last_way_in" };

export async function renamePasskey(
  { models, now }: Context,
  { session, id, name }: { session: FactorSession; id: Types.ObjectId; name: string },
): Promise<{ ok: true } | { ok: false; reason: "not_enrolled" }> {
  const called = parseInput(passkeyName, name);
  const { matchedCount } = await models.UserFactors.collection.updateOne(
    { userId: session.userId, "passkeys.id": id },
    { $set: { "passkeys.$.name": called, updatedAt: now } },
  );
  return matchedCount === 0 ? { ok: false, reason: "not_enrolled" } : { ok: true };
}

export async function removePasskey(
  context: Context,
  { session, id }: { session: FactorSession; id: Types.ObjectId },
): Promise<PasskeyRemoval> {
  const { models, now } = context;
  const { userId } = session;
  const factors = await findFactors(context, userId);
  if (!hasPasskey(factors, id)) return { ok: false, reason: "not_enrolled" };
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  // Of two removals at once that each leave the other passkey, one finds it gone.
  const another = { passkeys: { $elemMatch: { id: { $ne: id }, verifiesUser: true } } };
  const stays = (await hasOtherWayIn(context, userId)) ? {} : another;
  const others = { $filter: { input: "$passkeys", as: "one", cond: { $ne: ["$$one.id", id] } } };
  const left = { $cond: [{ $gt: [{ $size: "$passkeys" }, 1] }, others, "$$REMOVE"] };
  const { modifiedCount } = await models.UserFactors.collection.updateOne(
    { userId, "passkeys.id": id, ...stays },
    removal({ passkeys: left }, now),
  );
  if (modifiedCount === 0) {
    const isThere = hasPasskey(await findFactors(context, userId), id);
    return { ok: false, reason: isThere ? "last_way_in" : "not_enrolled" };
  }
  await noteChange(context, session, "passkey_removed");
  return { ok: true };
}

const hasPasskey = (factors: UserFactorsDocument | undefined, id: Types.ObjectId) =>
  factors?.passkeys?.some((one) => one.id.equals(id)) ?? false;

async function hasOtherWayIn({ models }: Context, userId: Types.ObjectId): Promise<boolean> {
  const user = await models.User.collection.findOne(
    { _id: userId },
    { projection: { passwordHash: 1, externalIdentities: 1 } },
  );
  const { passwordHash, externalIdentities } = (user ?? {}) as {
    passwordHash?: string;
    externalIdentities?: unknown[];
  };
  return passwordHash !== undefined || (externalIdentities?.length ?? 0) > 0;
}
