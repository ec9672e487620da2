import { generateKeyPairSync } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  deriveToken,
  equalHashes,
  hmac,
  isMarkedToken,
  lookupHash,
  mintLegacyToken,
  mintMarkedToken,
  parseToken,
  randomKey,
  seal,
  sha256,
  sha256Text,
  succeedToken,
  type TokenKind,
  tokenLength,
  tokenPrefixes,
  unseal,
  unsealSuccessor,
} from "../src/core/secrets.js";
import { isSigned, keyIdOf, signText } from "../src/core/signatures.js";
import { nowhere, strayToken } from "./tokens.js";

const kinds = Object.keys(tokenPrefixes) as TokenKind[];
const anyKind = fc.constantFrom(...kinds);
const locatedKinds = ["session", "apiKey", "authorizationCode", "accessToken", "refreshToken"] as const;
const anyLocatedKind = fc.constantFrom(...locatedKinds);

describe("tokens", () => {
  it.each(kinds)("mints %s tokens that parse, and only as that kind", (kind) => {
    const token = strayToken(kind);
    expect(token.raw).toHaveLength(tokenLength(kind));
    expect(parseToken(kind, token.raw)).toEqual(token);
    for (const other of kinds.filter((candidate) => candidate !== kind)) {
      expect(parseToken(other, token.raw)).toBeUndefined();
    }
  });

  // Scanners for leaked secrets look for exactly this.
  it.each(kinds)("mints %s tokens of the published form, each kind with a prefix of its own", (kind) => {
    expect(strayToken(kind).raw).toMatch(/^id[a-z]_[A-Za-z0-9_-]{65}(?:[A-Za-z0-9_-]{32})?[0-9a-z]{6}$/);
    expect(new Set(Object.values(tokenPrefixes)).size).toBe(kinds.length);
  });

  /** A token of this body with the checksum that is right for it. */
  const checked = (text: string) =>
    `ids_${text}${(crc32(`ids_${text}`) >>> 1).toString(36).padStart(6, "0")}`;

  it("refuses a character outside base64url and another length, though the checksum is right", () => {
    const body = strayToken("session").raw.slice(4, -6);
    expect(parseToken("session", checked(body))).toBeDefined();
    for (const at of [0, 1, 30, 64]) {
      expect(parseToken("session", checked(`${body.slice(0, at)}+${body.slice(at + 1)}`))).toBeUndefined();
    }
    for (const text of [body.slice(1), `${body}A`, `${body}${body}`]) {
      expect(parseToken("session", checked(text))).toBeUndefined();
    }
  });

  // A checksum below 36^5 is shorter by itself, and its tokens would be refused as too short: 1 in 36.
  it("mints tokens of one length whatever their checksum", () => {
    const tokens = Array.from({ length: 500 }, () => strayToken("apiKey").raw);
    expect(tokens.some((raw) => raw.at(-6) === "0")).toBe(true);
    expect(tokens.every((raw) => raw.length === 107 && parseToken("apiKey", raw))).toBe(true);
  });

  it("mints legacy tokens of 64 hexadecimal characters", () => {
    expect(mintLegacyToken()).toMatch(/^[0-9a-f]{64}$/);
    expect(mintLegacyToken()).not.toBe(mintLegacyToken());
  });

  it("never mints a token or a handle twice", () => {
    const tokens = Array.from({ length: 2_000 }, () => strayToken("session"));
    expect(new Set(tokens.map(({ raw }) => raw)).size).toBe(tokens.length);
    expect(new Set(tokens.map(({ handle }) => handle)).size).toBe(tokens.length);
  });

  it("refuses a token with any one character changed", () => {
    fc.assert(
      fc.property(anyKind, fc.nat(), fc.constantFrom(..."abcXYZ019_-"), (kind, position, character) => {
        const { raw } = strayToken(kind);
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

  it.each(locatedKinds)("say where the document of a %s token is, whatever becomes of the secret", (kind) => {
    const token = strayToken(kind);
    expect(token.place).toEqual(nowhere);
    expect(succeedToken(kind, token).successor.place).toEqual(nowhere);
    expect(deriveToken("accessToken", token).place).toEqual(nowhere);
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
        const old = strayToken("session");
        const { successor, seal } = succeedToken("session", old);
        expect(successor.handle).toBe(old.handle);
        expect(successor.raw).not.toBe(old.raw);
        expect(unsealSuccessor("session", old, seal)).toEqual(successor);
        expect(unsealSuccessor("session", strayToken("session"), seal)).not.toEqual(successor);
        expect(seal).toHaveLength(32);
      }),
    );
  });

  it("makes another successor each time", () => {
    const old = strayToken("session");
    expect(succeedToken("session", old).successor).not.toEqual(succeedToken("session", old).successor);
  });
});

describe("marked tokens", () => {
  it("are known by the key that marked them, whatever made their handle, and by nothing else", () => {
    fc.assert(
      fc.property(anyLocatedKind, fc.nat(), fc.nat({ max: 7 }), (kind, position, bit) => {
        const [key, other] = [randomKey(), randomKey()];
        const token = mintMarkedToken(kind, strayToken("authorizationCode"), key);
        expect(parseToken(kind, token.raw)).toEqual(token);
        expect(isMarkedToken(token, key)).toBe(true);
        expect(isMarkedToken(token, other)).toBe(false);
        expect(isMarkedToken(strayToken(kind), key)).toBe(false);
        const { successor } = succeedToken(kind, token, key);
        expect([successor.handle, isMarkedToken(successor, key)]).toEqual([token.handle, true]);
        // One bit of the secret, which is before the checksum.
        const from = token.raw.length - 6 - 43;
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
      fc.property(anyLocatedKind, anyLocatedKind, (kind, other) => {
        const token = strayToken(kind);
        const derived = deriveToken(other, token);
        expect(deriveToken(other, token)).toEqual(derived);
        expect(parseToken(other, derived.raw)).toEqual(derived);
        expect(derived.handle).toBe(token.handle);
        expect(derived.raw.slice(-49, -6)).not.toBe(token.raw.slice(-49, -6));
        expect(deriveToken(other, { ...token, raw: strayToken(kind).raw })).not.toEqual(derived);
      }),
    );
  });
});

describe("derived tokens", () => {
  it("differ by kind and by purpose", () => {
    const token = strayToken("session");
    const all = [
      deriveToken("accessToken", token),
      deriveToken("accessToken", token, "mail"),
      deriveToken("accessToken", token, "phone"),
      deriveToken("apiKey", token, "mail"),
    ];
    expect(new Set(all.map(({ raw }) => raw.slice(-49, -6))).size).toBe(all.length);
  });
});

// Stored tokens, and those that clients hold, outlive a release: these were made by the first one.
describe("the formats", () => {
  const raw =
    "ids_AAAAAAAAAAAAAAAAAAAAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBAqyvp0b";
  const token = parseToken("session", raw);

  it("of derived tokens stay", () => {
    expect(token && deriveToken("accessToken", token).raw).toBe(
      "ida_AAAAAAAAAAAAAAAAAAAAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYX3JIgKJFvdQb-bVtsrApvkXAexz52xZTTu8y7rZ4j5R42so8m9",
    );
    expect(token && deriveToken("accessToken", token, "mail").raw).toBe(
      "ida_AAAAAAAAAAAAAAAAAAAAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXG9UOoMS2N3AWOxFAYD_t4hm1hKv5oiy8rGcM-lKQg-ssldfe8",
    );
  });

  it("of a successor's seal and of sealed texts stay", () => {
    const seal = Buffer.alloc(32, 7);
    expect(token && unsealSuccessor("session", token, seal).raw).toBe(
      "ids_AAAAAAAAAAAAAAAAAAAAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXaAFyoiftbIO7FlvdvpBl0ykBuyZd6olWUYu6pTJsunwe1xpqc",
    );
    const sealed = "PDnyr6ON_tGkz5P9Ow_1uzYCK0v_nf69rkiikc_zpt_B2r7y8z3hRplcwNqiSldpp41w";
    expect(unseal("key", sealed)).toBe("203.0.113.7 – Zürich");
  });
});

describe("sealed texts", () => {
  const [key, other] = [randomKey(), randomKey()];

  it("are read with their key alone, and look different each time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const sealed = seal(key, text);
        expect(unseal(key, sealed)).toBe(text);
        expect(unseal(other, sealed)).toBeUndefined();
        expect(seal(key, text)).not.toBe(sealed);
      }),
    );
  });

  it("are refused with any one bit changed", () => {
    const sealed = Buffer.from(seal(key, "203.0.113.7"), "base64url");
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(unseal(key, changed.toString("base64url"))).toBeUndefined();
    }
  });

  // 12 bytes of nonce and 16 of the tag: what is shorter holds nothing.
  it("of no text are read, and what is too short for a seal is refused without an error", () => {
    const empty = seal(key, "");
    expect(Buffer.from(empty, "base64url")).toHaveLength(28);
    expect(unseal(key, empty)).toBe("");
    for (const length of [0, 1, 12, 16, 27]) {
      expect(unseal(key, Buffer.alloc(length).toString("base64url"))).toBeUndefined();
    }
  });
});

