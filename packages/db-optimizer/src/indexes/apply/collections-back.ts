// The part of a rollback that puts collections themselves back: their validators and expiries.
import type { Document } from "../../core/model.js";
import type { ActualCollection } from "../inspect.js";
import { sameState } from "../steps/collection-state.js";
import { stateOfText } from "../steps/state-text.js";
import { type CollectionStep, collectionKindOf, isOnIndex } from "../steps/steps.js";
import type { JournalStep } from "./journal.js";

const reason = "as it was before the run";

/** A run's changes to the collections themselves. */
interface CollectionsBack {
  readonly steps: readonly CollectionStep[];
  readonly refused: readonly { collection: string; why: "changed_since" | "collection_gone" }[];
  /** Whether the run changed any. */
  readonly changed: boolean;
}

/** The steps that put collections back as they were before a run. Pure. */
export function collectionsBack(
  journalled: readonly JournalStep[],
  collections: readonly ActualCollection[],
): CollectionsBack {
  const steps: CollectionStep[] = [];
  const refused: CollectionsBack["refused"][number][] = [];
  let changed = false;
  for (const step of [...journalled].reverse()) {
    const { collection, before, wanted, after } = step;
    if (isOnIndex(step) || before === null) continue;
    const { describe, stateOf } = collectionKindOf({ kind: step.kind as CollectionStep["kind"] });
    const was = stateOfText(before);
    const left = after ?? wanted;
    changed ||= left !== before;
    const found = collections.find((one) => one.collection === collection);
    const isIn = (state: Document) => sameState(stateOf?.(found?.options ?? {}) ?? {}, state);
    if (!found?.exists) refused.push({ collection, why: "collection_gone" });
    else if (isIn(was)) continue;
    else if (!left || !isIn(stateOfText(left))) refused.push({ collection, why: "changed_since" });
    else steps.push(describe({ collection, reason, options: was, destructive: true }));
  }
  return { steps, refused, changed };
}
