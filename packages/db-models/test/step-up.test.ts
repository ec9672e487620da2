import { beforeAll, describe, expect, it } from "vitest";
import type { ProofMethod } from "../src/core/assurance.js";
import { duration } from "../src/core/limits.js";
import type { IdentityModels } from "../src/index.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { stepUpSession } from "../src/sessions/refresh.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

async function signIn(proofs?: ProofMethod[]) {
  const { _id: userId } = await makeUser(models);
  const opened = await openSession(contextAt(models, now), { userId, ...(proofs && { proofs }) });
  return { userId, ...opened };
}

async function sessionOf(token: string, at = now) {
  const check = await validateSession(contextAt(models, at), token, { touch: false });
  if (!check.ok) throw new Error(check.reason);
  return check.session;
}

describe("a session", () => {
  it("knows what its user proved, and what level that is", async () => {
    const { token } = await signIn(["password", "totp", "password"]);
    expect(await sessionOf(token)).toMatchObject({
      authenticatedAt: now,
      proofs: [
        { method: "password", at: now },
        { method: "totp", at: now },
      ],
      amr: ["pwd", "otp", "mfa"],
      acr: 2,
    });
  });

  it("of which nobody said anything claims nothing", async () => {
    const { token } = await signIn();
    expect(await sessionOf(token)).toMatchObject({ proofs: [], amr: [], acr: 0 });
  });

  it.each([[["sms"]], ["password"], [[null]], [{ length: 1 }]])(
    "is not opened by proofs of %j",
    async (proofs) => {
      await expect(signIn(proofs as ProofMethod[])).rejects.toMatchObject({ code: "INVALID_INPUT" });
    },
  );
});

describe("stepUp", () => {
  // Source: ASVS 5.0 7.2.4 (a new token) and public report better-auth#9936 (the id is what apps know the session by).
  it("raises the session in place: same id, another token, the one before refused", async () => {
    const { id, userId, token } = await signIn(["password"]);
    const later = after(duration.hour);
    const raised = await stepUpSession(contextAt(models, later), { userId, token, proofs: ["totp"] });
    if (!raised.ok) throw new Error(raised.reason);
    expect(raised.session.id).toEqual(id);
    expect(await sessionOf(raised.session.token, later)).toMatchObject({
      id,
      authenticatedAt: later,
      proofs: [
        { method: "password", at: now },
        { method: "totp", at: later },
      ],
      acr: 2,
    });
    const before = await validateSession(contextAt(models, later), token);
    expect(before).toEqual({ ok: false, reason: "rotated" });
  });

  it("keeps one proof of a method, the last", async () => {
    const { userId, token } = await signIn(["password", "totp"]);
    const later = after(duration.hour);
    const raised = await stepUpSession(contextAt(models, later), { userId, token, proofs: ["password"] });
    if (!raised.ok) throw new Error(raised.reason);
    const { proofs } = await sessionOf(raised.session.token, later);
    expect(proofs).toEqual([
      { method: "totp", at: now },
      { method: "password", at: later },
    ]);
  });

  // Source: NIST SP 800-63B-4 section 3.1.3.1; public report ory/kratos#4317 (a mailed code counted as a second factor).
  it.each<[string, ProofMethod[]]>([
    ["a mailed code", ["email"]],
    ["nothing", []],
    ["no method", ["sms" as ProofMethod]],
  ])("by %s is refused, and changes nothing", async (_what, proofs) => {
    const { userId, token } = await signIn(["password"]);
    const raising = stepUpSession(contextAt(models, after(1)), { userId, token, proofs });
    await expect(raising).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await sessionOf(token)).toMatchObject({ acr: 1, authenticatedAt: now });
  });

  it("of somebody else's session is refused", async () => {
    const [{ token }, { userId }] = [await signIn(["password"]), await signIn(["password"])];
    const raised = await stepUpSession(contextAt(models, now), { userId, token, proofs: ["totp"] });
    expect(raised).toEqual({ ok: false, reason: "not_live" });
    expect(await sessionOf(token)).toMatchObject({ acr: 1 });
  });

  it("has one winner of twenty at once", async () => {
    const { userId, token } = await signIn(["password"]);
    const results = await Promise.all(
      Array.from({ length: 20 }, () =>
        stepUpSession(contextAt(models, after(1)), { userId, token, proofs: ["totp"] }),
      ),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });
});