describe("Ed25519 keys", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const halves = [privateKey, publicKey, pem, publicPem];

  it("sign as objects and in PEM, and either half verifies", () => {
    const signatures = [privateKey, pem].map((key) => signText(key, "text"));
    expect(new Set(signatures).size).toBe(1);
    for (const half of halves) {
      expect(isSigned(half, "text", signatures[0]!)).toBe(true);
      expect(isSigned(half, "other text", signatures[0]!)).toBe(false);
    }
    const stranger = generateKeyPairSync("ed25519").publicKey;
    expect(isSigned(stranger, "text", signatures[0]!)).toBe(false);
  });

  // RFC 8032 section 7.1, test 2: one byte, 0x72.
  it("sign as RFC 8032 has it", () => {
    const seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    const der = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex").toString("base64");
    const key = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`;
    const signature =
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    expect(signText(key, "r")).toBe(Buffer.from(signature, "hex").toString("base64url"));
  });

  it("have one name, whichever half is given", () => {
    expect(new Set(halves.map(keyIdOf)).size).toBe(1);
    expect(keyIdOf(privateKey)).toMatch(/^[\w-]{43}$/);
    expect(keyIdOf(generateKeyPairSync("ed25519").publicKey)).not.toBe(keyIdOf(publicKey));
  });

  it.each([
    ["a public half for signing", () => signText(publicKey, "text"), "private"],
    ["a public half in PEM for signing", () => signText(publicPem, "text"), "private"],
    ["a key of another kind", () => signText(generateKeyPairSync("x25519").privateKey, "text"), "private"],
    ["another kind for verifying", () => keyIdOf(generateKeyPairSync("x448").publicKey), "public"],
    ["no PEM at all", () => keyIdOf("secret"), "public"],
  ])("refuse %s, and say which half is wanted", (_what, act, half) => {
    expect(act).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", message: `this is no Ed25519 ${half} key` }),
    );
  });

  it("keep what the platform said of a PEM that it cannot read", () => {
    const error = (() => {
      try {
        return keyIdOf("secret");
      } catch (thrown) {
        return thrown as Error;
      }
    })();
    expect(error).toMatchObject({ cause: expect.any(Error) });
  });
});

describe("hashes", () => {
  // RFC 4231 section 4.3.
  it("follows RFC 4231's example for HMAC-SHA-256", () => {
    const expected = Buffer.from("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "hex");
    expect(hmac("Jefe", "what do ya want for nothing?")).toBe(expected.toString("base64url"));
  });

  it("makes keys of 256 bits, never one twice", () => {
    expect(Buffer.from(randomKey(), "base64url")).toHaveLength(32);
    expect(randomKey()).not.toBe(randomKey());
  });

  it("follows FIPS 180-4's example for SHA-256", () => {
    const expected = Buffer.from("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "hex");
    expect(sha256("abc")).toEqual(expected);
    expect(sha256Text("abc")).toBe(expected.toString("base64url"));
    expect(lookupHash("abc")).toEqual(expected.subarray(0, 16));
  });

  it("compares by value", () => {
    expect(equalHashes(sha256("a"), sha256("a"))).toBe(true);
    expect(equalHashes(sha256("a"), sha256("b"))).toBe(false);
    expect(equalHashes(sha256("a"), lookupHash("a"))).toBe(false);
    expect(equalHashes(sha256("a"), undefined)).toBe(false);
    expect(equalHashes(undefined, undefined)).toBe(false);
  });
});
