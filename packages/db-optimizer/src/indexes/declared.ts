// The indexes that models declare.
import { OptimizerError } from "../core/errors.js";
import { type Document, type ModelLike, type SchemaLike, withDiscriminators } from "../core/model.js";
import { stableText } from "./canonical.js";
import { optionText } from "./command.js";
import { lastingOptions } from "./creation-options.js";
import { declarationProblems, expirySeconds } from "./declaration-problems.js";
import { throwFaults } from "./faults.js";
import { keyDocument } from "./key-forms.js";
import { listProblems } from "./list-problems.js";
import {
  canonicalIndex,
  type IndexOption,
  type IndexSpec,
  isSimpleOnly,
  isTrue,
  optionTexts,
} from "./spec.js";

/** An index that models declare. */
export interface ExpectedIndex extends IndexSpec {
  /** Names of the models that declare it. */
  readonly models: readonly string[];
  /** Options with which its collection has to be created, by name; absent where there are none. */
  readonly creationOptions?: readonly string[];
}

/** Something about a collection or an index that is left as it is, for people to know. */
export interface PlanNote {
  readonly collection: string;
  readonly index?: string;
  readonly message: string;
}

/** The models' declarations of indexes that are sound, and the faults of the others. */
export interface DeclaredIndexes {
  readonly indexes: readonly ExpectedIndex[];
  /** Declarations that no server can carry out, or that contradict each other: one error each, naming its models. */
  readonly faults: readonly OptimizerError[];
  /** Indexes that faults are about: neither wanted as declared nor undeclared. */
  readonly contested: readonly IndexSpec[];
  readonly notes: readonly PlanNote[];
}

type Draft = {
  -readonly [K in keyof Omit<DeclaredIndexes, "indexes">]: DeclaredIndexes[K][number][];
};

/**
 * The indexes that the models declare, in canonical form, with what is wrong about them. Discriminators are followed,
 * models that share a collection are merged, and `_id` is left to the server. Unlike Mongoose's own diff, the schema's
 * collation is applied. Pure; throws for nothing that a schema may hold.
 *
 * @throws {OptimizerError} `INVALID_MODEL` for what is no model
 */
export function declaredIndexes(models: readonly ModelLike[]): DeclaredIndexes {
  const draft: Draft = { faults: [], contested: [], notes: [] };
  const all = withDiscriminators(models);
  const declared = all.flatMap((model) => indexesOfModel(model, draft));
  const steps = [byName, byIdentity, byText];
  const settled = steps.reduce((left, step) => settle(left, step, draft), declared);
  const lasting = lastingOptions(all);
  const indexes = settled.map((index) => {
    const options = lasting.get(index.collection);
    return options ? { ...index, creationOptions: [...options] } : index;
  });
  return { indexes, ...draft };
}

/**
 * {@link declaredIndexes} that throws if any declaration is at fault.
 *
 * @throws {OptimizerError} `INVALID_MODEL`, `MODELS_CONFLICT`: all faults in one
 * @example
 * expectedIndexes([User, Session]).map((index) => index.name);
 */
export function expectedIndexes(models: readonly ModelLike[]): ExpectedIndex[] {
  const { indexes, faults } = declaredIndexes(models);
  throwFaults(faults);
  return [...indexes];
}

function indexesOfModel(model: ModelLike, draft: Draft): ExpectedIndex[] {
  const { collectionName: collection } = model.collection;
  try {
    draft.notes.push(...searchIndexNotes(model));
    return ownIndexes(model).flatMap((declared) => indexOf(model, declared, draft));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const text = `Model ${model.modelName} (${collection}): its indexes cannot be read: ${message}`;
    draft.faults.push(
      new OptimizerError("INVALID_MODEL", text, {
        cause: error,
        details: { collection, models: [model.modelName] },
      }),
    );
    return [];
  }
}

function searchIndexNotes({ modelName, collection, schema }: ModelLike): PlanNote[] {
  const { _searchIndexes: found } = schema as { _searchIndexes?: readonly { name?: string }[] };
  if (!found || found.length === 0) return [];
  const names = found.map(({ name }) => name ?? "default").join(", ");
  const message = `search indexes (${names}) are neither made nor compared here: ${modelName}.createSearchIndexes() makes them`;
  return [{ collection: collection.collectionName, message }];
}

