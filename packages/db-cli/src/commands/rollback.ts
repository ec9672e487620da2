import {
  type CollectionStepResult,
  DatabaseOptimizer,
  type JournalRun,
  type RollbackPlan,
} from "@org/db-optimizer";
import { stepVerb } from "@org/db-optimizer/indexes";

import { type Command, type Context, type Outcome, recordingOf } from "../command.js";
import { exitCodes } from "../errors.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";
import { type BuildOptions, exitCodeOf, resultData, resultsText, stepProgress } from "./apply.js";
import { collectionText, faultData, shortHash, stepData, stepText } from "./plan.js";

/** Options of `org-db rollback`. */
export interface RollbackOptions extends BuildOptions {
  /** The run to reverse. Default: the last that was not reversed. */
  readonly id?: string;
  /** Only shows the journal. */
  readonly list?: boolean;
}

/** `org-db rollback`: how the last apply would be reversed; with `--run` it is. */
export const rollback: Command<RollbackOptions> = async (context, options) => {
  const optimizer = new DatabaseOptimizer(context.connection, {
    models: context.models,
    ...recordingOf(context),
  });
  if (options.list) return listed(await optimizer.history(), context.paint);
  if (options.run) return carriedOut(optimizer, context, options);
  const planned = await optimizer.planRollback(options.id);
  const nothing = planned.plan.steps.length + planned.collections.length === 0;
  return {
    exitCode: nothing && planned.refused.length === 0 ? exitCodes.ok : exitCodes.drift,
    data: {
      run: planned.run,
      hash: planned.plan.hash,
      collections: planned.collections,
      steps: planned.plan.steps.map(stepData),
      refused: planned.refused,
    },
    text: [
      `${paintRun(planned.run, context.paint)}\n`,
      ...planned.collections.map((step) => `${collectionText(step, context.paint)}\n`),
      ...planned.plan.steps.map((step) => `${stepText(step, context.paint)}\n`),
      refusedText(planned, context.paint),
      nothing
        ? nothingText(planned)
        : `\nDry run: nothing was changed. Reverse it with ${context.paint("bold", "--run")}.\n`,
    ].join(""),
  };
};

async function carriedOut(
  optimizer: DatabaseOptimizer,
  context: Context,
  { id, wait }: RollbackOptions,
): Promise<Outcome> {
  const { signal, paint } = context;
  const options = { waitMs: wait * 1_000, signal, onProgress: stepProgress(context) };
  const result = await optimizer.rollback(options, id);
  const ofSteps = exitCodeOf(result.steps);
  const { changed, complete, run, runId, refused, collections } = result;
  const failed = collections.some(({ outcome }) => outcome === "failed");
  const ofRefused = ofSteps === exitCodes.ok && refused.length > 0 ? exitCodes.drift : ofSteps;
  return {
    exitCode: failed ? exitCodes.error : ofRefused,
    data: {
      changed,
      complete,
      run,
      runId,
      refused,
      collections: collections.map(collectionResultData),
      steps: result.steps.map(resultData),
    },
    text: [
      `${paintRun(run, paint)}\n`,
      ...collections.map((done) => collectionResultText(done, paint)),
      result.steps.length > 0 ? resultsText(result.steps, paint) : "",
      refusedText(result, paint),
      result.steps.length + collections.length > 0 ? "" : nothingText(result),
    ].join(""),
  };
}

function collectionResultData({ step, outcome, error }: CollectionStepResult): object {
  return { ...step, outcome, ...(error && { error: faultData(error) }) };
}

function collectionResultText({ step, outcome, error }: CollectionStepResult, paint: Paint): string {
  const mark = outcome === "done" ? paint("green", "done   ") : paint("red", "failed ");
  const why = error ? `\n        ${paint("red", error.code)} ${error.message}` : "";
  return `${mark} ${stepVerb(step.kind)} ${step.collection}${why}\n`;
}

function nothingText({ refused }: Pick<RollbackPlan, "refused">): string {
  return refused.length > 0
    ? "Nothing else is to be reversed; an older run is named with --id.\n"
    : "Nothing to reverse.\n";
}

function paintRun({ _id, by, startedAt, state }: JournalRun, paint: Paint): string {
  return `Reverses ${paint("bold", _id)} by ${by} at ${startedAt.toISOString()} (${state}).`;
}

const why = {
  changed_since: "it was changed since, and is left alone",
  collection_gone: "its collection is gone",
} as const;

function refusedText({ refused }: Pick<RollbackPlan, "refused">, paint: Paint): string {
  const lines = refused.map(
    ({ collection, index, why: code }) =>
      `${paint("yellow", "refused")} ${index === "" ? collection : `${collection}.${index}`}: ${why[code]}\n`,
  );
  return lines.join("");
}

function listed(runs: readonly JournalRun[], paint: Paint): Outcome {
  const columns = ["run", "kind", "state", "plan", "by", "reversed by"].map((title) => ({ title }));
  const rows = runs.map(({ _id, kind, state, planHash, by, reversedBy = "" }) => [
    _id,
    kind,
    state === "done" ? state : paint("yellow", state),
    shortHash(planHash),
    by,
    reversedBy,
  ]);
  return {
    exitCode: exitCodes.ok,
    data: { runs },
    text: runs.length === 0 ? "The journal is empty.\n" : table(columns, rows),
  };
}
