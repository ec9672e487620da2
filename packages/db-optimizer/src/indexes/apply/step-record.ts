// The journal's record of a step: the state of its index or collection before and after, and the intended state.
import type { ActualCollection, ActualIndex } from "../inspect.js";
import { indexNamed, sameIndex, specToText, stateText } from "../steps/state-text.js";
import { collectionKindOf, type IndexStep, indexKindOf, isOnIndex, type PlanStep } from "../steps/steps.js";
import type { JournalStep } from "./journal.js";

type Before = Pick<JournalStep, "kind" | "collection" | "index" | "before" | "wanted">;

/** The journal's record before a step begins; `undefined` for kinds that leave nothing to restore. Pure. */
export function recordBefore(step: PlanStep, found: ActualCollection | undefined): Before | undefined {
  const { kind, collection } = step;
  if (isOnIndex(step)) {
    const { index } = step;
    const before = specToText(indexNamed(found, index));
    return { kind, collection, index, before, wanted: specToText(indexKindOf(step).wanted(step)) };
  }
  const before = collectionKindOf(step).stateOf?.(found?.options ?? {});
  if (!before) return undefined;
  const wanted = stateText({ ...before, ...step.options });
  return { kind, collection, index: "", before: stateText(before), wanted };
}

/** The journal's record of the state after a step. Pure. */
export function stateAfter(step: PlanStep, found: ActualCollection | undefined): string | null {
  if (isOnIndex(step)) return specToText(ownIndex(step, found));
  const state = collectionKindOf(step).stateOf?.(found?.options ?? {});
  return state ? stateText(state) : null;
}

/** Whether an index is as it was before its step, or as the step leaves it. Pure. */
export function isUnchanged(
  step: IndexStep,
  before: ActualCollection | undefined,
  now: ActualCollection | undefined,
): boolean {
  const kind = indexKindOf(step);
  const was = indexNamed(before, step.index);
  const present = ownIndex(step, now);
  return [was, ...kind.leaves(was, kind.wanted(step))].some((state) => sameIndex(state, present));
}

// A rebuild may give it another name, and is between the two names for a while.
function ownIndex(step: IndexStep, collection: ActualCollection | undefined): ActualIndex | undefined {
  const name = indexKindOf(step).wanted(step)?.name ?? step.index;
  return indexNamed(collection, name) ?? indexNamed(collection, step.index);
}
