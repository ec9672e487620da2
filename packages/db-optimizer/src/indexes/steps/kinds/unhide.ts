// unhide: shows a declared index to the planner again, and ends the observation that hid it.
import { endObservation } from "../context.js";
import { type Change, changeInPlace, changeOf, inPlace, keepingName } from "../in-place.js";
import type { IndexKind, StepBasis, ToDeclared } from "../kind.js";

export type UnhideStep = ToDeclared<"unhide">;

export const unhide: IndexKind<UnhideStep, [Change, StepBasis]> = {
  progress: "unhide",
  consent: "drop",
  undo: "restore",
  observed: true,
  corrects: (option, expected) => option === "hidden" && !expected.hidden,
  describe: (change, basis) => ({
    kind: "unhide",
    ...changeOf(change, basis),
    ...inPlace(change, { hidden: false }, "low", "queries may use it again"),
  }),
  needed: (_step, _found, planned) => planned(),
  async run(context, step) {
    const end = await changeInPlace(context, step, { hidden: false });
    if (context.observation) await endObservation(context, context.observation, ["made visible again"]);
    return end;
  },
  wanted: keepingName,
  leaves: (before, wanted) => [before ? { ...before, hidden: false } : wanted],
};
