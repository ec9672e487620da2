// Judges how an index is used.
import type { ActualIndex } from "../inspect.js";

/** Use of one index on one member of the cluster. */
export interface IndexUse {
  readonly member: string;
  readonly ops: number;
  /** Since when the member counts: its start, the build of the index, or the last `collMod` on it. */
  readonly since: Date;
}

/** `undeclared`: a candidate for hiding. `declared`: the models want it, yet nothing reads it. */
export type UnusedVerdict =
  | "used"
  | "too_young"
  | "unknown"
  | "kept"
  | "unused_undeclared"
  | "unused_declared";

/** The verdict on one index, with what it rests on. */
export interface UnusedFinding {
  readonly index: ActualIndex;
  readonly verdict: UnusedVerdict;
  /** Days that every member has been counting. */
  readonly ageDays?: number;
  readonly use: readonly IndexUse[];
}

/** Input of {@link judgeUse}. */
export interface UnusedInput {
  readonly index: ActualIndex;
  /** One entry for each data-bearing member that answered. */
  readonly use: readonly IndexUse[];
  /** Members that should have answered. */
  readonly members: number;
  readonly declared: boolean;
  /** Whether a shard key needs it. Default false. */
  readonly shardKey?: boolean | "unknown";
  readonly now: Date;
  /** Days without a read after which an index counts as unused. */
  readonly minimumAgeDays: number;
}

const dayMs = 86_400_000;

/**
 * Whether an index is unused. Pure. Counters say nothing of members that did not answer, of TTL deletes, or of the
 * time before a restart, so "unused" takes all members, enough age, and an index that has no other purpose.
 */
export function judgeUse(input: UnusedInput): UnusedFinding {
  const { index, use, now } = input;
  const youngest = use.length > 0 ? Math.max(...use.map(({ since }) => since.getTime())) : undefined;
  const ageDays = youngest === undefined ? undefined : Math.max(0, (now.getTime() - youngest) / dayMs);
  return { index, use, verdict: verdictOf(input, ageDays), ...(ageDays !== undefined && { ageDays }) };
}

function verdictOf(input: UnusedInput, ageDays: number | undefined): UnusedVerdict {
  const { index, use, members, declared, shardKey, minimumAgeDays } = input;
  if (use.some(({ ops }) => ops > 0)) return "used";
  const otherPurpose =
    index.unique || index.prepareUnique || index.expireAfterSeconds !== undefined || shardKey === true;
  // Hiding resets the counter, and a build in progress has none.
  if (otherPurpose || index.hidden || index.building) return "kept";
  if (use.length < members || ageDays === undefined || shardKey === "unknown") return "unknown";
  if (ageDays < minimumAgeDays) return "too_young";
  return declared ? "unused_declared" : "unused_undeclared";
}
