// Passkeys as public reports and the vectors of the specification tell of them. Each case names its source, what came
// in, and why the value is right.
import { cbor, flags, type Mischief, SoftwareAuthenticator } from "@org/dev-kit/authenticator";
import type { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { duration } from "../../src/core/limits.js";
import { sha256 } from "../../src/core/secrets.js";
import { readFactors } from "../../src/factors/account.js";
import { decideFactor } from "../../src/factors/decide.js";
import {
  beginPasskeyAuthentication,
  finishPasskeyAuthentication,
} from "../../src/factors/passkey-authentication.js";
import {
  beginPasskeyRegistration,
  finishPasskeyRegistration,
} from "../../src/factors/passkey-registration.js";
import { removePasskey } from "../../src/factors/passkeys.js";
import type { IdentityModels } from "../../src/index.js";
import { contextAt } from "../context.js";
import { makeUser, useIdentityDatabase } from "../database.js";
import { sessionWith } from "../factors-world.js";
import { after, now } from "../moment.js";
import { origin, passkeyContext, withPasskey } from "../passkeys-world.js";
import { byHand } from "../refused-writes.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

type Creation = Parameters<SoftwareAuthenticator["create"]>[0];
type Request = Parameters<SoftwareAuthenticator["get"]>[0];
type Model = ConstructorParameters<typeof SoftwareAuthenticator>[1];

const at = (moment = now) => passkeyContext(models, moment);

async function keyholder(model: Model = {}, fields: object = { passwordHash: "$argon2id$none" }) {
  const { _id: userId } = await makeUser(models, fields);
  return withPasskey(models, userId, now, model);
}

/** A registration, done with some mischief. */
async function register(model: Model, mischief: Mischief = {}) {
  const { _id: userId } = await makeUser(models);
  const session = await sessionWith(models, userId, ["password"], now);
  const start = await beginPasskeyRegistration(at(), { session });
  if (!start.ok) throw new Error(start.reason);
  const response = new SoftwareAuthenticator(origin, model).create(start.options as Creation, mischief);
  return finishPasskeyRegistration(at(), { session, response });
}

/** A use as a second factor. */
async function use(who: Awaited<ReturnType<typeof keyholder>>, mischief: Mischief = {}) {
  const { userId, authenticator } = who;
  const start = await beginPasskeyAuthentication(at(), { userId });
  if (!start.ok) throw new Error(start.reason);
  const response = authenticator.get(start.options as Request, mischief);
  return finishPasskeyAuthentication(at(), { userId, response });
}

async function signIn(moment = now) {
  const start = await beginPasskeyAuthentication(at(moment));
  if (!start.ok) throw new Error(start.reason);
  return { options: start.options as Request, attempt: start.attempt };
}

describe("counters", () => {
  // passwordless-id/webauthn#27 and ritou/elixir-web_authn_lite#10: Apple's passkeys say 0 at every use, and were refused as
  // copies. Level 3 section 6.1.1: a counter of 0 counts nothing.
  it("of 0 at each use are no copy, on one device or several", async () => {
    for (const model of [{ counts: false }, { synced: true }]) {
      const who = await keyholder(model);
      for (let times = 0; times < 3; times++) {
        expect(await use(who)).toMatchObject({ ok: true, counterRegressed: false });
      }
    }
  });

  // w3c/webauthn#2172: two answers of one authenticator arrive in the other order. The one that was signed earlier can't be
  // told from a copy's; the person is in by the other one.
  it("that arrive in the other order let the later one in, and refuse the earlier", async () => {
    const { userId, authenticator } = await keyholder();
    const [first, second] = [await signIn(), await signIn()];
    const [earlier, later] = [authenticator.get(first.options), authenticator.get(second.options)];
    const answer = (response: unknown, attempt: string | undefined) =>
      finishPasskeyAuthentication(at(), { response, attempt });
    expect(await answer(later, second.attempt)).toMatchObject({ ok: true, userId });
    expect(await answer(earlier, first.attempt)).toEqual({ ok: false, reason: "counter_back" });
  });
});

describe("user handles", () => {
  // w3c/webauthn#1892: Safari gave an empty text for no handle, which was then compared. go-webauthn/webauthn#171 and
  // teamhanko/hanko#153: Android gave none beside a list of passkeys. Level 3 section 7.2: none is needed with a list.
  it.each([[""], [null]])("of %j are none, and pass beside a list of passkeys", async (userHandle) => {
    expect(await use(await keyholder(), { userHandle })).toMatchObject({ ok: true });
  });

  it.each([[""], [null]])("of %j do not tell whose a sign-in without a user name is", async (userHandle) => {
    const { authenticator } = await keyholder();
    const { options, attempt } = await signIn();
    const response = authenticator.get(options, { userHandle });
    const check = await finishPasskeyAuthentication(at(), { response, attempt });
    expect(check).toEqual({ ok: false, reason: "wrong_account" });
  });
});

describe("user verification", () => {
  const passkeys = async (userId: Types.ObjectId) => await readFactors(at(), { userId });

  // voidauth/voidauth#361: a key without a PIN signed in to accounts that need two factors.
  it("that is missing makes one factor of a key: the sign-in goes on", async () => {
    const who = await keyholder({ verifies: false });
    const check = await use(who);
    const method = check.ok ? check.method : "email";
    const decision = decideFactor({ factors: await passkeys(who.userId), risk: "allow", proofs: [method] });
    expect([method, decision]).toEqual(["security_key", { action: "challenge", ask: ["password"] }]);
  });

  // we-promise/sure#2911: somebody who finds a key without a PIN sets one, and would be verified by it.
  it("by a PIN that was set after the registration counts for nothing", async () => {
    const who = await keyholder({ verifies: false });
    expect(await use(who, { set: flags.UV })).toMatchObject({ ok: true, method: "security_key" });
  });

  // nextcloud/twofactor_webauthn#869 and logto-io/logto#8330: a verified passkey was asked for a code of the app too.
  it("is two factors: nothing more is asked for, though the account has an app", async () => {
    const who = await keyholder();
    const factors = { ...(await passkeys(who.userId)), totp: { confirmedAt: now, lastUsedAt: now } };
    const decision = decideFactor({ factors, risk: "challenge", proofs: ["passkey"] });
    expect(decision).toEqual({ action: "allow", enrol: false });
  });
});

describe("what browsers and authenticators send", () => {
  // Yubico/java-webauthn-server#68: the client data came with tabs, spaces and another order. Chrome adds a member that
  // asks not to compare it with a template. Level 3 section 5.8.1: it is JSON, with more members to come.
  it.each<[string, (json: string) => string]>([
    ["with spaces", (json) => JSON.stringify(JSON.parse(json), null, "\t")],
    [
      "in another order",
      (json) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json)).reverse())),
    ],
    [
      "with more members",
      (json) => JSON.stringify({ ...JSON.parse(json), other_keys_can_be_added_here: "yes" }),
    ],
    ["without crossOrigin", (json) => JSON.stringify({ ...JSON.parse(json), crossOrigin: undefined })],
    // Section 5.8.1.2: it is decoded as UTF-8, which passes over a byte order mark.
    ["behind a byte order mark", (json) => `\ufeff${json}`],
  ])("is read %s", async (_what, clientData) => {
    expect(await register({}, { clientData })).toMatchObject({ ok: true });
    expect(await use(await keyholder(), { clientData })).toMatchObject({ ok: true });
  });

  // MasterKale/SimpleWebAuthn#463 and misskey-dev/misskey#12115: a certificate that had expired made registrations fail,
  // though nobody had asked for attestation.
  it("may bring an attestation that nobody asked for: it is not looked at", async () => {
    const attestation = new Map<string, number | string | Uint8Array | Map<number | string, never>>([
      ["alg", -7],
      ["sig", Buffer.from("no signature")],
      ["x5c", Buffer.from("no certificate")],
    ]) as NonNullable<Mischief["attestation"]>;
    for (const format of ["packed", "tpm", "apple", "a format of next year"]) {
      expect(await register({}, { format, attestation })).toMatchObject({ ok: true });
    }
  });

  // MasterKale/SimpleWebAuthn#440 and duo-labs/py_webauthn#160: Firefox 117 wrote Ed25519 keys with texts for numbers and a
  // wrong length. Such a key verifies nothing later, so it is refused now.
  it("is refused where a key is not what COSE says", async () => {
    const bad = Buffer.from("a301634f4b500327206745643235353139", "hex");
    const authData = (data: Buffer) => {
      const key = data.indexOf(Buffer.from("a4010103272006", "hex"));
      return Buffer.concat([data.subarray(0, key), bad, data.subarray(key + 7)]);
    };
    const refused = await register({ algorithm: "EdDSA" }, { authData });
    expect(refused).toEqual({ ok: false, reason: expect.stringMatching(/^(malformed|unsupported_key)$/) });
  });
});

