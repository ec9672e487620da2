// Reads what shard plans go by, and plans.
import type { Connection, mongo } from "mongoose";
import type { OnCounted } from "../core/counted.js";
import { OptimizerError, toOptimizerError } from "../core/errors.js";
import type { Finding } from "../core/finding.js";
import { mapLimited } from "../core/limited.js";
import {
  collectionNames,
  type Document,
  type ModelLike,
  modelsOf,
  withDiscriminators,
} from "../core/model.js";
import { checkedQueries, type NamedQuery } from "../core/named-query.js";
import { parseSample } from "../core/sampling.js";
import { collectionSize } from "../core/server/collection-size.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { ownWork } from "../core/server/own-work.js";
import { declaredIndexes } from "../indexes/declared.js";
import { type ActualCollection, inspectIndexes } from "../indexes/inspect.js";
import { keysOf, readShardKeys, type ShardKeys } from "../indexes/shard-keys.js";
import type { IndexKey, IndexSpec } from "../indexes/spec.js";
import { shardKeyCandidates } from "./candidates.js";
import { type CollectionShardPlan, planSharding } from "./plan.js";
import { shardFindings } from "./shard-rules.js";

/** How to plan shards. */
export interface ShardPlanOptions {
  /** The queries that matter. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** Documents sampled of each collection, 1 to 100,000. Default 1,000. */
  readonly sample?: number;
  /** Data from which sharding a collection is worth its cost, bytes. Default 100 GiB. */
  readonly worthwhileBytes?: number;
  /** Told after each collection. */
  readonly onProgress?: OnCounted;
}

/** The shard plan of a database. */
export interface ShardPlan {
  /** Whether the server is a router of a sharded cluster. */
  readonly sharded: boolean;
  readonly collections: readonly CollectionShardPlan[];
  readonly findings: readonly Finding[];
  /** Collections that could not be checked, with the reason. */
  readonly unknown: readonly { readonly collection: string; readonly reason: string }[];
}

const atOnce = 2;
const sampleTimeMs = 30_000;

/**
 * Weighs shard keys for every collection of the models: cardinality, frequency and monotonicity on a sample of which only
 * the fields of the keys are fetched, the shards that each named query would ask, the unique indexes that a key forbids.
 * Reads only. On a server that is no router it says what a cluster would need.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS`, `INVALID_MODEL`, `UNREACHABLE`, `AUTHENTICATION_FAILED`, `NOT_AUTHORIZED`
 *   for the indexes
 */
export async function readShardPlan(
  connection: Connection,
  given: readonly ModelLike[],
  options: ShardPlanOptions = {},
): Promise<ShardPlan> {
  const { worthwhileBytes = 100 * 2 ** 30 } = options;
  const queries = checkedQueries(options.queries ?? []);
  const sample = parseSample(options.sample);
  if (!(worthwhileBytes >= 0))
    throw new OptimizerError("INVALID_OPTIONS", "worthwhileBytes must not be negative");
  const { own: models } = modelsOf(connection, given);
  const found = (await inspectIndexes(connection, collectionNames(models))).filter(
    ({ type }) => type !== "view",
  );
  const expected = declaredIndexes(models).indexes;
  const hello = await helloOf(connection);
  const keys = await readShardKeys(connection);
  const current: ShardKeys = keys.state === "known" ? keys.value : new Map();
  let done = 0;
  const results = await mapLimited(found, atOnce, async (collection) => {
    try {
      const indexes = indexesOf(collection, expected);
      const arrays = arraysOf(models, collection.collection);
      const input = { database: databaseOf(connection).databaseName, indexes, arrays, worthwhileBytes };
      const own = queries.filter((query) => query.collection === collection.collection);
      const key = current.get(collection.collection);
      const declared = declaredShardKey(models, collection.collection);
      const measured = await readCollection(databaseOf(connection), collection, {
        indexes,
        queries: own,
        sample,
        keys: [key, declared].filter((one) => one !== undefined),
      });
      return planSharding({
        ...input,
        ...measured,
        queries: own,
        ...(key && { current: key }),
        ...(declared && { declared }),
      });
    } catch (error) {
      const known = toOptimizerError(error, `Cannot measure ${collection.collection}`);
      if (known.code === "UNREACHABLE") throw known;
      return { collection: collection.collection, reason: known.message };
    } finally {
      options.onProgress?.({ subject: collection.collection, done: ++done, total: found.length });
    }
  });
  const collections = results.flatMap((result) => ("verdict" in result ? [result] : []));
  return {
    sharded: hello.msg === "isdbgrid",
    collections,
    findings: shardFindings(collections),
    unknown: results.flatMap((result) => ("verdict" in result ? [] : [result])),
  };
}

