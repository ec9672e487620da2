// hide: takes an index that is declared as hidden out of the planner's sight.
import { type Change, changeInPlace, changeOf, inPlace, keepingName } from "../in-place.js";
import type { IndexKind, StepBasis, ToDeclared } from "../kind.js";

export type HideStep = ToDeclared<"hide">;

export const hide: IndexKind<HideStep, [Change, StepBasis]> = {
  progress: "hide",
  consent: "drop",
  undo: "restore",
  corrects: (option, expected) => option === "hidden" && expected.hidden,
  describe: (change, basis) => ({
    kind: "hide",
    ...changeOf(change, basis),
    ...inPlace(change, { hidden: true }, "medium", "queries stop using it"),
  }),
  needed: (_step, _found, planned) => planned(),
  run: (context, step) => changeInPlace(context, step, { hidden: true }),
  wanted: keepingName,
  leaves: (before, wanted) => [before ? { ...before, hidden: true } : wanted],
};
