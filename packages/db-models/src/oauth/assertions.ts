import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { clockToleranceMs } from "../core/clock.js";
import { sha256 } from "../core/secrets.js";
import { isFirst } from "../queries/update.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { UsedAssertionDocument } from "../schemas/used-assertion.js";

export interface AssertionUse {
  /** Whose it is, such as a client's id or the thumbprint of a key. */
  holder: string;
  /** Its `jti`, of any length. */
  jti: string;
  /** From then on nobody accepts it any more. */
  expiresAt: Date;
}

export const assertionHashOf = (holder: string, jti: string): Buffer => sha256(JSON.stringify([holder, jti]));

/** @returns true at the first use, in whichever process. */
export async function useAssertion(
  { models, now }: Context,
  { holder, jti, expiresAt }: AssertionUse,
): Promise<boolean> {
  const used: UsedAssertionDocument = {
    _id: new Types.ObjectId(),
    assertionHash: assertionHashOf(holder, jti),
    usedAt: now,
    // Another process, whose clock is behind, would accept it for longer.
    purgeAt: new Date(Math.max(expiresAt.getTime(), now.getTime()) + clockToleranceMs),
    schemaVersion: currentSchemaVersion,
  };
  return isFirst(models.UsedAssertion, used);
}