type Declared = readonly [form: unknown, options: unknown];

// A discriminator's schema repeats the path indexes of its base, which the base itself declares.
function ownIndexes({ schema }: ModelLike): Declared[] {
  const base = (schema as { _baseSchema?: SchemaLike })._baseSchema;
  const inherited = new Set((base?.indexes() ?? []).map(stableText));
  return schema.indexes().filter((declared) => !inherited.has(stableText(declared)));
}

function indexOf(model: ModelLike, [form, given]: Declared, draft: Draft): ExpectedIndex[] {
  const { collectionName: collection } = model.collection;
  const key = keyDocument(form);
  const fields = Object.keys(key);
  const options = ofDiscriminator(model.schema, (given ?? {}) as Document);
  const ofId = fields.length === 1 && Math.abs(Number(key._id)) === 1;
  if (ofId && options.expireAfterSeconds === undefined) return [];
  const mapped = fields.find((field) => field.split(".").includes("$*"));
  if (mapped) {
    const message = `the index on ${mapped} of model ${model.modelName} is left out: MongoDB has none on the values of a map; a wildcard index on ${mapped.split(".$*")[0]}.$** has them all`;
    draft.notes.push({ collection, message });
    return [];
  }
  const problems = [
    ...declarationProblems(key, options),
    ...(ofId ? ["the index on _id expires nothing: the server refuses expireAfterSeconds there"] : []),
    ...(isTimeSeries(model) && isTrue(options.unique) ? ["a time series has no unique index"] : []),
    ...(isCapped(model) && options.expireAfterSeconds !== undefined
      ? ["nothing expires in a capped collection: the server has no index with expireAfterSeconds there"]
      : []),
    ...listProblems(model.schema, key, options),
  ];
  try {
    const spec = { ...declaredIndex(model, key, options), models: [model.modelName] };
    if (problems.length === 0) {
      draft.notes.push(...roundedExpiry(spec, options));
      return [spec];
    }
    draft.contested.push(spec);
  } catch (error) {
    if (problems.length === 0) problems.push(error instanceof Error ? error.message : String(error));
  }
  const where = `Model ${model.modelName} (${collection}), index on ${fields.join(", ") || "nothing"}`;
  const { expireAfterSeconds } = options;
  const blocking = expireAfterSeconds !== undefined && expirySeconds(expireAfterSeconds) === undefined;
  const details = { collection, models: [model.modelName], paths: fields, problems, blocking };
  draft.faults.push(new OptimizerError("INVALID_MODEL", `${where}: ${problems.join("; ")}`, { details }));
  return [];
}

function isCapped({ schema }: ModelLike): boolean {
  return Boolean((schema.options as Document).capped);
}

function isTimeSeries({ schema }: ModelLike): boolean {
  return Boolean((schema.options as Document).timeseries);
}

function roundedExpiry(
  { collection, name, expireAfterSeconds }: ExpectedIndex,
  options: Document,
): PlanNote[] {
  const { expireAfterSeconds: given } = options;
  if (typeof given !== "number" || given === expireAfterSeconds) return [];
  const message = `its expiry of ${given} s counts as ${expireAfterSeconds} s: the server knows whole seconds`;
  return [{ collection, index: name, message }];
}

function declaredIndex(model: ModelLike, key: Document, options: Document): IndexSpec {
  const { collation: schemaCollation } = model.schema.options as Document;
  const collation = options.collation ?? (isSimpleOnly(Object.values(key)) ? undefined : schemaCollation);
  const spec = canonicalIndex(model.collection.collectionName, key, { ...options, collation });
  // An index whose options cannot be serialized cannot be compared: throw here, where the model is known.
  optionTexts(spec);
  return collation === undefined ? { ...spec, collation: undefined } : spec;
}

// Mongoose narrows the indexes of a discriminator to its own documents, except the sparse ones.
function ofDiscriminator(schema: SchemaLike, options: Document): Document {
  const { discriminatorMapping: mapping } = schema as {
    discriminatorMapping?: { key: string; value?: unknown; isRoot?: boolean };
  };
  if (!mapping?.value || mapping.isRoot || "sparse" in options) return options;
  const filter = (options.partialFilterExpression ?? {}) as Document;
  return { ...options, partialFilterExpression: { ...filter, [mapping.key]: mapping.value } };
}

