import { type ModelLike, OptimizerError } from "@org/db-optimizer";

/** Which of the configuration's models a command is about. */
export interface SelectionOptions {
  /** Names of collections. Default all. */
  readonly only?: readonly string[];
  /** Names of models. Default none. */
  readonly ignore?: readonly string[];
}

/**
 * The models that a command is about; a discriminator goes with its base. Pure.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS` for a name that nothing has, and when nothing is left
 */
export function selectModels(
  models: readonly ModelLike[],
  { only = [], ignore = [] }: SelectionOptions,
): readonly ModelLike[] {
  const collections = models.map(({ collection }) => collection.collectionName);
  assertKnown("--only", "collection", only, collections);
  const named = models.flatMap(({ modelName, discriminators = {} }) => [
    modelName,
    ...Object.values(discriminators).map((child) => child.modelName),
  ]);
  assertKnown("--ignore", "model", ignore, named);
  const selected = models.filter(
    ({ collection, modelName, baseModelName }) =>
      (only.length === 0 || only.includes(collection.collectionName)) &&
      !ignore.includes(modelName) &&
      !(baseModelName !== undefined && ignore.includes(baseModelName)),
  );
  const pulled = ignored(selected, ignore);
  if (pulled)
    throw new OptimizerError(
      "INVALID_OPTIONS",
      `--ignore ${pulled.child}: it is a discriminator of ${pulled.base} and goes with it; ignore ${pulled.base} too`,
    );
  if (selected.length > 0) return selected;
  throw new OptimizerError("INVALID_OPTIONS", "--only and --ignore leave no model");
}

function ignored(
  selected: readonly ModelLike[],
  ignore: readonly string[],
): { readonly base: string; readonly child: string } | undefined {
  return selected.flatMap(({ modelName: base, discriminators = {} }) =>
    Object.values(discriminators)
      .filter(({ modelName }) => ignore.includes(modelName))
      .map(({ modelName: child }) => ({ base, child })),
  )[0];
}

function assertKnown(option: string, what: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = [...new Set(known)].sort().slice(0, 10).join(", ");
  throw new OptimizerError(
    "INVALID_OPTIONS",
    `${option} ${unknown}: no ${what} of this name; there are ${near}`,
  );
}
