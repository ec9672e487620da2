// Rollback: what would put a run's indexes and collections back as they were, and doing so.
import type { Connection } from "mongoose";

import { OptimizerError } from "../../core/errors.js";
import { withRetries } from "../../core/server/transient.js";
import { type ActualCollection, type ActualIndex, inspectIndexes } from "../inspect.js";
import { diffIndexes } from "../plan/diff.js";
import { withExpiring } from "../plan/expiry.js";
import { type Plan, planIndexes, planOf } from "../plan/plan.js";
import type { IndexSpec } from "../spec.js";
import { undoCreate } from "../steps/kinds/undo-create.js";
import { sameIndex, specOfText } from "../steps/state-text.js";
import { type CollectionStep, type IndexStep, indexKindOf, isOnIndex } from "../steps/steps.js";
import { openRun, runPlanIn } from "./apply.js";
import { collectionsBack } from "./collections-back.js";
import { type JournalRun, type JournalStep, journalRuns, journalSteps, markReversed } from "./journal.js";
import type { ApplyOptions, ApplyResult, CollectionStepResult } from "./run.js";

/** Why an index is not put back. */
export type RollbackRefusal = "changed_since" | "collection_gone";

/** Steps that restore the indexes of a run. */
export interface RollbackPlan {
  readonly run: JournalRun;
  readonly plan: Plan;
  /** Validators and expiries of collections that are put back. */
  readonly collections: readonly CollectionStep[];
  /** Indexes that cannot be restored, and are left as they are. */
  readonly refused: readonly {
    readonly collection: string;
    /** Empty where the collection itself is meant. */
    readonly index: string;
    readonly why: RollbackRefusal;
  }[];
}

interface Touched {
  readonly collection: string;
  readonly index: string;
  readonly before: IndexSpec | undefined;
  /** As the run may have left it; several where it died in the midst. */
  readonly after: readonly (IndexSpec | undefined)[];
}

/** Steps that may have changed something. Twins are the rebuild's own business. */
const effective = new Set<JournalStep["state"]>(["done", "running", "observing", "unhidden", "failed"]);

/**
 * Steps that restore the indexes of a run, the last one first. Pure. An index that somebody changed since the run is
 * refused; one that is already as it was before the run needs no step.
 */
export function planRollback(
  steps: readonly JournalStep[],
  collections: readonly ActualCollection[],
): Pick<RollbackPlan, "plan" | "collections" | "refused"> {
  const planned: IndexStep[] = [];
  const refused: RollbackPlan["refused"][number][] = [];
  for (const touched of touchedBy(steps).reverse()) {
    const { collection: name, index, before, after } = touched;
    const collection = collections.find((found) => found.collection === name);
    const current = currentOf(touched, collection);
    if (sameIndex(current, before)) continue;
    if (!collection?.exists) refused.push({ collection: name, index, why: "collection_gone" });
    else if (!after.some((left) => sameIndex(current, left)))
      refused.push({ collection: name, index, why: "changed_since" });
    else planned.push(...stepsBack(touched, collection, current));
  }
  const back = collectionsBack(steps, collections);
  refused.push(...back.refused.map((one) => ({ ...one, index: "" })));
  return { plan: planOf(planned), collections: back.steps, refused };
}

// A run can touch an index several times: what counts is how it was first and how it was last.
function touchedBy(steps: readonly JournalStep[]): Touched[] {
  const touched = new Map<string, Touched>();
  for (const step of steps) {
    if (!isOnIndex(step) || !effective.has(step.state) || indexKindOf(step).undo === "nothing") continue;
    const place = `${step.collection}.${step.index}`;
    const before = touched.has(place) ? touched.get(place)?.before : specOfText(step.before);
    touched.set(place, { collection: step.collection, index: step.index, before, after: leftBy(step) });
  }
  return [...touched.values()];
}

function leftBy(
  step: JournalStep & { readonly kind: IndexStep["kind"] },
): readonly (IndexSpec | undefined)[] {
  const { before, wanted, after } = step;
  if (after !== undefined) return [specOfText(after)];
  return indexKindOf(step).leaves(specOfText(before), specOfText(wanted));
}

