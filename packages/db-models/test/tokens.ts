import {
  type LocatedKind,
  type LocatedToken,
  mintToken,
  type PlainKind,
  type Token,
  type TokenKind,
} from "../src/core/secrets.js";

/** Where no document is. */
export const nowhere = { ownerId: "0".repeat(24), id: "f".repeat(24) } as const;

const located: readonly TokenKind[] = [
  "session",
  "apiKey",
  "authorizationCode",
  "accessToken",
  "refreshToken",
] satisfies LocatedKind[];

/** A sound token of any kind that nobody was given. */
export function strayToken(kind: LocatedKind): LocatedToken;
export function strayToken(kind: TokenKind): Token;
export function strayToken(kind: TokenKind): Token {
  return located.includes(kind) ? mintToken(kind as LocatedKind, nowhere) : mintToken(kind as PlainKind);
}
