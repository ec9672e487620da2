import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import { crc32 } from "node:zlib";
import { IdentityError } from "./errors.js";

/** The prefixes of every bearer secret that this package mints, for secret scanners and logs' redaction rules. */
export const tokenPrefixes = {
  session: "ids",
  apiKey: "idk",
  accessToken: "ida",
  refreshToken: "idr",
  authorizationCode: "idc",
  clientSecret: "idx",
  oneTime: "ido",
  challenge: "idl",
  authorizationRequest: "idq",
  deviceCode: "idd",
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
  return hash("sha256", value, "base64url");
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

/** Mints a token under a handle that others share. */
export function mintTokenUnder(kind: TokenKind, handle: string): Token {
  return assemble(kind, handle, randomKey());
}

/** Mints a session token as applications with embedded sessions have it: 256 random bits, 64 hexadecimal characters. */
export function mintLegacyToken(): string {
  return randomBytes(32).toString("hex");
}

/**
 * Mints a token under the handle of another, with a mark in its secret. With the key, a marked token can be told from an
 * invented one without storing it. 160 bits of the secret are random.
 */
export function mintMarkedToken(kind: TokenKind, handle: string, markKey: string): Token {
  return assemble(kind, handle, markedSecret(markKey).toString("base64url"));
}

/** True when the token was minted with this key. */
export function isMarkedToken(token: Token, markKey: string): boolean {
  const from = token.raw.length - checksumLength - secretLength;
  const secret = Buffer.from(token.raw.slice(from, -checksumLength), "base64url");
  return timingSafeEqual(markOf(markKey, secret.subarray(0, markedLength)), secret.subarray(markedLength));
}

const markedLength = 20;

function markedSecret(markKey: string): Buffer {
  const random = randomBytes(markedLength);
  return Buffer.concat([random, markOf(markKey, random)]);
}

function markOf(markKey: string, random: Buffer): Buffer {
  const length = 32 - markedLength;
  return createHmac("sha256", markKey).update(random).digest().subarray(0, length);
}

/**
 * The one token of another kind, and for one purpose, that follows from a token, under its handle; the way back is
 * SHA-256's.
 */
export function deriveToken(kind: TokenKind, token: Token, purpose = ""): Token {
  const label = purpose === "" ? kind : `${kind} ${purpose}`;
  return assemble(kind, token.handle, createHmac("sha256", token.raw).update(label).digest("base64url"));
}

/**
 * Mints the successor of a token under the same handle, together with a seal from which only a holder of the old
 * token can read it again: the new secret XORed with a pad that the old token makes. So a retry of one rotation gets
 * the same successor, and a copy of the database alone yields no token.
 *
 * @param markKey - marks the successor, as in {@link mintMarkedToken}.
 */
export function succeedToken(
  kind: TokenKind,
  token: Token,
  markKey?: string,
): { successor: Token; seal: string } {
  const secret = markKey === undefined ? randomBytes(32) : markedSecret(markKey);
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

const sealNonceLength = 12;
const sealTagLength = 16;

/**
 * Encrypts a text (AES-256-GCM) so that only a holder of the key reads it; destroying the key destroys the text.
 *
 * @param boundTo - whose it is: it opens only together with the same. Default: nobody's.
 */
export function seal(key: string, text: string, boundTo = ""): string {
  const nonce = randomBytes(sealNonceLength);
  const cipher = createCipheriv("aes-256-gcm", sealKey(key), nonce);
  cipher.setAAD(Buffer.from(boundTo));
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64url");
}

/** Reads what {@link seal} made; `undefined` with another key, or when a bit of it has changed. */
export function unseal(key: string, sealed: string, boundTo = ""): string | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < sealNonceLength + sealTagLength) return undefined;
  const nonce = bytes.subarray(0, sealNonceLength);
  const decipher = createDecipheriv("aes-256-gcm", sealKey(key), nonce, { authTagLength: sealTagLength });
  decipher.setAAD(Buffer.from(boundTo));
  decipher.setAuthTag(bytes.subarray(-sealTagLength));
  const text = decipher.update(bytes.subarray(sealNonceLength, -sealTagLength));
  try {
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}

// A key of its own, so that what is sealed and what is referenced with one audit key can't be played against each other.
function sealKey(key: string): Buffer {
  return createHmac("sha256", key).update("seal").digest();
}

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
