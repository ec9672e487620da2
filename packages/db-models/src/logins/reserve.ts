import { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { normaliseIdentifier } from "../core/email.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { networkOf } from "../core/network.js";
import { rulesOf } from "../core/policies/login-defence.js";
import { keptFor } from "../core/profile-retention.js";
import { equalHashes, lookupHash, sha256Text } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { findAndUpdate } from "../queries/update.js";
import type { LoginProfileDocument, LoginSubject } from "../schemas/login-profile.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import {
  answerOf,
  type CountedAttempt,
  type CounterAnswer,
  counterAfter,
  counterWithout,
} from "./counters.js";

const attemptInputSchema = z.strictObject({
  identifier: z.string().max(1_024),
  ip: z.string().max(64).optional(),
  deviceCookie: z.string().max(512).optional(),
  challengeSolved: z.boolean().optional(),
  waitMs: z.int().min(0).max(30_000).default(0),
});

export interface LoginAttemptInput {
  /** The identifier that somebody signs in with: an email address or a username, of an account or of none. */
  identifier: string;
  /** Address that the attempt comes from; without one only the account is counted. */
  ip?: string | undefined;
  /** Value of the device's long-lived cookie. */
  deviceCookie?: string;
  /** True when the app has made sure that a person is there: then the account's delay doesn't hold. */
  challengeSolved?: boolean;
  /**
   * Milliseconds to wait, before the attempt is refused, for those that this process is evaluating: right passwords that
   * come at once are no failures. Default 0.
   */
  waitMs?: number;
}

/** An attempt that may be evaluated; `logins.settle` takes it. */
export interface ReservedLoginAttempt {
  readonly id: Types.ObjectId;
  /** The hash of what somebody signs in with. */
  readonly account: string;
  /** The network, unless the device was known. */
  readonly network?: string;
  /** True when the account knows the device: then neither its own counter nor the network's is asked. */
  readonly knownDevice: boolean;
  readonly beginsDelay: boolean;
  /** Failures of the account, or of the known device, before this attempt that are not forgotten yet. */
  readonly accountFailures: number;
  /** Failures from the network; 0 when the device was known. */
  readonly networkFailures: number;
}

export type LoginAdmission =
  | {
      ok: true;
      /** True when the app should make sure that a person is there before it looks at the password. */
      challenge: boolean;
      attempt: ReservedLoginAttempt;
    }
  | { ok: false; reason: "delayed"; challenge: boolean; retryAfterMs: number };

export async function reserveLoginAttempt(
  context: Context,
  input: LoginAttemptInput,
): Promise<LoginAdmission> {
  const { identifier, ip, deviceCookie, challengeSolved, waitMs } = parseInput(attemptInputSchema, input);
  const account = loginAccountOf(identifier);
  const counted = { account, ip, deviceCookie, challengeSolved };
  if (waitMs === 0) return reserveOnBoth(context, new Types.ObjectId(), counted);
  for (let left = waitMs; ; ) {
    const id = new Types.ObjectId();
    context.attempts.begin(account, id);
    const admission = await reserveOnBoth(context, id, counted).catch((error: unknown) => {
      context.attempts.end(account, id, false);
      throw error;
    });
    if (admission.ok) return admission;
    context.attempts.end(account, id, false);
    const waitedMs = await context.attempts.oneEvaluated(account, left);
    if (waitedMs === undefined) return admission;
    left -= waitedMs;
  }
}

/** The keys that an attempt is counted under. */
interface CountedInput {
  account: string;
  ip: string | undefined;
  deviceCookie: string | undefined;
  challengeSolved: boolean | undefined;
}

async function reserveOnBoth(
  context: Context,
  id: Types.ObjectId,
  { account, ip, deviceCookie, challengeSolved }: CountedInput,
): Promise<LoginAdmission> {
  const { models, now } = context;
  const attempt = { id, now, skipsDelay: challengeSolved ?? false };
  const deviceHash = deviceCookie ? loginDeviceOf(account, deviceCookie) : undefined;
  const byAccount = await reserveOnAccount(context, account, deviceHash, attempt);
  const {
    admitted,
    challenge,
    retryAfterMs,
    knownDevice,
    beginsDelay,
    failures: accountFailures,
  } = byAccount;
  if (!admitted) return { ok: false, reason: "delayed", challenge, retryAfterMs };
  const reserved = { id: attempt.id, account, knownDevice, beginsDelay, accountFailures, networkFailures: 0 };
  const network = knownDevice ? undefined : networkOf(ip);
  if (!network) return { ok: true, challenge, attempt: reserved };
  const byNetwork = await reserveOnNetwork(context, network, ip, { ...attempt, skipsDelay: false });
  const either = { challenge: challenge || byNetwork.challenge };
  if (byNetwork.admitted) {
    const networkFailures = byNetwork.failures;
    return { ok: true, ...either, attempt: { ...reserved, network, networkFailures } };
  }
  await takeBack(models, "account", account, attempt);
  return { ok: false, reason: "delayed", ...either, retryAfterMs: byNetwork.retryAfterMs };
}

