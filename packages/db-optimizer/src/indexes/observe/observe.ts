// Reads the signals of an observation, and keeps it in the journal.
import type { Connection, mongo } from "mongoose";
import { asStored } from "../../core/bson/exact.js";
import { isOptimizerError } from "../../core/errors.js";
import { mapLimited } from "../../core/limited.js";
import type { Document } from "../../core/model.js";
import type { NamedQuery } from "../../core/named-query.js";
import { databaseOf } from "../../core/server/database.js";
import { readGranted } from "../../core/server/figure.js";
import { isTransient } from "../../core/server/transient.js";
import { type ProfilerView, readProfiler, type SlowFilter } from "../../queries/profiler.js";
import { explainQuery, isFailureOfQuery } from "../../queries/run-explain.js";
import { fieldsOf } from "../../queries/shape.js";
import { explainedShapes, type RecordedShape } from "../../queries/slow.js";
import { journalOf, within } from "../journal-collection.js";
import { askMember, memberHosts } from "./member-use.js";
import type { Observation, PlanMark, RunningScan, Signals, SlowMark } from "./observation.js";

const idPrefix = "observe ";
const scanMs = 1_000;
const membersAtOnce = 4;

/** Settings for watching the use of a collection. */
export interface Watch {
  readonly queries: readonly NamedQuery[];
  /** Operations slower than this are slow, milliseconds. */
  readonly slowOperationMs: number;
}

/** Reads all the signals there are of the use of a collection. */
export async function readSignals(
  connection: Connection,
  collection: string,
  { queries, slowOperationMs }: Watch,
  since?: Date,
): Promise<Signals> {
  const own = queries.filter((query) => query.collection === collection);
  const marks: PlanMark[] = [];
  for (const query of own) marks.push(await planMark(connection, query));
  return {
    queries: marks,
    ...(await slowSignals(connection, slowOperationMs, { collection, ...(since && { since }) })),
    scans: await runningScans(connection, collection),
  };
}

const noPlan = { collectionScan: false, blockingSort: false, docsExamined: 0, keysExamined: 0 };

// With its hint: without it another plan is explained than the one that is run.
async function planMark(connection: Connection, query: NamedQuery): Promise<PlanMark> {
  try {
    const { collectionScan, blockingSort, docsExamined, keysExamined } = await explainQuery(
      connection,
      query,
    );
    return { query: query.name, collectionScan, blockingSort, docsExamined, keysExamined };
  } catch (error) {
    if (!(isOptimizerError(error) && isFailureOfQuery(error))) throw error;
    return { query: query.name, ...noPlan, refused: error.message };
  }
}

/**
 * Operations that the profilers recorded. Each member records only its own operations, so every member is asked. If one
 * member's profiler is off or does not answer, its reads are unknown.
 */
async function slowSignals(
  connection: Connection,
  thresholdMs: number,
  only: SlowFilter,
): Promise<Pick<Signals, "slow" | "blind" | "lost">> {
  const views = await profilerViews(connection, thresholdMs, only);
  const read = views.flatMap(({ host, view }) => (view ? [{ host, ...view }] : []));
  if (!read.some(({ profiling }) => profiling)) return { slow: null };
  const of = (host: string, text: string) => (views.length > 1 ? `on ${host} ${text}` : text);
  const unseen = views.flatMap(({ host, view }) => {
    if (!view) return [of(host, "it cannot be read")];
    return view.profiling ? view.blind.map((text) => of(host, text)) : [of(host, "it is off")];
  });
  const lost = read.flatMap(({ host, lost: texts }) => texts.map((text) => of(host, text)));
  const entries = read.flatMap((view) => view.entries);
  const shapes = await explainedShapes(connection, entries);
  return {
    slow: shapes.map(slowMark),
    ...(unseen.length > 0 && { blind: unseen }),
    ...(lost.length > 0 && { lost }),
  };
}

function slowMark({ shape, command, count, maxMillis, plan }: RecordedShape): SlowMark {
  const { equality, range } = fieldsOf(shape.filter);
  const { hint } = command;
  return {
    fingerprint: shape.fingerprint,
    operation: shape.operation,
    count,
    maxMillis,
    fields: [...equality, ...range, ...Object.keys(shape.sort)],
    scans: plan ? plan.collectionScan : null,
    ...(hint !== undefined && hint !== null && { hint: hint as string | Document }),
  };
}

interface HostView {
  readonly host: string;
  /** Nothing where it cannot be asked. */
  readonly view: ProfilerView | undefined;
}

async function profilerViews(
  connection: Connection,
  thresholdMs: number,
  only: SlowFilter,
): Promise<HostView[]> {
  const read = (db: mongo.Db) => readProfiler(db, thresholdMs, only);
  const ask = async (host: string, view: Promise<ProfilerView>): Promise<HostView> => ({
    host,
    view: await view.catch((error) => {
      if (isTransient(error)) throw error;
      return undefined;
    }),
  });
  // Who may not read which members there are cannot read their profilers either.
  const known = await readGranted(databaseOf(connection), () => memberHosts(connection));
  if (known.state !== "known") return [{ host: "each shard", view: undefined }];
  const hosts = known.value;
  if (hosts.length <= 1) return [await ask(hosts[0] ?? "", read(databaseOf(connection)))];
  return mapLimited(hosts, membersAtOnce, async (host) => ({
    host,
    view: await askMember(connection, host, read).catch(() => undefined),
  }));
}

async function runningScans(connection: Connection, collection: string): Promise<RunningScan[] | null> {
  const db = databaseOf(connection);
  try {
    const ns = `${db.databaseName}.${collection}`;
    const { inprog } = await db.admin().command({ currentOp: 1, active: true, ns }, asStored);
    return (inprog as Document[])
      .filter((op) => op.ns === ns && op.planSummary === "COLLSCAN")
      .map((op) => ({ operation: String(op.op), runningMs: Number(op.microsecs_running ?? 0) / 1_000 }))
      .filter(({ runningMs }) => runningMs >= scanMs);
  } catch (error) {
    if (isOptimizerError(error, "UNREACHABLE")) throw error;
    return null; // The privilege is missing; the other signals remain.
  }
}

/** Indexes that are hidden and watched at this moment. Reads only. */
export async function openObservations(connection: Connection): Promise<Observation[]> {
  return observationsOf(connection)
    .find({ _id: within(idPrefix), state: { $in: ["hiding", "observing"] } } as never)
    .sort({ _id: 1 })
    .toArray();
}

/** The last observation of an index, open or not. */
export async function observationOf(
  connection: Connection,
  collection: string,
  index: string,
): Promise<Observation | undefined> {
  const _id = `${idPrefix}${collection}.${index}`;
  return (await observationsOf(connection).findOne({ _id } as never)) ?? undefined;
}

/** Starts an observation, or writes on in one. */
export async function saveObservation(
  connection: Connection,
  place: Pick<Observation, "collection" | "index">,
  change: Partial<Observation>,
): Promise<void> {
  const _id = `${idPrefix}${place.collection}.${place.index}`;
  await observationsOf(connection).updateOne(
    { _id } as never,
    { $set: { collection: place.collection, index: place.index, ...change } },
    { upsert: true },
  );
}

function observationsOf(connection: Connection): mongo.Collection<Observation> {
  return journalOf<Observation>(connection);
}
