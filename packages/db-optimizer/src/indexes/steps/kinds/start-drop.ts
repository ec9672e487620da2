// startDrop: hides an undeclared index that a person wants gone, and begins to observe who misses it.
import { collModText } from "../../command.js";
import type { ActualIndex } from "../../inspect.js";
import { ofExisting } from "../existing.js";
import type { IndexKind, OnExisting } from "../kind.js";
import { beginObservation } from "../observed-drop.js";
import { indexNamed } from "../state-text.js";

export type StartDropStep = OnExisting<"startDrop">;

export const startDrop: IndexKind<StartDropStep, [ActualIndex]> = {
  progress: "hide and observe",
  consent: "drop",
  undo: "restore",
  drop: "start",
  describe: (actual) => ({
    kind: "startDrop",
    ...ofExisting(actual),
    reason: "asked for; not declared by any model",
    risk: "medium",
    riskReason: `hidden and observed first: queries stop using it${actual.unique ? ", while duplicates stay refused until it is dropped" : ""}`,
    reversible: true,
    destructive: false,
    commands: [collModText(actual.collection, { name: actual.name, hidden: true })],
  }),
  needed(step, found) {
    const actual = indexNamed(found, step.index);
    return !actual || (actual.hidden && !step.actual.hidden) ? undefined : { ...step, actual };
  },
  run: beginObservation,
  wanted: () => undefined,
  leaves: (before) => [before && { ...before, hidden: true }],
};
