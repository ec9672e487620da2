import { withDatabase } from "@org/dev-kit";
import {
  type AuthenticatorModel,
  flags,
  type Mischief,
  SoftwareAuthenticator,
} from "@org/dev-kit/authenticator";
import { bundleChild, startChild } from "@org/dev-kit/children";
import fc from "fast-check";
import { Types } from "mongoose";
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { ProofMethod } from "../src/core/assurance.js";
import { duration, limits } from "../src/core/limits.js";
import { factorPolicySchema } from "../src/core/policies/factors.js";
import { readFactors } from "../src/factors/account.js";
import {
  beginPasskeyAuthentication,
  finishPasskeyAuthentication,
} from "../src/factors/passkey-authentication.js";
import { beginPasskeyRegistration, finishPasskeyRegistration } from "../src/factors/passkey-registration.js";
import { removePasskey, renamePasskey } from "../src/factors/passkeys.js";
import { createRecoveryCodes, verifyRecoveryCode } from "../src/factors/recovery-codes.js";
import { createIdentity, type FactorSession, type IdentityModels } from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { sessionWith } from "./factors-world.js";
import { after, now } from "./moment.js";
import { origin, passkeyContext, rpId, withPasskey } from "./passkeys-world.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const at = (moment = now) => passkeyContext(models, moment);
type Creation = Parameters<SoftwareAuthenticator["create"]>[0];
type Request = Parameters<SoftwareAuthenticator["get"]>[0];

async function somebody(methods: ProofMethod[] = ["password"]) {
  const { _id: userId } = await makeUser(models, { passwordHash: "$argon2id$none" });
  return { userId, session: await sessionWith(models, userId, methods, now) };
}

async function keyholder(
  model: AuthenticatorModel = {},
  fields: object = { passwordHash: "$argon2id$none" },
) {
  const { _id: userId } = await makeUser(models, fields);
  return withPasskey(models, userId, now, model);
}

async function begin(session: FactorSession) {
  const start = await beginPasskeyRegistration(at(), { session });
  if (!start.ok) throw new Error(start.reason);
  return start.options as Creation;
}

/** Options and the attempt of a sign-in without a user name. */
async function signIn(moment = now) {
  const start = await beginPasskeyAuthentication(at(moment));
  if (!start.ok) throw new Error(start.reason);
  return { options: start.options as Request, attempt: start.attempt };
}

async function secondFactor(userId: Types.ObjectId) {
  const start = await beginPasskeyAuthentication(at(), { userId });
  if (!start.ok) throw new Error(start.reason);
  return start.options as Request;
}

const everyAlgorithm = [["ES256"], ["EdDSA"], ["RS256"]] as const;

