import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { IdentityError } from "./errors.js";

/** An Ed25519 key, as an object of `node:crypto` or in PEM. */
export type SigningKey = KeyObject | string;

/**
 * Signs a text with an Ed25519 private key (RFC 8032), in base64url.
 *
 * @throws IdentityError `INVALID_INPUT` when it is no such key.
 */
export function signText(key: SigningKey, text: string): string {
  const privateKey = ed25519("private", () => (typeof key === "string" ? createPrivateKey(key) : key));
  return sign(null, Buffer.from(text), privateKey).toString("base64url");
}

/** True when the signature was made over this text with the private half of this key. */
export function isSigned(key: SigningKey, text: string, signature: string): boolean {
  return verify(null, Buffer.from(text), publicKeyOf(key), Buffer.from(signature, "base64url"));
}

/** Names a key pair, given either half: SHA-256 of its public key. */
export function keyIdOf(key: SigningKey): string {
  const der = publicKeyOf(key).export({ type: "spki", format: "der" });
  return hash("sha256", der, "base64url");
}

// An object that is public already is not taken by createPublicKey.
function publicKeyOf(key: SigningKey): KeyObject {
  return ed25519("public", () =>
    typeof key !== "string" && key.type === "public" ? key : createPublicKey(key),
  );
}

function ed25519(type: "private" | "public", read: () => KeyObject): KeyObject {
  let cause: unknown;
  try {
    const key = read();
    if (key.type === type && key.asymmetricKeyType === "ed25519") return key;
  } catch (error) {
    cause = error;
  }
  throw new IdentityError("INVALID_INPUT", `this is no Ed25519 ${type} key`, { ...(cause ? { cause } : {}) });
}
