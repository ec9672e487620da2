import { type IdentitySettings, type PasswordPolicyInput, pwnedPasswords } from "@org/db-models";
import { type Config, issuerOf } from "./config.js";

/** What is asked of new passwords: the words of the service, and the breaches where that is wanted. */
export function passwordChecks(
  config: Config,
  policy: PasswordPolicyInput = {},
): Pick<IdentitySettings, "passwords" | "isBreached"> {
  const { breachedPasswords: breached, passwordWords } = config;
  const words = [new URL(issuerOf(config)).hostname, ...passwordWords, ...(policy.words ?? [])];
  return {
    passwords: { ...policy, words },
    ...(breached !== "off" && {
      isBreached: pwnedPasswords(breached === "pwned-passwords" ? {} : { url: breached }),
    }),
  };
}
