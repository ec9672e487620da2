import { z } from "zod";
import { IdentityError } from "./errors.js";
import { limits } from "./limits.js";
import { seal, unseal } from "./secrets.js";

const sealKeySchema = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, "must be 1 to 32 letters, digits, _ or -")
    .describe("Name of the key, stored beside what it sealed"),
  key: z.string().min(43).max(512).describe("The secret: 256 random bits or more, as text"),
});

/** The keys that secrets at rest are sealed with, the current one first. */
export const sealKeysSchema = z
  .array(sealKeySchema)
  .max(limits.sealKeys)
  .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length, "each id must be another")
  .default([]);

/** A key of the deployment's: it never enters the database. */
export type SealKey = z.input<typeof sealKeySchema>;

/** A text that only a holder of the named key reads. */
export interface SealedText {
  keyId: string;
  sealedText: string;
}

/**
 * Seals a text with the current key.
 *
 * @param boundTo - whose it is: copied to somebody else's document it does not open.
 * @throws IdentityError `SEAL_KEY_MISSING` when there is no key.
 */
export function sealText(keys: readonly SealKey[], text: string, boundTo: string): SealedText {
  const [current] = keys;
  if (!current) {
    throw new IdentityError(
      "SEAL_KEY_MISSING",
      "sealKeys: set one, as openIdentity and createIdentity take them",
    );
  }
  return { keyId: current.id, sealedText: seal(current.key, text, boundTo) };
}

/**
 * Reads what {@link sealText} made.
 *
 * @throws IdentityError `SEAL_KEY_MISSING` when the key is not among these; `SEAL_BROKEN` when it does not open it.
 */
export function unsealText(
  keys: readonly SealKey[],
  { keyId, sealedText }: SealedText,
  boundTo: string,
): string {
  const known = keys.find(({ id }) => id === keyId);
  if (!known) {
    const message = `sealKeys: the key ${keyId} is missing; keep a former key until factors.reseal and oauth.resealSigningKeys are done`;
    throw new IdentityError("SEAL_KEY_MISSING", message, { details: { keyId } });
  }
  const text = unseal(known.key, sealedText, boundTo);
  if (text === undefined) {
    const message = `the key ${keyId} does not open what it sealed: it is another key, or the database was changed`;
    throw new IdentityError("SEAL_BROKEN", message, { details: { keyId } });
  }
  return text;
}
