import { createHash } from "node:crypto";
import type { Connection } from "mongoose";
import { checked } from "../core/checked.js";
import { isOptimizerError, toOptimizerError } from "../core/errors.js";
import { mapLimited } from "../core/limited.js";
import type { Document } from "../core/model.js";
import type { CollectionSize } from "../core/server/collection-size.js";
import { collectionSize } from "../core/server/collection-size.js";
import { databaseOf } from "../core/server/database.js";
import { LatencyProbe } from "../core/server/latency.js";
import { primary } from "../core/server/own-collection.js";
import { ownWork } from "../core/server/own-work.js";
import { assertClock, serverTime } from "../core/server/time.js";
import { isTransient, withRetries } from "../core/server/transient.js";
import { type Lease, withLease } from "../jobs/lease.js";
import { checkPacing } from "../jobs/limits.js";
import { cleanupWindowSchema, type ParsedCleanupWindow } from "../jobs/window.js";
import { assertActions } from "./actions.js";
import { cleanupLease } from "./control.js";
import { measuredPaces, timeFor } from "./estimate.js";
import type { CleanupOptions } from "./options.js";
import { parseRules } from "./parse-rules.js";
import type { CleanupReport, LagImpact, RuleReport } from "./report.js";
import { ruleIndexes } from "./rule-index.js";
import { type CleanupRule, type ParsedCleanupRule, ruleFilter, ruleHash } from "./rules.js";
import { RunStore } from "./run-store.js";
import { type Counted, type DueRule, type Finished, Work } from "./work.js";

const probeIntervalMs = 50;
const probeRounds = 5;

/**
 * Does what the rules say with the documents past their retention, in bounded batches that adapt to the server.
 *
 * Each batch selects ids by the rule's index and handles exactly those, stating the rule again, so that a document that
 * changed meanwhile stays. Writes wait for the majority of a replica set. A run that writes holds the lease `cleanup`
 * and knows before every batch that it does; it writes down where it is after every batch, waits while the server is under
 * load, and can be paused, resumed and cancelled by {@link controlCleanup}. A run that is stopped or killed loses
 * nothing: the next one with the same rules goes on with it.
 *
 * @throws {OptimizerError} `INVALID_RULE`, `INVALID_OPTIONS`, `CLOCK_AHEAD`; `RULE_NEEDS_INDEX`, and `ARCHIVE_FAILED`
 * of a file that is out of reach, before anything is written; `LOCKED`, `LEASE_LOST`; `ARCHIVE_FAILED`, `DISK_FULL`; `NOT_AUTHORIZED`, `UNREACHABLE`, `TIMED_OUT` as the
 * server says
 */
export async function runCleanup(
  connection: Connection,
  rules: readonly CleanupRule[],
  options: CleanupOptions,
): Promise<CleanupReport> {
  const parsed = parseRules(rules);
  const window = parseWindow(options.window);
  checkPacing(options);
  try {
    const indexes = await readyRules(connection, parsed, options);
    if (!options.run) return await estimate(connection, parsed, indexes, options);
    assertClock(options.now, await serverTime(databaseOf(connection)), "nothing was removed");
    return await withLease(connection, cleanupLease, options, (signal, lease) =>
      carryOut(connection, { parsed, indexes, window, lease, signal }, options),
    );
  } catch (error) {
    throw toOptimizerError(error, "The cleanup failed");
  }
}

/**
 * Whether the rules can be carried out as they stand: their shape, an index for each, and a place for what they archive.
 * Reads only.
 *
 * @throws {OptimizerError} `INVALID_RULE`; `RULE_NEEDS_INDEX` with every rule that lacks one in `details.rules`;
 * `ARCHIVE_FAILED`; `NOT_AUTHORIZED`, `UNREACHABLE` as the server says
 */
