import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { AuditEventDocument } from "../schemas/audit-event.js";
import type { IdentityModels } from "../schemas/models.js";
import { auditEventHash } from "./canonical.js";
import type { AuditProblem, ChainPosition } from "./problems.js";

interface Surroundings {
  chainId: string;
  /** Where the walk began: what is before it is not its concern. */
  start: ChainPosition;
  /** The place at which the event is not the one that was written. */
  reached: ChainPosition;
  /** The hash before the event in front of that place. */
  before: string;
  known: ReadonlyMap<number, string>;
}

interface Finding {
  sequence: number;
  problem: AuditProblem;
}

/** Events after the break that are looked through for where an event went; a move over more is named `edited`. */
const windowLength = 1_000;

/**
 * Tells what happened at a break. Every event says by its hash which place it was written for, so the one that belongs
 * here can be known wherever it is now.
 */
export async function diagnose(
  models: IdentityModels,
  found: AuditEventDocument,
  place: Surroundings,
): Promise<Finding> {
  const { reached, start, chainId } = place;
  const { sequence } = reached;
  if (!Number.isInteger(found.sequence) || found.sequence < sequence)
    return { sequence, problem: "inserted" };
  const query = queries.auditChain(chainId, sequence, windowLength);
  const window = await runQuery(models, query, undefined, { level: "majority" });
  const genuine = window.find((event) => wasWrittenAt(event, sequence, reached.hash));
  const home = homeOf(found, sequence);
  if (genuine) return { sequence, problem: problemBeside(genuine, found, home, sequence) };
  if (found.sequence > sequence) return { sequence, problem: "missing" };
  // Shifted by one, and it names the event before the one in front of it: that one came between.
  const isShifted = found.previousHash === place.before && home === sequence - 1;
  if (isShifted && sequence > start.sequence) return { sequence: sequence - 1, problem: "inserted" };
  if (home !== undefined && home !== sequence) return { sequence, problem: "missing" };
  // Whole in itself, but written after another event than the one in front of it, which was hence replaced.
  const isBlameless = home === sequence && sequence > start.sequence && !place.known.has(sequence - 1);
  return { sequence: isBlameless ? sequence - 1 : sequence, problem: "edited" };
}

/** The event that belongs here exists: something stands in its place. */
function problemBeside(
  genuine: AuditEventDocument,
  found: AuditEventDocument,
  home: number | undefined,
  sequence: number,
): AuditProblem {
  if (found.sequence === sequence && genuine._id.equals(found._id)) return "edited";
  return found.sequence > sequence || home !== undefined ? "reordered" : "inserted";
}

/** The sequence near this one for which the event was written; `undefined` when its content or a hash was changed. */
function homeOf(event: AuditEventDocument, near: number): number | undefined {
  for (let sequence = Math.max(0, near - 1); sequence < near + windowLength; sequence++) {
    if (wasWrittenAt(event, sequence, event.previousHash)) return sequence;
  }
  return undefined;
}

function wasWrittenAt(event: AuditEventDocument, sequence: number, previousHash: string): boolean {
  try {
    return auditEventHash(previousHash, { ...event, sequence }) === event.eventHash;
  } catch {
    return false; // its fields no longer have the types of an event
  }
}
