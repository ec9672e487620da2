import { setTimeout as wait } from "node:timers/promises";
import type { Identity, SigningAlgorithm, SigningKeyPair } from "@org/db-models";
import { compactVerify, createLocalJWKSet, importJWK, type JSONWebKeySet, type JWK, SignJWT } from "jose";
import { z } from "zod";

/** What a drill does, and for how long. */
export interface DrillInput {
  readonly algorithm: SigningAlgorithm;
  /** Origins of the instances, such as `http://10.0.0.7:3000`. */
  readonly instances: readonly string[];
  /** Whether the key that signs is withdrawn as well. */
  readonly withdraw: boolean;
  /** How long a step waits for the instances, milliseconds. */
  readonly waitMs: number;
}

/** How one instance came to have the keys of a step. */
interface InstanceReport {
  readonly instance: string;
  /** Until it had them, milliseconds; absent when it had not by the end. */
  readonly afterMs?: number;
  /** Tokens of the key that signs, checked by the key set of this instance. */
  readonly verified: number;
  readonly failed: number;
  /** Why its key set could not be read the last time. */
  readonly error?: string;
}

interface DrillStep {
  readonly step: "before" | "rotated" | "withdrawn";
  /** The key that signs in this step. */
  readonly kid: string;
  readonly instances: readonly InstanceReport[];
}

/** What a drill found. */
export interface DrillReport {
  readonly ok: boolean;
  readonly steps: readonly DrillStep[];
}

/** Instances read the keys every ten seconds. */
const betweenLooksMs = 250;
const answerMs = 5_000;
/** No endpoint takes a token of this type. */
const probeType = "drill+jwt";

/**
 * Rehearses the change of signing keys on a service that runs. It publishes a successor and waits until every instance has
 * it; meanwhile a token of the key that signs must verify by every key set that is read. The successor stays, and signs in its
 * time. With `withdraw`, the key that signs is then withdrawn, and every instance has to drop it.
 */
export async function drill(identity: Identity, input: DrillInput): Promise<DrillReport> {
  const steps: DrillStep[] = [];
  const take = async (step: DrillStep["step"], isThere: (kids: readonly string[]) => boolean) => {
    const key = activeOf(await keysOf(identity, input), input.algorithm);
    const reports = input.instances.map((instance) => watch(instance, key, isThere, input.waitMs));
    steps.push({ step, kid: key.kid, instances: await Promise.all(reports) });
    return isPassed(steps.at(-1));
  };
  const { kid: signing } = activeOf(await keysOf(identity, input), input.algorithm);
  let ok = await take("before", (kids) => kids.includes(signing));
  if (ok) {
    const successor = await identity.oauth.rotateSigningKey({ algorithm: input.algorithm });
    const next = successor?.kid ?? signing;
    ok = await take("rotated", (kids) => kids.includes(next));
  }
  if (ok && input.withdraw) {
    await identity.oauth.withdrawSigningKey({ kid: signing });
    ok = await take("withdrawn", (kids) => !kids.includes(signing));
  }
  return { ok, steps };
}

const isPassed = (step: DrillStep | undefined): boolean =>
  step?.instances.every(({ afterMs, failed }) => afterMs !== undefined && failed === 0) ?? false;

const keysOf = (identity: Identity, { algorithm }: DrillInput): Promise<SigningKeyPair[]> =>
  identity.oauth.signingKeys({ algorithms: [algorithm] });

function activeOf(keys: readonly SigningKeyPair[], algorithm: SigningAlgorithm): SigningKeyPair {
  const active = keys.find(({ state }) => state === "active");
  if (!active) throw new TypeError(`unreachable: a key of ${algorithm} signs at any time`);
  return active;
}

async function watch(
  instance: string,
  key: SigningKeyPair,
  isThere: (kids: readonly string[]) => boolean,
  waitMs: number,
): Promise<InstanceReport> {
  const probe = await tokenOf(key);
  const counts = { verified: 0, failed: 0 };
  const began = performance.now();
  let error: string | undefined;
  for (let last = false; !last; ) {
    last = performance.now() - began >= waitMs;
    try {
      const set = await keySetOf(instance);
      error = undefined;
      if (await verifies(probe, set)) counts.verified += 1;
      else counts.failed += 1;
      if (isThere(set.keys.map(({ kid }) => kid ?? "")))
        return { instance, afterMs: Math.round(performance.now() - began), ...counts };
    } catch (cause) {
      error = (cause as Error).message;
    }
    if (!last) await wait(betweenLooksMs);
  }
  return { instance, ...counts, ...(error !== undefined && { error }) };
}

async function tokenOf({ kid, algorithm, privateJwk }: SigningKeyPair): Promise<string> {
  const key = await importJWK(privateJwk as JWK, algorithm);
  return new SignJWT({}).setProtectedHeader({ alg: algorithm, kid, typ: probeType }).sign(key);
}

async function verifies(token: string, set: JSONWebKeySet): Promise<boolean> {
  return compactVerify(token, createLocalJWKSet(set)).then(
    () => true,
    () => false,
  );
}

const metadataSchema = z.object({ jwks_uri: z.url() });
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });

/** The key set as an instance has it now, past caches between. */
async function keySetOf(instance: string): Promise<JSONWebKeySet> {
  const origin = new URL(instance).origin;
  const { jwks_uri } = metadataSchema.parse(await read(`${origin}/.well-known/openid-configuration`));
  // It names the service; the instance is asked by its own address.
  return keySetSchema.parse(await read(origin + new URL(jwks_uri).pathname)) as JSONWebKeySet;
}

async function read(address: string): Promise<unknown> {
  const answer = await fetch(address, {
    headers: { "cache-control": "no-cache" },
    redirect: "error",
    signal: AbortSignal.timeout(answerMs),
  });
  if (!answer.ok) throw new Error(`${address} answers ${answer.status}`);
  return answer.json();
}
