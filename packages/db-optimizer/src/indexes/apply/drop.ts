import { OptimizerError } from "../../core/errors.js";
import { withRetries } from "../../core/server/transient.js";
import {
  hintedBy,
  isBlind,
  judgeObservation,
  type Observation,
  type ObservationVerdict,
  type Signals,
} from "../observe/observation.js";
import { readSignals } from "../observe/observe.js";
import type { PlanStep } from "../plan/plan-step.js";
import type { StepEnd } from "./journal.js";
import { specToText } from "./journal-text.js";
import { collMod, drop, endObservation, noteObservation, type StepContext } from "./step-context.js";

/** Hides an index and begins to observe. The observation is written down first: a run that dies leaves it to the next. */
export async function startDrop(context: StepContext, step: PlanStep): Promise<StepEnd> {
  const { connection, watch, runId, observeMs, signal } = context;
  const baseline = await withRetries(() => readSignals(connection, step.collection, watch), signal);
  const hinting = hintingOf(context, step, baseline);
  if (hinting.length > 0)
    throw new OptimizerError(
      "INDEX_CONFLICT",
      `${step.index} stays: it is hinted by ${hinting.join(", ")}, which the server would refuse without it; take the hint away first`,
      { details: { collection: step.collection, index: step.index, hintedBy: hinting } },
    );
  const since = context.moment();
  const until = new Date(since.getTime() + observeMs);
  await noteObservation(context, step, {
    state: "hiding",
    run: runId,
    since,
    until,
    spec: specToText(step.actual) ?? "",
    baseline,
  });
  await hide(context, step);
  return observing(isBlind(baseline) ? blindText(step, baseline.blind) : untilText(until));
}

function hintingOf({ watch }: StepContext, { collection, actual }: PlanStep, signals: Signals): string[] {
  const queries = watch.queries.filter((query) => query.collection === collection);
  return actual ? hintedBy(actual, queries, signals) : [];
}

async function hide(context: StepContext, { collection, index }: PlanStep): Promise<void> {
  await collMod(context, collection, { name: index, hidden: true });
  await noteObservation(context, { collection, index }, { state: "observing" });
}

function observing(reason: string): StepEnd {
  return { outcome: "observing", reasons: [reason] };
}

function blindText({ collection }: PlanStep, reasons: readonly string[] = []): string {
  if (reasons.length > 0)
    return `the profiler does not see every slow operation, so that nothing is dropped: ${reasons.join("; ")}`;
  return `nothing can watch it: the profiler is off or may not be read, and no named query is on ${collection}; db.setProfilingLevel(1, { slowms: 100 }) turns it on`;
}

function untilText(until: Date): string {
  return `observed until ${until.toISOString()}`;
}

/** Drops an index that nobody missed, unhides one that somebody does, or lets the observation go on. */
export async function finishDrop(context: StepContext, step: PlanStep): Promise<StepEnd> {
  const { connection, observation, watch, signal } = context;
  if (!observation) return { outcome: "unneeded" };
  if (observation.state === "hiding") return startDrop(context, step);
  if (!step.actual?.hidden) {
    const reasons = ["made visible by somebody else"];
    await endObservation(context, observation, reasons);
    return { outcome: "unhidden", reasons };
  }
  const { since } = observation;
  const signals = await withRetries(() => readSignals(connection, step.collection, watch, since), signal);
  const hinting = hintingOf(context, step, { ...signals, slow: null });
  if (hinting.length > 0) return unhide(context, observation, [`hinted by ${hinting.join(", ")}`]);
  const verdict = judgeObservation(observation, signals, context.moment());
  return carryOut(context, step, observation, verdict);
}

async function carryOut(
  context: StepContext,
  step: PlanStep,
  observation: Observation,
  verdict: ObservationVerdict,
): Promise<StepEnd> {
  switch (verdict.kind) {
    case "harm":
      return unhide(context, observation, verdict.reasons);
    case "blind": {
      const { reasons: blind = [] } = verdict;
      // Once it sees again, its time begins anew.
      if (blind.length > 0)
        await noteObservation(context, observation, { baseline: { ...observation.baseline, blind } });
      return observing(blindText(step, blind));
    }
    case "wait":
      return observing(`nobody has missed it so far; ${untilText(observation.until)}`);
    case "begin": {
      const since = context.moment();
      const until = new Date(since.getTime() + observation.until.getTime() - observation.since.getTime());
      await noteObservation(context, observation, { since, until, baseline: verdict.baseline });
      const why = verdict.reasons
        ? `its time begins anew, as not all is known: ${verdict.reasons.join("; ")}`
        : "nothing could watch it before now";
      return observing(`${why}; ${untilText(until)}`);
    }
    case "drop":
      if (!context.mayDrop) return { outcome: "skipped" };
      await drop(context, step.collection, step.index);
      await noteObservation(context, observation, { state: "dropped" });
      return { outcome: "done" };
  }
}

async function unhide(
  context: StepContext,
  observation: Observation,
  reasons: readonly string[],
): Promise<StepEnd> {
  const { collection, index } = observation;
  await collMod(context, collection, { name: index, hidden: false });
  await endObservation(context, observation, reasons);
  return { outcome: "unhidden", reasons };
}
