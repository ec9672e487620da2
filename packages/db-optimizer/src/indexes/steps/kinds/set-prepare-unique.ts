// setPrepareUnique: has an index refuse new duplicates, or accept them again.
import { type Change, changeInPlace, changeOf, inPlace, keepingName } from "../in-place.js";
import type { IndexKind, StepBasis, ToDeclared } from "../kind.js";

export type SetPrepareUniqueStep = ToDeclared<"setPrepareUnique">;

export const setPrepareUnique: IndexKind<SetPrepareUniqueStep, [Change, StepBasis]> = {
  progress: "set prepareUnique of",
  consent: "drop",
  undo: "restore",
  corrects: (option) => option === "prepareUnique",
  describe(change, basis) {
    const { prepareUnique } = change.expected;
    const risk = prepareUnique ? "new duplicates are refused" : "duplicates are accepted again";
    return {
      kind: "setPrepareUnique",
      ...changeOf(change, basis),
      ...inPlace(change, { prepareUnique }, prepareUnique ? "medium" : "low", risk),
    };
  },
  needed: (_step, _found, planned) => planned(),
  run: (context, step) => changeInPlace(context, step, { prepareUnique: step.expected.prepareUnique }),
  wanted: keepingName,
  leaves: (before, wanted) => [
    before ? { ...before, prepareUnique: wanted?.prepareUnique === true } : wanted,
  ],
};
