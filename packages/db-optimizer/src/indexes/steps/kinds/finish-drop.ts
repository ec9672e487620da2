// finishDrop: drops an index that was hidden for long enough, or shows one again that is missed.
import { withRetries } from "../../../core/server/transient.js";
import type { ActualIndex } from "../../inspect.js";
import {
  isBlind,
  judgeObservation,
  type Observation,
  type ObservationVerdict,
} from "../../observe/observation.js";
import { readSignals } from "../../observe/observe.js";
import { collMod, drop, endObservation, noteObservation, type StepContext } from "../context.js";
import { dropping } from "../existing.js";
import type { IndexKind, OnExisting } from "../kind.js";
import { beginObservation, blindText, hintingOf, observing, untilText } from "../observed-drop.js";
import type { StepEnd } from "../outcome.js";
import { indexNamed } from "../state-text.js";

export type FinishDropStep = OnExisting<"finishDrop">;

export const finishDrop: IndexKind<FinishDropStep, [ActualIndex, Observation]> = {
  progress: "drop unless missed",
  consent: "none",
  undo: "restore",
  drop: "finish",
  observed: true,
  describe(actual, { since, until, baseline }) {
    const watched = isBlind(baseline)
      ? "nothing could watch it so far"
      : `observed until ${until.toISOString()}`;
    return {
      kind: "finishDrop",
      ...dropping(actual),
      reason: `hidden since ${since.toISOString()}, ${watched}`,
      risk: actual.unique ? "high" : "medium",
      riskReason: actual.unique
        ? "duplicates are accepted once it is dropped"
        : "unhidden instead if a query is affected; after the drop, restoring it takes a build",
      reversible: false,
      destructive: true,
    };
  },
  needed(step, found) {
    const actual = indexNamed(found, step.index);
    return actual && { ...step, actual };
  },
  async run(context, step) {
    const { connection, observation, watch, signal } = context;
    if (!observation) return { outcome: "unneeded" };
    if (observation.state === "hiding") return beginObservation(context, step);
    if (!step.actual.hidden) {
      const reasons = ["made visible by another client"];
      await endObservation(context, observation, reasons);
      return { outcome: "unhidden", reasons };
    }
    const { since } = observation;
    const signals = await withRetries(() => readSignals(connection, step.collection, watch, since), signal);
    const hinting = hintingOf(context, step, { ...signals, slow: null });
    if (hinting.length > 0) return showAgain(context, observation, [`hinted by ${hinting.join(", ")}`]);
    const verdict = judgeObservation(observation, signals, context.moment());
    return carryOut(context, step, observation, verdict);
  },
  wanted: () => undefined,
  // It is dropped, missed, or hidden at last by a run after the one that had begun to.
  leaves: (before) => [
    undefined,
    before && { ...before, hidden: false },
    before && { ...before, hidden: true },
  ],
};

async function carryOut(
  context: StepContext,
  step: FinishDropStep,
  observation: Observation,
  verdict: ObservationVerdict,
): Promise<StepEnd> {
  switch (verdict.kind) {
    case "harm":
      return showAgain(context, observation, verdict.reasons);
    case "blind": {
      const { reasons: blind = [] } = verdict;
      // Once it can be watched again, its time starts again.
      if (blind.length > 0)
        await noteObservation(context, observation, { baseline: { ...observation.baseline, blind } });
      return observing(blindText(step, blind));
    }
    case "wait":
      return observing(`no affected queries so far; ${untilText(observation.until)}`);
    case "begin": {
      const since = context.moment();
      const until = new Date(since.getTime() + observation.until.getTime() - observation.since.getTime());
      await noteObservation(context, observation, { since, until, baseline: verdict.baseline });
      const why = verdict.reasons
        ? `its time starts again, because observations are incomplete: ${verdict.reasons.join("; ")}`
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

async function showAgain(
  context: StepContext,
  observation: Observation,
  reasons: readonly string[],
): Promise<StepEnd> {
  const { collection, index } = observation;
  await collMod(context, collection, { name: index, hidden: false });
  await endObservation(context, observation, reasons);
  return { outcome: "unhidden", reasons };
}
