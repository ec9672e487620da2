import {
  type ApplyOptions,
  type ApplyProgress,
  DatabaseOptimizer,
  type LeaseOptions,
  planSetup,
  type StepResult,
} from "@org/db-optimizer";
import { consentsOf, stepVerb } from "@org/db-optimizer/indexes";

import { type Command, type Context, recordingOf } from "../command.js";
import { type ExitCode, exitCodes } from "../errors.js";
import { isBlocking } from "../next-command.js";
import { duration } from "../output/format.js";
import { counting } from "../output/progress.js";
import type { Paint } from "../output/style.js";
import { type SelectionOptions, selectModels } from "../select-models.js";
import { faultData, faultsText, placeOf, stepData } from "./plan.js";

/** Options of the commands that build. */
export interface BuildOptions extends SelectionOptions {
  /** Also replace indexes whose options changed. */
  readonly run?: boolean;
  /** Also set expiries that delete documents at once. */
  readonly allowExpiry?: boolean;
  /** Seconds to wait for another process. */
  readonly wait: number;
}

/** Options of `org-db apply`. */
export interface ApplyCommandOptions extends BuildOptions {
  /** `collection.index` of undeclared indexes that are to go: hidden now, dropped by a later run. */
  readonly drop?: readonly string[];
  /** Days from hiding to dropping. */
  readonly observe: number;
}

const secondsPerDay = 86_400;

/**
 * `org-db apply`: makes the indexes as the models declare them. Adds; replaces, and drops what was asked for and
 * observed, with `--run` only.
 */
export const apply: Command<ApplyCommandOptions> = async (context, given) => {
  const { run = false, allowExpiry = false, wait, drop = [], observe } = given;
  const { connection, config, signal, paint } = context;
  const models = selectModels(context.models, given);
  const queries = await context.queries();
  const optimizer = new DatabaseOptimizer(connection, { models, queries, ...recordingOf(context) });
  const options: ApplyOptions & LeaseOptions = {
    rebuild: run,
    drop: run,
    allowExpiry: run || allowExpiry,
    observeSeconds: observe * secondsPerDay,
    waitMs: wait * 1_000,
    signal,
    onProgress: stepProgress(context),
    ...(config.thresholds?.slowOperationMs !== undefined && {
      slowOperationMs: config.thresholds.slowOperationMs,
    }),
  };
  const { indexes, faults } = await planSetup(connection, models, "off", { drop, signal });
  const blocking = faults.find(isBlocking);
  if (blocking) throw blocking;
  const result = await optimizer.apply(options, indexes);
  const nothing =
    faults.length > 0 ? "Nothing to do besides.\n" : `${paint("green", "In sync:")} nothing to do.\n`;
  return {
    exitCode: faults.length > 0 ? exitCodes.error : exitCodeOf(result.steps),
    data: { ...result, steps: result.steps.map(resultData), faults: faults.map(faultData) },
    text: [
      faultsText(faults, paint),
      result.steps.length === 0 ? nothing : resultsText(result.steps, paint),
    ].join(""),
  };
};

/** Shows which step runs, and how far the server is with an index that it builds. */
export function stepProgress({ progress, now }: Context): (event: ApplyProgress) => void {
  let phase = { what: "", tell: counting(progress, now) };
  return ({ step, position, total, result, build }) => {
    if (result) return;
    const what = `[${position}/${total}] ${stepVerb(step.kind)} ${placeOf(step)}`;
    if (!build) return progress.update(`${what} ...`);
    // A build scans, sorts and inserts, and counts each again.
    const part = `${what}, ${build.message.split(":")[0]}`;
    if (phase.what !== part) phase = { what: part, tell: counting(progress, now) };
    phase.tell(part, build.done, build.total);
  };
}

/** Failures first, then what waits for `--run`. */
export function exitCodeOf(steps: readonly StepResult[]): ExitCode {
  if (steps.some(({ outcome }) => outcome === "failed")) return exitCodes.error;
  return steps.some(({ outcome }) => outcome === "skipped") ? exitCodes.drift : exitCodes.ok;
}

/** A step and its outcome as data. */
export function resultData({ step, outcome, elapsedMs, error, reasons }: StepResult): object {
  const failure = error && { code: error.code, message: error.message, details: error.details };
  return {
    ...stepData(step),
    outcome,
    elapsedMs,
    ...(reasons && { reasons }),
    ...(failure && { error: failure }),
  };
}

const marks = {
  done: ["green", "done   "],
  unneeded: ["dim", "there  "],
  skipped: ["yellow", "waits  "],
  observing: ["cyan", "watched"],
  unhidden: ["yellow", "unhid  "],
  failed: ["red", "failed "],
} as const;

/** Steps and their outcomes for people. */
export function resultsText(results: readonly StepResult[], paint: Paint): string {
  return `${results.map((result) => resultText(result, paint)).join("\n")}\n`;
}

function waitsFor(step: StepResult["step"]): string {
  const consents = consentsOf(step);
  if (consents.includes("rebuild")) return "replaces the index: carry it out with --run";
  return consents.includes("allowExpiry")
    ? `${step.riskReason}: carry it out with --allow-expiry or --run`
    : "drops the index: carry it out with --run";
}

function resultText({ step, outcome, elapsedMs, error, reasons = [] }: StepResult, paint: Paint): string {
  const [colour, mark] = marks[outcome];
  const time = outcome === "done" ? ` (${duration(elapsedMs)})` : "";
  const line = `${paint(colour, mark)} ${stepVerb(step.kind)} ${placeOf(step)}${time}`;
  const more = [
    ...(outcome === "skipped" ? [waitsFor(step)] : []),
    ...reasons,
    ...(outcome === "observing" ? ["it is hidden; org-db apply, run again, looks who misses it"] : []),
    ...(error ? [`${paint("red", error.code)} ${error.message}`] : []),
  ];
  return [line, ...more].join("\n        ");
}
