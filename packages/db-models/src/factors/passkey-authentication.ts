import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
} from "@simplewebauthn/server";
import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { equalHashes, mintToken, parseToken, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import type { PasskeyChallengeDocument } from "../schemas/passkey-challenge.js";
import type { StoredPasskey, UserFactorsDocument } from "../schemas/user-factors.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { findFactors } from "./account.js";
import { generationOf } from "./generation.js";
import { createChallenge, passkeyPolicy, takeChallenge } from "./passkey-challenges.js";
import { descriptorOf } from "./passkey-registration.js";
import {
  type AuthenticationAnswer,
  bytesOf,
  clientDataTypes,
  type Refused,
  readAuthentication,
  refusalOfAnswer,
  refuse,
} from "./passkey-response.js";

export type PasskeyAuthenticationStart =
  | {
      ok: true;
      /** For `navigator.credentials.get()`, as `PublicKeyCredential.parseRequestOptionsFromJSON` takes them. */
      options: PublicKeyCredentialRequestOptionsJSON;
      /** For the browser that asked, to come back with the answer; only without `userId`. */
      attempt?: string;
      expiresAt: Date;
    }
  | { ok: false; reason: "not_enrolled" };

export type PasskeyCheck =
  | {
      ok: true;
      /** `passkey` when its user was verified: two factors in one. Otherwise `security_key`: something they have. */
      method: "passkey" | "security_key";
      userId: Types.ObjectId;
      passkeyId: Types.ObjectId;
      /** The account's at the check: a session of an older one does not live. */
      sessionGeneration: number;
      /** True when a synced passkey's counter did not rise: a sign for the risk engine, and no proof of a copy. */
      counterRegressed: boolean;
    }
  | Refused;

export async function beginPasskeyAuthentication(
  context: Context,
  { userId }: { userId?: Types.ObjectId } = {},
): Promise<PasskeyAuthenticationStart> {
  const { rpId } = passkeyPolicy(context);
  const passkeys = userId && (await findFactors(context, userId))?.passkeys;
  if (userId && !passkeys?.length) return { ok: false, reason: "not_enrolled" };
  const token = userId ? undefined : mintToken("challenge");
  // Without another factor beside it, the passkey has to be two.
  const verifiesUser = userId === undefined;
  const { challenge, expiresAt } = await createChallenge(context, "authentication", {
    ...(userId && { userId }),
    ...(token && { attemptHash: sha256(token.raw) }),
    verifiesUser,
  });
  const options = await generateAuthenticationOptions({
    rpID: rpId,
    challenge,
    timeout: context.policies.factors.passkeyCeremonyMs,
    // None for a sign-in without a user name: nobody learns who has passkeys.
    allowCredentials: (passkeys ?? []).map(descriptorOf),
    userVerification: verifiesUser ? "required" : "preferred",
  });
  return { ok: true, options, ...(token && { attempt: token.raw }), expiresAt };
}

export interface PasskeyAuthenticationInput {
  /** What `navigator.credentials.get()` gave, as its `toJSON()` writes it. */
  response: unknown;
  /** Whose passkey it is to be; the user for whom the options were made. */
  userId?: Types.ObjectId;
  /** The attempt that came with options for nobody in particular. */
  attempt?: unknown;
}

export async function finishPasskeyAuthentication(
  context: Context,
  input: PasskeyAuthenticationInput,
): Promise<PasskeyCheck> {
  const policy = passkeyPolicy(context);
  const answer = readAuthentication(input.response);
  if (!answer) return refuse("malformed");
  const challenge = await takeChallenge(context, "authentication", answer.clientData.challenge);
  if ("ok" in challenge) return challenge;
  if (answer.clientData.type !== clientDataTypes.authentication) return refuse("wrong_ceremony");
  const stranger = refusalOfAsker(challenge, input);
  if (stranger) return stranger;
  const refused = refusalOfAnswer(answer, policy, challenge.verifiesUser);
  if (refused) return refused;
  const owner = await ownerOf(context, answer, challenge);
  if ("ok" in owner) return owner;
  if (owner.passkey.backupEligible !== answer.facts.backupEligible) return refuse("wrong_backup_state");
  // An unverified key that was stolen can be given a PIN by the thief: its word counts once it was there from the start.
  const isVerified = answer.facts.userVerified && owner.passkey.verifiesUser;
  if (challenge.verifiesUser && !isVerified) return refuse("user_not_verified");
  if (!(await isSigned(context, answer, owner.passkey))) return refuse("wrong_signature");
  // Before the use is stored: an end of every session after that ends this sign-in too.
  const sessionGeneration = await generationOf(context, owner.factors.userId);
  if (sessionGeneration === undefined) return refuse("unknown_credential");
  const used = await use(context, owner, answer);
  if (!used.ok) return used;
  const method = isVerified ? "passkey" : "security_key";
  const { userId } = owner.factors;
  return { ...used, method, userId, passkeyId: owner.passkey.id, sessionGeneration };
}

/** Somebody else who learns the challenge can't answer it, nor put their own answer into somebody's browser. */
function refusalOfAsker(
  challenge: PasskeyChallengeDocument,
  { userId, attempt }: PasskeyAuthenticationInput,
): Refused | undefined {
  if (userId) return challenge.userId?.equals(userId) ? undefined : refuse("wrong_account");
  if (challenge.userId) return refuse("wrong_account");
  const token = parseToken("challenge", attempt);
  return token && equalHashes(sha256(token.raw), challenge.attemptHash)
    ? undefined
    : refuse("challenge_unknown");
}

interface Owner {
  factors: UserFactorsDocument;
  passkey: StoredPasskey;
}

async function ownerOf(
  context: Context,
  { credentialId, userHandle }: AuthenticationAnswer,
  { userId }: PasskeyChallengeDocument,
): Promise<Owner | Refused> {
  const factors = userId
    ? await findFactors(context, userId)
    : await findByQuery(context.models, queries.factorsByCredential(credentialId));
  if (factors) assertKnownVersion(factors);
  const passkey = factors?.passkeys?.find((one) => one.credentialId === credentialId);
  if (!factors || !passkey) return refuse("unknown_credential");
  // Without a user name the authenticator has to say whose it is; where it says so, it has to be true.
  const isTheirs = userHandle === factors.passkeyHandle || (userId && userHandle === undefined);
  return isTheirs ? { factors, passkey } : refuse("wrong_account");
}

async function isSigned(
  context: Context,
  { response, clientData }: AuthenticationAnswer,
  { credentialId, publicKey }: StoredPasskey,
): Promise<boolean> {
  const { rpId, origins } = passkeyPolicy(context);
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: { ...response, clientExtensionResults: {} } as AuthenticationResponseJSON,
      expectedChallenge: clientData.challenge,
      expectedOrigin: origins,
      expectedRPID: rpId,
      // The counter is compared in the update that stores it.
      credential: { id: credentialId, publicKey: bytesOf(publicKey), counter: 0 },
      requireUserVerification: false,
    });
    return verified;
  } catch {
    return false;
  }
}

