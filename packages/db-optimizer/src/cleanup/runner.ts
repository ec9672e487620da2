import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, mongo } from "mongoose";
import { OptimizerError, toOptimizerError } from "../errors.js";
import { type ActualIndex, databaseOf, inspectIndexes } from "../indexes/inspect.js";
import type { Document } from "../model.js";
import type { NamedQuery } from "../named-query.js";
import {
  afterBatch,
  afterTimeout,
  type ControllerLimits,
  defaultLimits,
  startController,
} from "./controller.js";
import { LatencyProbe } from "./latency.js";
import type { CleanupProgress, CleanupReport, CollectionSize, RuleReport } from "./report.js";
import { type CleanupRule, type ParsedCleanupRule, parseRules, ruleFilter } from "./rules.js";
import { collectionSize } from "./size.js";

/** How a cleanup runs. */
export interface CleanupOptions {
  /** The moment that retention counts from. */
  readonly now: Date;
  /** Without it nothing is written: the run counts and estimates. Default false. */
  readonly run?: boolean;
  /** Stops after the batch under way. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CleanupProgress) => void;
  /** Measured before, during and after, for the report. Default none. */
  readonly queries?: readonly NamedQuery[];
  readonly limits?: Partial<ControllerLimits>;
  /** Lets a rule read a whole collection when no index leads with its field. Default false. */
  readonly allowCollectionScan?: boolean;
}

// Ids are read ahead of the deletes, so that a scan serves many batches; 50,000 of them are less than a megabyte.
const readAhead = 50_000;
const probeIntervalMs = 50;
const probeRounds = 5;
const maxTimeouts = 3;

interface RuleRun {
  readonly collection: mongo.Collection;
  readonly rule: ParsedCleanupRule;
  readonly filter: Document;
  readonly index: string | null;
  readonly limits: ControllerLimits;
  readonly options: CleanupOptions;
  readonly total: number;
}

/**
 * Removes what the rules name, in bounded batches that adapt to the server.
 *
 * Each batch selects ids by the rule's index and deletes exactly those, stating the rule again, so that a document
 * that changed meanwhile stays. Writes wait for the majority of a replica set. A run that is stopped or killed loses
 * nothing: the next one goes on with what is left.
 *
 * @throws {OptimizerError} `INVALID_RULE`; `RULE_NEEDS_INDEX` before anything is written; `NOT_AUTHORIZED`,
 * `UNREACHABLE`, `TIMED_OUT` as the server says
 */
export async function runCleanup(
  connection: Connection,
  rules: readonly CleanupRule[],
  options: CleanupOptions,
): Promise<CleanupReport> {
  const started = performance.now();
  const parsed = parseRules(rules);
  const indexes = await indexesOf(connection, parsed, options);
  try {
    const names = [...new Set(parsed.map(({ collection }) => collection))];
    const before = await sizes(connection, names);
    const probe = new LatencyProbe(connection, options.run ? (options.queries ?? []) : []);
    const latencyBefore = await probe.measure(probeRounds);
    const { result: reports, latency: during } = await probe.during(probeIntervalMs, async () => {
      const done: RuleReport[] = [];
      for (const rule of parsed) {
        done.push(await runRule(connection, rule, indexes.get(rule.name) ?? null, before, options));
      }
      return done;
    });
    const latency =
      options.run && options.queries?.length
        ? { before: latencyBefore, during, after: await probe.measure(probeRounds) }
        : null;
    const after = options.run ? await sizes(connection, names) : before;
    return {
      dryRun: !options.run,
      stopped: options.signal?.aborted ?? false,
      startedAt: options.now,
      elapsedMs: performance.now() - started,
      rules: reports,
      collections: names.map((collection) => ({
        collection,
        before: before.get(collection) as CollectionSize,
        after: after.get(collection) as CollectionSize,
      })),
      latency,
    };
  } catch (error) {
    throw toOptimizerError(error, "The cleanup failed");
  }
}

async function sizes(connection: Connection, names: readonly string[]): Promise<Map<string, CollectionSize>> {
  const found = new Map<string, CollectionSize>();
  for (const name of names) found.set(name, await collectionSize(databaseOf(connection), name));
  return found;
}

/** The index that each rule reads by, `null` where a scan is allowed or there is no collection. */
async function indexesOf(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
  options: CleanupOptions,
): Promise<Map<string, string | null>> {
  const inspected = await inspectIndexes(connection, [...new Set(rules.map(({ collection }) => collection))]);
  const byName = new Map(inspected.map((one) => [one.collection, one]));
  return new Map(
    rules.map((rule) => {
      const actual = byName.get(rule.collection);
      const usable = actual?.indexes.find((index) => serves(index, rule.field));
      if (!usable && actual?.exists && !options.allowCollectionScan) throw needsIndex(rule);
      return [rule.name, usable?.name ?? null];
    }),
  );
}