export async function checkCleanupRules(
  connection: Connection,
  rules: readonly CleanupRule[],
  options: Pick<CleanupOptions, "allowCollectionScan"> = {},
): Promise<void> {
  await readyRules(connection, parseRules(rules), options).catch((error: unknown) => {
    throw toOptimizerError(error, "Cannot check the cleanup rules");
  });
}

/** The index of each rule, once it is known that every rule can be carried out. */
async function readyRules(
  connection: Connection,
  parsed: readonly ParsedCleanupRule[],
  options: Pick<CleanupOptions, "allowCollectionScan">,
): Promise<Map<string, string | null>> {
  await assertActions(connection, parsed);
  return ruleIndexes(connection, parsed, options);
}

function parseWindow(window: unknown): ParsedCleanupWindow | undefined {
  if (window === undefined) return undefined;
  return checked(cleanupWindowSchema, window, "The window is wrong", "window");
}

async function estimate(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
  indexes: ReadonlyMap<string, string | null>,
  options: CleanupOptions,
): Promise<CleanupReport> {
  const started = performance.now();
  const before = await sizes(connection, rules, options.signal);
  const counted: Counted[] = [];
  for (const rule of rules) {
    options.signal?.throwIfAborted();
    const due = dueRule(rule, indexes, options.now);
    counted.push({ ...due, matched: await count(connection, due, options.signal) });
  }
  const paces = await measuredPaces(connection);
  return {
    dryRun: true,
    runId: null,
    resumed: false,
    stopped: false,
    stopReason: null,
    startedAt: options.now,
    elapsedMs: performance.now() - started,
    activeMs: 0,
    pausedMs: 0,
    rules: await mapLimited(counted, 2, async (one) => ({
      ...ruleReport(one, before, paces),
      ...(await undated(connection, one)),
    })),
    collections: [...before].map(([collection, size]) => ({ collection, before: size, after: size })),
    latency: null,
    lag: null,
    unknown: [],
  };
}

