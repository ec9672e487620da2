import { beforeAll, describe, expect, it } from "vitest";
import { createApiKey } from "../src/api-keys/manage.js";
import { duration } from "../src/core/limits.js";
import { mintToken } from "../src/core/secrets.js";
import { createIdentity, type IdentityModels, type UserDocument } from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { readUser, setUserStatus } from "../src/users/accounts.js";
import { requestEmailVerification, verifyEmail } from "../src/users/email-verification.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, separateModels, useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";
import { verifyApiKey } from "./recorders.js";
import { strayToken } from "./tokens.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

async function tokenFor({ _id: userId }: UserDocument, at = now): Promise<string> {
  const asked = await requestEmailVerification(contextAt(models, at), { userId });
  if (!asked.ok) throw new Error(asked.reason);
  return asked.token;
}

describe("requestEmailVerification", () => {
  it("gives a token for the account's address, good for a day", async () => {
    const user = await makeUser(models);
    const asked = await requestEmailVerification(contextAt(models, now), { userId: user._id });
    expect(asked).toMatchObject({ ok: true, email: user.email, expiresAt: after(duration.day) });
    expect(await readUser(contextAt(models), user._id)).not.toHaveProperty("emailVerification");
  });

  it.each<[string, object, string]>([
    ["one that is verified", { emailVerifiedAt: now }, "already_verified"],
    ["one that is suspended", { status: "suspended" }, "not_active"],
    ["one that is deleted", { status: "deleted" }, "not_active"],
  ])("refuses an account: %s", async (_name, fields, reason) => {
    const { _id: userId } = await makeUser(models, fields);
    expect(await requestEmailVerification(contextAt(models, now), { userId })).toEqual({
      ok: false,
      reason,
    });
  });

  it("refuses nobody, and a policy out of bounds", async () => {
    const userId = new models.User()._id;
    expect(await requestEmailVerification(contextAt(models, now), { userId })).toMatchObject({
      reason: "unknown",
    });
    const endless = { emailVerificationLifetimeMs: 8 * duration.day };
    const attempt = () => createIdentity({ connection: database().connection, oneTimeTokens: endless });
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });
});

describe("verifyEmail", () => {
  it("verifies the address once, and says so in a security event", async () => {
    const user = await makeUser(models);
    const token = await tokenFor(user);
    const origin = { network: "203.0.113.0/24" };
    const verified = await verifyEmail(contextAt(models, after(duration.hour)), { token, origin });
    expect(verified).toEqual({ ok: true, userId: user._id, email: user.email });
    expect(await readUser(contextAt(models), user._id)).toMatchObject({
      emailVerifiedAt: after(duration.hour),
      status: "active",
    });
    expect(await verifyEmail(contextAt(models, now), { token })).toMatchObject({
      ok: false,
      reason: "used",
    });
    expect(await listSecurityEvents(contextAt(models), { userId: user._id })).toMatchObject([
      { kind: "email_verified", ...origin },
    ]);
  });

  it("makes a pending account active, and its API keys good", async () => {
    const user = await makeUser(models);
    const { key } = await createApiKey(contextAt(models, now), { userId: user._id, name: "ci", scopes: [] });
    await setUserStatus(contextAt(models, now), { userId: user._id, status: "pending" });
    expect(await verifyApiKey(models, { key }, now)).toMatchObject({ ok: false });
    await verifyEmail(contextAt(models, now), { token: await tokenFor(user) });
    expect(await readUser(contextAt(models), user._id)).toMatchObject({ status: "active" });
    expect(await verifyApiKey(models, { key }, now)).toMatchObject({ ok: true });
  });

  it("completes at a second use what a crash kept from the API keys", async () => {
    const user = await makeUser(models);
    const { key } = await createApiKey(contextAt(models, now), { userId: user._id, name: "ci", scopes: [] });
    await setUserStatus(contextAt(models, now), { userId: user._id, status: "pending" });
    const token = await tokenFor(user);
    const crashed = { status: "active", emailVerifiedAt: now, "emailVerification.usedAt": now };
    await models.User.collection.updateOne({ _id: user._id }, { $set: crashed });
    expect(await verifyApiKey(models, { key }, now)).toMatchObject({ ok: false });
    expect(await verifyEmail(contextAt(models, now), { token })).toMatchObject({ reason: "used" });
    expect(await verifyApiKey(models, { key }, now)).toMatchObject({ ok: true });
  });

  it.each(["suspended", "deleted"] as const)(
    "refuses an account that is %s since, and leaves it so",
    async (status) => {
      const user = await makeUser(models);
      const token = await tokenFor(user);
      await setUserStatus(contextAt(models, now), { userId: user._id, status });
      expect(await verifyEmail(contextAt(models, now), { token })).toMatchObject({ reason: "not_active" });
      const left = await readUser(contextAt(models), user._id);
      expect([left.status, left.emailVerifiedAt]).toEqual([status, undefined]);
    },
  );

  it("refuses a token that is over, or whose address the account no longer has", async () => {
    const [old, moved] = [await makeUser(models), await makeUser(models)];
    expect(
      await verifyEmail(contextAt(models, after(duration.day)), { token: await tokenFor(old) }),
    ).toMatchObject({
      reason: "expired",
    });
    const token = await tokenFor(moved);
    await models.User.updateOne({ _id: moved._id }, { email: "moved@example.com" });
    expect(await verifyEmail(contextAt(models, now), { token })).toMatchObject({ reason: "address_changed" });
    expect((await readUser(contextAt(models), moved._id)).emailVerifiedAt).toBeUndefined();
  });

  it.each([undefined, null, 7, {}, "", "ido_", strayToken("session").raw, `${mintToken("oneTime").raw}x`])(
    "refuses %j without a read",
    async (token) => {
      const { result, commands } = await commandsDuring(database(), () =>
        verifyEmail(contextAt(models, now), { token }),
      );
      expect([result, commands]).toEqual([{ ok: false, reason: "malformed" }, []]);
    },
  );

  it("succeeds for one of 100 parallel uses", async () => {
    const user = await makeUser(models, { status: "pending" });
    const token = await tokenFor(user);
    const uses = separateModels(database(), 100).map((separate) =>
      verifyEmail(contextAt(separate, now), { token }),
    );
    const answers = await Promise.all(uses);
    expect(answers.filter(({ ok: verified }) => verified)).toHaveLength(1);
    expect(answers.filter((answer) => !answer.ok && answer.reason === "used")).toHaveLength(99);
    expect(await listSecurityEvents(contextAt(models), { userId: user._id })).toHaveLength(1);
  });
});
