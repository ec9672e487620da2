import type { Context } from "../context/context.js";
import { type SigningAlgorithm, signingAlgorithms } from "../schemas/signing-key.js";
import { published, type SigningKeyState, stateOf, storedKeys } from "./signing-keys.js";

/** A published signing key, without its halves. */
export interface ListedSigningKey {
  kid: string;
  algorithm: SigningAlgorithm;
  state: SigningKeyState;
  createdAt: Date;
  signsFrom: Date;
  /** When it is no longer published; absent while it has no successor. */
  publishedUntil?: Date;
  /** Name of the key of the deployment that seals its private half. */
  sealedWith: string;
}

/** Makes none and opens none. */
export async function listSigningKeys(context: Context): Promise<ListedSigningKey[]> {
  const keys = published(context, await storedKeys(context, signingAlgorithms));
  return keys.map((key) => {
    const { kid, algorithm, createdAt, signsFrom, purgeAt, keyId } = key;
    return {
      kid,
      algorithm,
      state: stateOf(keys, key, context.now),
      createdAt,
      signsFrom,
      ...(purgeAt && { publishedUntil: purgeAt }),
      sealedWith: keyId,
    };
  });
}
