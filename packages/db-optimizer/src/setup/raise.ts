import type { Connection } from "mongoose";

import { OptimizerError } from "../errors.js";
import { type ActualCollection, databaseOf, inspectIndexes } from "../indexes/inspect.js";
import type { ModelLike } from "../model.js";
import {
  type CollectionStep,
  type ExpectedCollection,
  expectedCollections,
  planCollections,
} from "./collections.js";
import { type SchemaSample, sampleSchemas } from "./sample-schema.js";

/**
 * Collection steps with those that would refuse writes of which the collection is full toned down to a warning. A step
 * that would then change nothing is left out.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS`, and what reading a sample fails with
 */
export async function holdBack(
  connection: Connection,
  models: readonly ModelLike[],
  steps: readonly CollectionStep[],
  { raise = false, sample = 1_000 }: { readonly raise?: boolean; readonly sample?: number },
): Promise<{ steps: CollectionStep[]; held: SchemaSample[] }> {
  if (!Number.isInteger(sample) || sample < 1 || sample > 100_000)
    throw new OptimizerError("INVALID_OPTIONS", "sample must be a whole number from 1 to 100000");
  const raised = raise ? [] : steps.filter(refuses);
  if (raised.length === 0) return { steps: [...steps], held: [] };
  const expected = expectedCollections(models).filter(({ collection }) =>
    raised.some((step) => step.collection === collection),
  );
  const samples = await sampleSchemas(databaseOf(connection), expected, sample);
  const held = samples.filter(({ failing }) => failing > 0);
  const names = new Set(held.map(({ collection }) => collection));
  const found = await inspectIndexes(connection, [...names]);
  return {
    steps: steps.flatMap((step) => (names.has(step.collection) ? toned(step, expected, found) : [step])),
    held,
  };
}

function refuses({ kind, options }: CollectionStep): boolean {
  return kind === "setValidator" && options.validationAction === "error";
}

function toned(
  { collection }: CollectionStep,
  expected: readonly ExpectedCollection[],
  found: readonly ActualCollection[],
): CollectionStep[] {
  return planCollections(
    expected.filter((one) => one.collection === collection),
    found,
    "warn",
  );
}