/** How declarations that claim the same place are told, and what becomes of them. */
interface Claim {
  /** Equal for indexes that claim the same place; absent for one that claims none. */
  readonly placeOf: (index: ExpectedIndex) => string | undefined;
  /** Why not all of them can be. Absent when they are one and the same. */
  readonly problem: (group: readonly ExpectedIndex[]) => string | undefined;
}

const byName: Claim = {
  placeOf: ({ name }) => name,
  problem: (group) => {
    const differing = differences(group);
    return differing.length > 0
      ? `index "${group[0]?.name}" is declared ${group.length} times and cannot be all of it: ${differing.join(", ")}`
      : undefined;
  },
};

const byIdentity: Claim = {
  placeOf: (index) => serverIdentity(index),
  problem: (group) => {
    const names = group.map(({ name }) => `"${name}"`).join(" and ");
    const more = differences(group);
    return `the server takes ${names} for the same index: they differ in ${["name", ...more].join(", ")} only`;
  },
};

const byText: Claim = {
  placeOf: ({ text }) => (text ? "text" : undefined),
  problem: (group) =>
    `${group.map(({ name }) => `"${name}"`).join(" and ")} are text indexes, and a collection has one at most`,
};

function settle(
  indexes: readonly ExpectedIndex[],
  { placeOf, problem }: Claim,
  draft: Draft,
): ExpectedIndex[] {
  const groups = new Map<string, ExpectedIndex[]>();
  for (const [at, index] of indexes.entries()) {
    const place = placeOf(index);
    const key = place === undefined ? `\n${at}` : `${index.collection}\n${place}`;
    groups.set(key, [...(groups.get(key) ?? []), index]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first || group.length === 1) return group;
    const models = [...new Set(group.flatMap((index) => index.models))];
    const why = problem(group);
    if (why === undefined) return [{ ...first, models }];
    draft.contested.push(...group);
    draft.faults.push(conflict(group, models, why));
    return [];
  });
}

function conflict(group: readonly ExpectedIndex[], models: readonly string[], why: string): OptimizerError {
  const collection = group[0]?.collection ?? "";
  const paths = [...new Set(group.flatMap(({ keys }) => keys.map(({ field }) => field)))];
  const whose = models.length === 1 ? `Model ${models[0]}` : `Models ${models.join(", ")}`;
  return new OptimizerError(
    "MODELS_CONFLICT",
    `${whose} (${collection}), index on ${paths.join(", ")}: ${why}. ${remedyOf(group)}`,
    {
      details: {
        collection,
        indexes: group.map(({ name }) => name),
        models,
        paths,
        options: differingOptions(group),
      },
    },
  );
}

// https://www.mongodb.com/docs/manual/core/index-partial/: two indexes on one key may differ in the filter, the collation too,
// when each has a name. That other options differ means one index that is declared in two ways.
const parting: readonly IndexOption[] = [
  "keys",
  "partialFilterExpression",
  "collation",
  "wildcardProjection",
];

function remedyOf(group: readonly ExpectedIndex[]): string {
  const sameName = new Set(group.map(({ name }) => name)).size === 1;
  const apart = differingOptions(group).some((option) => parting.includes(option));
  return sameName && apart && !group.some(({ text }) => text)
    ? 'Give each a name of its own: { name: "…" } in its options'
    : "Keep one of the declarations";
}

function differingOptions(group: readonly ExpectedIndex[]): IndexOption[] {
  const texts = group.map(optionTexts);
  const [first] = texts;
  if (!first) return [];
  return (Object.keys(first) as IndexOption[]).filter((option) =>
    texts.some((other) => other[option] !== first[option]),
  );
}

function differences(group: readonly ExpectedIndex[]): string[] {
  return differingOptions(group).map((option) => {
    const values = [...new Set(group.map((index) => optionText(index, option)))];
    return `${option} (${values.join(" against ")})`;
  });
}

/** The key by which the server distinguishes two indexes of a collection. */
export function serverIdentity(index: IndexSpec): string {
  const { keys, unique, sparse, partialFilterExpression, collation, wildcardProjection } = optionTexts(index);
  return JSON.stringify({ keys, unique, sparse, partialFilterExpression, collation, wildcardProjection });
}
