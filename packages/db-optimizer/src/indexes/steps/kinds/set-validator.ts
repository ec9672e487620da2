// setValidator: sets or replaces the validator of a collection.
import { onCollection, onFound, sendOnCollection } from "../collection-state.js";
import type { CollectionKind, OnCollection } from "../kind.js";

export type SetValidatorStep = OnCollection<"setValidator">;

export const setValidator: CollectionKind<SetValidatorStep> = {
  progress: "set validator of",
  consent: "replaceValidators",
  undo: "restore",
  describe(change) {
    const step = onCollection("setValidator", "collMod", change);
    const riskReason = step.destructive
      ? "replaces, weakens or removes the validator that the collection has"
      : "";
    return { ...step, riskReason };
  },
  needed: onFound,
  run: (context, step) => sendOnCollection(context, step, "collMod", "set the validator of"),
  stateOf({ validator = {}, validationLevel = "strict", validationAction = "error" }) {
    return Object.keys(validator as object).length === 0
      ? { validator: {}, validationLevel: "strict", validationAction: "error" }
      : { validator, validationLevel, validationAction };
  },
};
