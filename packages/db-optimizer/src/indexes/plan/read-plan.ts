// Reads what a plan goes by, and plans.
import type { Connection } from "mongoose";

import { isOptimizerError, type OptimizerError, toOptimizerError } from "../../core/errors.js";
import { collectionNames, type ModelLike, modelsOf } from "../../core/model.js";
import { withRetries } from "../../core/server/transient.js";
import { declaredIndexes, type ExpectedIndex, type PlanNote } from "../declared.js";
import { expiryNotes } from "../expiry-notes.js";
import { type ActualCollection, inspectIndexes } from "../inspect.js";
import type { Observation } from "../observe/observation.js";
import { openObservations } from "../observe/observe.js";
import { readShardKeys, type ShardKeys, shardKeysOf } from "../shard-keys.js";
import { unknownFieldNotes } from "../unknown-fields.js";
import { type DriftReport, diffIndexes } from "./diff.js";
import { withExpiring } from "./expiry.js";
import { type Plan, type PlanInput, planIndexes, planOf } from "./plan.js";
import { inspectSizes } from "./sizes.js";

/** The state of the indexes and the way to the declared one. */
export interface IndexPlan {
  readonly drift: DriftReport;
  readonly plan: Plan;
  readonly collections: readonly ActualCollection[];
  /** Declarations that no server can carry out, or that contradict each other; the plan is of the others. */
  readonly faults: readonly OptimizerError[];
  readonly notes: readonly PlanNote[];
}

/** Options for reading a plan. */
export interface ReadPlanOptions extends Pick<PlanInput, "drop"> {
  /** Ends the waits between two tries. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads everything that a plan goes by, and plans. What only some plans need (sizes, shard keys, what an expiry deletes)
 * is only read for those. Read again when a member steps down or a connection breaks.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS`, `NOT_AUTHORIZED`, `UNREACHABLE`
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
  const { own, faults: foreign } = modelsOf(connection, models);
  const [found, observations] = await Promise.all([readDrift(connection, own), readObservations(connection)]);
  const { drift, collections, faults, notes } = found;
  const rebuilt = drift.changed
    .filter(({ how }) => how.includes("rebuild"))
    .map(({ expected: index }) => index);
  const built = [...drift.missing, ...rebuilt].map(({ collection }) => collection);
  const sizes = built.length > 0 ? await inspectSizes(connection, built) : undefined;
  const { shardKeys, notes: unread } = await readKeysFor(connection, drop, rebuilt);
  const input = { drop, observations, sizes, shardKeys };
  const { steps } = planIndexes(drift, collections, input);
  return {
    drift,
    plan: planOf(await withExpiring(connection, steps, collections)),
    collections,
    faults: [...foreign, ...faults],
    notes: [...notes, ...unread],
  };
}

// A drop must know them; of a rebuild the server itself refuses to drop the only index of a shard key.
async function readKeysFor(
  connection: Connection,
  drop: readonly string[],
  rebuilt: readonly ExpectedIndex[],
): Promise<{ shardKeys?: ShardKeys; notes: readonly PlanNote[] }> {
  if (drop.length > 0) return { shardKeys: await droppableBy(connection), notes: [] };
  if (rebuilt.length === 0) return { notes: [] };
  const shardKeys = await readShardKeys(connection);
  if (shardKeys.state === "known") return { shardKeys: shardKeys.value, notes: [] };
  const reason = shardKeys.state === "absent" ? "the server does not tell" : shardKeys.reason;
  const notes = rebuilt.map(({ collection, name }) => ({
    collection,
    message: `whether its shard key needs ${name}, which is to be rebuilt, is unknown: ${reason}`,
  }));
  return { notes };
}

async function droppableBy(connection: Connection): Promise<ShardKeys> {
  try {
    return await shardKeysOf(connection);
  } catch (error) {
    throw toOptimizerError(error, "Cannot tell whether a shard key needs the index to be dropped");
  }
}

/**
 * Index declarations of this database's models, compared with the server. Faulty declarations and indexes of views are
 * left out. Reads only.
 *
 * @param models without those of other databases: see {@link modelsOf}
 */
export async function readDrift(
  connection: Connection,
  models: readonly ModelLike[],
): Promise<Pick<IndexPlan, "drift" | "collections" | "faults" | "notes">> {
  const declared = declaredIndexes(models);
  const collections = await inspectIndexes(connection, collectionNames(models));
  const views = collections.filter(({ type }) => type === "view");
  const placeless = new Set(views.map(({ collection }) => collection));
  const expected = declared.indexes.filter(({ collection }) => !placeless.has(collection));
  const drift = diffIndexes(expected, collections, declared.contested);
  return {
    drift: { ...drift, missingCollections: drift.missingCollections.filter((name) => !placeless.has(name)) },
    collections,
    faults: declared.faults,
    notes: [
      ...declared.notes,
      ...expiryNotes(models, expected),
      ...unknownFieldNotes(models, [...declared.indexes, ...drift.extra.filter(({ unique }) => unique)]),
      ...placelessNotes(declared.indexes, placeless),
    ],
  };
}

function placelessNotes(indexes: readonly ExpectedIndex[], placeless: ReadonlySet<string>): PlanNote[] {
  return [...placeless].flatMap((collection) => {
    const names = indexes.filter((index) => index.collection === collection).map(({ name }) => name);
    return names.length > 0 ? [{ collection, message: `its indexes are left out: ${names.join(", ")}` }] : [];
  });
}

// Without the privilege to read the journal, planning works; steps for hidden indexes need the privilege to write it.
async function readObservations(connection: Connection): Promise<Observation[]> {
  try {
    return await openObservations(connection);
  } catch (error) {
    const known = toOptimizerError(error, "Cannot read the journal");
    if (isOptimizerError(known, "NOT_AUTHORIZED")) return [];
    throw known;
  }
}
