import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { duration } from "../src/core/limits.js";
import { mintToken } from "../src/core/secrets.js";
import { readFactors } from "../src/factors/account.js";
import {
  beginPasskeyAuthentication,
  finishPasskeyAuthentication,
} from "../src/factors/passkey-authentication.js";
import { cancelRecovery, completeRecovery, requestRecovery } from "../src/factors/recovery.js";
import { verifyRecoveryCode } from "../src/factors/recovery-codes.js";
import { verifyTotp } from "../src/factors/totp-codes.js";
import { createIdentity, type IdentityModels } from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { setPassword } from "../src/users/password.js";
import { requestPasswordReset, resetPassword } from "../src/users/password-reset.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { codeOf, enrolled } from "./factors-world.js";
import { after, now } from "./moment.js";
import { passkeyContext, withPasskey } from "./passkeys-world.js";
import { strayToken } from "./tokens.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const wait = 3 * duration.day;
const over = after(wait);

async function withFactors() {
  const { _id: userId, email } = await makeUser(models, {
    passwordHash: "$argon2id$none",
    emailVerifiedAt: now,
  });
  return { userId, email, ...(await enrolled(models, userId, now)) };
}

const request = (userId: Types.ObjectId, at = now) => requestRecovery(contextAt(models, at), { userId });

/** Somebody's wait, over. */
async function ready(userId: Types.ObjectId) {
  await request(userId);
  const answer = await request(userId, over);
  if (!answer.ok || answer.token === undefined) throw new Error("is not ready");
  return { ...answer, token: answer.token };
}

const complete = (userId: Types.ObjectId, token: unknown, at = over) =>
  completeRecovery(contextAt(models, at), { userId, token });

async function resetBy(email: string, at: Date) {
  const issued = await requestPasswordReset(contextAt(models, at), { email });
  if (!issued.ok) throw new Error(issued.reason);
  const reset = await resetPassword(contextAt(models, at), {
    token: issued.token,
    password: "set by a mail 1",
  });
  if (!reset.ok) throw new Error(reset.reason);
}

