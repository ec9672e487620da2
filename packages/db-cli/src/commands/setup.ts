import { type CollectionStep, initialize, type SetupCheck } from "@org/db-optimizer";

import type { Command } from "../command.js";
import { type ExitCode, exitCodes } from "../errors.js";
import type { Paint } from "../output/style.js";
import { type BuildOptions, exitCodeOf, resultData, resultsText, stepProgress } from "./apply.js";

/** `org-db setup`: collections, validators and indexes as the models declare them, then a check. */
export const setup: Command<BuildOptions> = async (context, { run = false, wait }) => {
  const { connection, models, config, signal, paint } = context;
  const result = await initialize(connection, models, {
    validation: config.validation,
    rebuild: run,
    waitMs: wait * 1_000,
    signal,
    onProgress: stepProgress(context),
    onCollection: ({ collection }) => context.progress.update(`${collection} is set up`),
  });
  const { changed, ready, collections, indexes, checks } = result;
  return {
    exitCode: setupExitCode(ready, exitCodeOf(indexes)),
    data: { changed, ready, collections, indexes: indexes.map(resultData), checks },
    text: [
      ...(changed ? [] : [`${paint("green", "Nothing changed:")} the database was set up already.\n`]),
      collections.map((step) => collectionText(step, paint)).join(""),
      indexes.length > 0 ? resultsText(indexes, paint) : "",
      changed || !ready ? `\n${checks.map((check) => checkText(check, paint)).join("")}` : "",
    ].join(""),
  };
};

function setupExitCode(ready: boolean, ofSteps: ExitCode): ExitCode {
  return ready || ofSteps !== exitCodes.ok ? ofSteps : exitCodes.drift;
}

function collectionText({ kind, collection }: CollectionStep, paint: Paint): string {
  const what = kind === "create" ? "create collection" : "set validator of";
  return `${paint("green", "done   ")} ${what} ${collection}\n`;
}

function checkText({ name, ok, message }: SetupCheck, paint: Paint): string {
  return `${ok ? paint("green", "ok     ") : paint("yellow", "not yet")} ${name}: ${message}\n`;
}
