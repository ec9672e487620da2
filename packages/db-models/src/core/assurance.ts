import { clockToleranceMs } from "./clock.js";

/**
 * The ways in which somebody proves who they are. A `passkey` verified its user by a PIN or biometrics; a `security_key`
 * only showed that somebody was there (NIST SP 800-63B-4 appendix B). `external` is another provider's word, `email` a code or link that was mailed.
 */
export const proofMethods = [
  "password",
  "external",
  "email",
  "totp",
  "recovery_code",
  "security_key",
  "passkey",
] as const;
export type ProofMethod = (typeof proofMethods)[number];

/** One proof, and when it was given. */
export interface Proof {
  method: ProofMethod;
  at: Date;
}

/**
 * How sure it is who somebody is: 2 for two different factors or a passkey, as AAL2 of NIST SP 800-63B-4 asks; 1 for one
 * factor; 0 when nothing that counts was proved.
 */
export type AssuranceLevel = 0 | 1 | 2;

/** A value of RFC 8176. */
export type AuthenticationMethod = "pwd" | "otp" | "pop" | "user" | "mfa";

type Factor = "primary" | "possession";

// A mailed code proves neither (NIST SP 800-63B-4 section 3.1.3.1): mail is where a password is reset, so it would be one
// factor counted twice.
const factorsOf: Record<ProofMethod, readonly Factor[]> = {
  password: ["primary"],
  external: ["primary"],
  email: [],
  totp: ["possession"],
  recovery_code: ["possession"],
  security_key: ["possession"],
  passkey: ["primary", "possession"],
};

const methodsOf: Record<ProofMethod, readonly AuthenticationMethod[]> = {
  password: ["pwd"],
  external: [],
  email: [],
  totp: ["otp"],
  recovery_code: ["otp"],
  security_key: ["pop", "user"],
  passkey: ["pop", "user"],
};

/** The level that proofs reach together. */
export function assuranceOf(proofs: readonly Pick<Proof, "method">[]): AssuranceLevel {
  let isPrimary = false;
  let isPossession = false;
  for (const { method } of proofs) {
    // A method of a newer version counts for nothing here.
    for (const factor of factorsOf[method] ?? []) {
      if (factor === "primary") isPrimary = true;
      else isPossession = true;
    }
  }
  if (isPrimary && isPossession) return 2;
  return isPrimary || isPossession ? 1 : 0;
}

/**
 * The proofs of a period, which ends now. One that is dated ahead by more than clocks differ counts for nothing.
 */
export function recentProofs(proofs: readonly Proof[], now: Date, withinMs: number): Proof[] {
  const since = now.getTime() - withinMs;
  const until = now.getTime() + clockToleranceMs;
  return proofs.filter(({ at }) => at.getTime() >= since && at.getTime() <= until);
}

/** The level that the proofs of a period reach, which ends now: what a sensitive act asks for. */
export function recentAssurance(proofs: readonly Proof[], now: Date, withinMs: number): AssuranceLevel {
  return assuranceOf(recentProofs(proofs, now, withinMs));
}

/** The `amr` claim of proofs, in RFC 8176's values, each once. */
export function amrOf(proofs: readonly Pick<Proof, "method">[]): AuthenticationMethod[] {
  const methods: AuthenticationMethod[] = [];
  for (const { method } of proofs) {
    for (const one of methodsOf[method] ?? []) if (!methods.includes(one)) methods.push(one);
  }
  if (assuranceOf(proofs) === 2) methods.push("mfa");
  return methods;
}
