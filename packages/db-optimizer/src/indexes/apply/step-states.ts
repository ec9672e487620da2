import type { StepKind } from "../plan/plan-step.js";
import type { IndexSpec } from "../spec.js";

/** How a step leaves its index: as it was meant to become, or as it passes through when it is cut short. Pure. */
export function statesOf(
  kind: StepKind,
  before: IndexSpec | undefined,
  wanted: IndexSpec | undefined,
): readonly (IndexSpec | undefined)[] {
  if (kind === "create") return [wanted];
  if (kind === "rebuild") return [wanted, undefined];
  if (kind === "removeTwin" || kind === "undoCreate") return [undefined];
  return before ? changesOf(kind, before, wanted) : [wanted];
}

// One step changes one option, whatever else of the index is not as wanted yet.
function changesOf(
  kind: Exclude<StepKind, "create" | "rebuild" | "removeTwin" | "undoCreate">,
  before: IndexSpec,
  wanted: IndexSpec | undefined,
): readonly (IndexSpec | undefined)[] {
  switch (kind) {
    case "setTtl": {
      const { expireAfterSeconds: _before, ...rest } = before;
      const { expireAfterSeconds } = wanted ?? {};
      return [{ ...rest, ...(expireAfterSeconds !== undefined && { expireAfterSeconds }) }];
    }
    case "setPrepareUnique":
      return [{ ...before, prepareUnique: wanted?.prepareUnique === true }];
    case "makeUnique":
      return [
        { ...before, unique: true, prepareUnique: false },
        { ...before, prepareUnique: true },
      ];
    case "hide":
    case "startDrop":
      return [{ ...before, hidden: true }];
    case "unhide":
      return [{ ...before, hidden: false }];
    case "finishDrop":
      // It is dropped, missed, or hidden at last by a run after the one that had begun to.
      return [undefined, { ...before, hidden: false }, { ...before, hidden: true }];
  }
}
