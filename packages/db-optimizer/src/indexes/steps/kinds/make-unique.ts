// makeUnique: converts an index to unique in place. https://www.mongodb.com/docs/manual/core/index-unique/convert-to-unique/
import { isDuplicate } from "../../../core/errors.js";
import { collModText } from "../../command.js";
import { collMod } from "../context.js";
import { duplicatesError } from "../duplicates.js";
import { type Change, changeOf, inPlace, keepingName } from "../in-place.js";
import type { IndexKind, StepBasis, ToDeclared } from "../kind.js";

export type MakeUniqueStep = ToDeclared<"makeUnique">;

export const makeUnique: IndexKind<MakeUniqueStep, [Change, StepBasis]> = {
  progress: "make unique",
  consent: "drop",
  undo: "restore",
  corrects: (option, expected) => option === "unique" && expected.unique,
  describe(change, basis) {
    const { collection, name } = change.actual;
    const risk = "refused, and undone, if values are duplicated; from then on duplicates are refused";
    return {
      kind: "makeUnique",
      ...changeOf(change, basis),
      ...inPlace(change, {}, "medium", risk),
      reversible: false,
      commands: [
        collModText(collection, { name, prepareUnique: true }),
        collModText(collection, { name, unique: true }, { dryRun: true }),
        collModText(collection, { name, unique: true }),
      ],
    };
  },
  needed: (_step, _found, planned) => planned(),
  async run(context, { collection, index: name, expected }) {
    await collMod(context, collection, { name, prepareUnique: true });
    try {
      await collMod(context, collection, { name, unique: true }, { dryRun: true });
      await collMod(context, collection, { name, unique: true });
    } catch (error) {
      // Left as it is, the index would go on refusing writes that it has so far accepted.
      await collMod(context, collection, { name, prepareUnique: false }).catch(() => undefined);
      if (isDuplicate(error)) throw await duplicatesError(context.connection, { ...expected, name }, error);
      throw error;
    }
    return { outcome: "done" };
  },
  wanted: keepingName,
  leaves: (before, wanted) =>
    before
      ? [
          { ...before, unique: true, prepareUnique: false },
          { ...before, prepareUnique: true },
        ]
      : [wanted],
};