/**
 * Stores the use. A passkey of one device counts its uses, so a counter that does not rise tells of a copy, and the
 * use is refused; counters of synced ones mean nothing (WebAuthn Level 3 section 6.1.1).
 */
async function use(
  context: Context,
  { factors: { userId }, passkey }: Owner,
  { facts: { signCount, backedUp } }: AuthenticationAnswer,
): Promise<{ ok: true; counterRegressed: boolean } | Refused> {
  const { models, now } = context;
  const counts = signCount > 0 || passkey.signCount > 0;
  const rises = counts && !passkey.backupEligible ? { signCount: { $lt: signCount } } : {};
  // Matched, not modified: two uses of a synced passkey within a millisecond leave the same document.
  const { matchedCount } = await models.UserFactors.collection.updateOne(
    { userId, passkeys: { $elemMatch: { id: passkey.id, ...rises } } },
    {
      $set: {
        "passkeys.$.signCount": signCount,
        "passkeys.$.backedUp": backedUp,
        "passkeys.$.lastUsedAt": now,
        updatedAt: now,
      },
      // Who uses a factor has not lost them all.
      $unset: { recovery: "" },
    },
  );
  if (matchedCount === 0) return refusalOfUse(context, userId, passkey);
  const counterRegressed = counts && signCount <= passkey.signCount;
  if (counterRegressed) {
    await recordSecurityEvent(context, { userId, kind: "passkey_counter_back", severity: "info" });
  }
  return { ok: true, counterRegressed };
}

async function refusalOfUse(
  context: Context,
  userId: Types.ObjectId,
  { id }: StoredPasskey,
): Promise<Refused> {
  const factors = await findFactors(context, userId);
  if (!factors?.passkeys?.some((one) => one.id.equals(id))) return refuse("unknown_credential");
  await recordSecurityEvent(context, { userId, kind: "passkey_cloned", severity: "critical" });
  return refuse("counter_back");
}
