import type { Identity, SigningAlgorithm, SigningKeyPair } from "@org/db-models";
import { IdentityError } from "@org/db-models";

/** A signing key without its private half. */
export type ListedKey = Omit<SigningKeyPair, "privateJwk" | "publicJwk">;

const described = ({ kid, algorithm, state, createdAt, signsFrom }: SigningKeyPair): ListedKey => ({
  kid,
  algorithm,
  state,
  createdAt,
  signsFrom,
});

export async function listKeys(identity: Identity, algorithm: SigningAlgorithm): Promise<ListedKey[]> {
  return (await identity.oauth.signingKeys({ algorithms: [algorithm] })).map(described);
}

/** Publishes a successor, unless one waits already. The audit trail has it first. */
export async function rotateKey(identity: Identity, algorithm: SigningAlgorithm): Promise<ListedKey[]> {
  await record(identity, { action: "oauth.key_rotated", details: { algorithm } });
  await identity.oauth.rotateSigningKey({ algorithm });
  return listKeys(identity, algorithm);
}

/** @throws IdentityError `INVALID_INPUT` for a key that there is not. */
export async function withdrawKey(identity: Identity, kid: string): Promise<{ withdrawn: string }> {
  await record(identity, { action: "oauth.key_withdrawn", targetType: "signing key", targetId: kid });
  const withdrawn = await identity.oauth.withdrawSigningKey({ kid });
  if (!withdrawn) throw new IdentityError("INVALID_INPUT", `There is no signing key ${kid}`);
  return { withdrawn: kid };
}

/** What was sealed again, and what does not open. */
export interface Resealed {
  readonly keys: number;
  readonly factors: number;
  /** Signing keys, by `kid`. */
  readonly brokenKeys: readonly string[];
  /** Users whose authenticator app can't be used: at most 100. */
  readonly brokenFactors: readonly string[];
}

/** Seals everything that a former seal key sealed with the current one. */
export async function resealAll(identity: Identity): Promise<Resealed> {
  await record(identity, { action: "secrets.resealed" });
  const { resealed: keys, failures } = await identity.oauth.resealSigningKeys();
  let batch = await identity.factors.reseal();
  let factors = batch.resealed;
  while (!batch.done) {
    batch = await identity.factors.reseal();
    factors += batch.resealed;
  }
  return {
    keys,
    factors,
    brokenKeys: failures.map(({ id }) => id),
    brokenFactors: batch.failures.map(({ id }) => id.toHexString()),
  };
}

type Event = Omit<Parameters<Identity["audit"]["append"]>[0], "outcome">;

const record = (identity: Identity, event: Event): Promise<unknown> =>
  identity.audit.append({ ...event, outcome: "success" });
