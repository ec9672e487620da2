// undoCreate: of a rollback, drops an index that the run had made.
import { OptimizerError } from "../../../core/errors.js";
import type { ActualIndex } from "../../inspect.js";
import { drop } from "../context.js";
import { dropping } from "../existing.js";
import type { IndexKind, OnExisting } from "../kind.js";
import { indexNamed, sameIndex } from "../state-text.js";

export type UndoCreateStep = OnExisting<"undoCreate">;

export const undoCreate: IndexKind<UndoCreateStep, [ActualIndex]> = {
  progress: "drop again",
  consent: "drop",
  undo: "restore",
  describe: (actual) => ({
    kind: "undoCreate",
    ...dropping(actual),
    reason: "made by the run",
    risk: actual.unique ? "high" : "medium",
    riskReason: `queries that use it by now scan${actual.unique ? "; duplicates are accepted again" : ""}`,
    reversible: false,
    destructive: true,
  }),
  needed(step, found) {
    const present = indexNamed(found, step.index);
    if (!present || sameIndex(present, step.actual)) return present && step;
    throw new OptimizerError("INDEX_CONFLICT", `${step.index} has been changed since, and stays`);
  },
  run: (context, { collection, index }) => drop(context, collection, index),
  wanted: () => undefined,
  leaves: () => [undefined],
};
