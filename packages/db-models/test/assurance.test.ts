import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  amrOf,
  assuranceOf,
  type ProofMethod,
  proofMethods,
  recentAssurance,
} from "../src/core/assurance.js";
import { duration } from "../src/core/limits.js";
import { after, now } from "./moment.js";

const proofs = (methods: readonly ProofMethod[], at = now) => methods.map((method) => ({ method, at }));
const someMethods = fc.subarray([...proofMethods]);

describe("the level of proofs", () => {
  // Source: NIST SP 800-63B-4 section 2.2 (AAL2: two distinct factors, or a multi-factor authenticator), section
  // 3.1.3.1 (no mail as an out-of-band authenticator), section 3.1.2 (look-up secrets are something you have),
  // section 3.1.7 and appendix B (a passkey that verified its user is multi-factor, synced or not; otherwise single-factor).
  it.each<[ProofMethod[], 0 | 1 | 2]>([
    [[], 0],
    [["email"], 0],
    [["password"], 1],
    [["external"], 1],
    [["password", "external"], 1],
    [["password", "email"], 1],
    [["totp"], 1],
    [["totp", "recovery_code", "security_key"], 1],
    [["email", "totp"], 1],
    [["password", "totp"], 2],
    [["password", "recovery_code"], 2],
    [["external", "security_key"], 2],
    [["passkey"], 2],
  ])("of %j is %i", (methods, level) => {
    expect(assuranceOf(proofs(methods))).toBe(level);
  });

  it("never rises by a mailed code, and never falls by another proof", () => {
    fc.assert(
      fc.property(someMethods, fc.constantFrom(...proofMethods), (methods, more) => {
        const others = methods.filter((method) => method !== "email");
        expect(assuranceOf(proofs([...others, "email"]))).toBe(assuranceOf(proofs(others)));
        expect(assuranceOf(proofs([...methods, more]))).toBeGreaterThanOrEqual(assuranceOf(proofs(methods)));
      }),
    );
  });
});

describe("the level of recent proofs", () => {
  // Source: public report ory/kratos#3856: a password given again made the second factor of long ago recent.
  it("has a time for each factor: a password given again does not renew a second factor of last week", () => {
    const given = [...proofs(["password"], now), ...proofs(["totp"], after(-7 * duration.day))];
    expect(assuranceOf(given)).toBe(2);
    expect(recentAssurance(given, now, 5 * duration.minute)).toBe(1);
  });

  it.each([
    ["at the end of the period", -5 * duration.minute, 1],
    ["a moment before it", -5 * duration.minute - 1, 0],
    ["by a clock a little ahead", 9 * duration.minute, 1],
    ["by a clock that was wrong", duration.day, 0],
  ])("counts a proof %s as it should", (_when, ms, level) => {
    expect(recentAssurance(proofs(["password"], after(ms)), now, 5 * duration.minute)).toBe(level);
  });
});

describe("amr", () => {
  // Source: RFC 8176 section 2.
  it.each<[ProofMethod[], string[]]>([
    [["password"], ["pwd"]],
    [["password", "email"], ["pwd"]],
    [["external"], []],
    [
      ["password", "totp", "recovery_code"],
      ["pwd", "otp", "mfa"],
    ],
    [["security_key"], ["pop", "user"]],
    [["passkey"], ["pop", "user", "mfa"]],
  ])("of %j is %j", (methods, amr) => {
    expect(amrOf(proofs(methods))).toEqual(amr);
  });

  it("has mfa exactly where the level is 2", () => {
    fc.assert(
      fc.property(someMethods, (methods) => {
        expect(amrOf(proofs(methods)).includes("mfa")).toBe(assuranceOf(proofs(methods)) === 2);
      }),
    );
  });
});
