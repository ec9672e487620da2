import { createHash } from "node:crypto";

/**
 * Whether a password is known from a breach. What it throws, or an answer after the time, refuses nobody. `signal` aborts when
 * the time for the answer is over.
 */
export type BreachedPasswords = (password: string, options: { signal: AbortSignal }) => Promise<boolean>;

export interface PwnedPasswordsOptions {
  /** Where the range is asked for, up to its prefix; for a mirror. Default: `https://api.pwnedpasswords.com/range/`. */
  readonly url?: string;
}

/** Hexadecimal digits of the SHA-1 that are sent. */
const prefixLength = 5;

/**
 * Asks Pwned Passwords of Have I Been Pwned, or a mirror of it. Only the first five digits of the password's SHA-1 leave the
 * process; the answer has some 800 suffixes that begin so, and padding to hide how many.
 *
 * Source: https://haveibeenpwned.com/API/v3#PwnedPasswords.
 *
 * @throws TypeError for a URL that is none.
 *
 * @example
 * const identity = await openIdentity(uri, { isBreached: pwnedPasswords() });
 */
export function pwnedPasswords({
  url = "https://api.pwnedpasswords.com/range/",
}: PwnedPasswordsOptions = {}): BreachedPasswords {
  const base = new URL(url.endsWith("/") ? url : `${url}/`);
  return async (password, { signal }) => {
    const hash = createHash("sha1").update(password).digest("hex").toUpperCase();
    const suffix = hash.slice(prefixLength);
    const answer = await fetch(new URL(hash.slice(0, prefixLength), base), {
      headers: { "add-padding": "true", "user-agent": "org-db-models" },
      redirect: "error",
      signal,
    });
    if (!answer.ok) throw new Error(`Pwned Passwords answered ${answer.status}`);
    const lines = (await answer.text()).split(/\r?\n/);
    // Padding is a suffix that was seen 0 times.
    return lines.some((line) => {
      const [seen = "", times = ""] = line.split(":");
      return seen.trim().toUpperCase() === suffix && Number(times) > 0;
    });
  };
}
