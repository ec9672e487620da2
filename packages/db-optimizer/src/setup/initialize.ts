// Setup: plans and makes what the models declare of collections, validators and indexes, and checks it.
import type { Connection } from "mongoose";

import type { OptimizerError } from "../core/errors.js";
import { type ModelLike, modelsOf } from "../core/model.js";
import { parseSample } from "../core/sampling.js";
import { withRetries } from "../core/server/transient.js";
import { openRun, runPlanIn } from "../indexes/apply/apply.js";
import type { ApplyOptions, CollectionStepResult, StepResult } from "../indexes/apply/run.js";
import { declaredIndexes, type PlanNote } from "../indexes/declared.js";
import { blockingFaults, throwFaults } from "../indexes/faults.js";
import type { ActualCollection } from "../indexes/inspect.js";
import type { DriftReport } from "../indexes/plan/diff.js";
import { withExpiring } from "../indexes/plan/expiry.js";
import { type Plan, planOf } from "../indexes/plan/plan.js";
import { type ReadPlanOptions, readPlan } from "../indexes/plan/read-plan.js";
import { type CollectionStep, dropPhaseOf, isAllowed } from "../indexes/steps/steps.js";
import { type LeaseOptions, withLease } from "../jobs/lease.js";
import { declaredCollections, type ExpectedCollection } from "./collections.js";
import { failedStepNotes } from "./failed-steps.js";
import { planCollections } from "./plan-collections.js";
import { holdBack } from "./raise.js";
import type { SchemaSample } from "./sample-schema.js";
import type { ValidationAction } from "./validators.js";

/** Options of {@link initialize}. */
export interface InitializeOptions extends ApplyOptions, LeaseOptions {
  /**
   * Action of validators on a document that fails them; `off` leaves validators alone. Default: `warn` for new
   * validators; existing ones keep their action.
   */
  readonly validation?: ValidationAction | "off";
  /** Whether a validator that refuses writes may be replaced or weakened. Default false. */
  readonly replaceValidators?: boolean;
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
  readonly name: "collections" | "validators" | "indexes" | "expiries" | "declarations";
  readonly ok: boolean;
  readonly message: string;
}

/** Result of setup. */
export interface InitializeResult {
  /** False when the database was as declared already: nothing was written. */
  readonly changed: boolean;
  /** Whether all is now as declared. */
  readonly ready: boolean;
  readonly collections: readonly CollectionStep[];
  /** Steps on collections that wait for consent: `replaceValidators`, `allowExpiry`. */
  readonly waiting: readonly CollectionStep[];
  /** Objects that were left as they are, with reasons for people. */
  readonly notes: readonly PlanNote[];
  /** Collections whose validator was left at `warn`, with what sampled documents do against it. */
  readonly held: readonly SchemaSample[];
  readonly indexes: readonly StepResult[];
  /** Steps that failed, and declarations that are at fault: all else was set up. */
  readonly failures: readonly OptimizerError[];
  readonly checks: readonly SetupCheck[];
}

/** Plan of a setup. */
export interface SetupPlan {
  readonly collections: readonly CollectionStep[];
  readonly drift: DriftReport;
  readonly indexes: Plan;
  /** Declarations that no server can carry out, contradict each other, or what the server has; the plan is of the others. */
  readonly faults: readonly OptimizerError[];
  readonly notes: readonly PlanNote[];
}

/**
 * Faults of the models' declarations of collections and indexes: those of a plan that need no server to be found. Pure.
 *
 * @throws {OptimizerError} `INVALID_MODEL` for what is no model
 */
export function declarationFaults(models: readonly ModelLike[]): OptimizerError[] {
  return [...declaredIndexes(models).faults, ...declaredCollections(models).faults];
}

/** A setup's plan with the facts that it was made from. */
interface ReadSetup extends SetupPlan {
  readonly expected: readonly ExpectedCollection[];
  readonly actual: readonly ActualCollection[];
}

/**
 * Plans a setup. Reads only.
 *
 * @param validation as in {@link InitializeOptions}
 * @param options `drop`: undeclared indexes to drop, as `collection.index`
 */
export async function planSetup(
  connection: Connection,
  models: readonly ModelLike[],
  validation?: ValidationAction | "off",
  options: ReadPlanOptions = {},
): Promise<SetupPlan> {
  const {
    expected: _expected,
    actual: _actual,
    ...plan
  } = await readSetup(connection, models, validation, options);
  const failed = await failedStepNotes(connection, [...plan.collections, ...plan.indexes.steps]);
  return { ...plan, notes: [...plan.notes, ...failed] };
}

async function readSetup(
  connection: Connection,
  models: readonly ModelLike[],
  validation: ValidationAction | "off" | undefined,
  options: ReadPlanOptions,
): Promise<ReadSetup> {
  const { drift, plan, collections: actual, faults, notes } = await readPlan(connection, models, options);
  const declared = declaredCollections(modelsOf(connection, models).own);
  const own = planCollections(declared.collections, actual, validation);
  return {
    collections: await withExpiring(connection, own.steps, actual),
    drift,
    indexes: plan,
    faults: [...faults, ...declared.faults, ...own.faults],
    notes: [...own.notes, ...notes],
    expected: declared.collections,
    actual,
  };
}

