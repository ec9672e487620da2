import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assuranceOf, proofMethods } from "../src/core/assurance.js";
import { decideFactor, type FactorDecision, type FactorQuestion } from "../src/factors/decide.js";

const at = new Date(0);
const app = { totp: { confirmedAt: at, lastUsedAt: at }, passkeys: [], recoveryCodes: 3 };
const none = { passkeys: [], recoveryCodes: 0 };
const risks = ["allow", "challenge", "deny"] as const;

describe("which factor a sign-in is asked for", () => {
  it.each<[string, FactorQuestion, FactorDecision]>([
    [
      "none of who has none",
      { factors: none, risk: "allow", proofs: ["password"] },
      { action: "allow", enrol: false },
    ],
    [
      "none yet of who is to enrol one",
      { factors: none, policy: "always", risk: "allow", proofs: ["password"] },
      { action: "allow", enrol: true },
    ],
    [
      "a mailed code where risk asks and there is no factor",
      { factors: none, risk: "challenge", proofs: ["password"] },
      { action: "challenge", ask: ["email"] },
    ],
    [
      "none more once the mailed code was right",
      { factors: none, risk: "challenge", proofs: ["password", "email"] },
      { action: "allow", enrol: false },
    ],
    [
      "the app of who has one, and a recovery code in its place",
      { factors: app, risk: "allow", proofs: ["password"] },
      { action: "challenge", ask: ["totp", "recovery_code"] },
    ],
    [
      "no recovery code when none is left",
      { factors: { ...app, recoveryCodes: 0 }, risk: "allow", proofs: ["external"] },
      { action: "challenge", ask: ["totp"] },
    ],
    [
      "the app though a mailed code was right (NIST SP 800-63B-4 section 3.1.3.1)",
      { factors: app, risk: "challenge", proofs: ["password", "email"] },
      { action: "challenge", ask: ["totp", "recovery_code"] },
    ],
    [
      "nothing more after both factors",
      { factors: app, risk: "challenge", proofs: ["password", "totp"] },
      { action: "allow", enrol: false },
    ],
    [
      "the password of who showed only the app",
      { factors: app, risk: "allow", proofs: ["totp"] },
      { action: "challenge", ask: ["password"] },
    ],
    ["no factor of who proved nothing", { factors: none, risk: "allow", proofs: [] }, { action: "deny" }],
    [
      "no factor where risk denies",
      { factors: app, risk: "deny", proofs: ["password", "totp"] },
      { action: "deny" },
    ],
  ])("is %s", (_what, question, decision) => {
    expect(decideFactor(question)).toEqual(decision);
  });
});

const strictness = ({ action }: FactorDecision) => risks.indexOf(action);
const questions = fc.record({
  factors: fc.constantFrom(app, none, { ...app, recoveryCodes: 0 }),
  policy: fc.constantFrom("enrolled" as const, "always" as const),
  risk: fc.constantFrom(...risks),
  proofs: fc.subarray([...proofMethods]),
});

describe("the decision", () => {
  it("is never weaker for more risk", () => {
    fc.assert(
      fc.property(questions, (question) => {
        const [calm, doubtful, denied] = risks.map((risk) => strictness(decideFactor({ ...question, risk })));
        expect(doubtful).toBeGreaterThanOrEqual(calm as number);
        expect(denied).toBe(2);
      }),
    );
  });

  // Sources: public reports better-auth/better-auth#9552, #8627 and #10322: each new way of signing in went past the factor.
  it("never lets who has a factor in by less than two, whatever way they signed in by", () => {
    fc.assert(
      fc.property(questions, (question) => {
        const { action } = decideFactor({ ...question, factors: app });
        const level = assuranceOf(question.proofs.map((method) => ({ method })));
        if (level < 2) expect(action).not.toBe("allow");
      }),
    );
  });

  it("asks for something that brings the sign-in on: what was asked for and is right is not asked for again", () => {
    fc.assert(
      fc.property(questions, (question) => {
        const first = decideFactor(question);
        if (first.action !== "challenge") return;
        for (const method of first.ask) {
          const next = decideFactor({ ...question, proofs: [...question.proofs, method] });
          expect(next.action === "challenge" ? next.ask : []).not.toContain(method);
          expect(strictness(next)).toBeLessThanOrEqual(strictness(first));
        }
      }),
    );
  });
});
