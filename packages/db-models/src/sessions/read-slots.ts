import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import { impersonationSlot, type UserSessionDocument } from "../schemas/user-session.js";
import type { SlotHolder } from "./slots.js";

/** The sessions that hold a slot of a user, as far as a login is decided on them. */
export type SessionSlots = readonly (SlotHolder<Types.ObjectId> & Pick<UserSessionDocument, "deviceHash">)[];

const projection = { slot: 1, createdAt: 1, idleExpiresAt: 1, userGeneration: 1, deviceHash: 1 } as const;

export function readSessionSlots(
  { models }: Context,
  { userId }: { userId: Types.ObjectId },
): Promise<SessionSlots> {
  return readSlots(models, userId);
}

export async function readSlots(models: IdentityModels, userId: Types.ObjectId): Promise<SessionSlots> {
  const holders = await runQuery(models, queries.slotsOfUser(userId), projection);
  // Who holds a slot has one. An impersonation counts against no cap, and no sign-in ends it.
  return holders.filter(({ slot }) => slot !== impersonationSlot) as unknown as SessionSlots;
}
