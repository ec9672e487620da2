// Holds back validators that existing documents would fail.
import type { Connection } from "mongoose";

import type { Document } from "../core/model.js";
import { databaseOf } from "../core/server/database.js";
import { ownWork } from "../core/server/own-work.js";
import { stableText } from "../indexes/canonical.js";
import type { ActualCollection } from "../indexes/inspect.js";
import type { CollectionStep } from "../indexes/steps/steps.js";
import type { ExpectedCollection } from "./collections.js";
import { validatorStep } from "./plan-collections.js";
import { type SchemaSample, sampleSchemas } from "./sample-schema.js";
import { type ValidatorState, validatorOf } from "./validators.js";

/** Input for the decision on steps on collections. */
export interface HoldInput {
  readonly expected: readonly ExpectedCollection[];
  readonly actual: readonly ActualCollection[];
  readonly raise: boolean;
  readonly sample: number;
}

/**
 * Collection steps with those that would refuse writes of which the collection is full toned down to a warning. A step
 * that would then change nothing is left out.
 *
 * @throws what reading a sample fails with
 */
export async function holdBack(
  connection: Connection,
  steps: readonly CollectionStep[],
  { expected, actual, raise, sample }: HoldInput,
): Promise<{ steps: CollectionStep[]; held: SchemaSample[] }> {
  const raised = raise ? [] : steps.filter(refuses);
  if (raised.length === 0) return { steps: [...steps], held: [] };
  const samples = await Promise.all(raised.map((step) => sampleStep(connection, step, expected, sample)));
  const held = samples.flat().filter(({ failing }) => failing > 0);
  const names = new Set(held.map(({ collection }) => collection));
  return {
    steps: steps.flatMap((step) => (names.has(step.collection) ? toned(step, actual) : [step])),
    held,
  };
}

function refuses({ kind, options }: CollectionStep): boolean {
  return kind === "setValidator" && options.validationAction === "error";
}

// A validator that a schema declares itself may be any query: the server judges by it.
async function sampleStep(
  connection: Connection,
  { collection, options }: CollectionStep,
  expected: readonly ExpectedCollection[],
  size: number,
): Promise<SchemaSample[]> {
  const wanted = expected.find((one) => one.collection === collection);
  const db = databaseOf(connection);
  if (!wanted?.validator) return sampleSchemas(db, wanted ? [wanted] : [], size);
  const failing = await db
    .collection(collection)
    .aggregate(
      [
        { $sample: { size } },
        { $match: { $nor: [options.validator as Document] } },
        { $project: { _id: 1 } },
      ],
      { maxTimeMS: 30_000, ...ownWork },
    )
    .toArray();
  const sampled = Math.min(size, await db.collection(collection).estimatedDocumentCount());
  return [{ collection, sampled, failing: failing.length, paths: [] }];
}

function toned(step: CollectionStep, actual: readonly ActualCollection[]): CollectionStep[] {
  if (!refuses(step)) return [step];
  const found = validatorOf(actual.find(({ collection }) => collection === step.collection)?.options ?? {});
  const state = { ...step.options, validationAction: "warn" } as unknown as ValidatorState;
  const same = found && stableText(found.validator) === stableText(state.validator);
  // A validator that refuses already is never lowered to a warning.
  if (found?.validationAction === "error" || same) return [];
  return [validatorStep(step.collection, state, step.reason, step.destructive)];
}