describe("registering a passkey", () => {
  it.each(everyAlgorithm)("of %s makes it a factor, named and without secrets", async (algorithm) => {
    const { userId, session } = await somebody();
    const options = await begin(session);
    const response = new SoftwareAuthenticator(origin, { algorithm, synced: true }).create(options);
    const made = await finishPasskeyRegistration(at(), { session, response, name: "Phone" });
    expect(made).toMatchObject({ ok: true, passkey: { name: "Phone", verifiesUser: true, synced: true } });
    const { passkeys } = await readFactors(at(), { userId });
    expect(passkeys).toEqual([
      {
        id: expect.any(Types.ObjectId),
        name: "Phone",
        createdAt: now,
        addedInSession: session.id,
        aaguid: "00000000-0000-0000-0000-000000000000",
        transports: ["internal", "hybrid"],
        verifiesUser: true,
        synced: true,
        backedUp: true,
      },
    ]);
    const stored = await models.UserFactors.findOne({ userId }).orFail();
    await stored.validate();
    expect([stored.purgeAt, stored.enabledAt]).toEqual([undefined, now]);
    const [event] = await listSecurityEvents(at(), { userId });
    expect(event).toMatchObject({ kind: "second_factor_changed", reasons: ["passkey_added"] });
  });

  // Source: WebAuthn Level 3 sections 5.4.3 (user.id: no personal data), 5.4 (pubKeyCredParams, excludeCredentials), 13.4.3
  // (challenges of 16 bytes at least).
  it("asks browsers for what the specification recommends", async () => {
    const { userId, passkey, session } = await keyholder();
    const start = await beginPasskeyRegistration(at(), { session });
    if (!start.ok) throw new Error(start.reason);
    const { options, expiresAt } = start;
    expect(options).toMatchObject({
      rp: { id: rpId, name: "Identity" },
      attestation: "none",
      authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
      timeout: 5 * duration.minute,
    });
    expect(options.pubKeyCredParams.map(({ alg }) => alg)).toEqual([-8, -7, -257]);
    expect(options.excludeCredentials).toHaveLength(1);
    expect(passkey.id).toBeInstanceOf(Types.ObjectId);
    expect(Buffer.from(options.challenge, "base64url")).toHaveLength(32);
    const handle = Buffer.from(options.user.id, "base64url");
    expect(handle).toHaveLength(32);
    expect(handle.toString("hex")).not.toContain(userId.toHexString());
    expect(expiresAt).toEqual(after(5 * duration.minute));
    expect((await begin(session)).user.id).toBe(options.user.id);
  });

  it.each<[string, ProofMethod[], 1 | 2]>([
    ["a mailed code, for a first factor", ["email"], 1],
    ["nothing", [], 1],
  ])("needs more than %s", async (_what, methods, needed) => {
    const { session } = await somebody(methods);
    const refused = { ok: false, reason: "reauthentication_required", needed };
    expect(await beginPasskeyRegistration(at(), { session })).toEqual(refused);
  });

  it("needs two factors once there is one, at both of its ends", async () => {
    const { userId, session: strong } = await keyholder();
    const options = await begin(strong);
    const response = new SoftwareAuthenticator(origin).create({ ...options, excludeCredentials: [] });
    const weak = { id: strong.id, userId, proofs: [{ method: "password" as const, at: now }] };
    const refused = { ok: false, reason: "reauthentication_required", needed: 2 };
    expect(await beginPasskeyRegistration(at(), { session: weak })).toEqual(refused);
    expect(await finishPasskeyRegistration(at(), { session: weak, response })).toEqual(refused);
  });

  it("is good once: a second answer to the same challenge is refused", async () => {
    const { session } = await somebody();
    const options = await begin(session);
    const response = new SoftwareAuthenticator(origin).create(options);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => finishPasskeyRegistration(at(), { session, response })),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(new Set(answers.map((one) => (one.ok ? "ok" : one.reason)))).toEqual(
      new Set(["ok", "challenge_unknown"]),
    );
  });

  it("is for the session and the account that began it", async () => {
    const [owner, other] = [await somebody(), await somebody()];
    const make = async () => new SoftwareAuthenticator(origin).create(await begin(owner.session));
    const refused = { ok: false, reason: "wrong_account" };
    expect(await finishPasskeyRegistration(at(), { session: other.session, response: await make() })).toEqual(
      refused,
    );
    const elsewhere = await sessionWith(models, owner.userId, ["password"], now);
    expect(await finishPasskeyRegistration(at(), { session: elsewhere, response: await make() })).toEqual(
      refused,
    );
  });

  it("is over after its time", async () => {
    const { session } = await somebody();
    const response = new SoftwareAuthenticator(origin).create(await begin(session));
    const late = after(5 * duration.minute);
    const proved = { ...session, proofs: [{ method: "password" as const, at: late }] };
    const answer = await finishPasskeyRegistration(at(late), { session: proved, response });
    expect(answer).toEqual({ ok: false, reason: "challenge_expired" });
  });

  it("of a challenge that a clock far ahead made is refused", async () => {
    const { session } = await somebody();
    const ahead = after(duration.day);
    const start = await beginPasskeyRegistration(at(ahead), {
      session: { ...session, proofs: [{ method: "password", at: ahead }] },
    });
    if (!start.ok) throw new Error(start.reason);
    const response = new SoftwareAuthenticator(origin).create(start.options as Creation);
    const answer = await finishPasskeyRegistration(at(), { session, response });
    expect(answer).toEqual({ ok: false, reason: "challenge_expired" });
  });

  // Source: WebAuthn Level 3 section 7.1, in the order of its steps.
  it.each<[string, Mischief, string]>([
    ["a page of another origin", { origin: "https://evil.example" }, "wrong_origin"],
    ["an origin with our name as a prefix", { origin: `${origin}.evil.example` }, "wrong_origin"],
    ["our origin without TLS", { origin: "http://app.example.com" }, "wrong_origin"],
    [
      "our page in a frame of another",
      { crossOrigin: true, topOrigin: "https://evil.example" },
      "cross_origin",
    ],
    ["our page in a frame that nobody names", { crossOrigin: true }, "cross_origin"],
    ["an authentication's type", { type: "webauthn.get" }, "wrong_ceremony"],
    ["a challenge of its own", { challenge: "A".repeat(43) }, "challenge_unknown"],
    ["a passkey of another domain", { rpId: "evil.example" }, "wrong_rp"],
    ["nobody there", { clear: flags.UP }, "user_not_present"],
    ["a backup of what can't be backed up", { set: flags.BS }, "wrong_backup_state"],
    ["no credential data", { clear: flags.AT }, "malformed"],
    ["extensions that are not there", { set: flags.ED }, "malformed"],
    ["a key of another algorithm", { key: (key) => key.set(3, -257) }, "unsupported_key"],
    ["a key of an algorithm that was not offered", { key: (key) => key.set(3, -65_535) }, "unsupported_key"],
    ["a key of another type", { key: (key) => key.set(1, 1) }, "unsupported_key"],
    ["a key on another curve", { key: (key) => key.set(-1, 2) }, "unsupported_key"],
    ["a compressed point", { key: (key) => key.delete(-3) }, "unsupported_key"],
    [
      "a point that is not on the curve",
      { key: (key) => key.set(-3, Buffer.alloc(32, 1)) },
      "unsupported_key",
    ],
    ["a short coordinate", { key: (key) => key.set(-2, Buffer.alloc(31, 1)) }, "unsupported_key"],
    ["no algorithm", { key: (key) => key.delete(3) }, "unsupported_key"],
    ["a credential id too long", { credentialId: Buffer.alloc(1_024, 7) }, "malformed"],
  ])("by %s is refused", async (_what, mischief, reason) => {
    const { userId, session } = await somebody();
    const response = new SoftwareAuthenticator(origin).create(await begin(session), mischief);
    expect(await finishPasskeyRegistration(at(), { session, response })).toEqual({ ok: false, reason });
    expect((await readFactors(at(), { userId })).passkeys).toEqual([]);
  });

  it.each<[string, (n: Buffer) => Buffer, Buffer]>([
    ["of 1,024 bits", (n) => n.subarray(0, 128), Buffer.from([1, 0, 1])],
    ["with the exponent 1", (n) => n, Buffer.from([1])],
    ["with the exponent 3", (n) => n, Buffer.from([0, 0, 3])],
    ["of 8,192 bits", (n) => Buffer.concat([n, n, n, n]), Buffer.from([1, 0, 1])],
  ])("by an RSA key %s is refused", async (_what, change, exponent) => {
    const { session } = await somebody();
    const authenticator = new SoftwareAuthenticator(origin, { algorithm: "RS256" });
    const response = authenticator.create(await begin(session), {
      key: (key) => key.set(-1, change(key.get(-1) as Buffer)).set(-2, exponent),
    });
    const refused = { ok: false, reason: "unsupported_key" };
    expect(await finishPasskeyRegistration(at(), { session, response })).toEqual(refused);
  });

  it("takes a security key that does not verify its user, as something that somebody has", async () => {
    const { session } = await somebody();
    const response = new SoftwareAuthenticator(origin, { verifies: false }).create(await begin(session));
    const made = await finishPasskeyRegistration(at(), { session, response });
    expect(made).toMatchObject({ ok: true, passkey: { name: "Passkey", verifiesUser: false } });
  });

  it("refuses a passkey that another account has, or this one", async () => {
    const { authenticator, session } = await keyholder();
    const credentialId = authenticator.credentials[0]!.id;
    const stranger = await somebody();
    const stolen = new SoftwareAuthenticator(origin).create(await begin(stranger.session), { credentialId });
    const refused = { ok: false, reason: "already_registered" };
    expect(await finishPasskeyRegistration(at(), { session: stranger.session, response: stolen })).toEqual(
      refused,
    );
    const options = { ...(await begin(session)), excludeCredentials: [] };
    const again = new SoftwareAuthenticator(origin).create(options, { credentialId });
    expect(await finishPasskeyRegistration(at(), { session, response: again })).toEqual(refused);
  });

  it("stops at the bound, over as many at once", async () => {
    const { userId, session } = await keyholder();
    const many = limits.passkeys + 5;
    const responses = await Promise.all(
      Array.from({ length: many }, async () =>
        new SoftwareAuthenticator(origin, { algorithm: "EdDSA" }).create(await begin(session)),
      ),
    );
    const made = await Promise.all(
      responses.map((response) => finishPasskeyRegistration(at(), { session, response })),
    );
    expect(made.filter(({ ok }) => ok)).toHaveLength(limits.passkeys - 1);
    expect(made.find(({ ok }) => !ok)).toEqual({ ok: false, reason: "limit_reached" });
    expect((await readFactors(at(), { userId })).passkeys).toHaveLength(limits.passkeys);
    expect(await beginPasskeyRegistration(at(), { session })).toEqual({ ok: false, reason: "limit_reached" });
  });

  it("works for who enrols several at once as their first factors", async () => {
    const { userId, session } = await somebody();
    const starts = await Promise.all(Array.from({ length: 8 }, () => begin(session)));
    expect(new Set(starts.map(({ user }) => user.id)).size).toBe(1);
    const { passkeyHandle } = await models.UserFactors.findOne({ userId }).orFail();
    expect(starts[0]?.user.id).toBe(passkeyHandle);
  });

  it.each([[""], [" "], ["x".repeat(129)], ["a\nb"], ["\u202e"]])("refuses the name %j", async (name) => {
    const { session } = await somebody();
    const finishing = finishPasskeyRegistration(at(), { session, response: {}, name });
    await expect(finishing).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});

describe("a passkey", () => {
  it.each(everyAlgorithm)("of %s signs in without a user name, as two factors in one", async (algorithm) => {
    const { userId, authenticator, passkey } = await keyholder({ algorithm });
    const { options, attempt } = await signIn(after(1_000));
    expect(options).toMatchObject({ rpId, allowCredentials: [], userVerification: "required" });
    const response = authenticator.get(options);
    const check = await finishPasskeyAuthentication(at(after(1_000)), { response, attempt });
    expect(check).toEqual({
      ok: true,
      method: "passkey",
      userId,
      passkeyId: passkey.id,
      sessionGeneration: 0,
      counterRegressed: false,
    });
    const { passkeys } = await readFactors(at(), { userId });
    expect(passkeys[0]?.lastUsedAt).toEqual(after(1_000));
  });

  it("is a second factor of a known user, with the list of theirs", async () => {
    const { userId, authenticator } = await keyholder();
    const options = await secondFactor(userId);
    expect(options).toMatchObject({ userVerification: "preferred" });
    expect(options.allowCredentials).toHaveLength(1);
    const check = await finishPasskeyAuthentication(at(), { userId, response: authenticator.get(options) });
    expect(check).toMatchObject({ ok: true, method: "passkey", userId });
  });

  it.each([
    ["one that does not verify its user", { verifies: false }, {}],
    ["one whose user was not verified this time", {}, { clear: flags.UV }],
    // Source: WebAuthn Level 3 section 7.2, on `uvInitialized`: a thief sets the PIN of a key that has none.
    ["one that verifies its user since somebody set a PIN", { verifies: false }, { set: flags.UV }],
  ])("is a security key, and one factor: %s", async (_what, model, mischief) => {
    const { userId, authenticator } = await keyholder(model);
    const response = authenticator.get(await secondFactor(userId), mischief);
    const check = await finishPasskeyAuthentication(at(), { userId, response });
    expect(check).toMatchObject({ ok: true, method: "security_key" });
    const { options, attempt } = await signIn();
    const alone = authenticator.get(options, mischief);
    const refused = { ok: false, reason: "user_not_verified" };
    expect(await finishPasskeyAuthentication(at(), { response: alone, attempt })).toEqual(refused);
  });

  it("works without a user handle only where the user is known", async () => {
    const { userId, authenticator } = await keyholder();
    const known = authenticator.get(await secondFactor(userId), { userHandle: null });
    expect(await finishPasskeyAuthentication(at(), { userId, response: known })).toMatchObject({ ok: true });
    const { options, attempt } = await signIn();
    const response = authenticator.get(options, { userHandle: null });
    const refused = { ok: false, reason: "wrong_account" };
    expect(await finishPasskeyAuthentication(at(), { response, attempt })).toEqual(refused);
  });

  // Source: WebAuthn Level 3 section 7.2, in the order of its steps.
  it.each<[string, Mischief, string]>([
    ["a page of another origin", { origin: "https://app.example.org" }, "wrong_origin"],
    ["a page in somebody's frame", { crossOrigin: true }, "cross_origin"],
    ["a page that names who frames it", { topOrigin: "https://evil.example" }, "cross_origin"],
    ["a registration's type", { type: "webauthn.create" }, "wrong_ceremony"],
    ["a challenge of its own", { challenge: "B".repeat(43) }, "challenge_unknown"],
    ["another domain", { rpId: "app.example.com" }, "wrong_rp"],
    ["nobody there", { clear: flags.UP }, "user_not_present"],
    ["a user who was not verified", { clear: flags.UV }, "user_not_verified"],
    ["a passkey that has become one for copies", { set: flags.BE }, "wrong_backup_state"],
    ["a backup of what can't be backed up", { set: flags.BS }, "wrong_backup_state"],
    ["another user's handle", { userHandle: "C".repeat(43) }, "wrong_account"],
  ])("by %s is refused", async (_what, mischief, reason) => {
    const { authenticator } = await keyholder();
    const { options, attempt } = await signIn();
    const response = authenticator.get(options, mischief);
    expect(await finishPasskeyAuthentication(at(), { response, attempt })).toEqual({ ok: false, reason });
  });

  it.each(everyAlgorithm)(
    "of %s with any bit of its signature or data changed is refused",
    async (algorithm) => {
      const { userId, authenticator } = await keyholder({ algorithm });
      for (const field of ["signature", "authenticatorData"] as const) {
        const { response, ...rest } = authenticator.get(await secondFactor(userId));
        const bytes = Buffer.from(response[field], "base64url");
        // The last byte: of the data that is the counter's.
        bytes[bytes.length - 1]! ^= 1;
        const changed = { ...rest, response: { ...response, [field]: bytes.toString("base64url") } };
        const refused = { ok: false, reason: "wrong_signature" };
        expect(await finishPasskeyAuthentication(at(), { userId, response: changed })).toEqual(refused);
      }
    },
  );

  it("signed by another key is refused, and so is one that nobody registered", async () => {
    const { userId, authenticator } = await keyholder();
    const impostor = new SoftwareAuthenticator(origin);
    const { id } = authenticator.credentials[0]!;
    impostor.create({ challenge: "x", rp: { id: rpId }, user: { id: "x" } }, { credentialId: id });
    const forged = impostor.get(await secondFactor(userId), { userHandle: null });
    const check = await finishPasskeyAuthentication(at(), { userId, response: forged });
    expect(check).toEqual({ ok: false, reason: "wrong_signature" });
    const nobody = new SoftwareAuthenticator(origin);
    nobody.create({ challenge: "x", rp: { id: rpId }, user: { id: "x" } });
    const { options, attempt } = await signIn();
    const unknown = await finishPasskeyAuthentication(at(), { response: nobody.get(options), attempt });
    expect(unknown).toEqual({ ok: false, reason: "unknown_credential" });
  });

  it("of somebody else is not a second factor of this account, not even with their own handle", async () => {
    const [owner, thief] = [await keyholder(), await keyholder()];
    const options = await secondFactor(owner.userId);
    const response = thief.authenticator.get({ ...options, allowCredentials: [] });
    const check = await finishPasskeyAuthentication(at(), { userId: owner.userId, response });
    expect(check).toEqual({ ok: false, reason: "unknown_credential" });
  });

  it("answers a challenge once, in the browser that asked, for the user that it is for", async () => {
    const { userId, authenticator } = await keyholder();
    const finish = (response: unknown, rest: object) =>
      finishPasskeyAuthentication(at(), { response, ...rest });
    const one = await signIn();
    const response = authenticator.get(one.options);
    const results = await Promise.all(
      Array.from({ length: 20 }, () => finish(response, { attempt: one.attempt })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    const [mine, theirs] = [await signIn(), await signIn()];
    // Somebody's answer in another browser would sign that one in to their account.
    const injected = await finish(authenticator.get(theirs.options), { attempt: mine.attempt });
    expect(injected).toEqual({ ok: false, reason: "challenge_unknown" });
    expect(await finish(authenticator.get(mine.options), {})).toEqual({
      ok: false,
      reason: "challenge_unknown",
    });
    const open = await signIn();
    expect(await finish(authenticator.get(open.options), { userId })).toEqual({
      ok: false,
      reason: "wrong_account",
    });
    const bound = await secondFactor(userId);
    expect(await finish(authenticator.get(bound), { attempt: mine.attempt })).toEqual({
      ok: false,
      reason: "wrong_account",
    });
  });

  it("does not answer a registration, nor a challenge whose time is over", async () => {
    const { userId, session, authenticator } = await keyholder();
    const registration = await begin(session);
    const swapped = authenticator.get({ challenge: registration.challenge, rpId });
    const wrong = { ok: false, reason: "wrong_ceremony" };
    expect(await finishPasskeyAuthentication(at(), { userId, response: swapped })).toEqual(wrong);
    const { options, attempt } = await signIn();
    const response = authenticator.get(options);
    const late = await finishPasskeyAuthentication(at(after(5 * duration.minute)), { response, attempt });
    expect(late).toEqual({ ok: false, reason: "challenge_expired" });
  });

  // Source: WebAuthn Level 3 section 6.1.1.
  it("of one device whose counter goes back is refused: there may be a copy; its owner hears of it", async () => {
    const { userId, authenticator } = await keyholder();
    const use = async (signCount: number) =>
      finishPasskeyAuthentication(at(), {
        userId,
        response: authenticator.get(await secondFactor(userId), { signCount }),
      });
    expect(await use(5)).toMatchObject({ ok: true });
    for (const count of [5, 4, 0]) expect(await use(count)).toEqual({ ok: false, reason: "counter_back" });
    expect(await use(6)).toMatchObject({ ok: true, counterRegressed: false });
    const events = await listSecurityEvents(at(), { userId, kind: "passkey_cloned" });
    expect(events).toHaveLength(3);
  });

  it("that is synced may count as it likes: a counter that goes back is a sign, and no refusal", async () => {
    const { userId, authenticator } = await keyholder({ synced: true });
    const use = async (signCount: number) =>
      finishPasskeyAuthentication(at(), {
        userId,
        response: authenticator.get(await secondFactor(userId), { signCount }),
      });
    expect(await use(0)).toMatchObject({ ok: true, counterRegressed: false });
    expect(await use(9)).toMatchObject({ ok: true, counterRegressed: false });
    expect(await use(0)).toMatchObject({ ok: true, counterRegressed: true });
    const events = await listSecurityEvents(at(), { userId, kind: "passkey_counter_back" });
    expect(events).toHaveLength(1);
  });

  it("that is synced is used twice in a millisecond", async () => {
    const { userId, authenticator } = await keyholder({ synced: true });
    for (let use = 0; use < 2; use++) {
      const response = authenticator.get(await secondFactor(userId));
      expect(await finishPasskeyAuthentication(at(), { userId, response })).toMatchObject({ ok: true });
    }
  });

  it("follows the backup state, which may change at each use", async () => {
    const { userId, authenticator } = await keyholder({ synced: true });
    const response = authenticator.get(await secondFactor(userId), { clear: flags.BS });
    expect(await finishPasskeyAuthentication(at(), { userId, response })).toMatchObject({ ok: true });
    expect((await readFactors(at(), { userId })).passkeys[0]).toMatchObject({
      synced: true,
      backedUp: false,
    });
  });

  it("is not asked of who has none", async () => {
    const { userId } = await somebody();
    const start = await beginPasskeyAuthentication(at(), { userId });
    expect(start).toEqual({ ok: false, reason: "not_enrolled" });
  });

  it("is one counter's winner of 100 copies at once in two processes", async () => {
    const { userId, authenticator } = await keyholder();
    const responses = await Promise.all(
      Array.from({ length: 100 }, async () =>
        authenticator.get(await secondFactor(userId), { signCount: 7 }),
      ),
    );
    const script = await bundleChild(new URL("./children/passkey-user.ts", import.meta.url));
    const uri = withDatabase(inject("engine").uri, database().connection.name);
    const children = [0, 1].map(() => startChild(script, uri));
    await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
    for (const [index, child] of children.entries()) {
      child.tell(`${JSON.stringify({ userId, responses: responses.slice(50 * index, 50 * index + 50) })}\n`);
    }
    await Promise.all(children.map(({ exited }) => exited));
    const lines = children.flatMap((child) => child.printed().split("\n"));
    expect(lines.filter((line) => line === "passed")).toHaveLength(1);
    expect(lines.filter((line) => line === "counter_back")).toHaveLength(99);
  });
});

describe("anything else than an answer", () => {
  it("is malformed, and throws nothing", async () => {
    const { userId, session, authenticator } = await keyholder();
    const created = new SoftwareAuthenticator(origin).create({
      ...(await begin(session)),
      excludeCredentials: [],
    });
    const got = authenticator.get(await secondFactor(userId));
    const anything = fc.oneof(
      fc.anything(),
      fc.record({ id: fc.string(), rawId: fc.string(), type: fc.anything(), response: fc.anything() }),
      ...[created, got].map((honest) =>
        fc.tuple(fc.constantFrom(...Object.keys(honest.response)), fc.string()).map(([field, value]) => ({
          ...honest,
          response: { ...honest.response, [field]: value },
        })),
      ),
    );
    const known = expect.stringMatching(/^[a-z_]+$/);
    await fc.assert(
      fc.asyncProperty(anything, async (response) => {
        for (const answer of [
          await finishPasskeyRegistration(at(), { session, response }),
          await finishPasskeyAuthentication(at(), { userId, response }),
        ]) {
          if (!answer.ok) expect(answer.reason).toEqual(known);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("is malformed when cut off anywhere, or huge", async () => {
    const { session } = await keyholder();
    const honest = new SoftwareAuthenticator(origin).create({
      ...(await begin(session)),
      excludeCredentials: [],
    });
    const whole = Buffer.from(honest.response.attestationObject, "base64url");
    const withObject = (attestationObject: string) => ({
      ...honest,
      response: { ...honest.response, attestationObject },
    });
    const malformed = { ok: false, reason: "malformed" };
    for (let length = 1; length < whole.length; length += 7) {
      const response = withObject(whole.subarray(0, length).toString("base64url"));
      expect(await finishPasskeyRegistration(at(), { session, response })).toEqual(malformed);
    }
    // A megabyte, a thousand arrays in each other, and a map that says it has four billion entries.
    for (const object of [
      "A".repeat(1_000_000),
      Buffer.alloc(40_000, 0x81).toString("base64url"),
      Buffer.from("ba ff ff ff ff".replaceAll(" ", ""), "hex").toString("base64url"),
    ]) {
      expect(await finishPasskeyRegistration(at(), { session, response: withObject(object) })).toEqual(
        malformed,
      );
    }
    // None of these has used up the challenge.
    expect((await finishPasskeyRegistration(at(), { session, response: honest })).ok).toBe(true);
  });

  it("is malformed when the id is not the one that was attested", async () => {
    const { session } = await somebody();
    const honest = new SoftwareAuthenticator(origin).create(await begin(session));
    const response = { ...honest, id: "AAAA", rawId: "AAAA" };
    expect(await finishPasskeyRegistration(at(), { session, response })).toEqual({
      ok: false,
      reason: "malformed",
    });
  });
});

describe("several passkeys", () => {
  it("are renamed and removed one by one; with the last factor the recovery codes go", async () => {
    const { userId, session, passkey: first } = await keyholder();
    const { passkey: second } = await withPasskey(models, userId, now);
    expect(await renamePasskey(at(), { session, id: second.id, name: "Work key" })).toEqual({ ok: true });
    const codes = await createRecoveryCodes(at(), { session });
    if (!codes.ok) throw new Error(codes.reason);
    expect(await removePasskey(at(), { session, id: first.id })).toEqual({ ok: true });
    expect(await readFactors(at(), { userId })).toMatchObject({
      passkeys: [{ name: "Work key" }],
      recoveryCodes: 10,
    });
    expect(await removePasskey(at(), { session, id: second.id })).toEqual({ ok: true });
    expect(await readFactors(at(), { userId })).toEqual({
      passkeys: [],
      recoveryCodes: 0,
      rememberedDevices: [],
    });
    const used = await verifyRecoveryCode(at(), { userId, code: codes.codes[0] });
    expect(used).toEqual({ ok: false, reason: "wrong_code" });
    expect(await removePasskey(at(), { session, id: second.id })).toEqual({
      ok: false,
      reason: "not_enrolled",
    });
    const reasons = (await listSecurityEvents(at(), { userId })).flatMap((event) => event.reasons);
    expect(reasons.filter((reason) => reason === "passkey_removed")).toHaveLength(2);
  });

  it("are nobody else's to rename or remove", async () => {
    const { passkey } = await keyholder();
    const { session } = await keyholder();
    const refused = { ok: false, reason: "not_enrolled" };
    expect(await renamePasskey(at(), { session, id: passkey.id, name: "Mine" })).toEqual(refused);
    expect(await removePasskey(at(), { session, id: passkey.id })).toEqual(refused);
  });

  it("need two factors to be removed", async () => {
    const { userId, passkey } = await keyholder();
    const session = await sessionWith(models, userId, ["password"], now);
    expect(await removePasskey(at(), { session, id: passkey.id })).toEqual({
      ok: false,
      reason: "reauthentication_required",
      needed: 2,
    });
  });

  it("are not both removed at once where there is no other way in", async () => {
    const { userId, session, passkey } = await keyholder({}, {});
    expect(await removePasskey(at(), { session, id: passkey.id })).toEqual({
      ok: false,
      reason: "last_way_in",
    });
    const { passkey: other } = await withPasskey(models, userId, now);
    const results = await Promise.all([passkey, other].map(({ id }) => removePasskey(at(), { session, id })));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect((await readFactors(at(), { userId })).passkeys).toHaveLength(1);
  });
});

describe("the policy", () => {
  it.each([
    [{ rpId: "https://example.com", origins: [origin] }],
    [{ rpId: "example.com:443", origins: [origin] }],
    [{ rpId: "Example.com", origins: [origin] }],
    [{ rpId: "127.0.0.1", origins: [origin] }],
    [{ rpId: "", origins: [origin] }],
    [{ rpId, origins: [] }],
    [{ rpId, origins: ["https://app.example.com/"] }],
    [{ rpId, origins: ["https://*.example.com"] }],
    [{ rpId, origins: ["http://app.example.com"] }],
    [{ rpId, origins: ["null"] }],
  ])("refuses %j", (passkeys) => {
    const { connection } = database();
    expect(() => createIdentity({ connection, factors: { passkeys } })).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT" }),
    );
  });

  it.each([
    [{ rpId: "localhost", origins: ["http://localhost:3000"] }],
    [{ rpId, origins: ["https://example.com", "https://example.com:8443", "https://example.de"] }],
    [{ rpId, origins: [`android:apk-key-hash:${"a".repeat(43)}`] }],
  ])("takes %j", (passkeys) => {
    expect(factorPolicySchema.parse({ passkeys }).passkeys).toEqual(passkeys);
  });

  it("that is missing is named by each operation", async () => {
    const { userId, session } = await somebody();
    const context = contextAt(models, now);
    const missing = { code: "PASSKEYS_NOT_CONFIGURED", message: expect.stringContaining("rpId") };
    await expect(beginPasskeyRegistration(context, { session })).rejects.toMatchObject(missing);
    await expect(beginPasskeyAuthentication(context, { userId })).rejects.toMatchObject(missing);
    await expect(finishPasskeyAuthentication(context, { response: {} })).rejects.toMatchObject(missing);
    await expect(finishPasskeyRegistration(context, { session, response: {} })).rejects.toMatchObject(
      missing,
    );
  });
});
