// Estimates the documents, bytes and time of a cleanup without changing anything.
import type { Connection } from "mongoose";
import { toOptimizerError } from "../core/errors.js";
import { mapLimited } from "../core/limited.js";
import type { CollectionSize } from "../core/server/collection-size.js";
import { listRuns } from "../jobs/run-control.js";
import { type Counted, countOf, type DueRule, sizesOf, undated } from "./due.js";
import type { CleanupOptions } from "./options.js";
import type { CleanupReport, RuleReport, TimeEstimate } from "./report.js";
import { cleanupJob } from "./rules.js";

const assumedPerSecond = 1_000;
/** Runs back that a pace is taken from. */
const runsBack = 20;

/** Counts what the rules name, and estimates. Reads only. */
export async function estimate(
  connection: Connection,
  rules: readonly DueRule[],
  { now, signal }: Pick<CleanupOptions, "now" | "signal">,
): Promise<CleanupReport> {
  const started = performance.now();
  const before = await sizesOf(connection, rules, signal);
  const counted: Counted[] = [];
  for (const due of rules) {
    signal?.throwIfAborted();
    counted.push({ ...due, matched: await countOf(connection, due, signal) });
  }
  const paces = await measuredPaces(connection);
  return {
    dryRun: true,
    runId: null,
    resumed: false,
    stopped: false,
    stopReason: null,
    startedAt: now,
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

/** A rule's report before anything is done. Pure. */
export function ruleReport(
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

/** Documents per second, pauses between batches included, of each rule in its last runs. */
export async function measuredPaces(connection: Connection): Promise<Map<string, number>> {
  const runs = await listRuns(connection, { jobs: [cleanupJob], limit: runsBack }).catch((error: unknown) => {
    // A dry run needs no more than to read what it counts.
    if (toOptimizerError(error).code === "NOT_AUTHORIZED") return [];
    throw error;
  });
  const paces = new Map<string, number>();
  for (const { step, done, activeMs } of runs.flatMap(({ steps }) => steps)) {
    if (done > 0 && activeMs > 0 && !paces.has(step)) paces.set(step, (done / activeMs) * 1_000);
  }
  return paces;
}

function timeFor(documents: number, perSecond: number | undefined): TimeEstimate {
  const pace = perSecond ?? assumedPerSecond;
  return { ms: (documents / pace) * 1_000, basis: perSecond === undefined ? "assumed" : "measured" };
}
