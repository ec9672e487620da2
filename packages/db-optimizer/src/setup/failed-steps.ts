// The journal's word on steps that a plan still holds because their last run failed.
import type { Connection } from "mongoose";
import { isOptimizerError, toOptimizerError } from "../core/errors.js";
import { journalRuns, journalSteps } from "../indexes/apply/journal.js";
import type { PlanNote } from "../indexes/declared.js";
import type { PlanStep } from "../indexes/steps/steps.js";

/**
 * A note for each step that failed in the last run: to carry it out again is no use until what is named there has changed.
 * Without the privilege to read the journal there are none.
 */
export async function failedStepNotes(
  connection: Connection,
  steps: readonly PlanStep[],
): Promise<PlanNote[]> {
  if (steps.length === 0) return [];
  const planned = new Set(steps.map(placeOf));
  try {
    const [last] = await journalRuns(connection, 1);
    if (last?.kind !== "apply") return [];
    return (await journalSteps(connection, last._id))
      .filter((step) => step.state === "failed" && planned.has(placeOf(step)))
      .map(({ collection, index, startedAt, error }) => ({
        collection,
        ...(index !== "" && { index }),
        message: `failed at ${startedAt.toISOString()}: ${error?.message ?? "unknown"} (${error?.code ?? "no code"})`,
      }));
  } catch (error) {
    if (isOptimizerError(toOptimizerError(error), "NOT_AUTHORIZED")) return [];
    throw error;
  }
}

function placeOf(step: Pick<PlanStep, "kind" | "collection"> & { readonly index?: string }): string {
  return JSON.stringify([step.kind, step.collection, step.index ?? ""]);
}
