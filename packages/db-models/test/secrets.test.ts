import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  deriveToken,
  equalHashes,
  isMarkedToken,
  mintMarkedToken,
  mintToken,
  parseToken,
  randomKey,
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

describe("marked tokens", () => {
  it("are known by the key that marked them, whoever made their handle, and by nothing else", () => {
    fc.assert(
      fc.property(anyKind, fc.nat(), fc.nat({ max: 7 }), (kind, position, bit) => {
        const [key, other] = [randomKey(), randomKey()];
        const token = mintMarkedToken(kind, mintToken("authorizationCode").handle, key);
        expect(parseToken(kind, token.raw)).toEqual(token);
        expect(isMarkedToken(token, key)).toBe(true);
        expect(isMarkedToken(token, other)).toBe(false);
        expect(isMarkedToken(mintToken(kind), key)).toBe(false);
        const { successor } = succeedToken(kind, token, key);
        expect([successor.handle, isMarkedToken(successor, key)]).toEqual([token.handle, true]);
        // One bit of the secret, which is between the handle and the checksum.
        const from = tokenPrefixes[kind].length + 1 + token.handle.length;
        const secret = Buffer.from(token.raw.slice(from, -6), "base64url");
        const at = position % secret.length;
        secret.writeUInt8(secret.readUInt8(at) ^ (1 << bit), at);
        const changed = token.raw.slice(0, from) + secret.toString("base64url") + token.raw.slice(-6);
        expect(isMarkedToken({ ...token, raw: changed }, key)).toBe(false);
      }),
    );
  });

  it("lead to one token of another kind, from which there is no way back", () => {
    fc.assert(
      fc.property(anyKind, anyKind, (kind, other) => {
        const token = mintToken(kind);
        const derived = deriveToken(other, token);
        expect(deriveToken(other, token)).toEqual(derived);
        expect(parseToken(other, derived.raw)).toEqual(derived);
        expect(derived.handle).toBe(token.handle);
        expect(derived.raw.slice(26, 69)).not.toBe(token.raw.slice(26, 69));
        expect(deriveToken(other, { ...token, raw: mintToken(kind).raw })).not.toEqual(derived);
      }),
    );
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