describe("challenges", () => {
  // 2witstudios/PageSpace#894 and w3c/webauthn#1848: a page that waits for autofill outlives its challenge.
  it("that a waiting page has outlived say so, and the next one signs in", async () => {
    const { authenticator } = await keyholder();
    const waiting = await signIn();
    const late = after(20 * duration.minute);
    const response = authenticator.get(waiting.options);
    const outlived = await finishPasskeyAuthentication(at(late), { response, attempt: waiting.attempt });
    expect(outlived).toEqual({ ok: false, reason: "challenge_expired" });
    const fresh = await signIn(late);
    const answer = authenticator.get(fresh.options);
    const check = await finishPasskeyAuthentication(at(late), { response: answer, attempt: fresh.attempt });
    expect(check).toMatchObject({ ok: true });
  });

  // ValueMelody/melody-auth#502 and antiwork/gumroad#5509: a challenge was good again after an attempt that failed.
  it("are used up by an attempt that fails", async () => {
    const { authenticator } = await keyholder();
    const { options, attempt } = await signIn();
    const wrong = authenticator.get(options, { origin: "https://evil.example" });
    expect(await finishPasskeyAuthentication(at(), { response: wrong, attempt })).toMatchObject({
      ok: false,
    });
    const right = authenticator.get(options);
    const check = await finishPasskeyAuthentication(at(), { response: right, attempt });
    expect(check).toEqual({ ok: false, reason: "challenge_unknown" });
  });
});

