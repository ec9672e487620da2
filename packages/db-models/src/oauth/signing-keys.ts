import { generateKeyPair, type webcrypto } from "node:crypto";
import { promisify } from "node:util";
import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { clockToleranceMs } from "../core/clock.js";
import { IdentityError } from "../core/errors.js";
import { type SealedText, sealText, unsealText } from "../core/seal-keys.js";
import { sha256Text } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { isSound, runQuery } from "../queries/run-query.js";
import { isFirst } from "../queries/update.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import type { SigningAlgorithm, SigningKeyDocument } from "../schemas/signing-key.js";

/** `next` is published and does not sign yet; `active` signs; `retired` is published for what it has signed. */
export type SigningKeyState = "next" | "active" | "retired";

export interface SigningKeyPair {
  kid: string;
  algorithm: SigningAlgorithm;
  state: SigningKeyState;
  publicJwk: webcrypto.JsonWebKey;
  createdAt: Date;
  signsFrom: Date;
  /** The private half; not of retired keys. */
  privateJwk?: webcrypto.JsonWebKey;
}

/**
 * The keys of these algorithms. Makes the first one of each, and the successor of one that is old enough, in one
 * conditional insert: every instance may call this at any time, and all agree on the state of each key by the clock.
 */
export async function readSigningKeys(
  context: Context,
  { algorithms }: { algorithms: readonly SigningAlgorithm[] },
): Promise<SigningKeyPair[]> {
  const { signingKeyLifetimeMs, signingKeyLeadMs } = context.policies.oauth;
  const known = await storedKeys(context, algorithms);
  const due = algorithms.filter((algorithm) => {
    const newest = newestOf(dated(context, published(context, known)), algorithm);
    const age = newest && context.now.getTime() - newest.signsFrom.getTime();
    return age === undefined || age >= signingKeyLifetimeMs - signingKeyLeadMs;
  });
  if (due.length === 0) return described(context, known);
  for (const algorithm of due) await addKey(context, algorithm, known);
  return described(context, await storedKeys(context, algorithms));
}

/** @returns the key that was made, or the one that another instance has just made. */
export async function rotateSigningKey(
  context: Context,
  { algorithm }: { algorithm: SigningAlgorithm },
): Promise<SigningKeyPair | undefined> {
  const known = await storedKeys(context, [algorithm]);
  const former = newestOf(dated(context, published(context, known)), algorithm);
  // One that is still to come is the rotation that was asked for.
  if (!former || former.signsFrom <= context.now) await addKey(context, algorithm, known);
  return described(context, await storedKeys(context, [algorithm])).at(-1);
}

/** All keys of these algorithms, by generation; also those that are no longer published. */
export async function storedKeys(
  { models }: Context,
  algorithms: readonly SigningAlgorithm[],
): Promise<SigningKeyDocument[]> {
  const keys = await runQuery(models, queries.signingKeysOf(algorithms));
  for (const key of keys) assertKnownVersion(key);
  return keys;
}

export function published({ now }: Context, keys: readonly SigningKeyDocument[]): SigningKeyDocument[] {
  return keys.filter(({ purgeAt }) => !purgeAt || purgeAt > now);
}

/** Without those that a clock made which was wrong: they are published, and keep no successor from being made. */
function dated({ now }: Context, keys: readonly SigningKeyDocument[]): SigningKeyDocument[] {
  const latest = now.getTime() + clockToleranceMs;
  return keys.filter(({ createdAt }) => createdAt.getTime() <= latest);
}

/** The moment for a key that signs at once, by all clocks that are nearly right. */
export const atOnce = ({ now }: Context): Date => new Date(now.getTime() - clockToleranceMs);

export function newestOf(
  keys: readonly SigningKeyDocument[],
  algorithm: SigningAlgorithm,
): SigningKeyDocument | undefined {
  return keys.findLast((key) => key.algorithm === algorithm);
}

function described(context: Context, known: readonly SigningKeyDocument[]): SigningKeyPair[] {
  const keys = published(context, known);
  return keys.map((key) => {
    const { kid, algorithm, publicJwk, createdAt, signsFrom } = key;
    const state = stateOf(keys, key, context.now);
    const secret = needsSecret(context, state, key) ? privateText(context, key) : undefined;
    return {
      kid,
      algorithm,
      state,
      publicJwk: jwkOf(key, publicJwk),
      createdAt,
      signsFrom,
      ...(secret !== undefined && { privateJwk: JSON.parse(secret) as webcrypto.JsonWebKey }),
    };
  });
}

/** @throws IdentityError `SEAL_BROKEN` for what is no JSON: somebody has changed the document. */
function jwkOf({ kid }: SigningKeyDocument, text: string): webcrypto.JsonWebKey {
  try {
    return JSON.parse(text) as webcrypto.JsonWebKey;
  } catch (cause) {
    throw new IdentityError("SEAL_BROKEN", `the signing key ${kid} has no readable JWK`, { cause });
  }
}

