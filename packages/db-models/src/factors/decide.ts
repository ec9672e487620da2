import { assuranceOf, type ProofMethod } from "../core/assurance.js";
import type { AccountFactors } from "./account.js";

/** What a sign-in is decided on, once its first proof is given. */
export interface FactorQuestion {
  factors: Pick<AccountFactors, "totp" | "passkeys" | "recoveryCodes">;
  /** True when `factors.isDeviceRemembered` knows the device: then two factors are asked for only where risk asks. */
  rememberedDevice?: boolean;
  /** `enrolled`: who has a factor is asked for it. `always`: who has none is to enrol one. Default `enrolled`. */
  policy?: "enrolled" | "always";
  /** What the risk engine says of the sign-in. */
  risk: "allow" | "challenge" | "deny";
  /** What was proved in this sign-in. */
  proofs: readonly ProofMethod[];
}

export type FactorDecision =
  | {
      action: "allow";
      /** True when the account is to enrol a factor, which the policy asks for and it does not have. */
      enrol: boolean;
    }
  | {
      action: "challenge";
      /** One of these is to be proved; `email` only where there is no factor, and it never raises `acr`. */
      ask: ProofMethod[];
    }
  | { action: "deny" };

/**
 * Decides which factor a sign-in is asked for: pure, and never weaker for more risk. An enrolled factor is asked of every
 * way of signing in, a provider's word and a recovered password included; only two factors pass, or a passkey. On a
 * remembered device one passes as long as risk allows the sign-in; its session has `acr` 1 all the same.
 */
export function decideFactor(question: FactorQuestion): FactorDecision {
  const { factors, policy = "enrolled", risk, proofs, rememberedDevice = false } = question;
  const given = proofs.map((method) => ({ method }));
  if (risk === "deny") return { action: "deny" };
  const level = assuranceOf(given);
  if (level === 0) return { action: "deny" };
  if (level === 2) return { action: "allow", enrol: false };
  const ask = methodsOf(factors);
  // With nothing but the app in somebody's hand it is the password that is missing.
  if (ask.length > 0 && proofs.some((method) => possessions.includes(method))) {
    return { action: "challenge", ask: ["password"] };
  }
  if (ask.length > 0 && rememberedDevice && risk === "allow") return { action: "allow", enrol: false };
  if (ask.length > 0) return { action: "challenge", ask };
  if (risk === "challenge" && !proofs.includes("email")) return { action: "challenge", ask: ["email"] };
  return { action: "allow", enrol: policy === "always" };
}

/** Proofs of something that somebody has; a security key is asked for as a passkey. */
const possessions: readonly ProofMethod[] = ["totp", "recovery_code", "security_key"];

function methodsOf({ totp, passkeys, recoveryCodes }: FactorQuestion["factors"]): ProofMethod[] {
  const factors: ProofMethod[] = [...(passkeys.length > 0 ? ["passkey" as const] : [])];
  if (totp) factors.push("totp");
  if (factors.length > 0 && recoveryCodes > 0) factors.push("recovery_code");
  return factors;
}