interface Granted {
  readonly parsed: readonly ParsedCleanupRule[];
  readonly indexes: ReadonlyMap<string, string | null>;
  readonly window: ParsedCleanupWindow | undefined;
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

async function carryOut(
  connection: Connection,
  { parsed, indexes, window, lease, signal }: Granted,
  options: CleanupOptions,
): Promise<CleanupReport> {
  const started = performance.now();
  const paces = await measuredPaces(connection);
  const store = await beginRun(connection, parsed, lease, options);
  const work = new Work({ db: databaseOf(connection), store, signal, window, options }, lease);
  try {
    const probe = new LatencyProbe(connection, options.queries ?? []);
    const lagBefore = await work.pacer.lag();
    const latencyBefore = await probe.measure(probeRounds);
    const looking = lookAtFirst(connection, parsed, work, signal);
    if (work.isGentle) await looking;
    const due = parsed.map((rule) => dueRule(rule, indexes, options.now));
    const { result: finished, latency: during } = await probe.during(probeIntervalMs, () =>
      work.run(due, (rule) => count(connection, rule, signal), looking),
    );
    const before = await looking;
    const latencyAfter = await probe.measure(probeRounds);
    const lagAfter = await work.pacer.lag();
    const after = await sizes(connection, parsed, signal);
    await work.end(finished.stop === null ? "succeeded" : stateAfter[finished.stop]);
    return {
      ...outcome(finished, work, paces, before),
      startedAt: options.now,
      elapsedMs: performance.now() - started,
      collections: [...before].map(([collection, size]) => ({
        collection,
        before: size,
        after: after.get(collection) ?? size,
      })),
      latency: options.queries?.length ? { before: latencyBefore, during, after: latencyAfter } : null,
      lag: lagImpact(lagBefore, work.pacer.worstLagMs, lagAfter),
    };
  } catch (error) {
    // Whoever took the run over ends it. What cannot be written down now, the next run finds out.
    const state = isOptimizerError(error, "ABORTED") ? "interrupted" : "failed";
    if (!isOptimizerError(error, "LEASE_LOST")) await work.end(state, error).catch(() => undefined);
    throw error;
  }
}

/** Sizes as they are before the first write, and the disk. Some servers read every document for either. */
async function lookAtFirst(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
  work: Work,
  signal: AbortSignal,
): Promise<Map<string, CollectionSize>> {
  const found = await sizes(connection, rules, signal);
  await work.pacer.lookAtDisk();
  return found;
}

const stateAfter = { signal: "interrupted", cancelled: "cancelled" } as const;

function lagImpact(before: number | null, during: number | null, after: number | null): LagImpact | null {
  return before === null && during === null && after === null ? null : { before, during, after };
}

function outcome(
  { rules, stop }: Finished,
  work: Work,
  paces: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, CollectionSize>,
) {
  return {
    dryRun: false,
    runId: work.store.runId,
    resumed: work.resumed,
    stopped: stop !== null,
    stopReason: stop,
    activeMs: work.times().activeMs,
    pausedMs: work.times().pausedMs,
    rules: rules.map((one) => ({ ...ruleReport(one, before, paces), ...one.did })),
    unknown: work.pacer.unknown,
  };
}

async function beginRun(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
  { fencing }: Lease,
  { clock = () => new Date() }: CleanupOptions,
): Promise<RunStore> {
  const rulesHash = createHash("sha256").update(rules.map(ruleHash).join()).digest("hex").slice(0, 16);
  const idle = { total: null, done: 0, batches: 0, activeMs: 0, cursor: null, pace: null };
  const states = rules.map(({ name, collection }) => ({ rule: name, collection, ...idle }));
  const startedAt = await serverTime(databaseOf(connection));
  return RunStore.begin(connection, { fencing, rulesHash, rules: states, startedAt }, clock);
}

function dueRule(rule: ParsedCleanupRule, indexes: ReadonlyMap<string, string | null>, now: Date): DueRule {
  return { rule, filter: ruleFilter(rule, now), index: indexes.get(rule.name) ?? null };
}

async function count(connection: Connection, due: DueRule, signal?: AbortSignal): Promise<number> {
  const collection = databaseOf(connection).collection(due.rule.collection, primary);
  const hint = due.index ? { hint: due.index } : {};
  return withRetries(() => collection.countDocuments(due.filter, hint), signal);
}

// A text that looks like a date never expires, which nobody notices by what is deleted.
async function undated(connection: Connection, { rule }: Counted): Promise<Pick<RuleReport, "withoutDate">> {
  const { collection, field, where = {} } = rule;
  const other = { [field]: { $exists: true, $ne: null, $not: { $type: "date" } } };
  try {
    const options = { maxTimeMS: 10_000, ...ownWork };
    const found = await databaseOf(connection)
      .collection(collection, primary)
      .countDocuments({ $and: [other, where as Document] }, options);
    return found > 0 ? { withoutDate: found } : {};
  } catch (error) {
    if (isTransient(error)) throw error;
    return {};
  }
}

function ruleReport(
  { rule, index, matched }: Counted,
  before: ReadonlyMap<string, CollectionSize>,
  paces: ReadonlyMap<string, number>,
): RuleReport {
  const size = before.get(rule.collection);
  const averageBytes = size && size.documents > 0 ? size.dataBytes / size.documents : 0;
  return {
    rule: rule.name,
    collection: rule.collection,
    matched,
    matchedBytes: Math.round(matched * averageBytes),
    estimate: timeFor(matched, paces.get(rule.name)),
    deleted: 0,
    batches: 0,
    elapsedMs: 0,
    index,
  };
}

async function sizes(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
  signal?: AbortSignal,
): Promise<Map<string, CollectionSize>> {
  const found = new Map<string, CollectionSize>();
  for (const { collection } of rules) {
    if (found.has(collection)) continue;
    found.set(
      collection,
      await withRetries(() => collectionSize(databaseOf(connection), collection), signal),
    );
  }
  return found;
}
