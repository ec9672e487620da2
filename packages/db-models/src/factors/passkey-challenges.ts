import { randomBytes } from "node:crypto";
import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { clockToleranceMs, isOver } from "../core/clock.js";
import { IdentityError } from "../core/errors.js";
import { duration } from "../core/limits.js";
import type { FactorPolicy } from "../core/policies/factors.js";
import { sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { PasskeyCeremony, PasskeyChallengeDocument } from "../schemas/passkey-challenge.js";
import { type Refused, refuse } from "./passkey-response.js";

type Bound = Pick<PasskeyChallengeDocument, "userId" | "sessionId" | "attemptHash" | "verifiesUser">;

/** A challenge for an authenticator. */
export interface NewChallenge {
  challenge: Uint8Array<ArrayBuffer>;
  expiresAt: Date;
}

/** @throws IdentityError `PASSKEYS_NOT_CONFIGURED`. */
export function passkeyPolicy({ policies }: Context): NonNullable<FactorPolicy["passkeys"]> {
  const { passkeys } = policies.factors;
  if (passkeys) return passkeys;
  throw new IdentityError(
    "PASSKEYS_NOT_CONFIGURED",
    "factors.passkeys: set rpId and origins to use passkeys",
  );
}

/** 256 random bits, and for whom. */
export async function createChallenge(
  context: Context,
  ceremony: PasskeyCeremony,
  bound: Bound,
): Promise<NewChallenge> {
  const { models, now, policies } = context;
  const challenge = Uint8Array.from(randomBytes(32));
  const expiresAt = new Date(now.getTime() + policies.factors.passkeyCeremonyMs);
  const stored: PasskeyChallengeDocument = {
    _id: new Types.ObjectId(),
    challengeHash: sha256(Buffer.from(challenge).toString("base64url")),
    ceremony,
    ...bound,
    createdAt: now,
    expiresAt,
    purgeAt: new Date(expiresAt.getTime() + duration.hour),
    schemaVersion: currentSchemaVersion,
  };
  await models.PasskeyChallenge.collection.insertOne({ ...stored });
  return { challenge, expiresAt };
}

/** Takes a challenge away before anything is verified: whatever the answer is worth, there is no second one. */
export async function takeChallenge(
  { models, now, policies }: Context,
  ceremony: PasskeyCeremony,
  challenge: string,
): Promise<PasskeyChallengeDocument | Refused> {
  const { filter } = queries.passkeyChallenge(sha256(challenge));
  const taken = (await models.PasskeyChallenge.collection.findOneAndDelete(
    filter as object,
  )) as PasskeyChallengeDocument | null;
  if (!taken) return refuse("challenge_unknown");
  if (taken.ceremony !== ceremony) return refuse("wrong_ceremony");
  // A later one was made by a clock that was wrong.
  const latest = now.getTime() + policies.factors.passkeyCeremonyMs + clockToleranceMs;
  if (isOver(taken.expiresAt, now) || taken.expiresAt.getTime() > latest) return refuse("challenge_expired");
  return taken;
}
