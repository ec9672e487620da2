// Apply: carries the steps of a plan out in a run of the journal.
import type { Connection } from "mongoose";
import { checkedQueries } from "../../core/named-query.js";
import { throwIfAborted } from "../../core/pause.js";
import { processName } from "../../core/process-name.js";
import { databaseOf } from "../../core/server/database.js";
import { serverTime } from "../../core/server/time.js";
import { withRetries } from "../../core/server/transient.js";
import type { Plan } from "../plan/plan.js";
import type { Consents } from "../steps/kind.js";
import type { StepOutcome } from "../steps/outcome.js";
import { type CollectionStep, dropPhaseOf } from "../steps/steps.js";
import { type JournalRun, JournalWriter } from "./journal.js";
import type { ApplyOptions, ApplyResult, CollectionStepResult, OpenRun, StepResult } from "./run.js";
import { StepRunner } from "./step-runner.js";

// After these no other step can succeed either.
const fatal = new Set(["UNREACHABLE", "AUTHENTICATION_FAILED", "ABORTED", "LEASE_LOST"]);
const settled = new Set<StepOutcome>(["done", "unneeded", "observing", "unhidden"]);

/**
 * Executes a plan. No other function writes indexes. Each step is compared with the server again before it runs, and
 * written to the journal (`org_db_journal`) before and after. A step that fails is reported, and the others continue.
 * A step that a stepdown or a broken connection interrupts is retried for some seconds, as long as this process holds the
 * lease and nobody else has changed the index. If a run dies, the next run finishes it.
 *
 * @throws {OptimizerError} `ABORTED`, `UNREACHABLE`, `AUTHENTICATION_FAILED`, `LEASE_LOST`, `INVALID_QUERY`; everything else is in the result
 */
export async function applyPlan(
  connection: Connection,
  plan: Plan,
  options: ApplyOptions = {},
): Promise<ApplyResult> {
  const queries = checkedQueries(options.queries ?? []);
  const open = await openRun(connection, plan.hash, { ...options, queries }, { kind: "apply" });
  const { collections: _none, ...result } = await runPlanIn(open, plan);
  return result;
}

/** Makes a run ready. Reads only. */
export async function openRun(
  connection: Connection,
  planHash: string,
  options: ApplyOptions & Consents,
  run: Pick<JournalRun, "kind" | "reverses">,
): Promise<OpenRun> {
  const now = options.now ?? (await withRetries(() => serverTime(databaseOf(connection)), options.signal));
  const { by = processName(), lease, clock = () => performance.now() } = options;
  const begin = clock();
  const start = { ...run, planHash, by, fencing: lease?.fencing ?? 0, now };
  const journal = new JournalWriter(connection, start);
  return { connection, journal, options, moment: () => new Date(now.getTime() + clock() - begin) };
}

/**
 * Carries a plan out in a run, and ends it.
 *
 * @param onCollections steps on collections, which come before those of the plan
 */
export async function runPlanIn(
  open: OpenRun,
  plan: Plan,
  onCollections: readonly CollectionStep[] = [],
  onCollection: (step: CollectionStep) => void = () => undefined,
): Promise<ApplyResult & { readonly collections: readonly CollectionStepResult[] }> {
  const { journal, moment } = open;
  const runner = new StepRunner(open);
  const collections: CollectionStepResult[] = [];
  let steps: readonly StepResult[];
  try {
    for (const [position, step] of onCollections.entries()) {
      const result = unlessFatal(await runner.run(step, position));
      collections.push(result);
      if (result.outcome === "done") onCollection(step);
    }
    steps = await runSteps(plan, runner, open, collections.length);
  } catch (error) {
    // If the lease is lost, its new holder has already marked this run as interrupted.
    await journal.finish("interrupted", moment()).catch(() => undefined);
    throw error;
  }
  const outcomes = [...collections, ...steps].map(({ outcome }) => outcome);
  await withRetries(() => journal.finish(outcomes.includes("failed") ? "failed" : "done", moment()));
  return {
    changed: collections.some(({ outcome }) => outcome === "done") || steps.some(hasChanged),
    complete: outcomes.every((outcome) => settled.has(outcome)),
    steps,
    collections,
    ...(journal.begun && { runId: journal.runId }),
  };
}

function hasChanged({ step, outcome }: StepResult): boolean {
  if (outcome === "observing") return dropPhaseOf(step) === "start";
  return outcome === "done" || outcome === "unhidden";
}

function unlessFatal<R extends Pick<StepResult, "error">>(result: R): R {
  if (result.error && fatal.has(result.error.code)) throw result.error;
  return result;
}

async function runSteps(
  { steps }: Plan,
  runner: StepRunner,
  { options }: OpenRun,
  offset: number,
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const [index, step] of steps.entries()) {
    throwIfAborted(options.signal);
    const place = { step, position: index + 1, total: steps.length };
    options.onProgress?.(place);
    const result = await runner.run(step, offset + index, (build) =>
      options.onProgress?.({ ...place, build }),
    );
    results.push(result);
    options.onProgress?.({ ...place, result });
    unlessFatal(result);
  }
  return results;
}