async function helloOf(connection: Connection): Promise<Document> {
  try {
    return await databaseOf(connection).command({ hello: 1 });
  } catch (error) {
    throw toOptimizerError(error, "Cannot ask what the server is");
  }
}

// Declared indexes count as if they existed, with their uniqueness.
function indexesOf({ collection, indexes }: ActualCollection, expected: readonly IndexSpec[]): IndexSpec[] {
  const declared = new Map(
    expected.filter((index) => index.collection === collection).map((index) => [index.name, index]),
  );
  const undeclared = indexes.filter(({ name }) => !declared.has(name));
  return [...declared.values(), ...undeclared];
}

/** The shard key that a model's schema declares, in Mongoose's `shardKey` option. */
function declaredShardKey(models: readonly ModelLike[], collection: string): IndexKey[] | undefined {
  const own = models.filter((model) => model.collection.collectionName === collection);
  const options = own.map(({ schema }) => schema.options as { readonly shardKey?: Document });
  const declared = options.find(({ shardKey }) => shardKey)?.shardKey;
  return declared && keysOf(declared);
}

function arraysOf(models: readonly ModelLike[], collection: string): string[] {
  const own = withDiscriminators(models).filter((model) => model.collection.collectionName === collection);
  const paths = own.flatMap(({ schema }) => Object.entries(schema.paths));
  return paths.filter(([, { instance }]) => /Array$/.test(instance)).map(([path]) => path);
}

async function readCollection(
  db: mongo.Db,
  { collection, exists, type, options, collation }: ActualCollection,
  {
    indexes,
    queries,
    sample,
    keys,
  }: {
    readonly indexes: readonly IndexSpec[];
    readonly queries: readonly NamedQuery[];
    readonly sample: number;
    readonly keys: readonly (readonly IndexKey[])[];
  },
) {
  const unfit = unfitnessOf(type, options);
  const fields = [...shardKeyCandidates(queries, indexes), ...keys].flat().map(({ field }) => field);
  const { documents, dataBytes } = await collectionSize(db, collection);
  const sampled = exists && !unfit ? await sampleFields(db, collection, fields, sample) : [];
  return {
    collection,
    documents,
    dataBytes,
    collated: collation !== null,
    sample: sampled,
    ...(unfit && { unfit }),
  };
}

function unfitnessOf(type: ActualCollection["type"], { capped }: Document): string | undefined {
  if (type === "view") return "it is a view";
  if (type === "timeseries") return "a time series is sharded by its own meta and time fields";
  return capped === true ? "it is capped" : undefined;
}

async function sampleFields(
  db: mongo.Db,
  collection: string,
  fields: readonly string[],
  size: number,
): Promise<Document[]> {
  const projection = Object.fromEntries(outermost(["_id", ...fields]).map((field) => [field, 1]));
  const pipeline = [{ $sample: { size } }, { $project: projection }];
  return db
    .collection(collection, primary)
    .aggregate(pipeline, { maxTimeMS: sampleTimeMs, ...ownWork })
    .toArray();
}

// A projection may not name a field and one within it.
function outermost(fields: readonly string[]): string[] {
  return [...new Set(fields)].filter((field) => !fields.some((other) => field.startsWith(`${other}.`)));
}
