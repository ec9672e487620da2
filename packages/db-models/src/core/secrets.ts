import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hash,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
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
  challenge: "idl",
  authorizationRequest: "idq",
  deviceCode: "idd",
} as const;

export type TokenKind = keyof typeof tokenPrefixes;

const locatedKinds = ["session", "apiKey", "authorizationCode", "accessToken", "refreshToken"] as const;
/** The kinds of tokens that say where their document is. */
export type LocatedKind = (typeof locatedKinds)[number];
export type PlainKind = Exclude<TokenKind, LocatedKind>;

/** The document that a token leads to, in hexadecimal. */
export interface TokenPlace {
  /** The user or app that it belongs to: the shard key, so that one shard is asked. */
  readonly ownerId: string;
  /** Its `_id`. */
  readonly id: string;
}

/** A bearer secret in its parts. `raw` is what the holder presents; it is never stored. */
export interface Token {
  readonly raw: string;
  /** 128 random bits that stay the same while the secret rotates. Who knows no more than a place can't name them. */
  readonly handle: string;
  /** Absent where the document is found by the token's hash. */
  readonly place?: TokenPlace;
}

export interface LocatedToken extends Token {
  readonly place: TokenPlace;
}

const handleLength = 22; // 128 bits in base64url
const placeLength = 32; // two ObjectIds of 96 bits
const secretLength = 43; // 256 bits in base64url
const checksumLength = 6; // CRC-32 in base 36 needs at most 7; 31 bits need 6
const body = /^[A-Za-z0-9_-]+$/;

/** SHA-256, 32 bytes: what the database stores instead of a random secret (ASVS 6.5.2). */
export function sha256(value: string): Buffer {
  return hash("sha256", value, "buffer");
}

/** SHA-256 in base64url, 43 characters, where a protocol or an export has it as text. */
export function sha256Text(value: string): string {
  return hash("sha256", value, "base64url");
}

const lookupHashLength = 16;

/** The first 16 bytes of SHA-256: names a random value of 128 bits or more, and admits nobody. */
export function lookupHash(value: string): Buffer {
  return Buffer.from(sha256(value).subarray(0, lookupHashLength));
}

/** HMAC-SHA-256 in base64url, 43 characters. */
export function hmac(key: string, value: string): string {
  return createHmac("sha256", key).update(value).digest("base64url");
}

/** 256 bits from the operating system's generator, in base64url. */
export function randomKey(): string {
  return randomBytes(32).toString("base64url");
}

/** Compares two hashes in a time that does not depend on where they differ; an absent one equals nothing. */
export function equalHashes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  return left !== undefined && left.length === right?.length && timingSafeEqual(left, right);
}

/**
 * Mints a token: `<prefix>_<handle><256-bit secret><checksum>`, with the place of its document behind the handle where its
 * kind says that.
 */
export function mintToken(kind: LocatedKind, place: TokenPlace): LocatedToken;
export function mintToken(kind: PlainKind): Token;
export function mintToken(kind: TokenKind, place?: TokenPlace): Token {
  const handle = randomBytes(16).toString("base64url");
  return assemble(kind, { handle, ...(place && { place }) }, randomKey());
}

/** Mints a session token as applications with embedded sessions have it: 256 random bits, 64 hexadecimal characters. */
export function mintLegacyToken(): string {
  return randomBytes(32).toString("hex");
}

/**
 * Mints a token under the handle of another, at the same place, with a mark in its secret. With the key, a marked token can
 * be told from an invented one without storing it. 160 bits of the secret are random.
 */
