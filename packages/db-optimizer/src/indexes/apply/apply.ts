import type { Connection } from "mongoose";
import { throwIfAborted } from "../../core/pause.js";
import { processName } from "../../core/process-name.js";
import { databaseOf } from "../../core/server/database.js";
import { serverTime } from "../../core/server/time.js";
import { withRetries } from "../../core/server/transient.js";
import type { Plan } from "../plan/plan.js";
import { type JournalRun, JournalWriter, type StepOutcome } from "./journal.js";
import type { ApplyOptions, ApplyResult, OpenRun, StepResult } from "./run.js";
import { StepRunner } from "./step-runner.js";

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
