// The observation of an index that is to go: begun by one step, looked after by the next.
import { OptimizerError } from "../../core/errors.js";
import { withRetries } from "../../core/server/transient.js";
import { hintedBy, isBlind, type Signals } from "../observe/observation.js";
import { readSignals } from "../observe/observe.js";
import { collMod, noteObservation, type StepContext } from "./context.js";
import type { OnExisting } from "./kind.js";
import type { StepEnd } from "./outcome.js";
import { specToText } from "./state-text.js";

type Going = OnExisting<string>;

/** Hides an index and begins to observe. The observation is written down first: a run that dies leaves it to the next. */
export async function beginObservation(context: StepContext, step: Going): Promise<StepEnd> {
  const { connection, watch, runId, observeMs, signal } = context;
  const { collection, index } = step;
  const baseline = await withRetries(() => readSignals(connection, collection, watch), signal);
  const hinting = hintingOf(context, step, baseline);
  if (hinting.length > 0)
    throw new OptimizerError(
      "INDEX_CONFLICT",
      `${index} stays: it is hinted by ${hinting.join(", ")}, which the server would refuse without it; take the hint away first`,
      { details: { collection, index, hintedBy: hinting } },
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
  await collMod(context, collection, { name: index, hidden: true });
  await noteObservation(context, { collection, index }, { state: "observing" });
  return observing(isBlind(baseline) ? blindText(step, baseline.blind) : untilText(until));
}

/** Names of the queries and operations that hint the index. */
export function hintingOf({ watch }: StepContext, { collection, actual }: Going, signals: Signals): string[] {
  const queries = watch.queries.filter((query) => query.collection === collection);
  return hintedBy(actual, queries, signals);
}

/** The observation goes on. */
export function observing(reason: string): StepEnd {
  return { outcome: "observing", reasons: [reason] };
}

/** Why nothing can be told of who misses the index. */
export function blindText({ collection }: Going, reasons: readonly string[] = []): string {
  if (reasons.length > 0)
    return `the profiler does not see every slow operation, so that nothing is dropped: ${reasons.join("; ")}`;
  return `nothing can watch it: the profiler is off or may not be read, and no named query is on ${collection}; db.setProfilingLevel(1, { slowms: 100 }) turns it on`;
}

/** How long it takes. */
export function untilText(until: Date): string {
  return `observed until ${until.toISOString()}`;
}
