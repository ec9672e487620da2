import { createHmac, randomBytes } from "node:crypto";

// SHA-1, 6 digits and 30 seconds: authenticator apps ignore other settings, and then show codes that never pass.
const digits = 6;
const periodMs = 30_000;
const secretBytes = 20; // 160 bits, as RFC 4226 section 4 R6 recommends
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The time step of a moment (RFC 6238 section 4.2). */
export function totpStepAt(at: Date): number {
  return Math.floor(at.getTime() / periodMs);
}

/** The six digits of a secret at a time step (RFC 6238; RFC 4226 section 5.3). */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, "0");
}

/** 160 random bits. */
export function newTotpSecret(): Buffer {
  return randomBytes(secretBytes);
}

/** Base 32 without padding (RFC 4648 section 6): how people and apps exchange the secret. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(value >>> (bits - 5)) & 31];
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}

/** The URI that an authenticator app reads from a QR code. */
export function totpUri(secret: Uint8Array, issuer: string, account: string): string {
  const query = [
    `secret=${base32(secret)}`,
    `issuer=${encodeURIComponent(issuer)}`,
    "algorithm=SHA1",
    `digits=${digits}`,
    `period=${periodMs / 1_000}`,
  ];
  return `otpauth://totp/${encodeURIComponent(issuer)}:${encodeURIComponent(account)}?${query.join("&")}`;
}
