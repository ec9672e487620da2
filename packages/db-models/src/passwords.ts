import { type Algorithm, hash, verify } from "@node-rs/argon2";

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. Runs on libuv's threads, not the event loop. */
const parameters = {
  algorithm: 2 satisfies Algorithm.Argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
} as const;

/** NIST SP 800-63B-4 section 3.1.1: at least 15 when the password is the only factor, at least 64 accepted. */
export const passwordLength = { min: 15, max: 256 } as const;

let decoy: Promise<string> | undefined;

/** argon2id in PHC format. */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize("NFC"), parameters);
}

/**
 * Verifies a password. Without a hash it spends the same work on a decoy, so that the time does not tell whether an
 * account exists.
 */
export async function verifyPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
  decoy ??= hashPassword("a password that no account has");
  const matches = await verify(passwordHash ?? (await decoy), password.normalize("NFC"));
  return passwordHash !== undefined && matches;
}
