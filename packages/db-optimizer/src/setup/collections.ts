// The collections that models declare.
import { OptimizerError } from "../core/errors.js";
import { type Document, type ModelLike, withDiscriminators } from "../core/model.js";
import { stableText } from "../indexes/canonical.js";
import { shellText } from "../indexes/command.js";
import { creationOptions } from "../indexes/creation-options.js";
import { expirySeconds } from "../indexes/declaration-problems.js";
import { jsonSchemaOf } from "./json-schema.js";
import type { JsonSchema } from "./schema-types.js";
import type { ValidatorState } from "./validators.js";

/** A collection as the models declare it. */
export interface ExpectedCollection {
  readonly collection: string;
  readonly models: readonly string[];
  /** For `createCollection`: collation, capped, timeseries and the like, without validators. */
  readonly options: Document;
  /**
   * False when the models say so with `autoCreate` and declare no index: a view may belong there, or another program makes
   * the collection. A declared index can only be meant for a collection, which an explicit setup may create.
   */
  readonly create: boolean;
  /** The validator that the schema itself declares, in `collectionOptions`. */
  readonly validator?: ValidatorState;
  /** Absent where MongoDB takes none, or where several models write different documents. */
  readonly schema?: JsonSchema;
}

/** The models' declarations of collections that are sound, and the faults of the others. */
export interface DeclaredCollections {
  readonly collections: readonly ExpectedCollection[];
  /** Faults of declarations: one error each, naming its models. */
  readonly faults: readonly OptimizerError[];
}

/**
 * The collections that the models declare, with what is wrong about them. Pure; throws for nothing that a schema may hold.
 *
 * @throws {OptimizerError} `INVALID_MODEL` for what is no model
 */
export function declaredCollections(models: readonly ModelLike[]): DeclaredCollections {
  const byName = new Map<string, ModelLike[]>();
  for (const model of withDiscriminators(models)) {
    const name = model.collection.collectionName;
    byName.set(name, [...(byName.get(name) ?? []), model]);
  }
  const faults: OptimizerError[] = [];
  const collections = [...byName].map(([collection, of]) => declaredCollection(collection, of, faults));
  return { collections, faults };
}

function declaredCollection(
  collection: string,
  of: readonly ModelLike[],
  faults: OptimizerError[],
): ExpectedCollection {
  const models = of.map(({ modelName }) => modelName);
  const {
    validator,
    validationLevel = "strict",
    validationAction = "error",
    ...options
  } = merged(collection, of, faults);
  const [first] = of;
  const contradiction = contradictionIn(options, validator);
  if (first && contradiction) faults.push(fault(first, contradiction));
  const describable = of.length === 1 && first && !("timeseries" in options) && !isVariant(first);
  const schema = describable ? schemaOf(first, faults) : undefined;
  return {
    collection,
    models,
    options,
    create:
      !contradiction &&
      of.some(({ schema }) => (schema.options as Document).autoCreate !== false || declaresIndexes(schema)),
    ...(validator !== undefined && {
      validator: { validator, validationLevel, validationAction } as ValidatorState,
    }),
    ...(schema && { schema }),
  };
}

/**
 * Why the server makes no collection with these options together.
 *
 * @see https://www.mongodb.com/docs/manual/core/timeseries/timeseries-limitations/
 * @see https://www.mongodb.com/docs/manual/core/clustered-collections/
 */
function contradictionIn(options: Document, validator: unknown): string | undefined {
  const kinds = Object.keys(kindNames).filter((kind) => kind in options);
  if (kinds.length > 1) {
    const names = kinds.map((kind) => kindNames[kind]).join(" and ");
    return `its collection is declared as ${names} (${kinds.join(", ")}): the server makes none that is both, and it is left out`;
  }
  if ("timeseries" in options && validator !== undefined)
    return "its collection is declared as a time series with a validator: the server takes none there, and it is left out";
  return undefined;
}

const kindNames: Readonly<Record<string, string>> = {
  capped: "capped",
  clusteredIndex: "clustered",
  timeseries: "a time series",
};

// A schema whose indexes cannot be read is reported by the check of declarations.
function declaresIndexes(schema: ModelLike["schema"]): boolean {
  try {
    return schema.indexes().length > 0;
  } catch {
    return false;
  }
}

// The collection of a discriminator holds its base's documents, and those of the base's other discriminators.
function isVariant({ schema }: ModelLike): boolean {
  const { discriminatorMapping: mapping } = schema as { discriminatorMapping?: { isRoot?: boolean } };
  return mapping !== undefined && mapping.isRoot !== true;
}

function schemaOf(model: ModelLike, faults: OptimizerError[]): JsonSchema | undefined {
  try {
    return jsonSchemaOf(model);
  } catch (error) {
    faults.push(fault(model, `no validator can be derived of it: ${messageOf(error)}`));
    return undefined;
  }
}

// Models that share a collection may say different things of it, of which the first counts.
function merged(collection: string, of: readonly ModelLike[], faults: OptimizerError[]): Document {
  const all: Document = {};
  for (const model of of) {
    for (const [option, value] of Object.entries(optionsOf(model, faults))) {
      const known = all[option];
      if (known === undefined) all[option] = value;
      else if (stableText(known) !== stableText(value)) {
        const models = of.map(({ modelName }) => modelName);
        const text = `Models ${models.join(", ")} (${collection}): they differ in the collection's ${option} (${shellText(known)} against ${shellText(value)}). Keep one of the declarations`;
        faults.push(
          new OptimizerError("MODELS_CONFLICT", text, { details: { collection, models, options: [option] } }),
        );
      }
    }
  }
  return all;
}

function optionsOf(model: ModelLike, faults: OptimizerError[]): Document {
  try {
    const { expireAfterSeconds, ...options } = creationOptions(model);
    if (expireAfterSeconds === undefined) return options;
    const seconds = expirySeconds(expireAfterSeconds);
    if (seconds !== undefined) return { ...options, expireAfterSeconds: seconds };
    faults.push(
      fault(
        model,
        `expireAfterSeconds is ${String(expireAfterSeconds)}: it must be a number of seconds from 0 to 2147483647`,
        { blocking: true },
      ),
    );
    return options;
  } catch (error) {
    faults.push(fault(model, `its options cannot be read: ${messageOf(error)}`));
    return {};
  }
}

function fault({ modelName, collection }: ModelLike, what: string, more: Document = {}): OptimizerError {
  const { collectionName } = collection;
  return new OptimizerError("INVALID_MODEL", `Model ${modelName} (${collectionName}): ${what}`, {
    details: { collection: collectionName, models: [modelName], ...more },
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
