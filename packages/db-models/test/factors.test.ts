import { withDatabase } from "@org/dev-kit";
import { bundleChild, startChild } from "@org/dev-kit/children";
import { beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { ProofMethod } from "../src/core/assurance.js";
import { duration } from "../src/core/limits.js";
import { factorPolicySchema } from "../src/core/policies/factors.js";
import { readFactors } from "../src/factors/account.js";
import { createRecoveryCodes, verifyRecoveryCode } from "../src/factors/recovery-codes.js";
import { confirmTotp, enrolTotp, removeTotp, resealFactors } from "../src/factors/totp.js";
import { verifyTotp } from "../src/factors/totp-codes.js";
import { createIdentity, type IdentityModels } from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { contextAt, sealKeys } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { codeOf, enrolled, sessionWith } from "./factors-world.js";
import { after, now } from "./moment.js";
import { dumpOf } from "./person.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});
const { free, firstDelayMs, maxDelayMs } = factorPolicySchema.parse({});
const step = 30 * duration.second;

async function somebody(methods: ProofMethod[] = ["password"], at = now) {
  const { _id: userId } = await makeUser(models);
  return { userId, session: await sessionWith(models, userId, methods, at) };
}

async function withApp(at = now) {
  const { _id: userId } = await makeUser(models);
  return { userId, ...(await enrolled(models, userId, at)) };
}

const verify = (userId: Awaited<ReturnType<typeof withApp>>["userId"], code: unknown, at = now) =>
  verifyTotp(contextAt(models, at), { userId, code });
/** A code that is none of the window's. */
const wrongCode = (secret: string, at = now) => {
  const right = [-1, 0, 1].map((steps) => codeOf(secret, at, steps));
  return ["000000", "111111", "222222", "333333"].find((code) => !right.includes(code)) ?? "";
};

describe("enrolling an authenticator app", () => {
  it("takes a code of the app, and makes it a factor", async () => {
    const { userId, session } = await somebody();
    const enrolment = await enrolTotp(contextAt(models, now), { session });
    if (!enrolment.ok) throw new Error(enrolment.reason);
    expect(enrolment.secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(enrolment.uri).toContain(`secret=${enrolment.secret}&`);
    expect(await readFactors(contextAt(models, now), { userId })).toEqual({
      passkeys: [],
      recoveryCodes: 0,
      rememberedDevices: [],
    });
    const confirmed = await confirmTotp(contextAt(models, now), {
      session,
      code: codeOf(enrolment.secret, now),
    });
    expect(confirmed).toEqual({ ok: true });
    expect(await readFactors(contextAt(models, now), { userId })).toEqual({
      totp: { confirmedAt: now, lastUsedAt: now, addedInSession: session.id },
      passkeys: [],
      recoveryCodes: 0,
      rememberedDevices: [],
    });
    const [event] = await listSecurityEvents(contextAt(models, now), { userId });
    expect(event).toMatchObject({ kind: "second_factor_changed", reasons: ["totp_added"] });
    const stored = await models.UserFactors.findOne({ userId }).orFail();
    await stored.validate();
    expect([stored.purgeAt, stored.enabledAt]).toEqual([undefined, now]);
  });

  it("is over after its time, and garbage a day later", async () => {
    const { userId, session } = await somebody();
    const enrolment = await enrolTotp(contextAt(models, now), { session });
    if (!enrolment.ok) throw new Error(enrolment.reason);
    const late = after(11 * duration.minute);
    const proved = { ...session, proofs: [{ method: "password" as const, at: late }] };
    const code = codeOf(enrolment.secret, late);
    expect(await confirmTotp(contextAt(models, late), { session: proved, code })).toEqual({
      ok: false,
      reason: "not_enrolled",
    });
    const { purgeAt } = await models.UserFactors.findOne({ userId }).orFail();
    expect(purgeAt).toEqual(after(duration.day + 10 * duration.minute));
  });

  it("leaves the app before as it was until the other is confirmed", async () => {
    const { userId, session, secret } = await withApp();
    await enrolTotp(contextAt(models, now), { session });
    expect(await verify(userId, codeOf(secret, after(step)), after(step))).toEqual({
      ok: true,
      method: "totp",
    });
  });

  // Source: public report supabase/auth#2565 (anybody with the session could change factors).
  it.each<[string, ProofMethod[], number, number]>([
    ["a password of an hour ago", ["password"], -duration.hour, 1],
    ["a mailed code", ["email"], 0, 1],
    ["nothing known", [], 0, 1],
  ])("needs more than %s", async (_what, methods, ms, needed) => {
    const { session } = await somebody(methods, after(ms));
    const refused = { ok: false, reason: "reauthentication_required", needed };
    expect(await enrolTotp(contextAt(models, now), { session })).toEqual(refused);
  });

  it("needs two factors once there is one: a stolen password does not put another app in its place", async () => {
    const { userId } = await withApp();
    const session = await sessionWith(models, userId, ["password"], now);
    const refused = { ok: false, reason: "reauthentication_required", needed: 2 };
    const context = contextAt(models, now);
    expect(await enrolTotp(context, { session })).toEqual(refused);
    expect(await confirmTotp(context, { session, code: "000000" })).toEqual(refused);
    expect(await removeTotp(context, { session })).toEqual(refused);
    expect(await createRecoveryCodes(context, { session })).toEqual(refused);
  });

  // Each of them inserts the document of factors.
  it("works for five first enrolments at once; the last one counts", async () => {
    const { session } = await somebody();
    const enrolments = await Promise.all(
      Array.from({ length: free }, () => enrolTotp(contextAt(models, now), { session })),
    );
    const codes = enrolments.map((one) => (one.ok ? codeOf(one.secret, now) : ""));
    const results = [];
    for (const code of codes) results.push(await confirmTotp(contextAt(models, now), { session, code }));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  // MongoDB's documentation of upserts: of several at once, all but one may fail with a duplicate key. The development
  // engine never does.
  it("is done again when another first enrolment came between", async () => {
    const { session } = await somebody();
    const upsert = vi.spyOn(models.UserFactors.collection, "findOneAndUpdate");
    upsert.mockRejectedValueOnce(Object.assign(new Error("E11000 duplicate key"), { code: 11_000 }));
    const enrolment = await enrolTotp(contextAt(models, now), { session });
    expect([enrolment.ok, upsert.mock.calls.length]).toEqual([true, 2]);
    upsert.mockRestore();
  });

  it("without a key of the deployment's says which option to set", async () => {
    const { session } = await somebody();
    const enrolling = enrolTotp({ ...contextAt(models, now), sealKeys: [] }, { session });
    await expect(enrolling).rejects.toMatchObject({
      code: "SEAL_KEY_MISSING",
      message: expect.stringContaining("sealKeys"),
    });
  });
});

describe("a code", () => {
  it.each([
    [-2, "wrong_code"],
    [3, "wrong_code"],
  ])("%i steps away is refused", async (steps, reason) => {
    const { userId, secret } = await withApp();
    expect(await verify(userId, codeOf(secret, now, steps))).toEqual({ ok: false, reason });
  });

  it("of the step after passes, and takes back none of those before", async () => {
    const { userId, secret } = await withApp();
    expect((await verify(userId, codeOf(secret, now, 1))).ok).toBe(true);
    expect(await verify(userId, codeOf(secret, after(step)), after(step))).toEqual({
      ok: false,
      reason: "code_used",
    });
    expect((await verify(userId, codeOf(secret, after(2 * step)), after(2 * step))).ok).toBe(true);
  });

  it("that confirmed the app is used", async () => {
    const { userId, secret } = await withApp();
    expect(await verify(userId, codeOf(secret, now))).toEqual({ ok: false, reason: "code_used" });
  });

  it("that the clock took while it was a year ahead takes none of the present, and is not taken again", async () => {
    const { userId, secret } = await withApp();
    const ahead = after(365 * 86_400_000);
    expect((await verify(userId, codeOf(secret, ahead), ahead)).ok).toBe(true);
    const later = after(3 * step);
    expect((await verify(userId, codeOf(secret, later), later)).ok).toBe(true);
    for (const at of [later, now, ahead])
      expect(await verify(userId, codeOf(secret, at), at)).toEqual({ ok: false, reason: "code_used" });
  });

  it("of an app that was confirmed a year ahead is taken now", async () => {
    const { userId, secret } = await withApp(after(365 * 86_400_000));
    expect((await verify(userId, codeOf(secret, now))).ok).toBe(true);
  });

  it.each([
    [" 12 34 5"],
    ["12345a"],
    ["１２３４５"],
    ["1234567"],
    [123456],
    [null],
    [{ $gt: "" }],
    ["1".repeat(99)],
  ])("%j is malformed, and counts nowhere", async (code) => {
    const { userId } = await withApp();
    expect(await verify(userId, code)).toEqual({ ok: false, reason: "malformed" });
    const counter = await models.LoginProfile.findOne({ subject: "factor", key: userId.toHexString() });
    expect(counter?.counter.failures).toBe(0);
  });

  it("passes in groups, as people type it", async () => {
    const { userId, secret } = await withApp();
    const code = codeOf(secret, now, 1);
    expect((await verify(userId, `${code.slice(0, 3)} ${code.slice(3)}\n`)).ok).toBe(true);
  });

  it("of an account without an app is refused", async () => {
    const { userId } = await somebody();
    expect(await verify(userId, "123456")).toEqual({ ok: false, reason: "not_enrolled" });
  });

  // Source: public report logto-io/logto#9109: the step was compared, and then written.
  it("passes once of 100 times at once", async () => {
    const { userId, secret } = await withApp();
    const code = codeOf(secret, now, 1);
    const policies = { factors: { free: 20 } };
    const results = await Promise.all(
      Array.from({ length: 100 }, () => verifyTotp(contextAt(models, now, policies), { userId, code })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });
});

describe("wrong codes", () => {
  it("are evaluated as often as is free, over 100 at once in two processes", async () => {
    const { userId, secret } = await withApp();
    const script = await bundleChild(new URL("./children/code-guesser.ts", import.meta.url));
    const uri = withDatabase(inject("engine").uri, database().connection.name);
    const children = [0, 1].map(() => startChild(script, uri));
    await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
    for (const child of children) {
      child.tell(JSON.stringify({ userId, code: wrongCode(secret), times: 50 }));
    }
    await Promise.all(children.map(({ exited }) => exited));
    const lines = children.flatMap((child) => child.printed().split("\n"));
    expect(lines.filter((line) => line === "wrong_code")).toHaveLength(free);
    expect(lines.filter((line) => line === "delayed")).toHaveLength(100 - free);
    const kinds = (await listSecurityEvents(contextAt(models, now), { userId })).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "second_factor_delayed")).toHaveLength(1);
  });

  it("delay ever longer up to the longest, and never for ever: the owner's code passes at its end", async () => {
    const { userId, secret } = await withApp();
    const delays: number[] = [];
    let at = now;
    for (let attempts = 0; attempts < 30; ) {
      const check = await verify(userId, wrongCode(secret, at), at);
      if (check.ok || check.reason !== "delayed") {
        attempts += 1;
        continue;
      }
      delays.push(check.retryAfterMs);
      at = new Date(at.getTime() + check.retryAfterMs);
    }
    expect(delays[0]).toBe(firstDelayMs);
    expect(Math.max(...delays)).toBe(maxDelayMs);
    const waiting = await verify(userId, codeOf(secret, at), at);
    if (waiting.ok || waiting.reason !== "delayed") throw new Error("is not delayed");
    const end = new Date(at.getTime() + waiting.retryAfterMs);
    expect((await verify(userId, codeOf(secret, end), end)).ok).toBe(true);
    const next = new Date(end.getTime() + step);
    expect(await verify(userId, wrongCode(secret, next), next)).toEqual({ ok: false, reason: "wrong_code" });
  });

  it("do not delay a recovery code, which nobody can guess", async () => {
    const { userId, secret, codes } = await withApp();
    for (let attempt = 0; attempt <= free; attempt++) await verify(userId, wrongCode(secret));
    expect((await verify(userId, codeOf(secret, now, 1))).ok).toBe(false);
    expect((await verifyRecoveryCode(contextAt(models, now), { userId, code: codes[0] })).ok).toBe(true);
  });
});

describe("the secret at rest", () => {
  it("is nowhere in the database, in no form", async () => {
    const { secret, codes } = await withApp();
    const dump = await dumpOf(models);
    const bytes = await import("./factors-world.js").then(({ bytesOf }) => bytesOf(secret));
    for (const form of [
      secret,
      ...codes,
      bytes.toString("hex"),
      bytes.toString("base64url"),
      sealKeys[0]!.key,
    ]) {
      expect(dump).not.toContain(form);
    }
    expect(dump).toContain('"keyId":"current"');
  });

  it("is sealed with the new key at its next use", async () => {
    const { userId, secret } = await withApp();
    const rotated = [{ id: "next", key: "n".repeat(43) }, ...sealKeys];
    const context = { ...contextAt(models, after(step)), sealKeys: rotated };
    expect((await verifyTotp(context, { userId, code: codeOf(secret, after(step)) })).ok).toBe(true);
    const later = { ...contextAt(models, after(2 * step)), sealKeys: rotated.slice(0, 1) };
    expect((await verifyTotp(later, { userId, code: codeOf(secret, after(2 * step)) })).ok).toBe(true);
  });

  it("is sealed with the new key when an enrolment that began under the former one is confirmed", async () => {
    const { userId, session } = await somebody();
    const begun = await enrolTotp(contextAt(models, now), { session });
    if (!begun.ok) throw new Error(begun.reason);
    const rotated = [{ id: "next", key: "n".repeat(43) }, ...sealKeys];
    const context = { ...contextAt(models, now), sealKeys: rotated };
    expect(await confirmTotp(context, { session, code: codeOf(begun.secret, now) })).toEqual({ ok: true });
    const later = { ...contextAt(models, after(step)), sealKeys: rotated.slice(0, 1) };
    expect((await verifyTotp(later, { userId, code: codeOf(begun.secret, after(step)) })).ok).toBe(true);
  });

  it("is sealed with the new key by reseal, a part in a call, and goes on without the old one", async () => {
    await models.UserFactors.deleteMany({});
    const people = [await withApp(), await withApp(), await withApp()];
    const rotated = [{ id: "next", key: "n".repeat(43) }, ...sealKeys];
    const context = { ...contextAt(models, now), sealKeys: rotated };
    expect(await resealFactors(context, { limit: 2 })).toMatchObject({ resealed: 2, done: false });
    expect(await resealFactors(context, { limit: 2 })).toEqual({
      resealed: 1,
      done: true,
      failed: 0,
      failures: [],
    });
    const later = { ...contextAt(models, after(step)), sealKeys: rotated.slice(0, 1) };
    for (const { userId, secret } of people) {
      expect((await verifyTotp(later, { userId, code: codeOf(secret, after(step)) })).ok).toBe(true);
    }
  });

  it("that does not open is named by reseal, and keeps no other from being sealed", async () => {
    await models.UserFactors.deleteMany({});
    const broken = await withApp();
    await Promise.all([withApp(), withApp()]);
    const elsewhere = { "totp.sealedText": Buffer.alloc(60, 7).toString("base64url") };
    await models.UserFactors.collection.updateOne({ userId: broken.userId }, { $set: elsewhere });
    const rotated = [{ id: "next", key: "n".repeat(43) }, ...sealKeys];
    const context = { ...contextAt(models, now), sealKeys: rotated };
    const failures = [{ id: broken.userId, error: expect.objectContaining({ code: "SEAL_BROKEN" }) }];
    const reseal = () => resealFactors(context, { limit: 1 });
    let resealed = 0;
    for (let report = await reseal(); ; report = await reseal()) {
      resealed += report.resealed;
      if (!report.done) continue;
      expect(report).toMatchObject({ failed: 1, failures });
      break;
    }
    expect(resealed).toBe(2);
  });

  it.each([
    ["is gone", [{ id: "next", key: "n".repeat(43) }], "SEAL_KEY_MISSING"],
    ["has another value", [{ id: "current", key: "x".repeat(43) }], "SEAL_BROKEN"],
  ])("whose key %s says so without a failure of the user's, and shows no key", async (_what, keys, code) => {
    const { userId, secret } = await withApp();
    const checking = verifyTotp(
      { ...contextAt(models, after(step)), sealKeys: keys },
      { userId, code: codeOf(secret, after(step)) },
    );
    const error = await checking.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, details: { keyId: "current" } });
    expect(JSON.stringify([error, String(error)])).not.toContain(keys[0]!.key);
    expect((await verify(userId, codeOf(secret, after(step)), after(step))).ok).toBe(true);
  });

  it("copied to somebody else's account opens nothing", async () => {
    const [owner, thief] = [await withApp(), await withApp()];
    const { totp } = await models.UserFactors.findOne({ userId: thief.userId }).orFail();
    await models.UserFactors.collection.updateOne({ userId: owner.userId }, { $set: { totp } });
    const checking = verify(owner.userId, codeOf(thief.secret, after(step)), after(step));
    await expect(checking).rejects.toMatchObject({ code: "SEAL_BROKEN" });
  });

  it.each([
    [[{ id: "a", key: "short" }]],
    [[{ id: "", key: "k".repeat(43) }]],
    [
      [
        { id: "a", key: "k".repeat(43) },
        { id: "a", key: "l".repeat(43) },
      ],
    ],
  ])("is not sealed with keys such as %j: they are refused when the object is made", (keys) => {
    const { connection } = database();
    expect(() => createIdentity({ connection, sealKeys: keys })).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", message: expect.not.stringContaining("kkkk") }),
    );
  });
});

describe("removing the app", () => {
  it("takes the recovery codes too, and says so", async () => {
    const { userId, session, secret, codes } = await withApp();
    const context = contextAt(models, now);
    expect(await removeTotp(context, { session })).toEqual({ ok: true });
    expect(await readFactors(context, { userId })).toEqual({
      passkeys: [],
      recoveryCodes: 0,
      rememberedDevices: [],
    });
    expect(await verify(userId, codeOf(secret, now, 1))).toEqual({ ok: false, reason: "not_enrolled" });
    expect(await verifyRecoveryCode(context, { userId, code: codes[0] })).toEqual({
      ok: false,
      reason: "wrong_code",
    });
    const stored = await models.UserFactors.findOne({ userId }).orFail();
    expect([stored.enabledAt, stored.purgeAt]).toEqual([undefined, after(duration.day)]);
    const events = await listSecurityEvents(context, { userId });
    expect(events.flatMap(({ reasons }) => reasons)).toContain("totp_removed");
    expect(await removeTotp(context, { session })).toEqual({ ok: false, reason: "not_enrolled" });
  });

  it("takes the recovery code of who lost the phone, together with the password", async () => {
    const { userId } = await withApp();
    const session = await sessionWith(models, userId, ["password", "recovery_code"], now);
    expect(await removeTotp(contextAt(models, now), { session })).toEqual({ ok: true });
  });
});

describe("recovery codes", () => {
  it("are ten of 130 bits in groups, stored as hashes", async () => {
    const { userId, codes } = await withApp();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]$/);
    const stored = await models.UserFactors.findOne({ userId }).orFail();
    await stored.validate();
    expect(stored.recoveryCodes).toHaveLength(10);
  });

  it("pass once each, however they are typed, and tell how many are left", async () => {
    const { userId, codes } = await withApp();
    const context = contextAt(models, now);
    const [first = "", second = ""] = codes;
    const typed = first.toLowerCase().replaceAll("-", " ").replaceAll("0", "o").replaceAll("1", "l");
    const used = { ok: false, reason: "wrong_code" };
    expect(await verifyRecoveryCode(context, { userId, code: typed })).toEqual({
      ok: true,
      method: "recovery_code",
      left: 9,
    });
    expect(await verifyRecoveryCode(context, { userId, code: first })).toEqual(used);
    expect(await verifyRecoveryCode(context, { userId, code: second })).toMatchObject({ left: 8 });
    const kinds = (await listSecurityEvents(context, { userId })).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "recovery_code_used")).toHaveLength(2);
    expect((await readFactors(context, { userId })).totp).toBeDefined();
  });

  it("have one winner of 100 uses at once", async () => {
    const { userId, codes } = await withApp();
    const results = await Promise.all(
      Array.from({ length: 100 }, () =>
        verifyRecoveryCode(contextAt(models, now), { userId, code: codes[3] }),
      ),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it("of before are void once there are new ones, and none are anybody else's", async () => {
    const { userId, session, codes } = await withApp();
    const other = await withApp();
    const context = contextAt(models, now);
    expect((await createRecoveryCodes(context, { session })).ok).toBe(true);
    const void_ = { ok: false, reason: "wrong_code" };
    expect(await verifyRecoveryCode(context, { userId, code: codes[0] })).toEqual(void_);
    expect(await verifyRecoveryCode(context, { userId, code: other.codes[0] })).toEqual(void_);
    expect((await verifyRecoveryCode(context, { userId: other.userId, code: other.codes[0] })).ok).toBe(true);
  });

  it.each([[""], ["ABCDE"], [null], [{ $ne: 1 }], ["U".repeat(26)], ["A".repeat(10_000)]])(
    "%j is malformed",
    async (code) => {
      const { userId } = await withApp();
      const check = await verifyRecoveryCode(contextAt(models, now), { userId, code });
      expect(check).toEqual({ ok: false, reason: "malformed" });
    },
  );

  it("are for accounts with a factor", async () => {
    const { session } = await somebody();
    const created = await createRecoveryCodes(contextAt(models, now), { session });
    expect(created).toEqual({ ok: false, reason: "not_enrolled" });
  });
});
