// Plans collections: which to create, which need a validator or an expiry, and which to leave alone.
import { OptimizerError } from "../core/errors.js";
import { ageText } from "../core/figure-text.js";
import type { Document } from "../core/model.js";
import type { PlanNote } from "../indexes/declared.js";
import type { ActualCollection } from "../indexes/inspect.js";
import { secondsOf } from "../indexes/steps/collection-state.js";
import { createCollection } from "../indexes/steps/kinds/create-collection.js";
import { setExpiry } from "../indexes/steps/kinds/set-expiry.js";
import { setValidator } from "../indexes/steps/kinds/set-validator.js";
import type { CollectionStep } from "../indexes/steps/steps.js";
import { differenceNotes } from "./collection-differences.js";
import type { ExpectedCollection } from "./collections.js";
import {
  judgeDeclared,
  judgeDerived,
  signedValidator,
  type ValidationAction,
  type ValidatorState,
  validatorOf,
} from "./validators.js";

/** Steps for collections, with notes on those left as they are, and faults. */
export interface CollectionPlan {
  readonly steps: readonly CollectionStep[];
  readonly notes: readonly PlanNote[];
  /** `COLLECTION_CONFLICT`: collections that exist and cannot become what is declared. */
  readonly faults: readonly OptimizerError[];
}

type Part = Partial<CollectionPlan>;

/**
 * The steps for collections. Pure.
 *
 * @param action the validators' action: absent, `warn` for new ones, and the present action for existing ones
 */
export function planCollections(
  expected: readonly ExpectedCollection[],
  actual: readonly ActualCollection[],
  action: ValidationAction | "off" | undefined,
): CollectionPlan {
  const byName = new Map(actual.map((found) => [found.collection, found]));
  const parts = expected.map((wanted) => planOne(wanted, byName.get(wanted.collection), action));
  return {
    steps: parts.flatMap(({ steps = [] }) => steps),
    notes: parts.flatMap(({ notes = [] }) => notes),
    faults: parts.flatMap(({ faults = [] }) => faults),
  };
}

function planOne(
  wanted: ExpectedCollection,
  found: ActualCollection | undefined,
  action: ValidationAction | "off" | undefined,
): Part {
  const { collection, models, create } = wanted;
  if (!found?.exists) {
    if (create) return { steps: [createStep(wanted, action)] };
    const message = `it does not exist and is not created: autoCreate is false (${models.join(", ")})`;
    return { notes: [{ collection, message }] };
  }
  if (found.type === "view") {
    const message = `it is a view: ${models.join(", ")} reads it, and nothing is set up on it`;
    return { notes: [{ collection, message }] };
  }
  const fault = conflictOf(wanted, found);
  if (fault) return { faults: [fault] };
  const validator = planValidator(wanted, found, action);
  const expiry = planExpiry(wanted, found);
  return {
    steps: [...(validator.steps ?? []), ...(expiry.steps ?? [])],
    notes: [
      ...(validator.notes ?? []),
      ...(expiry.notes ?? []),
      ...differenceNotes(collection, wanted.options, found.options),
    ],
  };
}

function createStep(
  wanted: ExpectedCollection,
  action: ValidationAction | "off" | undefined,
): CollectionStep {
  const { collection, models, options, validator, schema } = wanted;
  const derived =
    schema && action !== "off"
      ? {
          validator: signedValidator(schema),
          validationLevel: "moderate",
          validationAction: action ?? "warn",
        }
      : undefined;
  return createCollection.describe({
    collection,
    reason: `declared by ${models.join(", ")}, not on the server`,
    options: { ...options, ...(validator ?? derived) },
  });
}

function planValidator(
  { collection, validator, schema }: ExpectedCollection,
  { options }: ActualCollection,
  action: ValidationAction | "off" | undefined,
): Part {
  if (action === "off" || !(validator || schema)) return {};
  const found = validatorOf(options);
  const verdict = validator ? judgeDeclared(validator, found) : judgeDerived(schema ?? {}, found, action);
  if (verdict.kind === "kept") return { notes: [{ collection, message: verdict.why }] };
  if (verdict.kind === "fine") return {};
  const { state, why: reason, destructive } = verdict;
  return { steps: [validatorStep(collection, state, reason, destructive)] };
}

export function validatorStep(
  collection: string,
  state: ValidatorState,
  reason: string,
  destructive: boolean,
): CollectionStep {
  return setValidator.describe({ collection, reason, options: { ...state }, destructive });
}

function planExpiry({ collection, options }: ExpectedCollection, found: ActualCollection): Part {
  const wanted = secondsOf(options.expireAfterSeconds);
  const present = secondsOf(found.options.expireAfterSeconds);
  if (wanted === present) return {};
  if (wanted === undefined) {
    const message = `its documents expire after ${ageText(present ?? 0)}, which no model declares; it is left alone`;
    return { notes: [{ collection, message }] };
  }
  const reason = `its documents expire after ${ageText(wanted)} by its model, and ${present === undefined ? "never" : `after ${ageText(present)}`} on the server`;
  return { steps: [setExpiry.describe({ collection, reason, options: { expireAfterSeconds: wanted } })] };
}

function conflictOf(wanted: ExpectedCollection, found: ActualCollection): OptimizerError | undefined {
  const { collection, models } = wanted;
  const problems = [
    ...kindProblem("a time series", wanted.options.timeseries, found.type === "timeseries"),
    ...kindProblem("capped", wanted.options.capped, found.options.capped),
    ...(wanted.options.clusteredIndex && !found.options.clusteredIndex
      ? ["it is not clustered on the server"]
      : []),
    ...seriesProblems(wanted.options.timeseries, found.options.timeseries),
  ];
  if (problems.length === 0) return undefined;
  return new OptimizerError(
    "COLLECTION_CONFLICT",
    `${collection} exists and cannot become what ${models.join(", ")} declares: ${problems.join(", ")}`,
    { details: { collection, models, problems } },
  );
}

function kindProblem(what: string, wanted: unknown, present: unknown): string[] {
  if (Boolean(wanted) === Boolean(present)) return [];
  return [present ? `it is ${what} on the server` : `it is not ${what} on the server`];
}

function seriesProblems(wanted: unknown, present: unknown): string[] {
  if (!wanted || !present) return [];
  const [a, b] = [wanted as Document, present as Document];
  return ["timeField", "metaField"]
    .filter((name) => a[name] !== b[name])
    .map(
      (name) => `its ${name} is ${String(b[name] ?? "none")}, and ${String(a[name] ?? "none")} in the model`,
    );
}
