import { isCommon } from "./common.js";
import { isMadeOfContext } from "./context-words.js";
import { isRepetitive } from "./repetitive.js";

/**
 * Why a new password is refused: it is one of the most common ones; one part over and over; little more than words of the
 * account and the service; or known from a breach.
 */
export type PasswordWeakness = "common" | "repetitive" | "context" | "breached";

/**
 * Weaknesses of a password that show without asking another service.
 *
 * @param phrases - names and addresses of the account and the service.
 */
export function weaknessOf(
  password: string,
  phrases: readonly string[],
): Exclude<PasswordWeakness, "breached"> | undefined {
  const folded = password.normalize("NFKC").toLowerCase();
  if (isCommon(folded)) return "common";
  if (isMadeOfContext(password, phrases)) return "context";
  return isRepetitive(folded) ? "repetitive" : undefined;
}
