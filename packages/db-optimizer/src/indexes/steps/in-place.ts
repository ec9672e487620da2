// Shared by the kinds of steps that change an index in place: the wanted options, the present ones, and the command.
import type { Document } from "../../core/model.js";
import { collModText } from "../command.js";
import type { ExpectedIndex } from "../declared.js";
import type { ActualIndex } from "../inspect.js";
import type { IndexSpec } from "../spec.js";
import { collMod, type StepContext } from "./context.js";
import type { Risk, StepBasis, ToDeclared } from "./kind.js";
import type { StepEnd } from "./outcome.js";

/** An index that is not as declared, and in what. */
export interface Change {
  readonly expected: ExpectedIndex;
  readonly actual: ActualIndex;
  readonly reason: string;
}

/** The fields that all steps on a changed index share. */
export function changeOf({ expected, actual, reason }: Change, { collation }: StepBasis) {
  return {
    collection: actual.collection,
    index: actual.name,
    reason,
    expected,
    actual,
    collectionCollation: collation,
  };
}

/** The risk, with a `collMod` that can be taken back. */
export function inPlace(
  { actual: { collection, name } }: Change,
  change: Document,
  risk: Risk,
  riskReason: string,
) {
  return {
    risk,
    riskReason,
    reversible: true,
    destructive: false,
    commands: [collModText(collection, { name, ...change })],
  };
}

/** The declared index under its present name: changes in place do not rename. */
export function keepingName({ expected, index }: ToDeclared<string>): IndexSpec {
  return { ...expected, name: index };
}

/** Sends the `collMod`. */
export async function changeInPlace(
  context: StepContext,
  { collection, index: name }: ToDeclared<string>,
  change: Document,
): Promise<StepEnd> {
  await collMod(context, collection, { name, ...change });
  return { outcome: "done" };
}
