import { equalHashes, sha256 } from "../core/secrets.js";

const verifierPattern = /^[A-Za-z0-9._~-]{43,128}$/;
const challengePattern = /^[A-Za-z0-9_-]{43}$/;

/** True for what SHA-256 in base64url can be (RFC 7636 section 4.2, S256). */
export function isCodeChallenge(value: unknown): value is string {
  return typeof value === "string" && challengePattern.test(value);
}

/**
 * Whether a verifier answers a challenge of the method S256 (RFC 7636 section 4.6). A stored challenge needs its
 * verifier; a verifier without a stored challenge is a downgrade, and refused (RFC 9700 section 4.8.2).
 */
export function answersChallenge(challenge: string | undefined, verifier: unknown): boolean {
  if (challenge === undefined) return verifier === undefined;
  if (typeof verifier !== "string" || !verifierPattern.test(verifier)) return false;
  return equalHashes(sha256(verifier), Buffer.from(challenge, "base64url"));
}
