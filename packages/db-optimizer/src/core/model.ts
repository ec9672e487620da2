// The parts of a Mongoose model that this package reads, and the models that belong to a connection's database.
import { OptimizerError } from "./errors.js";

/** The parts of a Mongoose schema type that this package reads. */
export interface SchemaTypeLike {
  readonly instance: string;
  readonly options?: unknown;
  readonly validators?: readonly unknown[];
}

/** The parts of a Mongoose schema that this package reads. */
export interface SchemaLike {
  readonly options: unknown;
  readonly paths: Readonly<Record<string, SchemaTypeLike>>;
  indexes(): readonly (readonly [unknown, unknown])[];
}

/** The parts of a Mongoose model that this package reads. Any `Model` matches. */
export interface ModelLike {
  readonly modelName: string;
  readonly baseModelName?: string | undefined;
  readonly collection: { readonly collectionName: string };
  readonly schema: SchemaLike;
  readonly discriminators?: Readonly<Record<string, ModelLike>> | undefined;
  readonly db?: unknown;
}

/** Any plain object with string keys: a document, a filter, an option bag. */
export type Document = Record<string, unknown>;

/** The models, each followed by its discriminators; each once, whatever was listed. */
export function withDiscriminators(models: readonly ModelLike[]): ModelLike[] {
  const seen = new Set<ModelLike>();
  const add = (model: ModelLike) => {
    if (seen.has(model)) return;
    seen.add(assertModel(model));
    for (const child of Object.values(model.discriminators ?? {})) add(child);
  };
  models.forEach(add);
  return [...seen];
}

/**
 * The models of a connection's own database; for each of another one (`useDb`) an error, as their collections would be
 * looked for, and made, in the wrong place. A model whose database is not known yet counts as own.
 */
export function modelsOf(
  connection: { readonly db?: { readonly databaseName: string } | undefined },
  models: readonly ModelLike[],
): { readonly own: ModelLike[]; readonly faults: OptimizerError[] } {
  const here = connection.db?.databaseName;
  const databaseOfModel = (model: ModelLike) =>
    (assertModel(model).db as { name?: unknown } | undefined)?.name;
  const isForeign = (model: ModelLike) => {
    const name = databaseOfModel(model);
    return here !== undefined && typeof name === "string" && name !== "" && name !== here;
  };
  const faults = models.filter(isForeign).map((model) => {
    const { modelName, collection } = model;
    const other = String(databaseOfModel(model));
    const message = `Model ${modelName} (${collection.collectionName}) lives in the database ${other}, and this connection is to ${here}: give it to a run that connects to ${other}`;
    return new OptimizerError("INVALID_MODEL", message, {
      details: {
        collection: collection.collectionName,
        models: [modelName],
        database: other,
        blocking: true,
      },
    });
  });
  return { own: models.filter((model) => !isForeign(model)), faults };
}

/**
 * Returns its argument if it is a list; what is in it is checked where it is read.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS`
 */
export function assertModels(models: readonly ModelLike[] | undefined): readonly ModelLike[] {
  if (Array.isArray(models)) return models as readonly ModelLike[];
  throw new OptimizerError("INVALID_OPTIONS", "models must be a list of Mongoose models");
}

/** Names of the models' collections, each once, in order of first mention. */
export function collectionNames(models: readonly ModelLike[]): string[] {
  return [...new Set(models.map((model) => assertModel(model).collection.collectionName))];
}

/**
 * Returns its argument if it is a model.
 *
 * @throws {OptimizerError} `INVALID_MODEL`
 */
export function assertModel(model: unknown): ModelLike {
  const { modelName, collection, schema } = (model ?? {}) as Partial<ModelLike>;
  if (typeof schema?.indexes === "function" && typeof collection?.collectionName !== "string") {
    // Mongoose finds another value under the name in its table of collections.
    throw new OptimizerError(
      "INVALID_MODEL",
      `Model ${modelName} has no collection: Mongoose cannot handle the name of its collection`,
    );
  }
  if (typeof schema?.indexes !== "function" || typeof collection?.collectionName !== "string") {
    throw new OptimizerError("INVALID_MODEL", `Not a Mongoose model: ${describe(model)}`);
  }
  if (typeof modelName !== "string" || modelName.trim() === "") {
    throw new OptimizerError(
      "INVALID_MODEL",
      `The model of collection "${collection.collectionName}" has no name`,
    );
  }
  return model as ModelLike;
}

function describe(value: unknown): string {
  if (typeof value === "function") return `the function ${value.name || "(without a name)"}`;
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (value === null || typeof value !== "object") return String(value);
  return `an object with the keys ${Object.keys(value).slice(0, 5).join(", ") || "(none)"}`;
}
