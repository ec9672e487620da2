import { clockToleranceMs } from "./clock.js";

import { equalHashes, type LocatedKind, type LocatedToken, sha256, unsealSuccessor } from "./secrets.js";

/** The rotation that replaced a token, as long as it is among the last ones. */
export function rotationOf(
  rotations: readonly TokenRotation[],
  tokenHash: Buffer,
): TokenRotation | undefined {
  return rotations.find((rotation) => equalHashes(rotation.tokenHash, tokenHash));
}

/** Whether the token before a rotation is still good. The interval is counted from the rotation and does not slide. */
export function isInGrace(
  { rotatedAt }: Pick<TokenRotation, "rotatedAt">,
  now: Date,
  graceMs: number,
): boolean {
  const sinceMs = now.getTime() - rotatedAt.getTime();
  // Dated far ahead by a wrong clock, a token that was replaced must not stay good until then.
  return sinceMs < graceMs && sinceMs > -clockToleranceMs;
}

/** Whether a token was replaced and is still good. */
export function isReplacedInGrace(
  rotations: readonly TokenRotation[],
  tokenHash: Buffer,
  now: Date,
  graceMs: number,
): boolean {
  const replaced = rotationOf(rotations, tokenHash);
  return replaced !== undefined && isInGrace(replaced, now, graceMs);
}

/** Follows the seals from a token that was replaced to the current one. */
export function currentAfter(
  kind: LocatedKind,
  rotations: readonly TokenRotation[],
  token: LocatedToken,
): LocatedToken {
  const tokenHash = sha256(token.raw);
  const from = rotations.findIndex((rotation) => equalHashes(rotation.tokenHash, tokenHash));
  return rotations
    .slice(from)
    .reduce((last, { sealedSuccessor }) => unsealSuccessor(kind, last, sealedSuccessor), token);
}

/** A token that was replaced. */
export interface TokenRotation {
  /** SHA-256 of the token before. */
  tokenHash: Buffer;
  /** Its successor, for a caller who presents the old token again within the grace interval. Readable only with that token. */
  sealedSuccessor: Buffer;
  rotatedAt: Date;
}
