import { withRetries } from "../transient.js";
import type { StepOutcome } from "./journal.js";
import { specToText } from "./journal-text.js";
import { judgeObservation, type Observation } from "./observation.js";
import { readSignals } from "./observe.js";
import type { PlanStep } from "./plan.js";
import { collMod, drop, endObservation, noteObservation, type StepContext } from "./step-context.js";

/** Hides an index and begins to observe. The observation is written down first: a run that dies leaves it to the next. */
export async function startDrop(context: StepContext, step: PlanStep): Promise<StepOutcome> {
  const { connection, now, watch, runId, observeMs, signal } = context;
  const baseline = await withRetries(() => readSignals(connection, step.collection, watch), signal);
  await noteObservation(context, step, {
    state: "hiding",
    run: runId,
    since: now,
    until: new Date(now.getTime() + observeMs),
    spec: specToText(step.actual) ?? "",
    baseline,
  });
  return hide(context, step);
}

async function hide(context: StepContext, { collection, index }: PlanStep): Promise<StepOutcome> {
  await collMod(context, collection, { name: index, hidden: true });
  await noteObservation(context, { collection, index }, { state: "observing" });
  return "observing";
}

/** Drops an index that nobody missed, unhides one that somebody does, or lets the observation go on. */
export async function finishDrop(context: StepContext, step: PlanStep): Promise<StepOutcome> {
  const { connection, observation, watch, now, signal } = context;
  if (!observation) return "unneeded";
  if (observation.state === "hiding") return startDrop(context, step);
  if (!step.actual?.hidden) {
    await endObservation(context, observation, ["made visible by somebody else"]);
    return "unhidden";
  }
  const { since } = observation;
  const signals = await withRetries(() => readSignals(connection, step.collection, watch, since), signal);
  const verdict = judgeObservation(observation, signals, now);
  if (verdict.kind === "harm") return unhide(context, observation, verdict.reasons);
  if (verdict.kind !== "drop") return "observing";
  if (!context.mayDrop) return "skipped";
  await drop(context, step.collection, step.index);
  await noteObservation(context, observation, { state: "dropped" });
  return "done";
}

async function unhide(
  context: StepContext,
  observation: Observation,
  reasons: readonly string[],
): Promise<StepOutcome> {
  const { collection, index } = observation;
  await collMod(context, collection, { name: index, hidden: false });
  await endObservation(context, observation, reasons);
  return "unhidden";
}
