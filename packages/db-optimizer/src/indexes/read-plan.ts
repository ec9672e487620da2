import type { Connection } from "mongoose";

import { isOptimizerError, toOptimizerError } from "../errors.js";
import { collectionNames, type ModelLike } from "../model.js";
import { shardKeysOf } from "../sharding/shard-keys.js";
import { withRetries } from "../transient.js";
import { type DriftReport, diffIndexes } from "./diff.js";
import { expectedIndexes } from "./expected.js";
import { type ActualCollection, inspectIndexes } from "./inspect.js";
import type { Observation } from "./observation.js";
import { openObservations } from "./observe.js";
import { type Plan, type PlanInput, planIndexes } from "./plan.js";
import { inspectSizes } from "./sizes.js";

/** The state of the indexes and the way to the declared one. */
export interface IndexPlan {
  readonly drift: DriftReport;
  readonly plan: Plan;
  readonly collections: readonly ActualCollection[];
}

/** What a plan is read for. */
export interface ReadPlanOptions extends Pick<PlanInput, "drop"> {
  /** Ends the waits between two tries. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads everything that a plan goes by, and plans. What only some plans need (sizes, shard keys) is only read for those.
 * Read again when a member steps down or a connection breaks.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS`, `MODELS_CONFLICT`, `NOT_AUTHORIZED`, `UNREACHABLE`
 */
export async function readPlan(
  connection: Connection,
  models: readonly ModelLike[],
  { drop = [], signal }: ReadPlanOptions = {},
): Promise<IndexPlan> {
  return withRetries(() => readOnce(connection, models, drop), signal);
}

async function readOnce(
  connection: Connection,
  models: readonly ModelLike[],
  drop: readonly string[],
): Promise<IndexPlan> {
  const expected = expectedIndexes(models);
  const [collections, observations] = await Promise.all([
    inspectIndexes(connection, collectionNames(models)),
    readObservations(connection),
  ]);
  const drift = diffIndexes(expected, collections);
  const rebuilt = drift.changed
    .filter(({ how }) => how.includes("rebuild"))
    .map(({ expected: index }) => index);
  const built = [...drift.missing, ...rebuilt].map(({ collection }) => collection);
  const sizes = built.length > 0 ? await inspectSizes(connection, built) : undefined;
  const shardKeys = drop.length + rebuilt.length > 0 ? await shardKeysOf(connection) : undefined;
  const input = { drop, observations, sizes, shardKeys };
  return { drift, plan: planIndexes(drift, collections, input), collections };
}

// Whoever may not read the journal can still plan; going on with what is hidden is for those who may write it.
async function readObservations(connection: Connection): Promise<Observation[]> {
  try {
    return await openObservations(connection);
  } catch (error) {
    const known = toOptimizerError(error, "Cannot read the journal");
    if (isOptimizerError(known, "NOT_AUTHORIZED")) return [];
    throw known;
  }
}