export function stateOf(
  keys: readonly SigningKeyDocument[],
  { algorithm, generation, signsFrom }: SigningKeyDocument,
  now: Date,
): SigningKeyState {
  const isReplaced = keys.some(
    (other) => other.algorithm === algorithm && other.generation > generation && other.signsFrom <= now,
  );
  if (isReplaced) return "retired";
  return signsFrom <= now ? "active" : "next";
}

/**
 * A key that is yet to sign may be sealed by an instance that has a newer seal key than this one: until it signs, it is
 * published without being opened.
 */
function needsSecret({ sealKeys }: Context, state: SigningKeyState, { keyId }: SigningKeyDocument): boolean {
  return state === "active" || (state === "next" && sealKeys.some(({ id }) => id === keyId));
}

const ownerOf = (kid: string): string => `signing-key:${kid}`;

/** The private half as a JWK, in JSON. */
export function privateText({ sealKeys }: Context, key: SigningKeyDocument): string {
  return unsealText(sealKeys, key, ownerOf(key.kid));
}

/** A private half, sealed with the current key of the deployment. */
export function sealedPrivateText({ sealKeys }: Context, kid: string, text: string): SealedText {
  return sealText(sealKeys, text, ownerOf(kid));
}

/**
 * Adds the successor of the newest key. The first key signs at once, for nobody has cached a set without it.
 *
 * @param known - all keys of the algorithm.
 * @param signs - `at_once`: where nobody may trust the former one any more.
 */
export async function addKey(
  context: Context,
  algorithm: SigningAlgorithm,
  known: readonly SigningKeyDocument[],
  signs: "at_once" | "after_lead" = "after_lead",
): Promise<void> {
  const { models, now, policies } = context;
  // Also one that is not published any more has its number.
  const last = newestOf(known, algorithm);
  const former = newestOf(dated(context, published(context, known)), algorithm);
  const { signingKeyLeadMs, signingKeyRetirementMs } = policies.oauth;
  const { publicJwk, privateJwk } = await newKeyPair(algorithm);
  const kid = thumbprintOf(publicJwk);
  const waits = former !== undefined && signs === "after_lead";
  const signsFrom = waits ? new Date(now.getTime() + signingKeyLeadMs) : atOnce(context);
  const key: SigningKeyDocument = {
    _id: new Types.ObjectId(),
    kid,
    algorithm,
    generation: last ? last.generation + 1 : 0,
    publicJwk: JSON.stringify({ ...publicJwk, kid, alg: algorithm, use: "sig" }),
    ...sealedPrivateText(context, kid, JSON.stringify({ ...privateJwk, kid, alg: algorithm })),
    createdAt: now,
    signsFrom,
    schemaVersion: currentSchemaVersion,
  };
  while (!(await isFirst(models.SigningKey, key))) {
    if (await isReadable(models, key)) return;
    key.generation += 1;
  }
  if (!former) return;
  const purgeAt = new Date(signsFrom.getTime() + signingKeyRetirementMs);
  await models.SigningKey.collection.updateMany(
    // A later moment is that of a clock which was wrong.
    {
      algorithm,
      generation: { $lt: key.generation },
      $or: [{ purgeAt: null }, { purgeAt: { $gt: purgeAt } }],
    },
    { $set: { purgeAt } },
  );
}

/** Whether the key that has this number is one that another instance has just made, and not one that nobody can read. */
async function isReadable(
  models: IdentityModels,
  { algorithm, generation }: SigningKeyDocument,
): Promise<boolean> {
  const { collection } = models.SigningKey;
  const holder = await collection.findOne({ algorithm, generation });
  return !holder || isSound(models, collection.name, holder);
}

const generate = promisify(generateKeyPair);

async function newKeyPair(
  algorithm: SigningAlgorithm,
): Promise<{ publicJwk: webcrypto.JsonWebKey; privateJwk: webcrypto.JsonWebKey }> {
  const { publicKey, privateKey } = await {
    RS256: () => generate("rsa", { modulusLength: 2_048 }),
    ES256: () => generate("ec", { namedCurve: "P-256" }),
    EdDSA: () => generate("ed25519"),
  }[algorithm]();
  return { publicJwk: publicKey.export({ format: "jwk" }), privateJwk: privateKey.export({ format: "jwk" }) };
}

/** RFC 7638: the required members in the order of their names. */
function thumbprintOf({ kty, crv, x, y, e, n }: webcrypto.JsonWebKey): string {
  const members = { crv, e, kty, n, x, y };
  return sha256Text(JSON.stringify(Object.fromEntries(Object.entries(members).filter(([, value]) => value))));
}
