import { type Algorithm, hash, verify } from "@node-rs/argon2";
import { IdentityError } from "./errors.js";
import { randomKey } from "./secrets.js";
import { isWellFormed, lengthOf } from "./text.js";

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. Runs on libuv's threads, not the event loop. */
const parameters = {
  algorithm: 2 satisfies Algorithm.Argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
} as const;

/**
 * In code points of the NFC form. NIST SP 800-63B-4 section 3.1.1: at least 15 when the password is the only factor, at
 * least 64 accepted, each code point counted as one character.
 */
export const passwordLength = { min: 15, max: 256 } as const;

let decoy: Promise<string> | undefined;

/**
 * argon2id in PHC format, of the NFC form.
 *
 * @throws IdentityError `INVALID_INPUT` for a password that is no well-formed Unicode: as bytes it would equal others.
 */
export async function hashPassword(password: string): Promise<string> {
  if (!isWellFormed(password)) {
    throw new IdentityError("INVALID_INPUT", "password: must be well-formed Unicode");
  }
  return hash(password.normalize("NFC"), parameters);
}

/** What makes a password that a stranger may know open nothing any more: the account has one that nobody knows. */
export async function voidPassword(now: Date): Promise<{ passwordHash: string; passwordChangedAt: Date }> {
  return { passwordHash: await hashPassword(randomKey()), passwordChangedAt: now };
}

/**
 * Verifies a password. Without a hash it spends the same work on a decoy, so that the time does not tell whether an
 * account exists. A password that nobody can have set, ill-formed or too long, is hashed as another of bounded length.
 */
export async function verifyPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
  const possible = isPossible(password);
  decoy ??= hashPassword("a password that no account has");
  const compared = possible ? password.normalize("NFC") : "a password that nobody can have";
  const matches = await verify(passwordHash ?? (await decoy), compared);
  return passwordHash !== undefined && possible && matches;
}

/** NFC makes at most four code points one, of two units each: a longer text is too long, whatever it composes to. */
const maxUnits = 8 * passwordLength.max;

function isPossible(password: string): boolean {
  return password.length <= maxUnits && isWellFormed(password) && lengthOf(password) <= passwordLength.max;
}
