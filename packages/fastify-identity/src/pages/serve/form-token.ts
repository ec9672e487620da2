import { hmac } from "@org/db-models/core";
import type { Types } from "mongoose";

/**
 * The value that every form of a page sends: the key that the browser keeps for all its tabs, which shows that the form is
 * ours, and on a page of an account whose page it is.
 */
export function formTokenOf(key: string, userId: Types.ObjectId | undefined): string {
  return userId ? `${key}.${ownerMark(key, userId)}` : key;
}

/** Names an account to who has the key. */
export const ownerMark = (key: string, userId: Types.ObjectId): string => hmac(key, userId.toHexString());
