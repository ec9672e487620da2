import type { Connection } from "mongoose";

import { isOptimizerError, OptimizerError, toOptimizerError } from "../../core/errors.js";
import { withRetries } from "../../core/server/transient.js";
import { type ActualCollection, inspectIndexes } from "../inspect.js";
import type { CollectionStep } from "../plan/plan-step.js";
import {
  collectionStep,
  isIn,
  runCollectionStep,
  stateOf,
  stateOfText,
  stateText,
} from "./collection-step.js";
import type { JournalStep } from "./journal.js";
import type { OpenRun } from "./run.js";

/** A collection step with its outcome. */
export interface CollectionStepResult {
  readonly step: CollectionStep;
  readonly outcome: "done" | "failed";
  readonly error?: OptimizerError;
}

/**
 * Carries steps on collections out, each written to the journal with what was there before. One that fails is reported,
 * and the others go on.
 *
 * @param position of the first step in the run
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED`, `LEASE_LOST`, `ABORTED`
 */
export async function runCollectionSteps(
  open: OpenRun,
  steps: readonly CollectionStep[],
  position: number,
  onDone: (step: CollectionStep) => void = () => undefined,
): Promise<CollectionStepResult[]> {
  const results: CollectionStepResult[] = [];
  for (const [at, step] of steps.entries()) {
    try {
      await runOne(open, step, position + at);
      results.push({ step, outcome: "done" });
      onDone(step);
    } catch (error) {
      const known = toOptimizerError(error, step.collection);
      if (ends.some((code) => isOptimizerError(known, code))) throw known;
      results.push({ step, outcome: "failed", error: known });
    }
  }
  return results;
}

const ends = ["UNREACHABLE", "AUTHENTICATION_FAILED", "LEASE_LOST", "ABORTED"] as const;

async function runOne(open: OpenRun, step: CollectionStep, position: number): Promise<void> {
  const { connection, journal, options } = open;
  const { kind, collection } = step;
  const carryOut = async () => {
    await options.lease?.confirm();
    await runCollectionStep(connection, step);
  };
  if (kind === "create") return withRetries(carryOut, options.signal);
  const found = await withRetries(() => inspectOne(connection, collection), options.signal);
  const before = stateOf(kind, found.options);
  const wanted = { ...before, ...step.options };
  await withRetries(async () => {
    await options.lease?.confirm();
    await journal.begin(position, {
      kind,
      collection,
      index: "",
      before: stateText(before),
      wanted: stateText(wanted),
      startedAt: open.moment(),
    });
  }, options.signal);
  try {
    await withRetries(carryOut, options.signal);
  } catch (error) {
    const { code, message } = toOptimizerError(error, collection);
    await endStep(open, position, { kind, collection, state: "failed", error: { code, message } }).catch(
      () => undefined,
    );
    throw error;
  }
  await endStep(open, position, { kind, collection, state: "done" });
}

async function endStep(
  { connection, journal, moment }: OpenRun,
  position: number,
  {
    kind,
    collection,
    ...end
  }: Pick<CollectionStep, "kind" | "collection"> & Pick<JournalStep, "state" | "error">,
): Promise<void> {
  await withRetries(async () => {
    const after = stateText(stateOf(kind, (await inspectOne(connection, collection)).options));
    await journal.end(position, { ...end, after, endedAt: moment() });
  });
}

async function inspectOne(connection: Connection, collection: string): Promise<ActualCollection> {
  const [found] = await inspectIndexes(connection, [collection]);
  if (found?.exists) return found;
  throw new OptimizerError("COLLECTION_CONFLICT", `${collection} is gone`, { details: { collection } });
}

/** What a run did to collections themselves. */
export interface CollectionsBack {
  readonly steps: readonly CollectionStep[];
  readonly refused: readonly { collection: string; why: "changed_since" | "collection_gone" }[];
  /** Whether the run changed any. */
  readonly changed: boolean;
}

/** The steps that put validators and expiries back as they were before a run. Pure. */
export function collectionsBack(
  journalled: readonly JournalStep[],
  collections: readonly ActualCollection[],
): CollectionsBack {
  const steps: CollectionStep[] = [];
  const refused: CollectionsBack["refused"][number][] = [];
  let changed = false;
  for (const { kind, collection, before, wanted, after } of journalled.filter(isOfCollection).reverse()) {
    if (!isKind(kind) || before === null) continue;
    const was = stateOfText(before);
    const left = after ?? wanted;
    changed ||= left !== before;
    const found = collections.find((one) => one.collection === collection);
    if (!found?.exists) refused.push({ collection, why: "collection_gone" });
    else if (isIn(found, kind, was)) continue;
    else if (!left || !isIn(found, kind, stateOfText(left)))
      refused.push({ collection, why: "changed_since" });
    else
      steps.push(
        collectionStep({
          kind,
          collection,
          options: was,
          destructive: true,
          reason: "as it was before the run",
        }),
      );
  }
  return { steps, refused, changed };
}

/** Whether a step of the journal is about a collection itself. */
export function isOfCollection({ kind }: Pick<JournalStep, "kind">): boolean {
  return isKind(kind);
}

function isKind(kind: JournalStep["kind"]): kind is "setValidator" | "setExpiry" {
  return kind === "setValidator" || kind === "setExpiry";
}
