import { Types } from "mongoose";
import { type LocatedToken, lookupHash, mintToken, sha256 } from "../core/secrets.js";
import { tokenPlace } from "../queries/place.js";
import type { UserDocument } from "../schemas/user.js";
import type { UserSessionDocument } from "../schemas/user-session.js";

/** What every session has of its own, and of its user as they are when it begins. */
export type MintedSession = Pick<
  UserSessionDocument,
  "_id" | "userId" | "handleHash" | "tokenHash" | "userGeneration" | "roles"
>;

/** The id, the token and the user's part of a new session. */
export function mintSession(user: Pick<UserDocument, "_id" | "roles" | "sessionGeneration">): {
  minted: MintedSession;
  token: LocatedToken;
} {
  const _id = new Types.ObjectId();
  const token = mintToken("session", tokenPlace({ ownerId: user._id, id: _id }));
  const minted = {
    _id,
    userId: user._id,
    handleHash: lookupHash(token.handle),
    tokenHash: sha256(token.raw),
    ...(user.sessionGeneration > 0 && { userGeneration: user.sessionGeneration }),
    roles: user.roles,
  };
  return { minted, token };
}
