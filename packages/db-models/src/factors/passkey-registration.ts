import { randomBytes } from "node:crypto";
import {
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type RegistrationResponseJSON,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { convertAAGUIDToString } from "@simplewebauthn/server/helpers";
import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { isDuplicateKey } from "../core/errors.js";
import { parseInput, printable } from "../core/input.js";
import { limits } from "../core/limits.js";
import type { StoredPasskey } from "../schemas/user-factors.js";
import { readUser } from "../users/accounts.js";
import {
  type FactorSession,
  findFactors,
  noteChange,
  type Passkey,
  publicPasskey,
  type ReauthenticationRequired,
  refusalOfChange,
} from "./account.js";
import { changeFactors, garbageUnlessEnabled } from "./changes.js";
import { createChallenge, passkeyPolicy, takeChallenge } from "./passkey-challenges.js";
import { isSupportedKey, passkeyAlgorithms } from "./passkey-keys.js";
import {
  bytesOf,
  clientDataTypes,
  type Refused,
  type RegistrationAnswer,
  readRegistration,
  refusalOfAnswer,
  refuse,
} from "./passkey-response.js";

export type PasskeyRegistrationStart =
  | {
      ok: true;
      /** For `navigator.credentials.create()`, as `PublicKeyCredential.parseCreationOptionsFromJSON` takes them. */
      options: PublicKeyCredentialCreationOptionsJSON;
      expiresAt: Date;
    }
  | ReauthenticationRequired
  | { ok: false; reason: "limit_reached" };

export type PasskeyRegistration = { ok: true; passkey: Passkey } | ReauthenticationRequired | Refused;

/** @throws IdentityError `INVALID_INPUT`. */
export const passkeyName = printable(limits.name);

export async function beginPasskeyRegistration(
  context: Context,
  { session }: { session: FactorSession },
): Promise<PasskeyRegistrationStart> {
  const { now, policies } = context;
  const { userId, id: sessionId } = session;
  const { rpId } = passkeyPolicy(context);
  const [factors, user] = await Promise.all([findFactors(context, userId), readUser(context, userId)]);
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  if ((factors?.passkeys?.length ?? 0) >= limits.passkeys) return { ok: false, reason: "limit_reached" };
  const { passkeyHandle = "", passkeys = [] } = await changeFactors(context, userId, {
    passkeyHandle: { $ifNull: ["$passkeyHandle", randomBytes(32).toString("base64url")] },
    purgeAt: garbageUnlessEnabled(now),
  });
  const bound = { userId, sessionId, verifiesUser: false };
  const { challenge, expiresAt } = await createChallenge(context, "registration", bound);
  const options = await generateRegistrationOptions({
    rpName: policies.factors.issuer,
    rpID: rpId,
    userID: bytesOf(passkeyHandle),
    userName: user.email,
    userDisplayName: user.profile.displayName ?? user.email,
    challenge,
    timeout: policies.factors.passkeyCeremonyMs,
    attestationType: "none",
    excludeCredentials: passkeys.map(descriptorOf),
    // A key without a PIN or without room for a name is still a second factor.
    authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
    supportedAlgorithmIDs: passkeyAlgorithms,
  });
  return { ok: true, options, expiresAt };
}

/** A passkey, as options name it to browsers. */
export function descriptorOf({ credentialId, transports }: StoredPasskey) {
  // Browsers pass over names that they do not know.
  return { id: credentialId, transports: transports as ["internal"] };
}

export async function finishPasskeyRegistration(
  context: Context,
  { session, response, name }: { session: FactorSession; response: unknown; name?: string },
): Promise<PasskeyRegistration> {
  const { userId } = session;
  const called = name === undefined ? undefined : parseInput(passkeyName, name);
  const policy = passkeyPolicy(context);
  const answer = readRegistration(response);
  if (!answer) return refuse("malformed");
  const challenge = await takeChallenge(context, "registration", answer.clientData.challenge);
  if ("ok" in challenge) return challenge;
  if (answer.clientData.type !== clientDataTypes.registration) return refuse("wrong_ceremony");
  if (!challenge.userId?.equals(userId) || !challenge.sessionId?.equals(session.id)) {
    return refuse("wrong_account");
  }
  const refused = refusalOfAnswer(answer, policy, challenge.verifiesUser);
  if (refused) return refused;
  if (!isSupportedKey(answer.publicKey)) return refuse("unsupported_key");
  if (!(await isVerified(context, answer))) return refuse("malformed");
  const change = refusalOfChange(context, session, await findFactors(context, userId));
  if (change) return change;
  return store(context, session, passkeyOf(context, answer, session.id, called));
}

async function isVerified(context: Context, { response, clientData }: RegistrationAnswer): Promise<boolean> {
  const { rpId, origins } = passkeyPolicy(context);
  try {
    const { verified } = await verifyRegistrationResponse({
      response: { ...response, clientExtensionResults: {} } as RegistrationResponseJSON,
      expectedChallenge: clientData.challenge,
      expectedOrigin: origins,
      expectedRPID: rpId,
      requireUserVerification: false,
      supportedAlgorithmIDs: passkeyAlgorithms,
    });
    return verified;
  } catch {
    return false;
  }
}

function passkeyOf(
  { now }: Context,
  { credentialId, publicKey, facts, aaguid, transports }: RegistrationAnswer,
  addedInSession: Types.ObjectId,
  name = "Passkey",
): StoredPasskey {
  return {
    id: new Types.ObjectId(),
    name,
    credentialId,
    publicKey: Buffer.from(publicKey).toString("base64url"),
    signCount: facts.signCount,
    transports,
    aaguid: convertAAGUIDToString(Uint8Array.from(aaguid)),
    backupEligible: facts.backupEligible,
    backedUp: facts.backedUp,
    verifiesUser: facts.userVerified,
    createdAt: now,
    addedInSession,
  };
}

/** One update decides on the bound; the unique index, on whose it is. */
async function store(
  context: Context,
  session: FactorSession,
  passkey: StoredPasskey,
): Promise<PasskeyRegistration> {
  const { models, now } = context;
  const { userId } = session;
  const hasRoom = { [`passkeys.${limits.passkeys - 1}`]: { $exists: false } };
  const isNew = { "passkeys.credentialId": { $ne: passkey.credentialId } };
  const stored = { $ifNull: ["$passkeys", []] };
  const set = {
    passkeys: { $concatArrays: [stored, [{ $literal: passkey }]] },
    enabledAt: { $ifNull: ["$enabledAt", now] },
    purgeAt: "$$REMOVE",
    updatedAt: now,
  };
  try {
    const { modifiedCount } = await models.UserFactors.collection.updateOne(
      { userId, ...hasRoom, ...isNew },
      [{ $set: set }],
    );
    if (modifiedCount === 0) return refuse(await whyNotStored(context, session, passkey));
  } catch (error) {
    if (isDuplicateKey(error)) return refuse("already_registered");
    throw error;
  }
  await noteChange(context, session, "passkey_added");
  return { ok: true, passkey: publicPasskey(passkey) };
}

async function whyNotStored(
  context: Context,
  { userId }: FactorSession,
  { credentialId }: StoredPasskey,
): Promise<"already_registered" | "limit_reached" | "challenge_unknown"> {
  const factors = await findFactors(context, userId);
  if (factors?.passkeys?.some((one) => one.credentialId === credentialId)) return "already_registered";
  // The document went as garbage, which takes longer than any challenge lives, or with an erasure.
  return factors ? "limit_reached" : "challenge_unknown";
}
