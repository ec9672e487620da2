// A cleanup that writes: its rules as the steps of a run, and what they cost.
import type { Connection } from "mongoose";
import type { OptimizerErrorCode } from "../core/error-codes.js";
import { type OptimizerError, toOptimizerError } from "../core/errors.js";
import type { CollectionSize } from "../core/server/collection-size.js";
import { databaseOf } from "../core/server/database.js";
import { LatencyProbe } from "../core/server/latency.js";
import { primary } from "../core/server/own-collection.js";
import type { RunStop } from "../jobs/pacing/pacer.js";
import type { ParsedCleanupWindow } from "../jobs/pacing/window.js";
import type { Run } from "../jobs/run.js";
import type { WorkDone } from "../jobs/run-job.js";
import { SetAside } from "../jobs/set-aside.js";
import { type Step, type StepEnd, Work } from "../jobs/work.js";
import { type ActionTarget, type Actor, openActor } from "./actions.js";
import { type Counted, countOf, type DueRule, sizesOf } from "./due.js";
import { measuredPaces, ruleReport } from "./estimate.js";
import { IdReader } from "./id-reader.js";
import type { CleanupOptions } from "./options.js";
import type { CleanupReport, LagImpact, RuleReport } from "./report.js";
import { hashOf } from "./rules.js";

const probeIntervalMs = 50;
const probeRounds = 5;

/** Result of the rules. */
interface Finished {
  readonly rules: readonly (Counted & {
    readonly did: Pick<RuleReport, "deleted" | "batches" | "elapsedMs" | "setAside">;
  })[];
  readonly stop: RunStop | null;
}

/** Carries rules out as the steps of a run, and measures around them. */
export async function carryOut(
  connection: Connection,
  run: Run,
  due: readonly DueRule[],
  options: Omit<CleanupOptions, "window"> & { readonly window: ParsedCleanupWindow | undefined },
): Promise<WorkDone<CleanupReport>> {
  const started = performance.now();
  const { signal } = run;
  const paces = await measuredPaces(connection);
  const work = new Work(databaseOf(connection), run, signal, options);
  await work.plan(due.map(({ rule }) => work.stateOf(rule.name, rule.collection, hashOf(rule))));
  const probe = new LatencyProbe(connection, options.queries ?? []);
  const lagBefore = await work.pacer.lag();
  const latencyBefore = await probe.measure(probeRounds);
  const looking = readInitialSizes(connection, due, work, signal);
  if (work.isGentle) await looking;
  const { result: finished, latency: during } = await probe.during(probeIntervalMs, () =>
    carryOutRules(connection, run, work, due, looking),
  );
  const before = await looking;
  const latencyAfter = await probe.measure(probeRounds);
  const lagAfter = await work.pacer.lag();
  const after = await sizesOf(connection, due, signal);
  const value: CleanupReport = {
    ...outcome(finished, run, work, paces, before),
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
  return { value, result: resultOf(value), interrupted: finished.stop !== null };
}

/** The parts of a report that the run's record keeps. */
function resultOf({ rules, elapsedMs }: CleanupReport): Readonly<Record<string, unknown>> {
  const removed = Object.fromEntries(rules.map(({ rule, deleted }) => [rule, deleted]));
  return { removed, elapsedMs: Math.round(elapsedMs) };
}

/** Sizes as they are before the first write, and the disk. Some servers read every document for either. */
async function readInitialSizes(
  connection: Connection,
  due: readonly DueRule[],
  work: Work,
  signal: AbortSignal,
): Promise<Map<string, CollectionSize>> {
  const found = await sizesOf(connection, due, signal);
  await work.pacer.lookAtDisk();
  return found;
}

function lagImpact(before: number | null, during: number | null, after: number | null): LagImpact | null {
  return before === null && during === null && after === null ? null : { before, during, after };
}

function outcome(
  { rules, stop }: Finished,
  run: Run,
  work: Work,
  paces: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, CollectionSize>,
) {
  return {
    dryRun: false,
    runId: run.record._id,
    resumed: run.isResumed,
    stopped: stop !== null,
    stopReason: stop,
    ...work.times(),
    rules: rules.map((one) => ({ ...ruleReport(one, before, paces), ...one.did })),
    unknown: work.pacer.unknown,
  };
}

/** Codes of failures that are about the collection of one rule, or its archive: those of other rules may fare better. */
const ofOneRule: ReadonlySet<OptimizerErrorCode> = new Set([
  "ARCHIVE_FAILED",
  "NOT_AUTHORIZED",
  "SERVER_REFUSED",
  "UNSUPPORTED",
]);

/**
 * @param ready what has to be over before the first write
 * @throws {OptimizerError} the first failure of a rule, once the other rules are carried out
 */
async function carryOutRules(
  connection: Connection,
  run: Run,
  work: Work,
  rules: readonly DueRule[],
  ready: Promise<unknown>,
): Promise<Finished> {
  const finished: Finished["rules"][number][] = [];
  let stop: RunStop | null = null;
  let failure: OptimizerError | undefined;
  for (const due of rules) {
    // A stopped run does not count the documents of rules that it did not reach.
    if (stop !== null) break;
    const started = performance.now();
    const aside = new SetAside();
    const { rule } = due;
    const from = work.stateOf(rule.name, rule.collection, hashOf(rule));
    let end: StepEnd;
    try {
      end = await carryOutRule(connection, run, work, { due, from, aside, ready });
    } catch (error) {
      const known = toOptimizerError(error, `Rule "${rule.name}"`);
      if (run.signal.aborted || !ofOneRule.has(known.code)) throw error;
      failure ??= known;
      continue;
    }
    stop = end.stop;
    const did = { deleted: end.state.done - from.done, batches: end.state.batches - from.batches };
    // Documents deleted before the count reached them count as matched.
    const matched = Math.max(end.counted, did.deleted);
    const setAside = aside.report();
    const elapsedMs = performance.now() - started;
    finished.push({ ...due, matched, did: { ...did, elapsedMs, ...(setAside && { setAside }) } });
  }
  if (failure && stop === null) throw failure;
  return { rules: finished, stop };
}

interface RuleWork extends Pick<Step<unknown>, "from" | "ready"> {
  readonly due: DueRule;
  readonly aside: SetAside;
}

async function carryOutRule(
  connection: Connection,
  run: Run,
  work: Work,
  { due, from, aside, ready }: RuleWork,
): Promise<StepEnd> {
  const db = databaseOf(connection);
  const { rule } = due;
  const collection = db.collection(rule.collection, primary);
  const cursor = from.cursor instanceof Date ? from.cursor : null;
  const reader = new IdReader({ ...due, collection, field: rule.field, aside }, cursor, run.signal);
  const target: ActionTarget = { db, collection, aside, rule, filter: due.filter };
  let actor: Actor | undefined;
  try {
    reader.readAhead();
    return await work.carryOut({
      step: rule.name,
      name: `Rule "${rule.name}"`,
      details: { rule: rule.name },
      collection: rule.collection,
      watched: [collection],
      from,
      ready,
      count: () => countOf(connection, due, run.signal),
      batches: reader,
      // After the rule is through, documents that it matches later may have any date: start from the beginning.
      cursor: (isThrough) => (isThrough ? null : reader.cursor),
      process: async (ids) => {
        // Right before the write: a process that slept longer than its lease learns here that it lost it.
        await run.lease.confirmIfStale();
        actor ??= await openActor(target);
        return actor.act(ids);
      },
    });
  } finally {
    await actor?.close();
    await reader.close();
  }
}
