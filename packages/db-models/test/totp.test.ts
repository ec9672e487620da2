import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base32, totpCode, totpStepAt, totpUri } from "../src/core/totp.js";
import { bytesOf } from "./factors-world.js";

describe("TOTP", () => {
  // Source: RFC 6238 appendix B, the SHA-1 vectors; six digits are the last six of its eight (RFC 4226 section 5.3).
  it.each([
    [59, "94287082"],
    [1_111_111_109, "07081804"],
    [1_111_111_111, "14050471"],
    [1_234_567_890, "89005924"],
    [2_000_000_000, "69279037"],
    [20_000_000_000, "65353130"],
  ])("at %i seconds shows the last six digits of %s", (seconds, code) => {
    const step = totpStepAt(new Date(seconds * 1_000));
    expect(totpCode(Buffer.from("12345678901234567890"), step)).toBe(code.slice(-6));
  });

  // Source: RFC 4226 appendix D.
  it("shows the codes of the HOTP vectors, by counter", () => {
    const codes = Array.from({ length: 10 }, (_, step) =>
      totpCode(Buffer.from("12345678901234567890"), step),
    );
    expect(codes.join(" ")).toBe("755224 287082 359152 969429 338314 254676 287922 162583 399871 520489");
  });
});

describe("base 32", () => {
  // Source: RFC 4648 section 10, without padding.
  it.each([
    ["", ""],
    ["f", "MY"],
    ["fo", "MZXQ"],
    ["foo", "MZXW6"],
    ["foob", "MZXW6YQ"],
    ["fooba", "MZXW6YTB"],
    ["foobar", "MZXW6YTBOI"],
  ])("of %j is %s", (text, encoded) => {
    expect(base32(Buffer.from(text))).toBe(encoded);
  });

  it("is read back by an app, whatever the secret", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
        expect(bytesOf(base32(bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });
});

// Apps show a label wrongly when a space, a colon or an ampersand is not encoded, or a space becomes a plus sign.
it("a URI has every reserved character of issuer and account encoded, and a space as %20", () => {
  const uri = totpUri(Buffer.alloc(20), "Ada & Co", "a+b:c@example.com");
  expect(uri).toBe(
    `otpauth://totp/Ada%20%26%20Co:a%2Bb%3Ac%40example.com?secret=${"A".repeat(32)}&issuer=Ada%20%26%20Co&algorithm=SHA1&digits=6&period=30`,
  );
});
