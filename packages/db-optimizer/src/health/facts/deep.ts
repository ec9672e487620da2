// Probes that read data: samples, named queries, growth, joins.
import type { Connection } from "mongoose";

import { OptimizerError, toOptimizerError } from "../../core/errors.js";
import { mapLimited } from "../../core/limited.js";
import { collectionNames, type ModelLike } from "../../core/model.js";
import { findCommand, type NamedQuery } from "../../core/named-query.js";
import { databaseOf } from "../../core/server/database.js";
import type { ParsedThresholds } from "../../core/thresholds.js";
import { declaredIndexes } from "../../indexes/declared.js";
import { summariseExplain } from "../../queries/explain.js";
import { explainCommand, isFailureOfQuery } from "../../queries/run-explain.js";
import { declaredCollections } from "../../setup/collections.js";
import { sampleEach } from "../../setup/sample-schema.js";
import { shapeOf } from "../../storage/shape.js";
import { judgePlan, keysPerReturned } from "../../workload/judge.js";
import { readLookups } from "../../workload/lookups.js";
import { type HealthCheck, runChecks } from "../checks.js";
import type { DeepFacts, GrowthFacts, QueryFacts, SampleFacts } from "./facts.js";
import { probeGrowth } from "./growth.js";
import type { Each, Within } from "./within.js";

/** Input of the deep probes. */
export interface DeepInput {
  readonly models: readonly ModelLike[];
  readonly queries: readonly NamedQuery[];
  readonly checks: readonly HealthCheck[];
  readonly thresholds: ParsedThresholds;
  readonly now: Date;
}

const atOnce = 2;
const unmeasured = { p50: null, p95: null, samples: 0 };

/** Samples documents, explains the named queries, measures growth and runs the checks of the configuration. */
export async function probeDeep(
  connection: Connection,
  input: DeepInput,
  within: Within,
): Promise<DeepFacts> {
  const { models, queries, checks, thresholds, now } = input;
  return {
    at: now,
    schemas: await within("schema samples", (each) => probeSchemas(connection, models, thresholds, each)),
    lookups: await within("joins", () => readLookups(databaseOf(connection), thresholds.probeTimeoutMs)),
    queries: await within("named queries", async (each) => {
      const explained = await mapLimited(queries, atOnce, (query) =>
        each(`named query ${query.name}`, () => probeQuery(connection, query, thresholds)),
      );
      return explained.flat();
    }),
    growth: await within("growth", (each) => probeAllGrowth(connection, input, each)),
    checks: await runChecks(checks, within),
  };
}

async function probeSchemas(
  connection: Connection,
  models: readonly ModelLike[],
  { sampleDocuments, probeTimeoutMs }: ParsedThresholds,
  each: Each,
): Promise<SampleFacts[]> {
  if (sampleDocuments === 0) return [];
  const expected = declaredCollections(models).collections;
  const within = { size: sampleDocuments, maxTimeMS: probeTimeoutMs };
  const samples = await mapLimited(expected, atOnce, (one) =>
    each(`sample of ${one.collection}`, () =>
      sampleEach(databaseOf(connection), [one], within, (documents, sample) => ({
        ...sample,
        shape: shapeOf(documents),
      })),
    ),
  );
  return samples.flat(2);
}

async function probeQuery(
  connection: Connection,
  query: NamedQuery,
  thresholds: ParsedThresholds,
): Promise<QueryFacts> {
  const base = { query: query.name, collection: query.collection };
  const { probeTimeoutMs: maxTimeMS } = thresholds;
  try {
    const explained = await explainCommand(connection, findCommand(query), query.name, { maxTimeMS });
    const plan = summariseExplain(explained);
    const { problems, examinedPerReturned } = judgePlan(query, plan, unmeasured, thresholds);
    const reading = { examinedPerReturned, keysPerReturned: keysPerReturned(plan) };
    return { ...base, problems, ...reading, indexes: plan.indexes };
  } catch (error) {
    const known = toOptimizerError(error, query.name);
    if (!isFailureOfQuery(known)) throw known;
    return {
      ...base,
      problems: [],
      examinedPerReturned: 0,
      keysPerReturned: 0,
      indexes: [],
      failure: known.message,
    };
  }
}

async function probeAllGrowth(
  connection: Connection,
  { models, thresholds, now }: DeepInput,
  each: Each,
): Promise<GrowthFacts[]> {
  const expiring = new Set(
    declaredIndexes(models)
      .indexes.filter(({ expireAfterSeconds }) => expireAfterSeconds !== undefined)
      .map(({ collection }) => collection),
  );
  const { growthDays: days, probeTimeoutMs: maxTimeMS, limits } = thresholds;
  const names = collectionNames(models);
  const foreign = Object.keys(limits).find((name) => name !== "*" && !names.includes(name));
  if (foreign !== undefined)
    throw new OptimizerError("INVALID_OPTIONS", `limits.${foreign}: no model has a collection of this name`);
  const db = databaseOf(connection);
  const growth = await mapLimited(names, atOnce, (collection) =>
    each(`growth of ${collection}`, () =>
      probeGrowth(db, collection, { now, days, expires: expiring.has(collection), maxTimeMS }),
    ),
  );
  return growth.flat();
}