// A sparse index holds every document that has the date, which are all that a rule can match; a partial one may not.
function serves(index: ActualIndex, field: string): boolean {
  const [first] = index.keys;
  const ordered = first?.kind === 1 || first?.kind === -1;
  return (
    ordered && first.field === field && !index.hidden && !index.building && !index.partialFilterExpression
  );
}

function needsIndex({ name, collection, field }: ParsedCleanupRule): OptimizerError {
  return new OptimizerError(
    "RULE_NEEDS_INDEX",
    `Cleanup rule "${name}" would scan the whole collection ${collection}: no usable index leads with "${field}". ` +
      `Create one: db.getCollection(${JSON.stringify(collection)}).createIndex({ ${JSON.stringify(field)}: 1 })`,
    { details: { rule: name, collection, field } },
  );
}

async function runRule(
  connection: Connection,
  rule: ParsedCleanupRule,
  index: string | null,
  before: ReadonlyMap<string, CollectionSize>,
  options: CleanupOptions,
): Promise<RuleReport> {
  const started = performance.now();
  const collection = databaseOf(connection).collection(rule.collection);
  const filter = ruleFilter(rule, options.now);
  const total = await collection.countDocuments(filter, index ? { hint: index } : {});
  const size = before.get(rule.collection);
  const averageBytes = size && size.documents > 0 ? size.dataBytes / size.documents : 0;
  const limits = { ...defaultLimits, ...options.limits };
  const run: RuleRun = { collection, rule, filter, index, limits, options, total };
  const { deleted, batches } = options.run && total > 0 ? await deleteAll(run) : { deleted: 0, batches: 0 };
  return {
    rule: rule.name,
    collection: rule.collection,
    matched: total,
    matchedBytes: Math.round(total * averageBytes),
    deleted,
    batches,
    elapsedMs: performance.now() - started,
    index,
  };
}

async function deleteAll(run: RuleRun): Promise<{ deleted: number; batches: number }> {
  const started = performance.now();
  let state = startController(run.limits);
  let queue: unknown[] = [];
  let deleted = 0;
  let batches = 0;
  let timeouts = 0;
  while (!run.options.signal?.aborted) {
    if (queue.length === 0) queue = await selectIds(run);
    if (queue.length === 0) break;
    const ids = queue.slice(0, state.batchSize);
    const batchStarted = performance.now();
    const removed = await deleteIds(run, ids);
    if (removed === "timed out") {
      timeouts += 1;
      if (timeouts > maxTimeouts)
        throw new OptimizerError("TIMED_OUT", `Rule "${run.rule.name}" timed out again and again`);
      state = afterTimeout(state, run.limits);
      continue;
    }
    timeouts = 0;
    queue = queue.slice(ids.length);
    deleted += removed;
    batches += 1;
    const step = afterBatch(
      state,
      { documents: ids.length, elapsedMs: performance.now() - batchStarted },
      run.limits,
    );
    state = step.state;
    report(run, deleted, state.batchSize, performance.now() - started);
    await pause(step.pauseMs, run.options.signal);
  }
  return { deleted, batches };
}

async function selectIds({ collection, rule, filter, index }: RuleRun): Promise<unknown[]> {
  const cursor = collection
    .find(filter, { projection: { _id: 1 }, ...(index && { hint: index }) })
    .sort({ [rule.field]: 1 })
    .limit(readAhead);
  return (await cursor.toArray()).map(({ _id }) => _id);
}

async function deleteIds(
  { collection, filter }: RuleRun,
  ids: readonly unknown[],
): Promise<number | "timed out"> {
  // The ids stand at the top, where every planner sees them.
  const chosen =
    "_id" in filter ? { $and: [{ _id: { $in: ids } }, filter] } : { _id: { $in: ids }, ...filter };
  try {
    const options = { writeConcern: { w: "majority", wtimeoutMS: 30_000 } } as const;
    return (await collection.deleteMany(chosen as Document, options)).deletedCount;
  } catch (error) {
    if (toOptimizerError(error).code === "TIMED_OUT") return "timed out";
    throw error;
  }
}

function report(run: RuleRun, done: number, batchSize: number, elapsedMs: number): void {
  const rate = done / Math.max(elapsedMs / 1_000, 0.001);
  run.options.onProgress?.({
    rule: run.rule.name,
    collection: run.rule.collection,
    done,
    // More may have come past their retention, or gone by the TTL monitor, since they were counted.
    total: Math.max(run.total, done),
    rate,
    etaMs: rate > 0 ? (Math.max(run.total - done, 0) / rate) * 1_000 : null,
    batchSize,
  });
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { ...(signal && { signal }) }).catch(() => undefined);
}
