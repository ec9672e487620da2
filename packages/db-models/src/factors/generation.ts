import type { Types } from "mongoose";
import type { Context } from "../context/context.js";

/** The `sessionGeneration` of an account; `undefined` for one that is gone. */
export async function generationOf({ models }: Context, userId: Types.ObjectId): Promise<number | undefined> {
  const projection = { sessionGeneration: 1 };
  const user = await models.User.collection.findOne({ _id: userId }, { projection });
  return user ? Number(user.sessionGeneration) : undefined;
}
