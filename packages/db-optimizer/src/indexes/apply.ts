import type { Connection } from "mongoose";

import { type OptimizerError, toOptimizerError } from "../errors.js";
import { throwIfAborted } from "../pause.js";
import { diffIndexes } from "./diff.js";
import { inspectIndexes } from "./inspect.js";
import { type Plan, type PlanStep, planIndexes } from "./plan.js";
import { runStep } from "./steps.js";

/** What became of a step. `unneeded`: the server already had it. `skipped`: it replaces an index and was not asked for. */
export type StepOutcome = "done" | "unneeded" | "skipped" | "failed";

/** A step with its outcome. */
export interface StepResult {
  readonly step: PlanStep;
  readonly outcome: StepOutcome;
  readonly elapsedMs: number;
  readonly error?: OptimizerError;
}

/** What became of a plan. */
export interface ApplyResult {
  /** Whether anything was written. */
  readonly changed: boolean;
  /** Whether every step is done or was unneeded. */
  readonly complete: boolean;
  readonly steps: readonly StepResult[];
}

/** Told before and after each step. */
export interface ApplyProgress {
  readonly step: PlanStep;
  /** From 1. */
  readonly position: number;
  readonly total: number;
  /** Absent while the step runs. */
  readonly result?: StepResult;
}

/** Options of {@link applyPlan}. */
export interface ApplyOptions {
  /** Whether steps that replace an index may run. Default false. */
  readonly rebuild?: boolean;
  /** Stops before the next step; an index build that runs is left to the server. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ApplyProgress) => void;
  /** Milliseconds from any fixed point. Default `performance.now`. */
  readonly clock?: () => number;
}

// After these no other step can succeed either.
const fatal = new Set(["UNREACHABLE", "AUTHENTICATION_FAILED", "ABORTED", "LEASE_LOST"]);

/**
 * Carries a plan out: the only function that writes indexes. Each step is held against the server once more before it
 * runs; a step that fails is reported and the others go on.
 *
 * Two processes may apply the same plan at once as long as nothing is rebuilt; the facade takes a lease for that.
 *
 * @throws {OptimizerError} `ABORTED`, `UNREACHABLE`, `AUTHENTICATION_FAILED`; everything else is in the result
 */
export async function applyPlan(
  connection: Connection,
  plan: Plan,
  options: ApplyOptions = {},
): Promise<ApplyResult> {
  const results: StepResult[] = [];
  for (const [index, step] of plan.steps.entries()) {
    throwIfAborted(options.signal);
    const place = { step, position: index + 1, total: plan.steps.length };
    options.onProgress?.(place);
    const result = await attempt(connection, step, options);
    results.push(result);
    options.onProgress?.({ ...place, result });
    if (result.error && fatal.has(result.error.code)) throw result.error;
  }
  return {
    changed: results.some(({ outcome }) => outcome === "done"),
    complete: results.every(({ outcome }) => outcome === "done" || outcome === "unneeded"),
    steps: results,
  };
}

async function attempt(connection: Connection, step: PlanStep, options: ApplyOptions): Promise<StepResult> {
  const clock = options.clock ?? (() => performance.now());
  const begin = clock();
  const finish = (outcome: StepOutcome, error?: OptimizerError): StepResult => ({
    step,
    outcome,
    elapsedMs: Math.round(clock() - begin),
    ...(error && { error }),
  });
  if (step.destructive && !options.rebuild) return finish("skipped");
  try {
    const current = await stillNeeded(connection, step);
    if (!current) return finish("unneeded");
    await runStep(connection, current);
    return finish("done");
  } catch (error) {
    return finish("failed", toOptimizerError(error, `${step.collection}.${step.index}`));
  }
}

/** The step as it reads now, or nothing when another process has done it. */
async function stillNeeded(connection: Connection, step: PlanStep): Promise<PlanStep | undefined> {
  const collections = await inspectIndexes(connection, [step.collection]);
  if (step.kind === "removeTwin") {
    const present = collections[0]?.indexes.some(({ name }) => name === step.index);
    return present ? step : undefined;
  }
  const drift = diffIndexes(step.expected ? [step.expected] : [], collections);
  return planIndexes(drift, collections).steps.find(({ kind }) => kind === step.kind);
}
