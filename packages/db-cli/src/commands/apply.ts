import { type ApplyProgress, DatabaseOptimizer, type StepResult } from "@org/db-optimizer";

import type { Command, Context } from "../command.js";
import { type ExitCode, exitCodes } from "../errors.js";
import { duration } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { stepData, verbs } from "./plan.js";

/** Options of the commands that build. */
export interface BuildOptions {
  /** Also replace indexes whose options changed. */
  readonly run?: boolean;
  /** Seconds to wait for another process. */
  readonly wait: number;
}

/** `org-db apply`: makes the indexes as the models declare them. Adds; replaces with `--run` only. */
export const apply: Command<BuildOptions> = async (context, { run = false, wait }) => {
  const { connection, models, signal, paint } = context;
  const result = await new DatabaseOptimizer(connection, { models }).apply({
    rebuild: run,
    waitMs: wait * 1_000,
    signal,
    onProgress: stepProgress(context),
  });
  return {
    exitCode: exitCodeOf(result.steps),
    data: { ...result, steps: result.steps.map(resultData) },
    text:
      result.steps.length === 0
        ? `${paint("green", "In sync:")} nothing to do.\n`
        : resultsText(result.steps, paint),
  };
};

/** Shows which step runs. */
export function stepProgress({ progress }: Context): (event: ApplyProgress) => void {
  return ({ step, position, total, result }) => {
    const what = `[${position}/${total}] ${verbs[step.kind]} ${step.collection}.${step.index}`;
    if (!result) progress.update(`${what} ...`);
  };
}

/** Failures first, then what waits for `--run`. */
export function exitCodeOf(steps: readonly StepResult[]): ExitCode {
  if (steps.some(({ outcome }) => outcome === "failed")) return exitCodes.error;
  return steps.some(({ outcome }) => outcome === "skipped") ? exitCodes.drift : exitCodes.ok;
}

/** A step and its outcome as data. */
export function resultData({ step, outcome, elapsedMs, error }: StepResult): object {
  const failure = error && { code: error.code, message: error.message, details: error.details };
  return { ...stepData(step), outcome, elapsedMs, ...(failure && { error: failure }) };
}

const marks = {
  done: ["green", "done   "],
  unneeded: ["dim", "there  "],
  skipped: ["yellow", "waits  "],
  failed: ["red", "failed "],
} as const;

/** Steps and their outcomes for people. */
export function resultsText(results: readonly StepResult[], paint: Paint): string {
  const lines = results.map(({ step, outcome, elapsedMs, error }) => {
    const [colour, mark] = marks[outcome];
    const time = outcome === "done" ? ` (${duration(elapsedMs)})` : "";
    const line = `${paint(colour, mark)} ${verbs[step.kind]} ${step.collection}.${step.index}${time}`;
    if (outcome === "skipped") return `${line}\n        replaces the index: carry it out with --run`;
    return error ? `${line}\n        ${paint("red", error.code)} ${error.message}` : line;
  });
  return `${lines.join("\n")}\n`;
}
