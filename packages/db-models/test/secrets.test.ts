import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  equalHashes,
  mintToken,
  parseToken,
  sha256,
  succeedToken,
  type TokenKind,
  tokenLength,
  tokenPrefixes,
  unsealSuccessor,
} from "../src/secrets.js";

const kinds = Object.keys(tokenPrefixes) as TokenKind[];
const anyKind = fc.constantFrom(...kinds);

describe("tokens", () => {
  it.each(kinds)("mints %s tokens that parse, and only as that kind", (kind) => {
    const token = mintToken(kind);
    expect(token.raw).toHaveLength(tokenLength(kind));
    expect(parseToken(kind, token.raw)).toEqual(token);
    for (const other of kinds.filter((candidate) => candidate !== kind)) {
      expect(parseToken(other, token.raw)).toBeUndefined();
    }
  });

  it("never mints a token or a handle twice", () => {
    const tokens = Array.from({ length: 2_000 }, () => mintToken("session"));
    expect(new Set(tokens.map(({ raw }) => raw)).size).toBe(tokens.length);
    expect(new Set(tokens.map(({ handle }) => handle)).size).toBe(tokens.length);
  });

  it("refuses a token with any one character changed", () => {
    fc.assert(
      fc.property(anyKind, fc.nat(), fc.constantFrom(..."abcXYZ019_-"), (kind, position, character) => {
        const { raw } = mintToken(kind);
        const at = position % raw.length;
        const changed = raw.slice(0, at) + character + raw.slice(at + 1);
        if (changed !== raw) expect(parseToken(kind, changed)).toBeUndefined();
      }),
    );
  });

  it.each([
    undefined,
    null,
    42,
    {},
    [],
    "",
    "ids_",
    "ids_short",
    `ids_${"a".repeat(71)}`,
    "ids_".padEnd(5_000_000, "a"),
  ])("refuses what is no token", (presented) => {
    expect(parseToken("session", presented)).toBeUndefined();
  });

  it("refuses anything arbitrary without throwing", () => {
    fc.assert(
      fc.property(anyKind, fc.anything(), (kind, presented) => {
        expect(parseToken(kind, presented)).toBeUndefined();
      }),
    );
  });
});

describe("succeedToken", () => {
  it("gives a holder of the old token the successor, and nobody else", () => {
    fc.assert(
      fc.property(fc.constant(undefined), () => {
        const old = mintToken("session");
        const { successor, seal } = succeedToken("session", old);
        expect(successor.handle).toBe(old.handle);
        expect(successor.raw).not.toBe(old.raw);
        expect(unsealSuccessor("session", old, seal)).toEqual(successor);
        expect(unsealSuccessor("session", mintToken("session"), seal)).not.toEqual(successor);
        expect(seal).toHaveLength(43);
      }),
    );
  });

  it("makes another successor each time", () => {
    const old = mintToken("session");
    expect(succeedToken("session", old).successor).not.toEqual(succeedToken("session", old).successor);
  });
});

describe("hashes", () => {
  it("follows FIPS 180-4's example for SHA-256", () => {
    const expected = Buffer.from("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "hex");
    expect(sha256("abc")).toBe(expected.toString("base64url"));
  });

  it("compares by value", () => {
    expect(equalHashes(sha256("a"), sha256("a"))).toBe(true);
    expect(equalHashes(sha256("a"), sha256("b"))).toBe(false);
    expect(equalHashes(sha256("a"), "")).toBe(false);
  });
});
