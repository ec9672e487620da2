/** The stored secret of an authenticator app. */

import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { type SealedText, sealText, unsealText } from "../core/seal-keys.js";
import type { TotpSecret } from "../schemas/user-factors.js";

export const ownerOfTotp = (userId: Types.ObjectId, id: Types.ObjectId) =>
  `totp:${userId.toHexString()}:${id.toHexString()}`;

/** The secret under the current key; `undefined` where it is under that key already. */
export function underCurrentKey(
  { sealKeys }: Context,
  userId: Types.ObjectId,
  secret: TotpSecret,
): SealedText | undefined {
  if (secret.keyId === sealKeys[0]?.id) return undefined;
  const owner = ownerOfTotp(userId, secret.id);
  return sealText(sealKeys, unsealText(sealKeys, secret, owner), owner);
}

/** The changes that put a sealed secret in the place of the stored one. */
export const inPlace = ({ keyId, sealedText }: SealedText) => ({
  "totp.keyId": keyId,
  "totp.sealedText": sealedText,
});
