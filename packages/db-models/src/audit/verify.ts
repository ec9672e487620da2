import type { Context } from "../context/context.js";
import { parseInput } from "../core/input.js";
import type { SigningKey } from "../core/signatures.js";
import type { AuditChainState, AuditCheckpointDocument } from "../schemas/audit-checkpoint.js";
import type { IdentityModels } from "../schemas/models.js";
import {
  type AuditCheckpoint,
  checkpointSchema,
  everyChain,
  isGenuine,
  newestCheckpoint,
} from "./checkpoints.js";
import type { AuditBreak } from "./problems.js";
import { walkChain } from "./walk.js";

export interface AuditVerificationInput {
  /**
   * Public halves of the keys that signed checkpoints. Without them no checkpoint is believed: then a cut tail stays
   * unseen, and a chain that retention has shortened counts as broken.
   */
  publicKeys?: readonly SigningKey[];
  /** A checkpoint that was kept outside of the database, as exported or parsed from its JSON. */
  checkpoint?: unknown;
  /** Called for every thousand events and after each chain. */
  onProgress?: (progress: AuditVerificationProgress) => void;
  /** Ends the verification: the call then throws the signal's reason. */
  signal?: AbortSignal;
}

/** How far a verification has come. It begins again when retention has shortened a chain meanwhile. */
export interface AuditVerificationProgress {
  chains: number;
  /** Chains that are read to their end. */
  done: number;
  /** Events read so far. */
  events: number;
}

/** A fault of the checkpoints themselves. */
export interface CheckpointBreak {
  checkpoint: number;
  /** `checkpoint_forged`: no known key signed this. `checkpoint_missing`: a later one, or the exported one, tells of it. */
  problem: "checkpoint_forged" | "checkpoint_missing";
}

export interface AuditVerification {
  intact: boolean;
  chains: number;
  /** Events that are what was written. */
  events: number;
  /** Checkpoints read. */
  checkpoints: number;
  /** The first broken checkpoint, then the first broken event of each chain; at most 100. */
  breaks: Array<AuditBreak | CheckpointBreak>;
}

interface Trust {
  newest: AuditCheckpoint | undefined;
  exported: AuditCheckpoint | undefined;
  checkpoints: number;
  broken: CheckpointBreak | undefined;
}

const maxBreaks = 100;
const eventsPerReport = 1_000;
const maxRounds = 5;

export async function verifyAudit(
  context: Context,
  input: AuditVerificationInput = {},
): Promise<AuditVerification> {
  const { models } = context;
  for (let round = 1; ; round++) {
    const trust = await readTrust(models, input);
    const result = await verifyChains(models, trust, input);
    if (result.intact || round === maxRounds) return result;
    // Retention may have shortened a chain after its checkpoint was read.
    const newest = await newestCheckpoint(models);
    if (newest?.checkpointHash === trust.newest?.checkpointHash || !input.publicKeys) return result;
  }
}

async function verifyChains(
  models: IdentityModels,
  trust: Trust,
  { onProgress, signal }: AuditVerificationInput,
): Promise<AuditVerification> {
  const { exported, newest, checkpoints, broken } = trust;
  // The exported one when the stored ones end before it, for then somebody took the rest away.
  const base = exported && (newest?.number ?? -1) < exported.number ? exported : newest;
  const chains = await everyChain(models, base);
  const exportedChains = new Map(exported?.chains.map((state) => [state.chainId, state]));
  const breaks: AuditVerification["breaks"] = broken ? [broken] : [];
  let [events, done, read] = [0, 0, 0];
  const passes = () => {
    signal?.throwIfAborted();
    if (read % eventsPerReport === 0) onProgress?.({ chains: chains.size, done, events: read });
    read += 1;
    return false;
  };
  for (const [chainId, state] of chains) {
    const start = { sequence: state.from, hash: state.fromHash };
    const known = knownHashes(state, exportedChains.get(chainId));
    const walk = await walkChain(models, chainId, start, known, passes);
    events += walk.events;
    done += 1;
    onProgress?.({ chains: chains.size, done, events: read });
    if (walk.broken && breaks.length < maxBreaks) breaks.push(walk.broken);
  }
  return { intact: breaks.length === 0, chains: chains.size, events, checkpoints, breaks };
}

/** Hashes in checkpoints of the events that retention has kept. */
function knownHashes(...states: Array<AuditChainState | undefined>): Map<number, string> {
  const from = states[0]?.from ?? 0;
  const stated = states.flatMap((state) => (state && state.sequence >= from ? state : []));
  return new Map(stated.map(({ sequence, eventHash }) => [sequence, eventHash]));
}

async function readTrust(models: IdentityModels, input: AuditVerificationInput): Promise<Trust> {
  const keys = input.publicKeys ?? [];
  const exported =
    input.checkpoint === undefined ? undefined : parseInput(checkpointSchema, input.checkpoint);
  const stored = keys.length > 0 ? await readStored(models, keys, exported) : { checkpoints: 0 };
  if (!exported) return { newest: undefined, exported, broken: undefined, ...stored };
  if (!isGenuine(exported, keys)) {
    const broken = { checkpoint: exported.number, problem: "checkpoint_forged" } as const;
    return { newest: undefined, ...stored, exported: undefined, broken };
  }
  const cut = (stored.newest?.number ?? -1) < exported.number;
  const broken = cut ? ({ checkpoint: exported.number, problem: "checkpoint_missing" } as const) : undefined;
  return { newest: undefined, broken, ...stored, exported };
}

type StoredTrust = Partial<Trust> & Pick<Trust, "checkpoints">;

/** Reads the stored checkpoints in their order, up to the first that is not what was signed. */
async function readStored(
  models: IdentityModels,
  keys: readonly SigningKey[],
  exported: AuditCheckpoint | undefined,
): Promise<StoredTrust> {
  let newest: AuditCheckpoint | undefined;
  let checkpoints = 0;
  const options = {
    sort: { number: 1 },
    projection: { _id: 0 },
    readConcern: { level: "majority" },
  } as const;
  for await (const next of models.AuditCheckpoint.collection.find<AuditCheckpointDocument>({}, options)) {
    const expected = newest ? newest.number + 1 : next.number;
    if (!isIntactCheckpoint(next, keys)) {
      return { newest, checkpoints, broken: { checkpoint: expected, problem: "checkpoint_forged" } };
    }
    if (next.number !== expected || (newest && next.previousHash !== newest.checkpointHash)) {
      return { newest, checkpoints, broken: { checkpoint: expected, problem: "checkpoint_missing" } };
    }
    if (exported?.number === next.number && exported.checkpointHash !== next.checkpointHash) {
      return { newest, checkpoints, broken: { checkpoint: expected, problem: "checkpoint_forged" } };
    }
    newest = next;
    checkpoints += 1;
  }
  return { newest, checkpoints };
}

function isIntactCheckpoint(document: unknown, keys: readonly SigningKey[]): boolean {
  const parsed = checkpointSchema.safeParse(document);
  return parsed.success && isGenuine(parsed.data, keys);
}