/** The key of an account's counter: who reads the database doesn't read who it is. */
export function loginAccountOf(identifier: string): string {
  return sha256Text(`account:${normaliseIdentifier(identifier)}`);
}

/** A device as one account knows it: two accounts that are used on one device have nothing in common. */
export function loginDeviceOf(account: string, deviceCookie: string): Buffer {
  return lookupHash(`device:${account}:${deviceCookie}`);
}

async function reserveOnAccount(
  context: Context,
  account: string,
  deviceHash: Buffer | undefined,
  attempt: CountedAttempt,
): Promise<CounterAnswer & { knownDevice: boolean }> {
  const policy = context.policies.logins;
  const knownSince = new Date(attempt.now.getTime() - policy.knownDeviceMs);
  const rules = { account: rulesOf(policy, "account"), device: rulesOf(policy, "device") };
  const isIt = {
    $and: [
      { $eq: ["$$device.deviceHash", deviceHash ?? null] },
      { $gt: ["$$device.lastSeenAt", knownSince] },
    ],
  };
  const stored = { $ifNull: ["$devices", []] };
  const isKnown = { $anyElementTrue: [{ $map: { input: stored, as: "device", in: isIt } }] };
  const counted = { counter: counterAfter("$$device.counter", rules.device, attempt) };
  const device = { $cond: [isIt, { $mergeObjects: ["$$device", counted] }, "$$device"] };
  const profile = await updateProfile(context, "account", account, {
    counter: {
      $cond: [
        isKnown,
        { $ifNull: ["$counter", { failures: 0 }] },
        counterAfter("$counter", rules.account, attempt),
      ],
    },
    devices: { $map: { input: stored, as: "device", in: device } },
    purgeAt: keptFor(rules.account.cap * rules.account.forgetMs, attempt.now),
  });
  const known = profile.devices.find(
    (one) => equalHashes(one.deviceHash, deviceHash) && one.lastSeenAt > knownSince,
  );
  if (known) return { ...answerOf(known.counter, rules.device, attempt), knownDevice: true };
  return { ...answerOf(profile.counter, rules.account, attempt), knownDevice: false };
}

async function reserveOnNetwork(
  context: Context,
  network: string,
  ip: string | undefined,
  attempt: CountedAttempt,
): Promise<CounterAnswer> {
  const policy = context.policies.logins;
  const rules = rulesOf(policy, "network", ip);
  const profile = await updateProfile(context, "network", network, {
    counter: counterAfter("$counter", rules, attempt),
    devices: [],
    purgeAt: keptFor(rules.cap * rules.forgetMs, attempt.now),
  });
  return answerOf(profile.counter, rules, attempt);
}

/** Takes an attempt out of a counter again. */
export async function takeBack(
  models: IdentityModels,
  subject: LoginSubject,
  key: string,
  { id, now }: Pick<CountedAttempt, "id" | "now">,
): Promise<void> {
  const { filter } = queries.loginProfileOf(subject, key);
  const update = [{ $set: { counter: counterWithout("$counter", id, now), updatedAt: now } }];
  await models.LoginProfile.collection.updateOne(filter as object, update);
}

const maxAttempts = 10;

/** Changes the profile of a subject by a pipeline, and makes it where there is none; returns it as this change left it. */
export async function updateProfile(
  context: Context,
  subject: LoginSubject,
  key: string,
  set: Record<string, unknown>,
): Promise<LoginProfileDocument> {
  const { models, now } = context;
  const { filter } = queries.loginProfileOf(subject, key);
  const update = [{ $set: { ...set, updatedAt: now, schemaVersion: currentSchemaVersion } }];
  const options = { upsert: true, returnDocument: "after" } as const;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    try {
      const profile = await findAndUpdate(models.LoginProfile, { ...(filter as object) }, update, options);
      if (profile) return profile;
    } catch (error) {
      // Somebody else inserted it between the look and the insert of this upsert. Should the server have counted this
      // attempt all the same, it is counted twice: too few get in at the first moment of a profile, never too many.
      if (isDuplicateKey(error)) continue;
      // A counter that the server can't count on is named.
      await findByQuery(models, queries.loginProfileOf(subject, key));
      throw error;
    }
  }
  throw new IdentityError("CONTENTION", "parallel sign-ins never left room");
}
