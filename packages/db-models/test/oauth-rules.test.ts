import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duration } from "../src/core/limits.js";
import { oauthPolicySchema } from "../src/core/policies/oauth.js";
import { isRedirectUri } from "../src/core/redirect-uris.js";
import { sha256Text } from "../src/core/secrets.js";
import { answersChallenge, isCodeChallenge } from "../src/oauth/pkce.js";

describe("PKCE, S256", () => {
  const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

  it("takes the vector of RFC 7636 appendix B", () => {
    expect(isCodeChallenge(challenge)).toBe(true);
    expect(answersChallenge(challenge, verifier)).toBe(true);
  });

  it("refuses the challenge itself for a verifier, as `plain` would take it", () => {
    expect(answersChallenge(challenge, challenge)).toBe(false);
  });

  it("refuses a verifier where no challenge is stored, and a challenge without its verifier", () => {
    expect(answersChallenge(undefined, undefined)).toBe(true);
    expect(answersChallenge(undefined, verifier)).toBe(false);
    expect(answersChallenge(challenge, undefined)).toBe(false);
  });

  it.each([
    [42, false],
    [43, true],
    [128, true],
    [129, false],
  ])("a verifier of %i characters: %s", (length, expected) => {
    const long = "~".repeat(length);
    expect(answersChallenge(sha256Text(long), long)).toBe(expected);
  });

  it.each(["+", "/", "=", " ", "é", "\u0000", "\n"])("refuses %j in a verifier", (character) => {
    const strange = `${"a".repeat(50)}${character}`;
    expect(answersChallenge(sha256Text(strange), strange)).toBe(false);
  });

  it("refuses what is no text", () => {
    for (const value of [null, 1, {}, [verifier], { $ne: "" }]) {
      expect(answersChallenge(challenge, value)).toBe(false);
      expect(isCodeChallenge(value)).toBe(false);
    }
    for (const value of [
      "",
      challenge.slice(1),
      `${challenge}=`,
      `${challenge}a`,
      `${challenge.slice(1)}+`,
    ]) {
      expect(isCodeChallenge(value)).toBe(false);
    }
  });

  it("takes exactly the verifier that the challenge was made from", () => {
    const verifiers = fc.stringMatching(/^[A-Za-z0-9._~-]{43,128}$/);
    fc.assert(
      fc.property(verifiers, verifiers, (one, other) => {
        expect(answersChallenge(sha256Text(one), one)).toBe(true);
        expect(answersChallenge(sha256Text(one), other)).toBe(one === other);
      }),
    );
  });
});

describe("isRedirectUri", () => {
  it.each([
    "https://app.example.com/callback",
    "https://app.example.com",
    "https://app.example.com:8443/callback?tenant=1",
    "http://127.0.0.1:8080/callback",
    "http://[::1]:8080/",
    "http://localhost/callback",
  ])("takes %s for any client", (uri) => {
    expect(isRedirectUri(uri, "public")).toBe(true);
    expect(isRedirectUri(uri, "confidential")).toBe(true);
  });

  it.each(["com.example.app:/callback", "com.example.app://callback"])(
    "takes %s for a public client",
    (uri) => {
      expect(isRedirectUri(uri, "public")).toBe(true);
      expect(isRedirectUri(uri, "confidential")).toBe(false);
    },
  );

  it.each([
    "",
    "/callback",
    "//app.example.com/callback",
    "https://",
    "https:app.example.com",
    "https:///app.example.com\\",
    "http://app.example.com/callback",
    "http://127.0.0.1.example.com/",
    "http://localhost@example.com/",
    "https://user:password@app.example.com/",
    "https://app.example.com/callback#fragment",
    "https://app.example.com/callback#",
    "https://app.example.com\\@evil.example/",
    " https://app.example.com/",
    "https://app.example.com/\n",
    "https://app.example.com/ä",
    "https://app.example.com/a b",
    'https://app.example.com/"',
    "javascript:alert(1)",
    "data:text/html,hello",
    "file:///etc/passwd",
    "myapp://callback",
    "blob:https://app.example.com/1",
    `https://app.example.com/${"x".repeat(2_048)}`,
  ])("refuses %j", (uri) => {
    expect(isRedirectUri(uri, "public")).toBe(false);
  });
});

describe("oauthPolicySchema", () => {
  it("lets no code live longer than 10 minutes", () => {
    expect(oauthPolicySchema.parse({}).codeLifetimeMs).toBeLessThanOrEqual(10 * duration.minute);
    expect(oauthPolicySchema.safeParse({ codeLifetimeMs: 10 * duration.minute }).success).toBe(true);
    expect(oauthPolicySchema.safeParse({ codeLifetimeMs: 10 * duration.minute + 1 }).success).toBe(false);
  });

  it("keeps the lives in order: access token, refresh token unused, refresh token", () => {
    const accessTokenLifetimeMs = 2 * duration.hour;
    expect(oauthPolicySchema.safeParse({ accessTokenLifetimeMs, refreshIdleMs: duration.hour }).success).toBe(
      false,
    );
    expect(oauthPolicySchema.safeParse({ refreshLifetimeMs: duration.hour }).success).toBe(false);
  });

  it("knows no other option", () => {
    expect(oauthPolicySchema.safeParse({ plain: true }).success).toBe(false);
  });
});