describe("who has lost every factor", () => {
  // Source: NIST SP 800-63B-4 section 4.2.2.2 (a code and a bound authenticator), 4.2.1.2 (24 hours), 4.6 (notices).
  it("waits, proves the mailbox beside the password, and signs in with one factor from then on", async () => {
    const { userId } = await withFactors();
    const { token: session } = await openSession(contextAt(models, now), { userId, proofs: ["password"] });
    const begun = await request(userId);
    expect(begun).toEqual({
      ok: true,
      state: "waiting",
      requestedAt: now,
      availableAt: over,
      expiresAt: after(wait + 7 * duration.day),
      cancelToken: expect.stringMatching(/^ido_/),
    });
    const { recovery } = await readFactors(contextAt(models, now), { userId });
    expect(recovery).toMatchObject({ availableAt: over });
    const done = await request(userId, over);
    expect(done).toMatchObject({ ok: true, state: "ready", tokenExpiresAt: after(wait + duration.day) });
    const token = done.ok ? done.token : "";
    expect(await complete(userId, token)).toEqual({ ok: true, ended: expect.any(Number) });
    const gone = { passkeys: [], recoveryCodes: 0, rememberedDevices: [] };
    expect(await readFactors(contextAt(models, over), { userId })).toEqual(gone);
    expect((await validateSession(contextAt(models, now), session)).ok).toBe(false);
    expect(await complete(userId, token)).toEqual({ ok: false, reason: "unknown" });
    const events = await listSecurityEvents(contextAt(models, over), { userId, kind: "factor_recovery" });
    expect(events.map(({ reasons: [reason], severity }) => [reason, severity])).toEqual([
      ["completed", "critical"],
      ["requested", "critical"],
    ]);
  });

  it("has no token before the wait is over, and cannot shorten it by asking again", async () => {
    const { userId } = await withFactors();
    await request(userId);
    const again = await request(userId, after(wait - 1));
    expect(again).toMatchObject({ ok: true, state: "waiting", requestedAt: now, availableAt: over });
    expect(again).not.toHaveProperty("token");
  });

  it("begins one wait by 20 requests at once", async () => {
    const { userId } = await withFactors();
    const answers = await Promise.all(Array.from({ length: 20 }, () => request(userId)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(3);
    expect(new Set(answers.map((one) => one.ok || one.reason))).toEqual(new Set([true, "too_many_messages"]));
    const events = await listSecurityEvents(contextAt(models, now), { userId, kind: "factor_recovery" });
    expect(events).toHaveLength(1);
  });

  it("floods no mailbox: three notices a day", async () => {
    const { userId } = await withFactors();
    for (let index = 0; index < 3; index++) expect((await request(userId)).ok).toBe(true);
    expect(await request(userId)).toMatchObject({
      ok: false,
      reason: "too_many_messages",
      availableAt: over,
    });
    expect((await request(userId, after(duration.day))).ok).toBe(true);
  });

  it("begins again once a wait is over that was not completed in its week", async () => {
    const { userId } = await withFactors();
    const { token } = await ready(userId);
    const late = after(wait + 7 * duration.day);
    expect(await complete(userId, token, late)).toEqual({ ok: false, reason: "expired" });
    expect((await readFactors(contextAt(models, late), { userId })).recovery).toBeUndefined();
    expect(await request(userId, late)).toMatchObject({ ok: true, state: "waiting", requestedAt: late });
  });

  it("of nothing is told so", async () => {
    const { _id: userId } = await makeUser(models);
    expect(await request(userId)).toEqual({ ok: false, reason: "not_enrolled" });
  });

  it.each([[undefined], [""], ["x"], [{ $ne: 1 }], [strayToken("session").raw]])(
    "%j is no token",
    async (token) => {
      const { userId } = await withFactors();
      await ready(userId);
      expect(await complete(userId, token)).toEqual({ ok: false, reason: "malformed" });
    },
  );

  it("completes by the token of the last mail, of this account, within its day, and by no notice's", async () => {
    const [mine, other] = [await withFactors(), await withFactors()];
    const [first, theirs] = [await ready(mine.userId), await ready(other.userId)];
    const unknown = { ok: false, reason: "unknown" };
    for (const token of [theirs.token, first.cancelToken, mintToken("oneTime").raw]) {
      expect(await complete(mine.userId, token)).toEqual(unknown);
    }
    const last = await request(mine.userId, over);
    expect(await complete(mine.userId, first.token)).toEqual(unknown);
    const token = last.ok ? last.token : "";
    const late = after(wait + duration.day);
    expect(await complete(mine.userId, token, late)).toEqual({ ok: false, reason: "expired" });
    expect((await complete(mine.userId, token)).ok).toBe(true);
  });

  it("has one winner of 20 completions at once", async () => {
    const { userId } = await withFactors();
    const { token } = await ready(userId);
    const results = await Promise.all(Array.from({ length: 20 }, () => complete(userId, token)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });
});

describe("a recovery", () => {
  it("is ended by the link of its last notice, once", async () => {
    const { userId } = await withFactors();
    const begun = await request(userId);
    const token = begun.ok ? begun.cancelToken : "";
    const { token: ready_ } = await ready(userId);
    expect(await cancelRecovery(contextAt(models, now), { token })).toEqual({ ok: false, reason: "unknown" });
    const { recovery } = await models.UserFactors.findOne({ userId }).orFail();
    expect(recovery).toBeDefined();
    const last = await request(userId, over);
    const link = last.ok ? last.cancelToken : "";
    expect(await cancelRecovery(contextAt(models, over), { token: link })).toEqual({ ok: true, userId });
    expect(await cancelRecovery(contextAt(models, over), { token: link })).toEqual({
      ok: false,
      reason: "unknown",
    });
    expect(await complete(userId, ready_)).toEqual({ ok: false, reason: "unknown" });
    expect((await readFactors(contextAt(models, over), { userId })).totp).toBeDefined();
  });

  it("is ended by a user of a live session", async () => {
    const { userId } = await withFactors();
    await request(userId);
    expect(await cancelRecovery(contextAt(models, now), { userId })).toEqual({ ok: true, userId });
    expect(await cancelRecovery(contextAt(models, now), { userId })).toEqual({
      ok: false,
      reason: "unknown",
    });
  });

  it.each([[undefined], ["x"], [{}], [mintToken("oneTime").raw]])("is not ended by %j", async (token) => {
    expect(await cancelRecovery(contextAt(models, now), { token })).toEqual({ ok: false, reason: "unknown" });
  });

  it.each([["app"], ["recovery code"], ["passkey"]])(
    "is ended by a use of the %s: it is not lost",
    async (what) => {
      const { userId, secret, codes } = await withFactors();
      const { authenticator } = await withPasskey(models, userId, now);
      const { token } = await ready(userId);
      const context = passkeyContext(models, over);
      if (what === "app") await verifyTotp(context, { userId, code: codeOf(secret, over) });
      if (what === "recovery code") await verifyRecoveryCode(context, { userId, code: codes[0] });
      if (what === "passkey") {
        const start = await beginPasskeyAuthentication(context, { userId });
        if (!start.ok) throw new Error(start.reason);
        const response = authenticator.get(start.options as Parameters<typeof authenticator.get>[0]);
        expect(await finishPasskeyAuthentication(context, { userId, response })).toMatchObject({ ok: true });
      }
      expect(await complete(userId, token)).toEqual({ ok: false, reason: "unknown" });
    },
  );

  // Source: NIST SP 800-63B-4 section 4.2.2.2: not two codes of one method; ASVS 5.0 6.4.3; public report ory/kratos#4317.
  it("never begins or ends by mail alone: a password that was set by mail is no second proof", async () => {
    const { userId, email, secret } = await withFactors();
    const refused = { ok: false, reason: "password_was_reset" };
    const { token } = await ready(userId);
    await resetBy(email, over);
    expect(await complete(userId, token)).toEqual(refused);
    expect(await request(userId, over)).toEqual(refused);
    // Not even once another reset was asked for, whose token was not used.
    await requestPasswordReset(contextAt(models, over), { email });
    expect(await request(userId, over)).toEqual(refused);
    const used = after(wait + duration.minute);
    expect((await verifyTotp(contextAt(models, used), { userId, code: codeOf(secret, used) })).ok).toBe(true);
    expect((await request(userId, used)).ok).toBe(true);
  });

  it("begins again for a password that its user changed in a session", async () => {
    const { userId, email } = await withFactors();
    await resetBy(email, now);
    expect((await request(userId)).ok).toBe(false);
    await setPassword(contextAt(models, now), { userId, password: "chosen in a session" });
    expect((await request(userId)).ok).toBe(true);
  });
});

describe("a reset by staff", () => {
  // Source: ASVS 5.0 6.4.4; public report ory/kratos#2505.
  it("removes every factor, ends every session, and is in the trail with who did it", async () => {
    const { userId } = await withFactors();
    const { _id: actorId } = await makeUser(models);
    await withPasskey(models, userId, now);
    const identity = createIdentity({ connection: database().connection, clock: { now: () => now } });
    const { ended, removed } = await identity.factors.reset({ userId, actorId });
    expect([removed, ended > 0]).toEqual([true, true]);
    expect(await identity.factors.read({ userId })).toEqual({
      passkeys: [],
      recoveryCodes: 0,
      rememberedDevices: [],
    });
    const [event] = await identity.securityEvents.list({ userId });
    expect(event).toMatchObject({
      kind: "factor_recovery",
      severity: "critical",
      reasons: ["reset_by_staff"],
    });
    const trail = await models.AuditEvent.findOne({ action: "factors.reset" }).orFail();
    expect(trail).toMatchObject({
      outcome: "success",
      actorRef: expect.any(String),
      subjectRef: expect.any(String),
    });
    expect(await identity.factors.reset({ userId, actorId })).toMatchObject({ removed: false });
    await expect(identity.factors.reset({ userId: new Types.ObjectId(), actorId })).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
    await identity.close();
  });
});
