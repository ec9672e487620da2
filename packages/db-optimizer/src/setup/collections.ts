import type { Connection } from "mongoose";

import { OptimizerError, toOptimizerError } from "../errors.js";
import { stableText } from "../indexes/canonical.js";
import { canonicalCollation } from "../indexes/collation.js";
import { type ActualCollection, databaseOf } from "../indexes/inspect.js";
import { type Document, type ModelLike, withDiscriminators } from "../model.js";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.js";

/** What a violated validator does: `warn` writes a log line, `error` refuses the write. */
export type ValidationAction = "warn" | "error";

/** A collection as the models declare it. */
export interface ExpectedCollection {
  readonly collection: string;
  readonly models: readonly string[];
  /** For `createCollection`: collation, capped, timeseries and the like. */
  readonly options: Document;
  /** Absent where MongoDB takes none, or where several models write different documents. */
  readonly schema?: JsonSchema;
}

/** One thing that is to be done about a collection. */
export interface CollectionStep {
  readonly kind: "create" | "setValidator";
  readonly collection: string;
  readonly reason: string;
  readonly options: Document;
}

/**
 * The collections that the models declare.
 *
 * @throws {OptimizerError} `INVALID_MODEL`
 */
export function expectedCollections(models: readonly ModelLike[]): ExpectedCollection[] {
  const byName = new Map<string, ModelLike[]>();
  for (const model of withDiscriminators(models)) {
    const name = model.collection.collectionName;
    byName.set(name, [...(byName.get(name) ?? []), model]);
  }
  return [...byName].map(([collection, of]) => {
    const options = Object.assign({}, ...of.map(creationOptions)) as Document;
    const [first] = of;
    const describable = of.length === 1 && first && !("timeseries" in options);
    return {
      collection,
      models: of.map(({ modelName }) => modelName),
      options,
      ...(describable && { schema: jsonSchemaOf(first) }),
    };
  });
}

// As Model.createCollection puts them together, which would also create whatever else it is told to.
function creationOptions({ schema }: ModelLike): Document {
  const options = schema.options as Document;
  const { collation, capped, timeseries, clusteredIndex, collectionOptions, expireAfterSeconds } = options;
  return {
    ...(collationOf(collation) && { collation }),
    ...(typeof capped === "number" && { capped: true, size: capped }),
    ...(capped !== null && typeof capped === "object" && { capped: true, ...capped }),
    ...(timeseries !== undefined && timeseries !== null && { timeseries }),
    ...(timeseries !== undefined && expireAfterSeconds !== undefined && { expireAfterSeconds }),
    ...(clusteredIndex !== undefined && {
      clusteredIndex: { ...(clusteredIndex as Document), unique: true },
    }),
    ...(collectionOptions as Document | undefined),
  };
}

function collationOf(collation: unknown) {
  return canonicalCollation(collation as Document | undefined);
}

/**
 * What is to be done about the collections. Pure.
 *
 * @throws {OptimizerError} `COLLECTION_CONFLICT` when one exists that cannot become what is declared
 */
export function planCollections(
  expected: readonly ExpectedCollection[],
  actual: readonly ActualCollection[],
  action: ValidationAction | "off",
): CollectionStep[] {
  const byName = new Map(actual.map((found) => [found.collection, found]));
  return expected.flatMap((wanted) => {
    const found = byName.get(wanted.collection);
    const validator = action === "off" ? undefined : validatorOptions(wanted, action);
    if (!found?.exists) return [createStep(wanted, validator)];
    assertCompatible(wanted, found);
    return validator && !hasValidator(found, validator) ? [validatorStep(wanted, found, validator)] : [];
  });
}

function createStep(wanted: ExpectedCollection, validator: Document | undefined): CollectionStep {
  return {
    kind: "create",
    collection: wanted.collection,
    reason: `declared by ${wanted.models.join(", ")}, not on the server`,
    options: { ...wanted.options, ...validator },
  };
}

function validatorStep(
  { collection }: ExpectedCollection,
  found: ActualCollection,
  validator: Document,
): CollectionStep {
  const reason = found.options.validator ? "its validator differs from the models" : "it has no validator";
  return { kind: "setValidator", collection, reason, options: validator };
}

function validatorOptions({ schema }: ExpectedCollection, action: ValidationAction): Document | undefined {
  if (!schema) return undefined;
  return { validator: { $jsonSchema: schema }, validationLevel: "moderate", validationAction: action };
}

function hasValidator({ options }: ActualCollection, wanted: Document): boolean {
  const { validationAction = "error", validationLevel = "strict", validator } = options;
  return (
    stableText(validator) === stableText(wanted.validator) &&
    validationAction === wanted.validationAction &&
    validationLevel === wanted.validationLevel
  );
}

function assertCompatible(wanted: ExpectedCollection, found: ActualCollection): void {
  const problems = [
    ...(found.type === "view" ? ["it is a view"] : []),
    ...(Boolean(wanted.options.timeseries) !== (found.type === "timeseries") ? ["timeseries"] : []),
    ...(Boolean(wanted.options.capped) !== Boolean(found.options.capped) ? ["capped"] : []),
  ];
  if (problems.length === 0) return;
  throw new OptimizerError(
    "COLLECTION_CONFLICT",
    `${wanted.collection} exists and cannot become what ${wanted.models.join(", ")} declares: ${problems.join(", ")}`,
    { details: { collection: wanted.collection, problems } },
  );
}

/** Carries one step out. Another process that did so first is no failure. */
export async function runCollectionStep(connection: Connection, step: CollectionStep): Promise<void> {
  const db = databaseOf(connection);
  const { collection, options, kind } = step;
  try {
    if (kind === "create") await db.command({ create: collection, ...options });
    else await db.command({ collMod: collection, ...options });
  } catch (error) {
    if (kind === "create" && (error as { code?: unknown }).code === 48) return;
    throw toOptimizerError(
      error,
      `${kind === "create" ? "Cannot create" : "Cannot set the validator of"} ${collection}`,
    );
  }
}
