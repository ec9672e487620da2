import fc from "fast-check";
import type { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { createApiKey } from "../src/api-keys/manage.js";
import { duration } from "../src/core/limits.js";
import { hashPassword } from "../src/core/passwords.js";
import { mintToken, sha256 } from "../src/core/secrets.js";
import { confirmEmailChange } from "../src/email-changes/confirm.js";
import { requestEmailChange } from "../src/email-changes/request.js";
import { undoEmailChange } from "../src/email-changes/undo.js";
import { linkExternal, listExternal } from "../src/external/identities.js";
import { readFactors } from "../src/factors/account.js";
import type { IdentityModels, UserDocument } from "../src/index.js";
import { exportUserData } from "../src/privacy/export.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { endEverySession, revokeAllSessions, revokeSession } from "../src/sessions/revoke.js";
import { authenticateUser, readUser } from "../src/users/accounts.js";
import { setPassword } from "../src/users/password.js";
import { requestPasswordReset, resetPassword } from "../src/users/password-reset.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, separateModels, useIdentityDatabase } from "./database.js";
import { eraseUserData } from "./erasing.js";
import { enrolled } from "./factors-world.js";
import { after, now } from "./moment.js";
import { withPasskey } from "./passkeys-world.js";
import { verifyApiKey } from "./recorders.js";

const password = "the password of before";
const database = useIdentityDatabase();
let models: IdentityModels;
let passwordHash: string;
beforeAll(async () => {
  models = database().models;
  passwordHash = await hashPassword(password);
});

let addresses = 0;
function newAddress(): string {
  addresses += 1;
  return `address-${addresses}@example.net`;
}

/** An account with an address that another one had: made by an update, for the engine refuses such inserts. */
async function makeUserAt(email: string, fields: object): Promise<UserDocument> {
  const user = await makeUser(models, fields);
  await models.User.updateOne({ _id: user._id }, { email });
  return user;
}

const makeOwner = (fields: object = {}) =>
  makeUser(models, { passwordHash, emailVerifiedAt: now, ...fields });

async function asked(userId: Types.ObjectId, email: string, at = now, from = models) {
  const request = await requestEmailChange(contextAt(from, at), { userId, email });
  if (!request.ok) throw new Error(request.reason);
  return request;
}

async function changed(userId: Types.ObjectId, email: string, at = now) {
  const request = await asked(userId, email, at);
  const confirmed = await confirmEmailChange(contextAt(models, at), { token: request.token });
  if (!confirmed.ok) throw new Error(confirmed.reason);
  return { ...request, later: confirmed.undoToken };
}

const addressOf = async (userId: Types.ObjectId) => (await readUser(contextAt(models), userId)).email;
const kindsOf = async (userId: Types.ObjectId) =>
  (await listSecurityEvents(contextAt(models), { userId }))
    .filter(({ kind }) => kind === "email_changed")
    .map(({ reasons }) => reasons[0]);

describe("a request for another address", () => {
  it("changes nothing, and gives a token for either mailbox", async () => {
    const user = await makeOwner();
    const to = newAddress();
    const request = await asked(user._id, ` ${to.toUpperCase()} `);
    expect(request).toMatchObject({
      email: to,
      former: user.email,
      expiresAt: after(duration.day),
      undoExpiresAt: after(7 * duration.day),
      taken: false,
    });
    expect(await addressOf(user._id)).toBe(user.email);
    expect(await kindsOf(user._id)).toEqual(["requested"]);
    const shown = await readUser(contextAt(models), user._id);
    expect(shown).not.toHaveProperty("emailChange");
    expect(shown).not.toHaveProperty("emailUndos");
  });

  // Anyone who measures or reads the answer must not learn whether another account has the address (ASVS 6.3.8).
  it("does the same work for an address that another account has", async () => {
    const [user, other] = [await makeOwner(), await makeOwner()];
    const free = await commandsDuring(database(), () => asked(user._id, newAddress()));
    const taken = await commandsDuring(database(), () => asked(user._id, other.email));
    expect(taken.result.taken).toBe(true);
    expect(taken.commands.sort()).toEqual(free.commands.sort());
  });

  it.each<[string, object, string]>([
    ["one that is suspended", { status: "suspended" }, "not_active"],
    ["one that is pending", { status: "pending" }, "not_active"],
  ])("is refused for an account: %s", async (_name, fields, reason) => {
    const { _id: userId } = await makeOwner(fields);
    const request = requestEmailChange(contextAt(models, now), { userId, email: newAddress() });
    expect(await request).toEqual({ ok: false, reason });
  });

  it("is refused for nobody, for the address that the account has, and for what is none", async () => {
    const { _id: userId, email } = await makeOwner();
    const ask = (input: object) =>
      requestEmailChange(contextAt(models, now), { userId, email, ...input } as never);
    expect(await ask({ userId: new models.User()._id })).toEqual({ ok: false, reason: "unknown" });
    expect(await ask({ email: email.toUpperCase() })).toEqual({ ok: false, reason: "same_address" });
    for (const wrong of ["", "nobody", { $gt: "" }, null, ["a@example.org"]]) {
      await expect(ask({ email: wrong })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
  });

  it("sends an account so many messages, also under 100 parallel requests", async () => {
    const { _id: userId } = await makeOwner();
    const many = Array.from({ length: 100 }, () =>
      requestEmailChange(contextAt(models, now), { userId, email: newAddress() }),
    );
    const results = await Promise.all(many);
    expect(results.filter(({ ok }) => ok)).toHaveLength(5);
    const later = await requestEmailChange(contextAt(models, after(duration.hour)), {
      userId,
      email: newAddress(),
    });
    expect(later.ok).toBe(true);
  });

  // The attacker's second request must not make the link of the first warning worthless.
  it("leaves the links that were sent before good for an undo, not for a change", async () => {
    const { _id: userId, email } = await makeOwner();
    const first = await asked(userId, newAddress());
    await asked(userId, newAddress(), after(1));
    const old = await confirmEmailChange(contextAt(models, after(2)), { token: first.token });
    expect(old).toEqual({ ok: false, reason: "unknown" });
    const undone = await undoEmailChange(contextAt(models, after(3)), { token: first.undoToken });
    expect(undone).toMatchObject({ ok: true, undone: "cancelled", email });
  });

  it("keeps at most so many addresses that can take the account back", async () => {
    const { _id: userId, email } = await makeOwner();
    const first = await changed(userId, newAddress());
    for (let change = 1; change < 4; change++)
      await changed(userId, newAddress(), after(change * duration.hour));
    const fifth = { userId, email: newAddress() };
    expect(await requestEmailChange(contextAt(models, after(5 * duration.hour)), fifth)).toEqual({
      ok: false,
      reason: "too_many_messages",
    });
    await undoEmailChange(contextAt(models, after(6 * duration.hour)), { token: first.undoToken });
    expect(await addressOf(userId)).toBe(email);
  });
});

describe("the confirmation", () => {
  it("gives the account the address, verified, once; what the old mailbox has opens nothing", async () => {
    const user = await makeOwner();
    const userId = user._id;
    const reset = await requestPasswordReset(contextAt(models, now), { email: user.email });
    const { token: session } = await openSession(contextAt(models, now), { userId });
    const to = newAddress();
    const { token } = await asked(userId, to);
    const confirmed = await confirmEmailChange(contextAt(models, after(1)), { token });
    expect(confirmed).toMatchObject({ ok: true, userId, email: to, former: user.email });
    expect(await readUser(contextAt(models), userId)).toMatchObject({ email: to, emailVerifiedAt: after(1) });
    expect(await confirmEmailChange(contextAt(models, after(2)), { token })).toEqual({
      ok: false,
      reason: "used",
      userId,
    });
    const stale = { token: reset.ok ? reset.token : "", password: "another password" };
    expect(await resetPassword(contextAt(models, after(3)), stale)).toMatchObject({ reason: "unknown" });
    // Nothing that a session proved has changed: the owner asked with a fresh proof, and goes on.
    expect(await validateSession(contextAt(models, after(4)), session)).toMatchObject({ ok: true });
    const signIn = { identifier: to, password };
    expect(await authenticateUser(contextAt(models), signIn)).toMatchObject({ ok: true, userId });
    expect(await kindsOf(userId)).toEqual(["changed", "requested"]);
  });

  it("refuses tokens that are late, foreign, and of an account that is not active", async () => {
    const { _id: userId } = await makeOwner();
    const { token } = await asked(userId, newAddress());
    const at = (moment: Date, given: unknown) =>
      confirmEmailChange(contextAt(models, moment), { token: given });
    expect(await at(after(duration.day), token)).toMatchObject({ reason: "expired" });
    expect(await at(after(-30 * duration.day), token)).toMatchObject({ reason: "expired" });
    expect(await at(now, mintToken("oneTime").raw)).toEqual({ ok: false, reason: "unknown" });
    for (const odd of [undefined, null, 7, {}, { $ne: null }, [token], "x".repeat(100_000), "ido_"]) {
      expect(await at(now, odd)).toEqual({ ok: false, reason: "malformed" });
    }
    await models.User.updateOne({ _id: userId }, { status: "suspended" });
    expect(await at(now, token)).toMatchObject({ reason: "not_active" });
  });

  it("of any number of accounts that want one address gives it to one", async () => {
    const to = newAddress();
    const owners = await Promise.all(Array.from({ length: 20 }, () => makeOwner()));
    const requests = await Promise.all(owners.map(({ _id }) => asked(_id, to)));
    const processes = separateModels(database(), 4);
    const results = await Promise.all(
      requests.map(({ token }, index) =>
        confirmEmailChange(contextAt(processes[index % 4] as IdentityModels, now), { token }),
      ),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(results.filter((one) => !one.ok && one.reason === "taken")).toHaveLength(19);
    expect(await models.User.countDocuments({ email: to })).toBe(1);
  });

  it("of 100 parallel uses of one token lets one through", async () => {
    const { _id: userId } = await makeOwner();
    const { token } = await asked(userId, newAddress());
    const processes = separateModels(database(), 4);
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        confirmEmailChange(contextAt(processes[index % 4] as IdentityModels, now), { token }),
      ),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(results.filter((one) => !one.ok && one.reason === "used")).toHaveLength(99);
    expect(await kindsOf(userId)).toEqual(["changed", "requested"]);
  });

  it("fails when the address was registered since, and leaves everything as it was", async () => {
    const user = await makeOwner();
    const to = newAddress();
    const { token } = await asked(user._id, to);
    await makeUser(models, { email: to, emailVerifiedAt: now });
    const late = await confirmEmailChange(contextAt(models, now), { token });
    expect(late).toEqual({ ok: false, reason: "taken", userId: user._id });
    expect(await addressOf(user._id)).toBe(user.email);
  });

  // Taken from a public report (django-allauth 3833): a stranger's account keeps an address from its mailbox's owner.
  it("takes the address from an account that never verified it", async () => {
    const user = await makeOwner();
    const to = newAddress();
    const { token } = await asked(user._id, to);
    const squatter = await makeUser(models, { email: to, passwordHash });
    expect(await confirmEmailChange(contextAt(models, now), { token })).toMatchObject({
      ok: true,
      email: to,
    });
    expect(await addressOf(user._id)).toBe(to);
    const { email, status } = await readUser(contextAt(models), squatter._id);
    expect([email.endsWith("@released.invalid"), status]).toEqual([true, "pending"]);
  });

  // Taken from a public report (formbricks 8848), and "unexpired email change" in Sudhodanan and Paverd, USENIX Security 2022.
  const ends: Record<string, (userId: Types.ObjectId, email: string) => Promise<unknown>> = {
    "a reset of the password": async (_userId, email) => {
      const reset = await requestPasswordReset(contextAt(models, now), { email });
      return resetPassword(contextAt(models, now), {
        token: reset.ok && reset.token,
        password: "the owner's choice",
      });
    },
    "a change of the password": (userId) =>
      setPassword(contextAt(models, now), { userId, password: "the owner's choice" }),
    "the end of every session": (userId) => revokeAllSessions(contextAt(models, now), { userId }),
    "the reset of the factors": (userId) =>
      endEverySession(contextAt(models, now), { userId, reason: "credentials_changed" }),
  };
  it.each(Object.keys(ends))("is void after %s", async (name) => {
    const user = await makeOwner();
    const { token } = await asked(user._id, newAddress());
    await ends[name]?.(user._id, user.email);
    expect(await confirmEmailChange(contextAt(models, now), { token })).toEqual({
      ok: false,
      reason: "superseded",
      userId: user._id,
    });
    expect(await addressOf(user._id)).toBe(user.email);
    const again = await asked(user._id, newAddress());
    expect(await confirmEmailChange(contextAt(models, now), { token: again.token })).toMatchObject({
      ok: true,
    });
  });

  it.each([
    ["signed_out_elsewhere", false],
    ["administrator", false],
    ["reuse_detected", false],
    ["signed_out", true],
    ["evicted", true],
  ] as const)("when the session that asked ended by %s: %s", async (reason, ok) => {
    const user = await makeOwner();
    const { id: sessionId } = await openSession(contextAt(models, now), { userId: user._id });
    const email = newAddress();
    const request = await requestEmailChange(contextAt(models, now), { userId: user._id, sessionId, email });
    await revokeSession(contextAt(models, now), { userId: user._id, sessionId, reason });
    const token = request.ok && request.token;
    expect((await confirmEmailChange(contextAt(models, now), { token })).ok).toBe(ok);
  });
});

describe("the undo", () => {
  it("restores the address, ends sessions, and makes the password void but for a reset", async () => {
    const user = await makeOwner();
    const userId = user._id;
    const { later, undoToken } = await changed(userId, newAddress());
    const { token: session } = await openSession(contextAt(models, now), { userId });
    const undone = await undoEmailChange(contextAt(models, after(1)), { token: later });
    expect(undone).toMatchObject({ ok: true, undone: "restored", email: user.email, ended: 1 });
    expect(await addressOf(userId)).toBe(user.email);
    expect(await validateSession(contextAt(models, after(2)), session)).toMatchObject({ ok: false });
    const known = { identifier: user.email, password };
    expect(await authenticateUser(contextAt(models), known)).toMatchObject({ ok: false });
    const reset = undone.ok && undone.reset ? undone.reset.token : "";
    const chosen = "what the owner chooses";
    const done = await resetPassword(contextAt(models, after(3)), { token: reset, password: chosen });
    expect(done).toMatchObject({ ok: true, userId });
    expect(await authenticateUser(contextAt(models), { ...known, password: chosen })).toMatchObject({
      ok: true,
    });
    // Both links of the change are used up.
    for (const token of [later, undoToken]) {
      expect(await undoEmailChange(contextAt(models, after(4)), { token })).toEqual({
        ok: false,
        reason: "unknown",
      });
    }
    expect(await kindsOf(userId)).toEqual(["restored", "changed", "requested"]);
  });

  it("before the confirmation voids it", async () => {
    const { _id: userId, email } = await makeOwner();
    const { token, undoToken } = await asked(userId, newAddress());
    expect(await undoEmailChange(contextAt(models, now), { token: undoToken })).toMatchObject({
      undone: "cancelled",
    });
    expect(await confirmEmailChange(contextAt(models, now), { token })).toEqual({
      ok: false,
      reason: "unknown",
    });
    expect(await addressOf(userId)).toBe(email);
  });

  it("ends what lets somebody in by itself and was added since the request, and nothing older", async () => {
    const { _id: userId } = await makeOwner();
    await withPasskey(models, userId, now);
    const key = (at: Date) => createApiKey(contextAt(models, at), { userId, name: "key", scopes: [] });
    const link = (subject: string, at: Date) =>
      linkExternal(contextAt(models, at), { userId, provider: "github", issuer: "https://gh", subject });
    const before = await key(now);
    await link(`${userId}-old`, now);
    const { undoToken } = await changed(userId, newAddress(), after(1_000));
    const since = await key(after(2_000));
    await link(`${userId}-new`, after(2_000));
    await models.UserFactors.updateOne(
      { userId },
      [
        {
          $set: {
            passkeys: {
              $concatArrays: [
                "$passkeys",
                [
                  {
                    $mergeObjects: [
                      { $first: "$passkeys" },
                      { credentialId: "thief", createdAt: after(2_000) },
                    ],
                  },
                ],
              ],
            },
          },
        },
      ],
      { updatePipeline: true },
    );
    await undoEmailChange(contextAt(models, after(3_000)), { token: undoToken });
    const at = after(4_000);
    expect(await verifyApiKey(models, { key: before.key }, at)).toMatchObject({ ok: true });
    expect(await verifyApiKey(models, { key: since.key }, at)).toMatchObject({ ok: false });
    expect((await listExternal(contextAt(models), { userId })).linked).toHaveLength(1);
    const factors = await readFactors(contextAt(models, at), { userId });
    expect(factors.passkeys).toHaveLength(1);
  });

  it("leaves an authenticator app: what is mailed takes no second factor away", async () => {
    const { _id: userId } = await makeOwner();
    const { undoToken } = await changed(userId, newAddress());
    await enrolled(models, userId, after(1));
    await undoEmailChange(contextAt(models, after(2)), { token: undoToken });
    expect((await readFactors(contextAt(models, after(3)), { userId })).totp).toBeDefined();
  });

  // A thief who changes the address twice must not get rid of the first owner's link.
  it("gives the account to the owner of the earliest address, whatever followed", async () => {
    const { _id: userId, email } = await makeOwner();
    const first = await changed(userId, newAddress());
    const second = await changed(userId, newAddress(), after(1));
    await undoEmailChange(contextAt(models, after(2)), { token: first.undoToken });
    expect(await addressOf(userId)).toBe(email);
    expect(await undoEmailChange(contextAt(models, after(3)), { token: second.undoToken })).toMatchObject({
      reason: "unknown",
    });
    expect(await addressOf(userId)).toBe(email);
  });

  it("of a later change leaves the earlier link good", async () => {
    const { _id: userId, email } = await makeOwner();
    const between = newAddress();
    const first = await changed(userId, between);
    const second = await changed(userId, newAddress(), after(1));
    await undoEmailChange(contextAt(models, after(2)), { token: second.undoToken });
    expect(await addressOf(userId)).toBe(between);
    await undoEmailChange(contextAt(models, after(3)), { token: first.undoToken });
    expect(await addressOf(userId)).toBe(email);
  });

  it("takes the address from an account that registered it meanwhile and never verified it", async () => {
    const { _id: userId, email } = await makeOwner();
    const { undoToken } = await changed(userId, newAddress());
    const squatter = await makeUserAt(email, { passwordHash });
    const { token: theirs } = await openSession(contextAt(models, now), { userId: squatter._id });
    const undone = await undoEmailChange(contextAt(models, after(1)), { token: undoToken });
    expect(undone).toMatchObject({ ok: true, email });
    expect(await addressOf(userId)).toBe(email);
    expect(await readUser(contextAt(models), squatter._id)).toMatchObject({
      email: `${squatter._id}@released.invalid`,
      status: "pending",
    });
    expect(await validateSession(contextAt(models, after(2)), theirs)).toMatchObject({ ok: false });
  });

  it("leaves the address to an account that has verified it", async () => {
    const { _id: userId, email } = await makeOwner();
    const { undoToken } = await changed(userId, newAddress());
    await makeUserAt(email, { emailVerifiedAt: now });
    expect(await undoEmailChange(contextAt(models, after(1)), { token: undoToken })).toEqual({
      ok: false,
      reason: "taken",
      userId,
    });
  });

  it("is good for seven days, and refuses what is no token", async () => {
    const { _id: userId } = await makeOwner();
    const { undoToken } = await changed(userId, newAddress());
    const at = (moment: Date, token: unknown) => undoEmailChange(contextAt(models, moment), { token });
    expect(await at(after(7 * duration.day), undoToken)).toMatchObject({ reason: "expired" });
    expect(await at(after(-365 * duration.day), undoToken)).toMatchObject({ reason: "expired" });
    for (const odd of [undefined, null, {}, { $ne: 1 }, [undoToken]]) {
      expect(await at(now, odd)).toEqual({ ok: false, reason: "malformed" });
    }
    expect(await at(after(7 * duration.day - 1), undoToken)).toMatchObject({ ok: true });
  });

  it("of 100 parallel uses happens once", async () => {
    const { _id: userId } = await makeOwner();
    const { undoToken } = await changed(userId, newAddress());
    const results = await Promise.all(
      Array.from({ length: 100 }, () => undoEmailChange(contextAt(models, after(1)), { token: undoToken })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(results.filter((one) => !one.ok && one.reason === "unknown")).toHaveLength(99);
  });
});

describe("changes beside each other", () => {
  const acts = ["confirm", "undo", "ask", "erase"] as const;

  it("end as if one had come after the other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.constantFrom(...acts), { minLength: 2 }), async (chosen) => {
        const { _id: userId, email } = await makeOwner();
        const to = newAddress();
        const { token, undoToken } = await asked(userId, to);
        const run = {
          confirm: () => confirmEmailChange(contextAt(models, after(1)), { token }),
          undo: () => undoEmailChange(contextAt(models, after(1)), { token: undoToken }),
          ask: () => requestEmailChange(contextAt(models, after(1)), { userId, email: newAddress() }),
          erase: () => eraseUserData(contextAt(models, after(1)), { userId }),
        };
        await Promise.all(chosen.map((act) => run[act]()));
        const left = await models.User.findById(userId).lean<UserDocument>();
        if (chosen.includes("erase")) {
          expect(left).toBeNull();
          expect(await models.User.countDocuments({ email: { $in: [email, to] } })).toBe(0);
          return;
        }
        // An undo is the last word: whether it came before the confirmation or after, the address is the old one.
        expect(chosen.includes("undo") ? [email] : [email, to]).toContain(left?.email);
      }),
      { numRuns: 12, seed: 20_260_601 },
    );
  });

  it("leave no secret in an export", async () => {
    const { _id: userId } = await makeOwner();
    const { token, undoToken } = await asked(userId, newAddress());
    const records: unknown[] = [];
    for await (const record of exportUserData(contextAt(models, now), userId)) records.push(record);
    const text = JSON.stringify(records);
    for (const secret of [token, undoToken, sha256(token), sha256(undoToken)])
      expect(text).not.toContain(secret);
    expect(text).toContain("emailUndos");
  });
});
