import { Types } from "mongoose";
import type { LocatedToken, TokenPlace } from "../core/secrets.js";

/** A document by its owner, which is the shard key, and its `_id`. */
export interface Place {
  ownerId: Types.ObjectId;
  id: Types.ObjectId;
}

/** A document, as a token that leads to it says it: the way back of {@link placeOf}. */
export function tokenPlace({ ownerId, id }: Place): TokenPlace {
  return { ownerId: ownerId.toHexString(), id: id.toHexString() };
}

/** The document that a token leads to. */
export function placeOf({ place }: Pick<LocatedToken, "place">): Place {
  const { createFromHexString } = Types.ObjectId;
  return { ownerId: createFromHexString(place.ownerId), id: createFromHexString(place.id) };
}
