import { OptimizerError } from "../errors.js";
import { type Document, type ModelLike, type SchemaLike, withDiscriminators } from "../model.js";
import { stableText } from "./canonical.js";
import { canonicalIndex, type IndexSpec, isSimpleOnly, keysText, optionTexts } from "./spec.js";

/** An index that models declare. */
export interface ExpectedIndex extends IndexSpec {
  /** Names of the models that declare it. */
  readonly models: readonly string[];
}

/**
 * The indexes that the models declare, in canonical form. Discriminators are followed, models that share a collection
 * are merged, and `_id` is left to the server. Unlike Mongoose's own diff, the schema's collation is applied.
 *
 * @throws {OptimizerError} `INVALID_MODEL`, and `MODELS_CONFLICT` when two declarations cannot both exist
 * @example
 * expectedIndexes([User, Session]).map((index) => index.name);
 */
export function expectedIndexes(models: readonly ModelLike[]): ExpectedIndex[] {
  const merged = new Map<string, ExpectedIndex>();
  for (const index of withDiscriminators(models).flatMap(indexesOfModel)) {
    const place = `${index.collection}\n${index.name}`;
    const known = merged.get(place);
    merged.set(place, known ? merge(known, index) : index);
  }
  const all = [...merged.values()];
  assertDistinct(all);
  return all;
}

function indexesOfModel(model: ModelLike): ExpectedIndex[] {
  const { schema, modelName } = model;
  // A discriminator's schema repeats the path indexes of its base, which the base itself declares.
  const base = (schema as { _baseSchema?: SchemaLike })._baseSchema;
  const inherited = new Set((base?.indexes() ?? []).map(stableText));
  return schema
    .indexes()
    .filter((declared) => !inherited.has(stableText(declared)))
    .map(([key, options]) => declaredIndex(model, key as Document, options as Document))
    .filter((spec) => keysText(spec) !== '[["_id",1]]')
    .map((spec) => ({ ...spec, models: [modelName] }));
}

function declaredIndex(model: ModelLike, key: Document, declared: Document): IndexSpec {
  const { collation: schemaCollation } = model.schema.options as Document;
  const options = ofDiscriminator(model.schema, declared);
  const collation = options.collation ?? (isSimpleOnly(Object.values(key)) ? undefined : schemaCollation);
  const spec = canonicalIndex(model.collection.collectionName, key, { ...options, collation });
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

function merge(a: ExpectedIndex, b: ExpectedIndex): ExpectedIndex {
  if (!sameOptions(a, b)) throw conflict(a, b, `both are named "${a.name}"`);
  return { ...a, models: [...new Set([...a.models, ...b.models])] };
}

function sameOptions(a: IndexSpec, b: IndexSpec): boolean {
  return JSON.stringify(optionTexts(a)) === JSON.stringify(optionTexts(b));
}

// The server tells indexes apart by these; what differs in nothing else cannot stand side by side.
function assertDistinct(indexes: readonly ExpectedIndex[]): void {
  const seen = new Map<string, ExpectedIndex>();
  for (const index of indexes) {
    const identity = `${index.collection}\n${serverIdentity(index)}`;
    const other = seen.get(identity);
    if (other) throw conflict(other, index, `"${other.name}" and "${index.name}" differ in name only`);
    seen.set(identity, index);
  }
}

/** What the server tells two indexes of a collection apart by. */
export function serverIdentity(index: IndexSpec): string {
  const { keys, unique, sparse, partialFilterExpression, collation, wildcardProjection } = optionTexts(index);
  return JSON.stringify({ keys, unique, sparse, partialFilterExpression, collation, wildcardProjection });
}

function conflict(a: ExpectedIndex, b: ExpectedIndex, why: string): OptimizerError {
  const models = [...new Set([...a.models, ...b.models])].join(", ");
  return new OptimizerError(
    "MODELS_CONFLICT",
    `Indexes of ${a.collection} contradict each other (${models}): ${why}`,
    { details: { collection: a.collection, indexes: [a.name, b.name], models: [...a.models, ...b.models] } },
  );
}
