import type { Context } from "../context/context.js";
import { isIdentityError } from "../core/errors.js";
import { type Failures, noFailures, noteFailure } from "../core/one-by-one.js";
import { signingAlgorithms } from "../schemas/signing-key.js";
import {
  addKey,
  atOnce,
  newestOf,
  privateText,
  published,
  sealedPrivateText,
  storedKeys,
} from "./signing-keys.js";

/**
 * Withdraws a key that others may have: it is published no longer, and nothing that it signed is taken. Where it signs, or
 * would, its successor signs at once.
 */
export async function withdrawSigningKey(context: Context, { kid }: { kid: string }): Promise<boolean> {
  const { models, now } = context;
  const { collection } = models.SigningKey;
  const known = await storedKeys(context, signingAlgorithms);
  const all = published(context, known);
  const key = all.find((one) => one.kid === kid);
  if (!key) return false;
  const { algorithm, generation, signsFrom } = key;
  const others = all.filter((one) => one.algorithm === algorithm && one.kid !== kid);
  const newest = newestOf(others, algorithm);
  const signs =
    signsFrom <= now && !others.some((one) => one.generation > generation && one.signsFrom <= now);
  if (signs && newest && newest.generation > generation) {
    // One that waits has been published for a while: more clients know it than would know another.
    const signing = { $set: { signsFrom: atOnce(context) } };
    await collection.updateOne({ _id: newest._id, signsFrom: { $gt: now } }, signing);
  } else if (signs) {
    // By what was read before: of any number of calls one makes the successor.
    await addKey(context, algorithm, known, "at_once");
  }
  const { modifiedCount } = await collection.updateOne(
    { _id: key._id, $or: [{ purgeAt: null }, { purgeAt: { $gt: now } }] },
    // Since it was made, so that it is over by every clock.
    { $set: { purgeAt: key.createdAt } },
  );
  return modifiedCount === 1;
}

/** What came of sealing the signing keys with the current key; those that failed are named by their `kid`. */
export interface ResealedKeys extends Failures<string> {
  resealed: number;
}

/** Seals with the current key of the deployment what a former one has sealed. There are few keys, so that one call does it. */
export async function resealSigningKeys(context: Context): Promise<ResealedKeys> {
  const { models, sealKeys } = context;
  const [current, ...former] = sealKeys;
  const report: ResealedKeys = { resealed: 0, ...noFailures() };
  for (const key of published(context, await storedKeys(context, signingAlgorithms))) {
    if (key.keyId === current?.id || !former.some(({ id }) => id === key.keyId)) continue;
    try {
      const sealed = sealedPrivateText(context, key.kid, privateText(context, key));
      const { modifiedCount } = await models.SigningKey.collection.updateOne(
        { _id: key._id, keyId: key.keyId },
        { $set: { ...sealed } },
      );
      report.resealed += modifiedCount;
    } catch (error) {
      if (!isIdentityError(error, "SEAL_BROKEN")) throw error;
      noteFailure(report, key.kid, error);
    }
  }
  return report;
}