function currentOf(
  { index, after }: Touched,
  collection: ActualCollection | undefined,
): ActualIndex | undefined {
  const named = (name: string | undefined) => collection?.indexes.find((found) => found.name === name);
  return named(after[0]?.name ?? index) ?? named(index);
}

function stepsBack(
  { collection: name, before }: Touched,
  collection: ActualCollection,
  current: ActualIndex | undefined,
): IndexStep[] {
  if (!before) return current ? [undoCreate.describe(current)] : [];
  const expected = { ...before, collection: name, models: [] };
  const others = collection.indexes.filter((index) => index === current);
  const own = { ...collection, indexes: others };
  const { steps } = planIndexes(diffIndexes([expected], [own]), [own]);
  return steps.map((step) => ({ ...step, reason: "as it was before the run" }));
}

/**
 * Reads the journal and the server, and plans the way back.
 *
 * @param runId as in {@link ApplyResult}; without one, the last run that changed something and was not reversed yet
 * @throws {OptimizerError} `NOTHING_TO_ROLL_BACK`
 */
export async function readRollback(connection: Connection, runId?: string): Promise<RollbackPlan> {
  const run = await findRun(connection, runId);
  const steps = await journalSteps(connection, run._id);
  const collections = await inspectIndexes(connection, [
    ...new Set(steps.map(({ collection }) => collection)),
  ]);
  const way = planRollback(steps, collections);
  return {
    run,
    ...way,
    plan: planOf(await withExpiring(connection, way.plan.steps, collections)),
    collections: await withExpiring(connection, way.collections, collections),
  };
}

const searched = 1_000;

async function findRun(connection: Connection, runId: string | undefined): Promise<JournalRun> {
  const runs = await journalRuns(connection, searched);
  const found = runId === undefined ? await lastThatChanged(connection, runs) : named(runs, runId);
  if (!found) {
    const which = runId === undefined ? "no run with a change that is not rolled back" : `no run "${runId}"`;
    throw new OptimizerError("NOTHING_TO_ROLL_BACK", `The journal has ${which}`);
  }
  if (found.kind === "rollback")
    throw new OptimizerError("NOTHING_TO_ROLL_BACK", `"${found._id}" is a rollback: apply again instead`);
  return found;
}

function named(runs: readonly JournalRun[], runId: string): JournalRun | undefined {
  return runs.find(({ _id }) => _id === runId);
}

// Runs that failed, or only looked at what is hidden, would stand in the way of the one that is meant.
async function lastThatChanged(
  connection: Connection,
  runs: readonly JournalRun[],
): Promise<JournalRun | undefined> {
  for (const run of runs) {
    if (run.kind !== "apply" || run.reversedBy !== undefined) continue;
    const steps = await journalSteps(connection, run._id);
    if (!touchedBy(steps).every(isAsItWas) || collectionsBack(steps, []).changed) return run;
  }
  return undefined;
}

function isAsItWas({ before, after }: Touched): boolean {
  return after.every((left) => sameIndex(left, before));
}

/** Carries a rollback out, journalled as a run of its own. Asking for it is the consent to drop, rebuild and expire. */
export async function runRollback(
  connection: Connection,
  { run, plan, collections, refused }: RollbackPlan,
  options: Omit<ApplyOptions, "rebuild" | "drop" | "allowExpiry">,
): Promise<ApplyResult & { readonly collections: readonly CollectionStepResult[] }> {
  const consent = { ...options, rebuild: true, drop: true, allowExpiry: true, replaceValidators: true };
  const open = await openRun(connection, plan.hash, consent, { kind: "rollback", reverses: run._id });
  const result = await runPlanIn(open, plan, collections);
  const whole = result.complete && refused.length === 0;
  const by = result.runId ?? "nothing was left to reverse";
  if (whole) await withRetries(() => markReversed(connection, run._id, by));
  return { ...result, complete: whole };
}
