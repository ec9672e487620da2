import type { Connection } from "mongoose";

import type { OptimizerError } from "../errors.js";
import { type Lease, serverTime } from "../lease.js";
import type { NamedQuery } from "../named-query.js";
import { throwIfAborted } from "../pause.js";
import { processName } from "../process-name.js";
import { withRetries } from "../transient.js";
import type { BuildProgress } from "./build.js";
import { databaseOf } from "./inspect.js";
import { type JournalRun, JournalWriter, type StepEnd, type StepOutcome } from "./journal.js";
import type { Plan, PlanStep } from "./plan.js";
import { StepRunner } from "./step-runner.js";

/** A step with its outcome. */
export interface StepResult extends StepEnd {
  readonly step: PlanStep;
  readonly elapsedMs: number;
  readonly error?: OptimizerError;
}

/** What became of a plan. */
export interface ApplyResult {
  /** Whether anything was written to the indexes. */
  readonly changed: boolean;
  /** Whether every step is settled, or is being observed. */
  readonly complete: boolean;
  readonly steps: readonly StepResult[];
  /** Id of the run in the journal; absent when nothing was begun. */
  readonly runId?: string;
}

/** Told before and after each step, and while the server builds. */
export interface ApplyProgress {
  readonly step: PlanStep;
  /** From 1. */
  readonly position: number;
  readonly total: number;
  /** Absent while the step runs. */
  readonly result?: StepResult;
  /** How far the server is, where it says so; once a second. */
  readonly build?: BuildProgress;
}

/** Options of {@link applyPlan}. */
export interface ApplyOptions {
  /** Whether steps that replace an index may run. Default false. */
  readonly rebuild?: boolean;
  /** Whether an index may be dropped when its observation is over, or when a rollback takes it back. Default false. */
  readonly drop?: boolean;
  /** Whether an expiry may be set that deletes documents at once. Default false. */
  readonly allowExpiry?: boolean;
  /** Seconds from hiding an index to dropping it. Default 604,800, which is seven days. */
  readonly observeSeconds?: number;
  /** Queries whose plans are watched while an index is hidden. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** Operations slower than this count as slow during an observation, milliseconds. Default 100. */
  readonly slowOperationMs?: number;
  /** Who does it, for the journal. Default: user and host of this process. */
  readonly by?: string;
  /** The moment at which the run begins. Default: the server's clock. */
  readonly now?: Date;
  /** Confirmed before every write. Without one, several processes may apply at once, as long as nothing is rebuilt. */
  readonly lease?: Pick<Lease, "fencing" | "confirm">;
  /** Stops before the next step or the next try; an index under construction is given up. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ApplyProgress) => void;
  /** Milliseconds from any fixed point. Default `performance.now`. */
  readonly clock?: () => number;
}

// After these no other step can succeed either.
const fatal = new Set(["UNREACHABLE", "AUTHENTICATION_FAILED", "ABORTED", "LEASE_LOST"]);
const settled = new Set<StepOutcome>(["done", "unneeded", "observing", "unhidden"]);
const written = new Set<StepOutcome>(["done", "unhidden"]);

/**
 * Carries a plan out: the only function that writes indexes. Each step is held against the server once more before it
 * runs, and written to the journal (`org_db_journal`) before and after; a step that fails is reported and the others
 * go on. What a step-down of the primary or a broken connection interrupts is tried again for some seconds, by whoever
 * still holds the lease and as long as nobody else has changed the index. A run that dies is finished by the next one.
 *
 * @throws {OptimizerError} `ABORTED`, `UNREACHABLE`, `AUTHENTICATION_FAILED`, `LEASE_LOST`; everything else is in the result
 */
export async function applyPlan(
  connection: Connection,
  plan: Plan,
  options: ApplyOptions = {},
): Promise<ApplyResult> {
  return runPlan(connection, plan, options, { kind: "apply" });
}

/** A run that may write: nothing is in the journal before its first step. */
export interface OpenRun {
  readonly connection: Connection;
  readonly journal: JournalWriter;
  readonly options: ApplyOptions;
  /** The moment, by the server's clock. */
  moment(): Date;
}

/** Makes a run ready. Reads only. */
export async function openRun(
  connection: Connection,
  planHash: string,
  options: ApplyOptions,
  run: Pick<JournalRun, "kind" | "reverses">,
): Promise<OpenRun> {
  const now = options.now ?? (await withRetries(() => serverTime(databaseOf(connection)), options.signal));
  const { by = processName(), lease, clock = () => performance.now() } = options;
  const begin = clock();
  const start = { ...run, planHash, by, fencing: lease?.fencing ?? 0, now };
  const journal = new JournalWriter(connection, start);
  return { connection, journal, options, moment: () => new Date(now.getTime() + clock() - begin) };
}

/** {@link applyPlan} for any kind of run. */
async function runPlan(
  connection: Connection,
  plan: Plan,
  options: ApplyOptions,
  run: Pick<JournalRun, "kind" | "reverses">,
): Promise<ApplyResult> {
  const { before: _none, ...result } = await runPlanIn(
    await openRun(connection, plan.hash, options, run),
    plan,
  );
  return result;
}

/**
 * Carries a plan out in a run, and ends it.
 *
 * @param before steps of the run that come before those of the plan
 */
export async function runPlanIn<T extends { readonly outcome: StepOutcome }>(
  { connection, journal, options, moment }: OpenRun,
  plan: Plan,
  before: (() => Promise<readonly T[]>) | undefined = undefined,
): Promise<ApplyResult & { readonly before: readonly T[] }> {
  const runner = new StepRunner(connection, journal, options, moment);
  let results: readonly StepResult[];
  let earlier: readonly T[];
  try {
    earlier = (await before?.()) ?? [];
    results = await runSteps(plan, runner, options, earlier.length);
  } catch (error) {
    // Whoever lost the lease was written off by its successor.
    await journal.finish("interrupted", moment()).catch(() => undefined);
    throw error;
  }
  const all = [...earlier, ...results].map(({ outcome }) => outcome);
  await withRetries(() => journal.finish(all.includes("failed") ? "failed" : "done", moment()));
  return {
    changed:
      earlier.some(({ outcome }) => outcome === "done") ||
      results.some(
        ({ step, outcome }) => written.has(outcome) || (outcome === "observing" && step.kind === "startDrop"),
      ),
    complete: all.every((outcome) => settled.has(outcome)),
    steps: results,
    before: earlier,
    ...(journal.begun && { runId: journal.runId }),
  };
}

async function runSteps(
  plan: Plan,
  runner: StepRunner,
  options: ApplyOptions,
  offset: number,
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const [index, step] of plan.steps.entries()) {
    throwIfAborted(options.signal);
    const place = { step, position: index + 1, total: plan.steps.length };
    options.onProgress?.(place);
    const result = await runner.run(step, offset + index, (build) =>
      options.onProgress?.({ ...place, build }),
    );
    results.push(result);
    options.onProgress?.({ ...place, result });
    if (result.error && fatal.has(result.error.code)) throw result.error;
  }
  return results;
}