export function mintMarkedToken(kind: LocatedKind, under: Head, markKey: string): LocatedToken {
  return assemble(kind, under, markedSecret(markKey).toString("base64url"));
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
export function deriveToken(kind: LocatedKind, token: LocatedToken, purpose = ""): LocatedToken {
  const label = purpose === "" ? kind : `${kind} ${purpose}`;
  return assemble(kind, token, hmac(token.raw, label));
}

/**
 * Mints the successor of a token under the same handle, together with a seal from which only a holder of the old
 * token can read it again: the new secret XORed with a pad that the old token makes. So a retry of one rotation gets
 * the same successor, and a copy of the database alone yields no token.
 *
 * @param markKey - marks the successor, as in {@link mintMarkedToken}.
 */
export function succeedToken(
  kind: LocatedKind,
  token: LocatedToken,
  markKey?: string,
): { successor: LocatedToken; seal: Buffer } {
  const secret = markKey === undefined ? randomBytes(32) : markedSecret(markKey);
  return {
    successor: assemble(kind, token, secret.toString("base64url")),
    seal: xor(secret, sealPad(token)),
  };
}

/** Reads the successor of a token from the seal that its rotation left. */
export function unsealSuccessor(kind: LocatedKind, token: LocatedToken, seal: Uint8Array): LocatedToken {
  return assemble(kind, token, xor(seal, sealPad(token)).toString("base64url"));
}

/**
 * Reads a presented token. Anything of the wrong kind, length, alphabet or checksum gives `undefined`, so a typo
 * or a scan costs no database read.
 */
export function parseToken(kind: LocatedKind, presented: unknown): LocatedToken | undefined;
export function parseToken(kind: TokenKind, presented: unknown): Token | undefined;
export function parseToken(kind: TokenKind, presented: unknown): Token | undefined {
  const prefix = `${tokenPrefixes[kind]}_`;
  if (typeof presented !== "string" || presented.length !== tokenLength(kind)) return undefined;
  const payload = presented.slice(prefix.length);
  if (!presented.startsWith(prefix) || !body.test(payload)) return undefined;
  const checked = presented.slice(0, -checksumLength);
  if (checksum(checked) !== presented.slice(-checksumLength)) return undefined;
  const handle = payload.slice(0, handleLength);
  if (!isLocated(kind)) return { raw: presented, handle };
  return {
    raw: presented,
    handle,
    place: readPlace(payload.slice(handleLength, handleLength + placeLength)),
  };
}

/** The place in a token as its 32 characters, of one that has the length of its kind. */
export function placeTextOf(kind: LocatedKind, raw: string): string {
  const from = tokenPrefixes[kind].length + 1 + handleLength;
  return raw.slice(from, from + placeLength);
}

/** Length in characters of a token of this kind. */
export function tokenLength(kind: TokenKind): number {
  const place = isLocated(kind) ? placeLength : 0;
  return tokenPrefixes[kind].length + 1 + handleLength + place + secretLength + checksumLength;
}

/** A place as 32 characters of base64url. */
export function writePlace({ ownerId, id }: TokenPlace): string {
  return Buffer.from(ownerId + id, "hex").toString("base64url");
}

/** Reads what {@link writePlace} wrote. */
export function readPlace(text: string): TokenPlace {
  const hex = Buffer.from(text, "base64url").toString("hex");
  return { ownerId: hex.slice(0, 24), id: hex.slice(24) };
}

function isLocated(kind: TokenKind): kind is LocatedKind {
  return locatedKinds.some((located) => located === kind);
}

// Each token is rotated at most once, so its pad covers a single secret.
function sealPad(token: Token): Buffer {
  return createHmac("sha256", token.raw).update("successor").digest();
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}

type Head = Pick<LocatedToken, "handle" | "place">;

function assemble(kind: LocatedKind, head: Head, secret: string): LocatedToken;
function assemble(kind: TokenKind, head: Pick<Token, "handle" | "place">, secret: string): Token;
function assemble(
  kind: TokenKind,
  { handle, place }: Pick<Token, "handle" | "place">,
  secret: string,
): Token {
  const unchecked = `${tokenPrefixes[kind]}_${handle}${place ? writePlace(place) : ""}${secret}`;
  return { raw: unchecked + checksum(unchecked), handle, ...(place && { place }) };
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
