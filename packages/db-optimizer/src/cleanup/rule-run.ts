import { type BatchTask, runBatches, type TaskState } from "../jobs/batches.js";
import { ForegroundWatch } from "../jobs/foreground.js";
import type { Lease } from "../jobs/lease.js";
import { type PaceLimits, startPace } from "../jobs/pace.js";
import type { Pacer, RunStop, Wait } from "../jobs/pacer.js";
import { type ActionTarget, type Actor, openActor } from "./actions.js";
import type { IdReader } from "./id-reader.js";
import type { RuleState } from "./run-store.js";

/** All that one rule of a run needs. */
export interface RuleWork extends ActionTarget {
  readonly reader: IdReader;
  readonly limits: PaceLimits;
  readonly lease: Lease;
  readonly pacer: Pacer;
  readonly signal: AbortSignal;
  /** Where the rule is: written down, told, or both. */
  readonly note: (state: RuleState, batchSize: number, wait: Wait | null) => Promise<void>;
}

/** What came of a rule. */
export interface RuleEnd {
  readonly state: RuleState;
  readonly stop: RunStop | null;
}

/** Carries out one rule that names something, batch by batch, from where its state says. */
export async function runRule(work: RuleWork, from: RuleState): Promise<RuleEnd> {
  const { reader, limits, pacer, signal, collection } = work;
  const actor = await openActor(work);
  const ruleState = ({ done, batches, activeMs, pace }: TaskState): RuleState => ({
    ...from,
    done,
    batches,
    activeMs,
    pace,
    cursor: reader.cursor,
  });
  try {
    const start = { ...from, items: 0, pace: from.pace ?? startPace(limits) };
    const { state, stop } = await runBatches(taskOf(work, actor), start, {
      limits,
      pacer,
      signal,
      watch: new ForegroundWatch([collection], limits),
      note: (at, wait) => work.note(ruleState(at), at.pace.batchSize, wait),
    });
    return { state: { ...ruleState(state), ...(stop === null && { cursor: null }) }, stop };
  } finally {
    await actor.close();
  }
}

function taskOf({ rule, collection, reader, lease }: RuleWork, actor: Actor): BatchTask<unknown> {
  return {
    name: `Rule "${rule.name}"`,
    details: { rule: rule.name },
    collection: collection.collectionName,
    source: reader,
    process: async (ids) => {
      // Right before the write: a process that slept longer than its lease learns here that it lost it.
      await lease.confirmIfStale();
      return actor.act(ids);
    },
  };
}