describe("changes", () => {
  // supabase/auth#2565: anybody at an open session added a factor of their own.
  it("take a proof of late, of two factors where there is one", async () => {
    const { userId } = await keyholder();
    const old = await sessionWith(models, userId, ["password", "totp"], after(-duration.hour));
    const needs = (needed: number) => ({ ok: false, reason: "reauthentication_required", needed });
    expect(await beginPasskeyRegistration(at(), { session: old })).toEqual(needs(2));
    const weak = await sessionWith(models, userId, ["password"], now);
    expect(await beginPasskeyRegistration(at(), { session: weak })).toEqual(needs(2));
  });

  // ory/kratos#119: somebody removed the only way to sign in.
  it("never take the last way to sign in", async () => {
    const { session, passkey } = await keyholder({}, {});
    const removed = await removePasskey(at(), { session, id: passkey.id });
    expect(removed).toEqual({ ok: false, reason: "last_way_in" });
  });
});

// Source: WebAuthn Level 3 (W3C Candidate Recommendation Snapshot of 26 May 2026) sections 16.1 to 16.3.
describe("the vectors of WebAuthn Level 3", () => {
  const passkeys = { rpId: "example.org", origins: ["https://example.org"] };
  const vectorContext = () => contextAt(models, now, { factors: { passkeys } });
  const text = (hex: string) => Buffer.from(hex, "hex").toString("base64url");
  const challengeOf = (clientData: string) =>
    (JSON.parse(Buffer.from(clientData, "hex").toString()) as { challenge: string }).challenge;

  const none = {
    credentialId: "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4",
    attestationObject:
      "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
    clientDataJSON:
      "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c4535513d3d227d",
    verifiesUser: false,
  };
  const self = {
    credentialId: "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c",
    attestationObject:
      "a363666d74667061636b65646761747453746d74a263616c67266373696758483046022100ae045923ded832b844cae4d5fc864277c0dc114ad713e271af0f0d371bd3ac540221009077a088ed51a673951ad3ba2673d5029bab65b64f4ea67b234321f86fcfac5d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
    clientDataJSON:
      "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2265476e4374334c55745936366b336a506a796e6962506b31716e666644616966715a774c33417032392d55222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a205539685458764b453255526b4d6e625f3078594856673d3d227d",
    verifiesUser: true,
  };

  /** Registers a vector, whose challenge was made elsewhere. */
  async function registered(vector: typeof none) {
    const { _id: userId } = await makeUser(models);
    const session = await sessionWith(models, userId, ["password"], now);
    const start = await beginPasskeyRegistration(vectorContext(), { session });
    if (!start.ok) throw new Error(start.reason);
    await expectChallenge(start.options.challenge, challengeOf(vector.clientDataJSON));
    const id = text(vector.credentialId);
    const response = {
      id,
      rawId: id,
      type: "public-key",
      response: {
        clientDataJSON: text(vector.clientDataJSON),
        attestationObject: text(vector.attestationObject),
      },
    };
    return { userId, made: await finishPasskeyRegistration(vectorContext(), { session, response }) };
  }

  async function expectChallenge(made: string, expected: string) {
    const { matchedCount } = await models.PasskeyChallenge.updateOne(
      { challengeHash: sha256(made) },
      { challengeHash: sha256(expected) },
      { comment: byHand },
    );
    expect(matchedCount).toBe(1);
  }

  it.each([
    ["16.2, without attestation", none],
    ["16.3, with an attestation of its own", self],
  ])("are registered: %s", async (_what, vector) => {
    const { made } = await registered(vector);
    expect(made).toMatchObject({
      ok: true,
      passkey: { synced: true, backedUp: true, verifiesUser: vector.verifiesUser },
    });
    await models.UserFactors.deleteMany({});
  });

  it.each([
    ["as they are", (signature: string) => signature, { ok: true, method: "security_key" }],
    [
      "not with another bit",
      (signature: string) => signature.replace(/87$/, "86"),
      { ok: false, reason: "wrong_signature" },
    ],
  ] as const)("authenticate %s", async (_what, change, expected) => {
    const { userId } = await registered(none);
    const start = await beginPasskeyAuthentication(vectorContext(), { userId });
    if (!start.ok) throw new Error(start.reason);
    const clientDataJSON =
      "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d";
    await expectChallenge(start.options.challenge, challengeOf(clientDataJSON));
    const signature =
      "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87";
    const id = text(none.credentialId);
    const response = {
      id,
      rawId: id,
      type: "public-key",
      response: {
        clientDataJSON: text(clientDataJSON),
        authenticatorData: text("bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000"),
        signature: text(change(signature)),
      },
    };
    expect(await finishPasskeyAuthentication(vectorContext(), { userId, response })).toMatchObject(expected);
    await models.UserFactors.deleteMany({});
  });
});

// Source: RFC 8949 appendix A: the reader that the tests' authenticator writes with is right by somebody else's examples.
it.each([
  ["00", 0],
  ["1864", 100],
  ["1903e8", 1_000],
  ["20", -1],
  ["3903e7", -1_000],
  ["6449455446", "IETF"],
  ["4401020304", Buffer.from([1, 2, 3, 4])],
  [
    "a201020304",
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
])("CBOR is written as its specification says: %s", (hex, value) => {
  expect(cbor(value).toString("hex")).toBe(hex);
});
