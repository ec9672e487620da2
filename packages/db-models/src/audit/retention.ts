import type { Context } from "../context/context.js";
import { clockToleranceMs } from "../core/clock.js";
import type { AuditChainState } from "../schemas/audit-checkpoint.js";
import type { AuditEventDocument } from "../schemas/audit-event.js";
import type { IdentityModels } from "../schemas/models.js";
import {
  type AuditCheckpoint,
  type AuditKeys,
  assertIntact,
  newestCheckpoint,
  signNext,
} from "./checkpoints.js";
import { walkChain } from "./walk.js";

export interface AuditRetentionResult {
  /** Events removed by this call. */
  events: number;
  /** Checkpoints removed by this call. */
  checkpoints: number;
  /** The newest checkpoint: the rest of each chain verifies from what it states. */
  checkpoint: AuditCheckpoint;
}

/** Events that go in one command. */
const batchLength = 1_000;

export async function applyAuditRetention(context: Context, keys: AuditKeys): Promise<AuditRetentionResult> {
  const { models, now } = context;
  const before = new Date(now.getTime() - context.policies.retention.auditMs);
  const checkpoint = await signNext(context, keys, async (chains) => {
    const kept: AuditChainState[] = [];
    for (const chain of chains) kept.push(await shortened(context, chain, before));
    return kept;
  });
  let events = 0;
  for (const { chainId, from } of checkpoint.chains) events += await removeEvents(models, chainId, from);
  return { events, checkpoints: await removeCheckpoints(models, before), checkpoint };
}

async function shortened(context: Context, chain: AuditChainState, before: Date): Promise<AuditChainState> {
  const { models, now } = context;
  // An event of a clock that ran ahead is as old as those beside it, or it would hold up the rest for years.
  let anyExpired = false;
  const isKept = ({ at, sequence }: AuditEventDocument) => {
    if (sequence > chain.sequence) return true;
    if (at.getTime() > now.getTime() + clockToleranceMs) return false;
    if (at >= before) return true;
    anyExpired = true;
    return false;
  };
  const start = { sequence: chain.from, hash: chain.fromHash };
  const walk = await walkChain(models, chain.chainId, start, new Map(), isKept);
  assertIntact(walk);
  if (!anyExpired) return chain;
  return { ...chain, from: walk.reached.sequence, fromHash: walk.reached.hash };
}

async function removeEvents(models: IdentityModels, chainId: string, from: number): Promise<number> {
  const { collection } = models.AuditEvent;
  let removed = 0;
  const first = await collection.findOne(
    { chainId, sequence: { $lt: from } },
    { sort: { sequence: 1 }, projection: { sequence: 1 } },
  );
  for (let start = Number(first?.sequence ?? from); start < from; start += batchLength) {
    const sequence = { $lt: Math.min(start + batchLength, from) };
    removed += (await collection.deleteMany({ chainId, sequence })).deletedCount;
  }
  return removed;
}

// One by one from the front, so that a crash leaves no gap between two that stay.
async function removeCheckpoints(models: IdentityModels, before: Date): Promise<number> {
  const newest = await newestCheckpoint(models);
  const old = { number: { $lt: newest?.number ?? 0 }, at: { $lt: before } };
  let removed = 0;
  while (await models.AuditCheckpoint.collection.findOneAndDelete(old, { sort: { number: 1 } })) removed += 1;
  return removed;
}
