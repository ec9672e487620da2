// setTtl: sets or changes the expiry of a single-field index; nothing but a rebuild takes one away.
import { expiryRisk, indexExpiry } from "../expiring.js";
import { type Change, changeInPlace, changeOf, inPlace, keepingName } from "../in-place.js";
import type { IndexKind, StepBasis, ToDeclared } from "../kind.js";

export type SetTtlStep = ToDeclared<"setTtl">;

export const setTtl: IndexKind<SetTtlStep, [Change, StepBasis]> = {
  progress: "set expiry of",
  consent: "allowExpiry",
  undo: "restore",
  corrects: (option, expected, actual) =>
    option === "expireAfterSeconds" && expected.expireAfterSeconds !== undefined && actual.keys.length === 1,
  describe(change, basis) {
    const { expected, actual } = change;
    const { expireAfterSeconds = 0 } = expected;
    // An expiry on the server that is no number (NaN for one) counts as possibly longer.
    const sooner = !(expireAfterSeconds >= (actual.expireAfterSeconds ?? Number.POSITIVE_INFINITY));
    const risk = sooner ? expiryRisk(expected) : "documents stay longer than before";
    return {
      kind: "setTtl",
      ...changeOf(change, basis),
      ...inPlace(change, { expireAfterSeconds }, sooner ? "high" : "low", risk),
      reversible: !sooner,
    };
  },
  expiry: ({ expected, actual }) => indexExpiry(expected, actual),
  needed: (_step, _found, planned) => planned(),
  run(context, step) {
    const { expireAfterSeconds } = step.expected;
    return changeInPlace(context, step, { expireAfterSeconds });
  },
  wanted: keepingName,
  leaves(before, wanted) {
    if (!before) return [wanted];
    const { expireAfterSeconds: _before, ...rest } = before;
    const { expireAfterSeconds } = wanted ?? {};
    return [{ ...rest, ...(expireAfterSeconds !== undefined && { expireAfterSeconds }) }];
  },
};
