// removeTwin: drops the twin that a rebuild left behind when it was cut short.
import { OptimizerError } from "../../../core/errors.js";
import { withRetries } from "../../../core/server/transient.js";
import { type ActualIndex, inspectIndexes } from "../../inspect.js";
import { drop } from "../context.js";
import { dropping } from "../existing.js";
import type { IndexKind, OnExisting } from "../kind.js";
import { indexNamed } from "../state-text.js";
import { twinSuffix } from "../twin.js";

export type RemoveTwinStep = OnExisting<"removeTwin">;

export const removeTwin: IndexKind<RemoveTwinStep, [ActualIndex]> = {
  progress: "remove leftover",
  consent: "drop",
  undo: "nothing",
  describe: (actual) => ({
    kind: "removeTwin",
    ...dropping(actual),
    reason: "left behind by a rebuild that was cut short",
    risk: "low",
    riskReason: "the index that it stood in for is looked for first",
    reversible: true,
    destructive: false,
  }),
  needed: (step, found) => indexNamed(found, step.index) && step,
  async run(context, { collection: name, index }) {
    const { connection, signal } = context;
    const [collection] = await withRetries(() => inspectIndexes(connection, [name]), signal);
    const original = indexNamed(collection, index.slice(0, -twinSuffix.length));
    if (!original || original.building)
      throw new OptimizerError("INDEX_CONFLICT", `${index} stays: the index that it replaces is missing`);
    return drop(context, name, index);
  },
  wanted: () => undefined,
  leaves: () => [undefined],
};
