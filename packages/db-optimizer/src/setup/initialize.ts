import type { Connection } from "mongoose";

import type { OptimizerError } from "../errors.js";
import { type ApplyOptions, applyPlan, type StepResult } from "../indexes/apply.js";
import type { DriftReport } from "../indexes/diff.js";
import { type Plan, planOf } from "../indexes/plan.js";
import { type ReadPlanOptions, readPlan } from "../indexes/read-plan.js";
import { type LeaseOptions, withLease } from "../lease.js";
import type { ModelLike } from "../model.js";
import { throwIfAborted } from "../pause.js";
import { withRetries } from "../transient.js";
import {
  type CollectionStep,
  expectedCollections,
  planCollections,
  runCollectionStep,
  type ValidationAction,
} from "./collections.js";
import { holdBack } from "./raise.js";
import type { SchemaSample } from "./sample-schema.js";

/** Options of {@link initialize}. */
export interface InitializeOptions extends ApplyOptions, LeaseOptions {
  /** What a document does that its validator refuses; `off` leaves validators alone. Default `warn`. */
  readonly validation?: ValidationAction | "off";
  /** Milliseconds to wait for another process that sets up. Default 60,000. */
  readonly waitMs?: number;
  /** Raises a validator to `error` although sampled documents fail it. Default false. */
  readonly raise?: boolean;
  /** Documents sampled of a collection before its validator is raised to `error`. Default 1,000. */
  readonly sample?: number;
  readonly onCollection?: (step: CollectionStep) => void;
}

/** One thing looked at after setup. */
export interface SetupCheck {
  readonly name: "collections" | "validators" | "indexes";
  readonly ok: boolean;
  readonly message: string;
}

/** What setup did. */
export interface InitializeResult {
  /** False when the database was as declared already: nothing was written. */
  readonly changed: boolean;
  /** Whether all is now as declared. */
  readonly ready: boolean;
  readonly collections: readonly CollectionStep[];
  /** Collections whose validator was left at `warn`, with what sampled documents do against it. */
  readonly held: readonly SchemaSample[];
  readonly indexes: readonly StepResult[];
  readonly failures: readonly OptimizerError[];
  readonly checks: readonly SetupCheck[];
}

/** What setup would do. */
export interface SetupPlan {
  readonly collections: readonly CollectionStep[];
  readonly drift: DriftReport;
  readonly indexes: Plan;
}

/**
 * What setup would do now. Reads only.
 *
 * @param options `drop`: undeclared indexes, as `collection.index`, that are to go
 */
export async function planSetup(
  connection: Connection,
  models: readonly ModelLike[],
  validation: ValidationAction | "off" = "warn",
  options: ReadPlanOptions = {},
): Promise<SetupPlan> {
  const { drift, plan, collections } = await readPlan(connection, models, options);
  return {
    collections: planCollections(expectedCollections(models), collections, validation),
    drift,
    indexes: plan,
  };
}

/**
 * Creates what the models declare and the database lacks: collections, validators, indexes. Only adds; a second run
 * changes nothing and says so. With `validation: "error"` a validator only warns as long as sampled documents fail it,
 * unless `raise` is given.
 *
 * Two at once: one holds a lease, the other waits and then finds nothing to do. Where nothing is to be done no lease is
 * taken, so that starting many processes on a finished database writes nothing.
 *
 * @throws {OptimizerError} `LOCKED`, `UNREACHABLE`, `COLLECTION_CONFLICT`, `MODELS_CONFLICT` and whatever a collection
 *   step fails with; failures of index steps are in the result
 */
export async function initialize(
  connection: Connection,
  models: readonly ModelLike[],
  options: InitializeOptions = {},
): Promise<InitializeResult> {
  const { validation = "warn", waitMs = 60_000 } = options;
  const first = await planSetup(connection, models, validation, { signal: options.signal });
  if (isEmpty(first, options)) return summarise(first, [], [], []);
  return withLease(connection, "setup", { ...options, waitMs }, async (signal, lease) => {
    const plan = await planSetup(connection, models, validation, { signal });
    const hold = () => holdBack(connection, models, plan.collections, options);
    const { steps: collectionSteps, held } = await withRetries(hold, signal);
    for (const step of collectionSteps) {
      throwIfAborted(signal);
      await withRetries(() => runCollectionStep(connection, step), signal);
      options.onCollection?.(step);
    }
    const { steps } = await applyPlan(connection, withoutDrops(plan.indexes), { ...options, signal, lease });
    const after = await planSetup(connection, models, validation, { signal });
    return summarise(after, collectionSteps, held, steps);
  });
}

function isEmpty({ collections, indexes }: SetupPlan, { rebuild = false }: InitializeOptions): boolean {
  const { steps } = withoutDrops(indexes);
  return collections.length === 0 && steps.every(({ destructive }) => destructive && !rebuild);
}

// Whoever sets up wants what is declared; what is on its way out is the business of those who sent it there.
function withoutDrops({ steps }: Plan): Plan {
  return planOf(steps.filter(({ kind }) => kind !== "startDrop" && kind !== "finishDrop"));
}

function summarise(
  after: SetupPlan,
  collections: readonly CollectionStep[],
  held: readonly SchemaSample[],
  indexes: readonly StepResult[],
): InitializeResult {
  const checks = setupChecks(after);
  return {
    changed: collections.length > 0 || indexes.some(({ outcome }) => outcome === "done"),
    ready: checks.every(({ ok }) => ok),
    collections,
    held,
    indexes,
    failures: indexes.flatMap(({ error }) => (error ? [error] : [])),
    checks,
  };
}

function setupChecks({ collections, drift }: SetupPlan): SetupCheck[] {
  const missing = collections.filter(({ kind }) => kind === "create").map(({ collection }) => collection);
  const loose = collections.filter(({ kind }) => kind === "setValidator").map(({ collection }) => collection);
  const indexes = [
    ...drift.missing.map(({ collection, name }) => `${collection}.${name} is missing`),
    ...drift.changed.map(({ actual }) => `${actual.collection}.${actual.name} differs`),
  ];
  return [
    { name: "collections", ok: missing.length === 0, message: list(missing, "all exist") },
    { name: "validators", ok: loose.length === 0, message: list(loose, "all as declared") },
    { name: "indexes", ok: indexes.length === 0, message: list(indexes, "all as declared") },
  ];
}

function list(problems: readonly string[], none: string): string {
  return problems.length === 0 ? none : problems.join(", ");
}
