import { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { limits } from "../core/limits.js";
import { sha256Text } from "../core/secrets.js";
import { isSigned, keyIdOf, type SigningKey, signText } from "../core/signatures.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import { isFirst } from "../queries/update.js";
import {
  type AuditChainState,
  type AuditCheckpointDocument,
  keptCheckpoint,
} from "../schemas/audit-checkpoint.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { canonicalCheckpoint, firstHash } from "./canonical.js";
import type { AuditBreak } from "./problems.js";
import { type ChainWalk, walkChain } from "./walk.js";

/** A signed checkpoint; as JSON it can be kept anywhere out of reach of who can write to the database. */
export type AuditCheckpoint = Omit<AuditCheckpointDocument, "_id">;

/** The keys of checkpoints. */
export interface AuditKeys {
  /** Ed25519 private key that signs. */
  signingKey: SigningKey;
  /** Public keys of earlier checkpoints, after a change of the key. Default: none. */
  formerKeys?: readonly SigningKey[];
}

/** An exported checkpoint, as it is or after a way through JSON. */
export const checkpointSchema = keptCheckpoint.extend({
  at: z.union([z.date(), keptCheckpoint.shape.at.transform((at) => new Date(at))]),
});

/** True when one of the keys signed exactly this. */
export function isGenuine(checkpoint: AuditCheckpoint, keys: readonly SigningKey[]): boolean {
  const canonical = canonicalCheckpoint(checkpoint);
  const key = keys.find((candidate) => keyIdOf(candidate) === checkpoint.keyId);
  if (!key || sha256Text(canonical) !== checkpoint.checkpointHash) return false;
  return isSigned(key, canonical, checkpoint.signature);
}

/** The newest stored checkpoint, whether or not anybody signed it. */
export async function newestCheckpoint(models: IdentityModels): Promise<AuditCheckpoint | undefined> {
  const [newest] = await runQuery(models, queries.newestAuditCheckpoint(), { _id: 0 }, { level: "majority" });
  return newest;
}

/** Which checkpoints to list. */
export interface AuditCheckpointSearch {
  /** Only those with a lower number: the last one of the page before. */
  before?: number | undefined;
  /** 1 to 200. Default 50. */
  limit?: number | undefined;
}

const searchSchema = z.strictObject({
  before: z.int().min(0).default(Number.MAX_SAFE_INTEGER),
  limit: z.int().min(1).max(200).default(50),
});

export function listAuditCheckpoints(
  { models }: Context,
  search: AuditCheckpointSearch = {},
): Promise<AuditCheckpoint[]> {
  const { before, limit } = parseInput(searchSchema, search);
  return runQuery(models, queries.auditCheckpointsBefore(before, limit), { _id: 0 });
}

export function createAuditCheckpoint(context: Context, keys: AuditKeys): Promise<AuditCheckpoint> {
  return signNext(context, keys, (chains) => Promise.resolve(chains));
}

const maxAttempts = 5;

/** Makes the next checkpoint, with the chains as they are and as the caller then changes them. */
export async function signNext(
  context: Context,
  keys: AuditKeys,
  change: (chains: AuditChainState[]) => Promise<AuditChainState[]>,
): Promise<AuditCheckpoint> {
  const { models, now } = context;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const previous = await newestCheckpoint(models);
    assertGenuine(previous, keys);
    const checkpoint = signed(await change(await currentChains(models, previous)), previous, keys, now);
    if (await store(models, checkpoint)) return checkpoint;
  }
  throw new IdentityError("CONTENTION", "other checkpoints were made all the time");
}

function assertGenuine(checkpoint: AuditCheckpoint | undefined, keys: AuditKeys): void {
  if (!checkpoint || isGenuine(checkpoint, [keys.signingKey, ...(keys.formerKeys ?? [])])) return;
  throw new IdentityError("AUDIT_BROKEN", "the newest stored checkpoint was signed with an unknown key", {
    details: { checkpoint: checkpoint.number, problem: "checkpoint_forged" },
  });
}

/** Every chain as it is now, on from where the checkpoint before left it. */
async function currentChains(
  models: IdentityModels,
  previous: AuditCheckpoint | undefined,
): Promise<AuditChainState[]> {
  const chains: AuditChainState[] = [];
  for (const [chainId, state] of await everyChain(models, previous)) {
    const start = { sequence: state.sequence + 1, hash: state.eventHash };
    const walk = await walkChain(models, chainId, start);
    assertIntact(walk);
    const { sequence, hash } = walk.reached;
    // A chain that retention has emptied stays in the checkpoint until its last event is gone.
    if (sequence > state.from || (await hasEvents(models, chainId))) {
      chains.push({ ...state, sequence: sequence - 1, eventHash: hash });
    }
  }
  if (chains.length > limits.auditChains) {
    throw new IdentityError("INVALID_INPUT", `a checkpoint holds at most ${limits.auditChains} chains`);
  }
  return chains;
}

async function hasEvents(models: IdentityModels, chainId: string): Promise<boolean> {
  return (await models.AuditEvent.collection.findOne({ chainId }, { projection: { _id: 1 } })) !== null;
}

/** The chains that have events, and those that a checkpoint knows, in their order. */
export async function everyChain(
  models: IdentityModels,
  checkpoint: AuditCheckpoint | undefined,
): Promise<Map<string, AuditChainState>> {
  const stored: string[] = await models.AuditEvent.collection.distinct("chainId", {});
  const known = new Map((checkpoint?.chains ?? []).map((state) => [state.chainId, state]));
  const chainIds = [...new Set([...stored.map(String), ...known.keys()])].sort();
  return new Map(chainIds.map((chainId) => [chainId, known.get(chainId) ?? newChain(chainId)]));
}

function newChain(chainId: string): AuditChainState {
  return { chainId, from: 0, fromHash: firstHash, sequence: -1, eventHash: firstHash };
}

export function assertIntact({ broken }: ChainWalk): void {
  if (broken) throw auditBroken(broken);
}

function auditBroken(broken: AuditBreak): IdentityError {
  const { chainId, sequence, problem } = broken;
  return new IdentityError("AUDIT_BROKEN", `event ${sequence} of chain ${chainId}: ${problem}`, {
    details: { ...broken },
  });
}

function signed(
  chains: AuditChainState[],
  previous: AuditCheckpoint | undefined,
  { signingKey }: AuditKeys,
  now: Date,
): AuditCheckpoint {
  const content = {
    number: (previous?.number ?? -1) + 1,
    at: now,
    chains,
    previousHash: previous?.checkpointHash ?? firstHash,
    keyId: keyIdOf(signingKey),
    schemaVersion: currentSchemaVersion,
  };
  const canonical = canonicalCheckpoint(content);
  return { ...content, checkpointHash: sha256Text(canonical), signature: signText(signingKey, canonical) };
}

/** False when another got this number first. */
async function store(models: IdentityModels, checkpoint: AuditCheckpoint): Promise<boolean> {
  const document = { _id: new Types.ObjectId(), ...checkpoint };
  return isFirst(models.AuditCheckpoint, document, { writeConcern: { w: "majority", j: true } });
}
