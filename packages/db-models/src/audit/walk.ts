import { Types } from "mongoose";
import { z } from "zod";
import { type AuditEventDocument, auditOutcomes } from "../schemas/audit-event.js";
import type { IdentityModels } from "../schemas/models.js";
import { auditEventHash } from "./canonical.js";
import { diagnose } from "./diagnose.js";
import type { AuditBreak, ChainPosition } from "./problems.js";

export interface ChainWalk {
  /** How far the chain holds. */
  reached: ChainPosition;
  /** Events found intact. */
  events: number;
  broken?: AuditBreak;
}

/** The exact fields of a stored event: an extra field was not hashed, so somebody added it. */
const storedEvent = z.strictObject({
  _id: z.instanceof(Types.ObjectId),
  chainId: z.string(),
  sequence: z.int(),
  previousHash: z.string(),
  eventHash: z.string(),
  at: z.date(),
  action: z.string(),
  outcome: z.enum(auditOutcomes),
  actorRef: z.string().optional(),
  subjectRef: z.string().optional(),
  targetType: z.string().optional(),
  targetId: z.string().optional(),
  network: z.string().optional(),
  sealedNetwork: z.string().optional(),
  details: z.array(z.strictObject({ key: z.string(), value: z.string() })),
  schemaVersion: z.int(),
});

const batchSize = 1_000;

/**
 * Reads a chain from a position to its end, or to the first event that is not what was written. Memory holds one
 * batch.
 *
 * @param known - hashes that checkpoints state, by sequence.
 * @param until - ends the walk before the first event of which it is true.
 */
export async function walkChain(
  models: IdentityModels,
  chainId: string,
  start: ChainPosition,
  known: ReadonlyMap<number, string> = new Map(),
  until: (event: AuditEventDocument) => boolean = () => false,
): Promise<ChainWalk> {
  let reached = start;
  let before = start.hash;
  // Not `$gte`, and nothing at the front: that would hide an event under a sequence that no writer gives.
  const filter = { chainId, ...(start.sequence > 0 && { sequence: { $not: { $lt: start.sequence } } }) };
  const options = { sort: { sequence: 1 }, batchSize, readConcern: { level: "majority" } } as const;
  for await (const event of models.AuditEvent.collection.find<AuditEventDocument>(filter, options)) {
    if (!follows(event, reached)) {
      const problem = await diagnose(models, event, { chainId, start, reached, before, known });
      return { reached, events: reached.sequence - start.sequence, broken: { chainId, ...problem } };
    }
    if (until(event)) return { reached, events: reached.sequence - start.sequence };
    if ((known.get(event.sequence) ?? event.eventHash) !== event.eventHash) {
      const { sequence } = event;
      return {
        reached,
        events: sequence - start.sequence,
        broken: { chainId, sequence, problem: "rewritten" },
      };
    }
    before = reached.hash;
    reached = { sequence: event.sequence + 1, hash: event.eventHash };
  }
  const lost = endsEarly(chainId, start, reached, known);
  return { reached, events: reached.sequence - start.sequence, ...(lost && { broken: lost }) };
}

/** True when this is the event that was written at this place. */
function follows(event: AuditEventDocument, { sequence, hash }: ChainPosition): boolean {
  return (
    event.sequence === sequence &&
    event.previousHash === hash &&
    storedEvent.safeParse(event).success &&
    auditEventHash(hash, event) === event.eventHash
  );
}

function endsEarly(
  chainId: string,
  start: ChainPosition,
  reached: ChainPosition,
  known: ReadonlyMap<number, string>,
): AuditBreak | undefined {
  if (Math.max(-1, ...known.keys()) < reached.sequence) return undefined;
  const problem = reached.sequence === start.sequence ? "chain_missing" : "truncated";
  return { chainId, sequence: reached.sequence, problem };
}