/**
 * Creates what the models declare and the database lacks: collections, validators, indexes. Only adds; a second run
 * changes nothing and says so. What replaces, weakens or deletes waits for its consent. With `validation: "error"` a
 * validator only warns as long as sampled documents fail it, unless `raise` is given. What it changes of validators,
 * expiries and indexes is in the journal with what was there, and can be rolled back.
 *
 * Two at once: one holds a lease, the other waits and then finds nothing to do. Where nothing is to be done no lease is
 * taken, so that starting many processes on a finished database writes nothing.
 *
 * @throws {OptimizerError} `LOCKED`, `UNREACHABLE`; `INVALID_MODEL` for a model of another database and for an expiry that
 *   is no number, before anything is written. Other declarations at fault and steps that fail are in the result
 */
export async function initialize(
  connection: Connection,
  models: readonly ModelLike[],
  options: InitializeOptions = {},
): Promise<InitializeResult> {
  const { validation, waitMs = 60_000 } = options;
  const first = await readSetup(connection, models, validation, { signal: options.signal });
  throwFaults(blockingFaults(first.faults));
  if (isEmpty(first, options)) return summarise(first, nothingDone);
  return withLease(connection, "setup", { ...options, waitMs }, async (signal, lease) => {
    const plan = await readSetup(connection, models, validation, { signal });
    const allowed = plan.collections.filter((step) => isAllowed(step, options));
    const { raise = false } = options;
    const sample = parseSample(options.sample);
    const hold = () => holdBack(connection, allowed, { ...plan, raise, sample });
    const { steps: collectionSteps, held } = await withRetries(hold, signal);
    const indexes = withoutDrops(plan.indexes);
    const open = await openRun(connection, indexes.hash, { ...options, signal, lease }, { kind: "apply" });
    const done = await runPlanIn(open, indexes, collectionSteps, options.onCollection);
    const after = await readSetup(connection, models, validation, { signal });
    return summarise(after, { collections: done.collections, held, indexes: done.steps });
  });
}

function isEmpty({ collections, indexes }: SetupPlan, options: InitializeOptions): boolean {
  return (
    !collections.some((step) => isAllowed(step, options)) &&
    !withoutDrops(indexes).steps.some((step) => isAllowed(step, options))
  );
}

// Setup creates what is declared. It continues no drops: those belong to `apply`.
function withoutDrops({ steps }: Plan): Plan {
  return planOf(steps.filter((step) => dropPhaseOf(step) === undefined));
}

interface Done {
  readonly collections: readonly CollectionStepResult[];
  readonly held: readonly SchemaSample[];
  readonly indexes: readonly StepResult[];
}

const nothingDone: Done = { collections: [], held: [], indexes: [] };

function summarise(after: SetupPlan, { collections, held, indexes }: Done): InitializeResult {
  const checks = setupChecks(after);
  const done = collections.filter(({ outcome }) => outcome === "done").map(({ step }) => step);
  return {
    changed: done.length > 0 || indexes.some(({ outcome }) => outcome === "done"),
    ready: checks.every(({ ok }) => ok),
    collections: done,
    waiting: after.collections.filter(({ destructive }) => destructive),
    notes: after.notes,
    held,
    indexes,
    failures: [
      ...after.faults,
      ...[...collections, ...indexes].flatMap(({ error }) => (error ? [error] : [])),
    ],
    checks,
  };
}

function setupChecks({ collections, drift, faults }: SetupPlan): SetupCheck[] {
  const of = (name: CollectionStep["kind"]) =>
    collections.filter(({ kind }) => kind === name).map(({ collection }) => collection);
  const [missing, loose, expiries] = [of("createCollection"), of("setValidator"), of("setExpiry")];
  const indexes = [
    ...drift.missing.map(({ collection, name }) => `${collection}.${name} is missing`),
    ...drift.changed.map(({ actual }) => `${actual.collection}.${actual.name} differs`),
  ];
  return [
    { name: "collections", ok: missing.length === 0, message: list(missing, "all exist") },
    { name: "validators", ok: loose.length === 0, message: list(loose, "all as declared") },
    { name: "indexes", ok: indexes.length === 0, message: list(indexes, "all as declared") },
    ...(expiries.length > 0 ? [{ name: "expiries", ok: false, message: list(expiries, "") } as const] : []),
    ...(faults.length > 0
      ? [
          {
            name: "declarations",
            ok: false,
            message: faults.map(({ message }) => message).join("; "),
          } as const,
        ]
      : []),
  ];
}

function list(problems: readonly string[], none: string): string {
  return problems.length === 0 ? none : problems.join(", ");
}
