import fc from "fast-check";
import type { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { type ProofMethod, proofMethods } from "../src/core/assurance.js";
import { duration, limits } from "../src/core/limits.js";
import { randomKey } from "../src/core/secrets.js";
import { readFactors } from "../src/factors/account.js";
import { decideFactor } from "../src/factors/decide.js";
import { removePasskey } from "../src/factors/passkeys.js";
import { forgetDevices, isDeviceRemembered, rememberDevice } from "../src/factors/remembered-devices.js";
import { removeTotp } from "../src/factors/totp.js";
import type { IdentityModels } from "../src/index.js";
import { revokeAllSessions } from "../src/sessions/revoke.js";
import { setUserStatus } from "../src/users/accounts.js";
import { setPassword } from "../src/users/password.js";
import { requestPasswordReset, resetPassword } from "../src/users/password-reset.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { enrolled, sessionWith } from "./factors-world.js";
import { after, now } from "./moment.js";
import { withPasskey } from "./passkeys-world.js";
import { dumpOf } from "./person.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const label = "Firefox on Windows";

async function onADevice(fields: object = {}) {
  const user = await makeUser(models, { passwordHash: "$argon2id$none", ...fields });
  const { _id: userId } = user;
  const { session } = await enrolled(models, userId, now);
  const deviceCookie = randomKey();
  const remembered = await rememberDevice(contextAt(models, now), { session, deviceCookie, label });
  if (!remembered.ok) throw new Error(remembered.reason);
  return { user, userId, session, deviceCookie, device: remembered.device };
}

const isRemembered = (userId: Types.ObjectId, deviceCookie: string | undefined, at = now) =>
  isDeviceRemembered(contextAt(models, at), { userId, deviceCookie });

describe("a remembered device", () => {
  it("is known by its cookie to the account alone, until its end, whatever is done on it", async () => {
    const { userId, deviceCookie, device } = await onADevice();
    const other = await onADevice();
    const end = after(30 * duration.day);
    expect(device).toMatchObject({ label, createdAt: now, expiresAt: end });
    expect(await isRemembered(userId, deviceCookie)).toBe(true);
    expect(await isRemembered(other.userId, deviceCookie)).toBe(false);
    for (const nothing of [undefined, "", randomKey()])
      expect(await isRemembered(userId, nothing)).toBe(false);
    const last = after(30 * duration.day - 1);
    expect(await isRemembered(userId, deviceCookie, last)).toBe(true);
    expect(await isRemembered(userId, deviceCookie, end)).toBe(false);
    const { rememberedDevices } = await readFactors(contextAt(models, last), { userId });
    expect(rememberedDevices).toEqual([{ ...device, lastUsedAt: last }]);
    expect((await readFactors(contextAt(models, end), { userId })).rememberedDevices).toEqual([]);
    expect(await dumpOf(models)).not.toContain(deviceCookie);
  });

  it("that a clock far ahead remembered is none", async () => {
    const { _id: userId } = await makeUser(models);
    const ahead = after(365 * duration.day);
    const { session } = await enrolled(models, userId, ahead);
    await rememberDevice(contextAt(models, ahead), { session, deviceCookie: "cookie", label });
    expect(await isRemembered(userId, "cookie")).toBe(false);
  });

  it.each<[string, ProofMethod[], number]>([
    ["a password alone", ["password"], 0],
    ["a mailed code", ["password", "email"], 0],
    ["both factors of an hour ago", ["password", "totp"], -duration.hour],
  ])("takes more than %s", async (_what, methods, ms) => {
    const { _id: userId } = await makeUser(models);
    await enrolled(models, userId, now);
    const session = await sessionWith(models, userId, methods, after(ms));
    const refused = { ok: false, reason: "reauthentication_required", needed: 2 };
    expect(await rememberDevice(contextAt(models, now), { session, deviceCookie: "x", label })).toEqual(
      refused,
    );
  });

  it("is of no use to an account without a factor", async () => {
    const { _id: userId } = await makeUser(models);
    const session = await sessionWith(models, userId, ["passkey"], now);
    const refused = { ok: false, reason: "not_enrolled" };
    expect(await rememberDevice(contextAt(models, now), { session, deviceCookie: "x", label })).toEqual(
      refused,
    );
  });

  // Sources: public reports FusionAuth/fusionauth-issues#2706 and #2827 (trusted devices outlive a change of the account).
  it.each<[string, (who: Awaited<ReturnType<typeof onADevice>>) => Promise<unknown>]>([
    [
      "a changed password",
      ({ userId }) => setPassword(contextAt(models, now), { userId, password: "another long one 1" }),
    ],
    [
      "a reset password",
      async ({ user }) => {
        const issued = await requestPasswordReset(contextAt(models, now), { email: user.email });
        if (!issued.ok) throw new Error(issued.reason);
        return resetPassword(contextAt(models, now), { token: issued.token, password: "another long one 2" });
      },
    ],
    ["the end of every session", ({ userId }) => revokeAllSessions(contextAt(models, now), { userId })],
    ["a suspension", ({ userId }) => setUserStatus(contextAt(models, now), { userId, status: "suspended" })],
    ["the removal of the app", ({ session }) => removeTotp(contextAt(models, now), { session })],
    [
      "its own removal",
      ({ userId, device }) => forgetDevices(contextAt(models, now), { userId, id: device.id }),
    ],
    ["the removal of all", ({ userId }) => forgetDevices(contextAt(models, now), { userId })],
  ])("is forgotten by %s", async (_what, act) => {
    const who = await onADevice();
    expect(await isRemembered(who.userId, who.deviceCookie)).toBe(true);
    await act(who);
    expect(await isRemembered(who.userId, who.deviceCookie)).toBe(false);
  });

  it("is forgotten by the removal of one factor though another is left", async () => {
    const { userId, deviceCookie, session } = await onADevice();
    const { passkey } = await withPasskey(models, userId, now);
    expect(await isRemembered(userId, deviceCookie)).toBe(true);
    expect(await removePasskey(contextAt(models, now), { session, id: passkey.id })).toEqual({ ok: true });
    expect(await isRemembered(userId, deviceCookie)).toBe(false);
  });

  it("stays when a password change keeps the session but not when it is another account's", async () => {
    const [one, two] = [await onADevice(), await onADevice()];
    await setPassword(contextAt(models, now), { userId: one.userId, password: "another long one 3" });
    expect(await isRemembered(two.userId, two.deviceCookie)).toBe(true);
  });

  it("is one of ten at most; the oldest leaves, and one is not there twice", async () => {
    const { userId, session, deviceCookie } = await onADevice();
    const remember = (cookie: string) =>
      rememberDevice(contextAt(models, now), { session, deviceCookie: cookie, label });
    await remember(deviceCookie);
    expect((await readFactors(contextAt(models, now), { userId })).rememberedDevices).toHaveLength(1);
    await Promise.all(Array.from({ length: limits.rememberedDevices }, () => remember(randomKey())));
    const { rememberedDevices } = await readFactors(contextAt(models, now), { userId });
    expect(rememberedDevices).toHaveLength(limits.rememberedDevices);
    expect(await isRemembered(userId, deviceCookie)).toBe(false);
    expect(await forgetDevices(contextAt(models, now), { userId })).toBe(limits.rememberedDevices);
    expect(await forgetDevices(contextAt(models, now), { userId })).toBe(0);
  });

  it.each([[""], ["\n"], ["x".repeat(129)]])("refuses the label %j", async (bad) => {
    const { session } = await onADevice();
    const remembering = rememberDevice(contextAt(models, now), { session, deviceCookie: "x", label: bad });
    await expect(remembering).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});

describe("the decision on a remembered device", () => {
  const factors = { totp: { confirmedAt: now, lastUsedAt: now }, passkeys: [], recoveryCodes: 3 };
  const question = { factors, rememberedDevice: true, proofs: ["password"], risk: "allow" } as const;

  it.each([
    ["one factor passes", question, "allow"],
    ["risk still asks", { ...question, risk: "challenge" }, "challenge"],
    ["risk still denies", { ...question, risk: "deny" }, "deny"],
    ["a mailed code is no factor", { ...question, proofs: ["email"] }, "deny"],
    ["the app alone is no first factor", { ...question, proofs: ["totp"] }, "challenge"],
  ] as const)("%s", (_what, asked, action) => {
    expect(decideFactor(asked).action).toBe(action);
  });

  it("is as without it wherever risk is more than allowed", () => {
    fc.assert(
      fc.property(fc.subarray([...proofMethods]), fc.constantFrom("challenge", "deny"), (proofs, risk) => {
        const asked = { factors, proofs, risk } as const;
        expect(decideFactor({ ...asked, rememberedDevice: true })).toEqual(decideFactor(asked));
      }),
    );
  });
});
