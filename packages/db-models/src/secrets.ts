import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";

/** The prefixes of every bearer secret that this package mints, for secret scanners and logs' redaction rules. */
export const tokenPrefixes = {
  session: "ids",
  apiKey: "idk",
  accessToken: "ida",
  refreshToken: "idr",
  authorizationCode: "idc",
  clientSecret: "idx",
  oneTime: "ido",
} as const;

export type TokenKind = keyof typeof tokenPrefixes;

/** A bearer secret in its parts. `raw` is what the holder presents; it is never stored. */
export interface Token {
  readonly raw: string;
  /** 128 random bits that stay the same while a session's secret rotates; the lookup key is its SHA-256. */
  readonly handle: string;
}

const handleLength = 22; // 128 bits in base64url
const secretLength = 43; // 256 bits in base64url
const checksumLength = 6; // CRC-32 in base 36 needs at most 7; 31 bits need 6
const body = /^[A-Za-z0-9_-]+$/;

/** SHA-256 in base64url, 43 characters: what the database stores instead of a random secret (ASVS 6.5.2). */
export function sha256(value: string): string {
  return createHash("sha256").update(value).digest("base64url");
}

/** HMAC-SHA-256 in base64url, 43 characters. */
export function hmac(key: string, value: string): string {
  return createHmac("sha256", key).update(value).digest("base64url");
}

/** 256 bits from the operating system's generator, in base64url. */
export function randomKey(): string {
  return randomBytes(32).toString("base64url");
}

/** Compares two hashes in a time that does not depend on where they differ. */
export function equalHashes(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Mints a token: `<prefix>_<handle><256-bit secret><checksum>`. */
export function mintToken(kind: TokenKind): Token {
  return assemble(kind, randomBytes(16).toString("base64url"), randomKey());
}

/**
 * Mints the successor of a token under the same handle, together with a seal from which only a holder of the old
 * token can read it again: the new secret XORed with a pad that the old token makes. So a retry of one rotation gets
 * the same successor, and a copy of the database alone yields no token.
 */
export function succeedToken(kind: TokenKind, token: Token): { successor: Token; seal: string } {
  const secret = randomBytes(32);
  return {
    successor: assemble(kind, token.handle, secret.toString("base64url")),
    seal: xor(secret, sealPad(token)).toString("base64url"),
  };
}

/** Reads the successor of a token from the seal that its rotation left. */
export function unsealSuccessor(kind: TokenKind, token: Token, seal: string): Token {
  return assemble(
    kind,
    token.handle,
    xor(Buffer.from(seal, "base64url"), sealPad(token)).toString("base64url"),
  );
}

/**
 * Reads a presented token. Anything of the wrong kind, length, alphabet or checksum gives `undefined`, so a typo
 * or a scan costs no database read.
 */
export function parseToken(kind: TokenKind, presented: unknown): Token | undefined {
  const prefix = `${tokenPrefixes[kind]}_`;
  if (typeof presented !== "string" || presented.length !== tokenLength(kind)) return undefined;
  const payload = presented.slice(prefix.length);
  if (!presented.startsWith(prefix) || !body.test(payload)) return undefined;
  const checked = presented.slice(0, -checksumLength);
  if (checksum(checked) !== presented.slice(-checksumLength)) return undefined;
  return { raw: presented, handle: payload.slice(0, handleLength) };
}

/** Length in characters of a token of this kind. */
export function tokenLength(kind: TokenKind): number {
  return tokenPrefixes[kind].length + 1 + handleLength + secretLength + checksumLength;
}

// Each token is rotated at most once, so its pad covers a single secret.
function sealPad(token: Token): Buffer {
  return createHmac("sha256", token.raw).update("successor").digest();
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}

function assemble(kind: TokenKind, handle: string, secret: string): Token {
  const unchecked = `${tokenPrefixes[kind]}_${handle}${secret}`;
  return { raw: unchecked + checksum(unchecked), handle };
}

function checksum(value: string): string {
  return (crc32(value) >>> 1).toString(36).padStart(checksumLength, "0");
}
