// The storage report of every document: a run in batches, where a sample is not enough.
import type { Connection } from "mongoose";
import type { Decoded } from "../core/bson/decode.js";
import { toOptimizerError } from "../core/errors.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { IdWalk, type Step as WalkStep } from "../jobs/id-walk.js";
import { checkPacing } from "../jobs/pacing/limits.js";
import type { RunStop } from "../jobs/pacing/pacer.js";
import type { Run } from "../jobs/run.js";
import { runJob, type WithinOptions, type WorkDone } from "../jobs/run-job.js";
import { SetAside, type SetAsideReport } from "../jobs/set-aside.js";
import type { StepState } from "../jobs/step.js";
import { Work, type WorkOptions } from "../jobs/work.js";
import { parseStorageLimits, type StorageLimits } from "./limits.js";
import { type CollectionStorage, type StorageReport, storageFindings, storageReport } from "./report.js";
import { ShapeCount, type ShapeState } from "./shape.js";

/** Name of the job that a scan is a run of. */
export const storageJob = "storage";

/** How a scan runs. */
export interface StorageScanOptions extends WithinOptions, WorkOptions {
  /** From what on storage is worth a finding. */
  readonly storage?: StorageLimits;
}

/** How a database is stored, by every document. */
export interface StorageScan extends StorageReport {
  readonly runId: string;
  /** Whether it continued the run of an earlier process. */
  readonly resumed: boolean;
  /** Why it ended before it was through; `null` if it was. Collections that it did not reach are as the sample has them. */
  readonly stopReason: RunStop | null;
  /** By collection: documents that could not be read. */
  readonly setAside: Readonly<Record<string, SetAsideReport>>;
}

/** Where a scan of a collection is. */
interface ScanCursor {
  /** The last document that was looked at. */
  readonly last: { readonly id: unknown } | null;
  readonly shape: ShapeState;
  readonly isThrough: boolean;
}

/**
 * Like {@link storageReport}, but looks at every document and not at a sample: the largest document and the longest array
 * are those that there are. A run of the job `storage`: it holds the job's lease, works at the pace that reads beside it
 * bear, waits while the server is under load, can be paused, resumed and cancelled by `controlRun`, and is continued after
 * a crash. Nothing but its record is written.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS`; `LOCKED`, `LEASE_LOST`; `NOT_AUTHORIZED`, `UNREACHABLE`, `TIMED_OUT` as
 * the server says
 */
export async function scanStorage(
  connection: Connection,
  options: StorageScanOptions = {},
): Promise<StorageScan> {
  const limits = parseStorageLimits(options.storage);
  checkPacing(options);
  try {
    const { collections, leftOut } = await storageReport(connection, limits);
    return await runJob(connection, { job: storageJob, isResumable: true }, options, (run) =>
      scanned(connection, run, collections, options).then(({ value, ...done }) => ({
        ...done,
        value: { ...value, leftOut, findings: storageFindings(value.collections, limits) },
      })),
    );
  } catch (error) {
    throw toOptimizerError(error, "The scan of the storage failed");
  }
}

type Scanned = Omit<StorageScan, "findings" | "leftOut">;

async function scanned(
  connection: Connection,
  run: Run,
  sampled: readonly CollectionStorage[],
  options: StorageScanOptions,
): Promise<WorkDone<Scanned>> {
  const work = new Work(databaseOf(connection), run, run.signal, options);
  const readable = sampled.filter(({ timeSeries, unsampled }) => !timeSeries && unsampled === undefined);
  const stateOf = (collection: string) => work.stateOf(collection, collection, storageJob);
  await work.plan(readable.map(({ collection }) => stateOf(collection)));
  const shapes = new Map<string, ReturnType<ShapeCount["shape"]>>();
  const setAside: Record<string, SetAsideReport> = {};
  let stop: RunStop | null = null;
  for (const { collection } of readable) {
    if (stop !== null) break;
    const end = await scanCollection(connection, run, work, stateOf(collection));
    stop = end.stop;
    if (stop === null) shapes.set(collection, end.shape);
    if (end.aside) setAside[collection] = end.aside;
  }
  const collections = sampled.map((one) => ({ ...one, ...shapes.get(one.collection) }));
  const value = {
    collections,
    runId: run.record._id,
    resumed: run.isResumed,
    stopReason: stop,
    setAside,
  };
  const documents = [...shapes.values()].reduce((sum, shape) => sum + shape.sampled, 0);
  return { value, result: { documents, collections: shapes.size }, interrupted: stop !== null };
}

async function scanCollection(connection: Connection, run: Run, work: Work, from: StepState) {
  const collection = databaseOf(connection).collection(from.collection, primary);
  const begun = from.cursor as ScanCursor | null;
  const shape = new ShapeCount(begun?.shape);
  const aside = new SetAside();
  if (begun?.isThrough) return { stop: null, shape: shape.shape(), aside: undefined };
  const walk = new IdWalk({
    collection,
    last: begun?.last ?? undefined,
    signal: run.signal,
    prepare: (read: Decoded) => ({ item: read, weight: 1 }),
  });
  try {
    const { stop } = await work.carryOut({
      step: from.step,
      name: `The scan of ${from.collection}`,
      details: { collection: from.collection },
      collection: from.collection,
      watched: [collection],
      from,
      count: async () => Math.max((await collection.estimatedDocumentCount()) - from.done, 0),
      batches: walk,
      cursor: (isThrough): ScanCursor => ({ last: walk.last ?? null, shape: shape.state(), isThrough }),
      process: async (batch: readonly WalkStep<Decoded>[]) => {
        await run.lease.confirmIfStale();
        for (const { item } of batch) {
          if (item.document) shape.add(item.document, item.bytes);
          else aside.note(item.id, item.reason ?? "it cannot be read");
        }
        return batch.length;
      },
    });
    return { stop, shape: shape.shape(), aside: aside.report() };
  } finally {
    await walk.close();
  }
}
