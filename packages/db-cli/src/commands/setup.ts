import {
  type CollectionStep,
  DatabaseInitializer,
  type InitializeOptions,
  type SchemaSample,
  type SetupCheck,
  type ValidationAction,
} from "@org/db-optimizer";
import { consentsOf, stepVerb } from "@org/db-optimizer/indexes";

import { type Command, recordingOf } from "../command.js";
import { type ExitCode, exitCodes } from "../errors.js";
import type { Paint } from "../output/style.js";
import { selectModels } from "../select-models.js";
import { type BuildOptions, exitCodeOf, resultData, resultsText, stepProgress } from "./apply.js";
import { faultData, faultsText, leastValidation, noteText } from "./plan.js";

/** Options of `org-db setup`. */
export interface SetupOptions extends BuildOptions {
  /** Action of validators; overrides the configuration. */
  readonly validators?: ValidationAction;
}

/** `org-db setup`: collections, validators and indexes as the models declare them, then a check. */
export const setup: Command<SetupOptions> = async (context, options) => {
  const { run = false, allowExpiry = false, wait, validators } = options;
  const { connection, config, signal, paint } = context;
  const models = selectModels(context.models, options);
  const result = await new DatabaseInitializer(connection, models, recordingOf(context)).initialize({
    ...validationOf(validators ?? leastValidation(config.validation)),
    raise: run,
    rebuild: run,
    replaceValidators: run,
    allowExpiry: run || allowExpiry,
    waitMs: wait * 1_000,
    signal,
    onProgress: stepProgress(context),
    onCollection: ({ collection }) => context.progress.update(`collection ${collection} is set up`),
  });
  const { changed, ready, collections, waiting, notes, held, indexes, failures, checks } = result;
  const faults = failures.filter((failure) => !indexes.some(({ error }) => error === failure));
  return {
    exitCode: faults.length > 0 ? exitCodes.error : setupExitCode(ready, exitCodeOf(indexes)),
    data: {
      changed,
      ready,
      collections,
      waiting,
      notes,
      held,
      indexes: indexes.map(resultData),
      faults: faults.map(faultData),
      checks,
    },
    text: [
      ...(changed || held.length > 0 ? [] : [nothingText(ready, paint)]),
      collections.map((step) => collectionText(step, paint)).join(""),
      waiting.map((step) => waitingText(step, paint)).join(""),
      held.map((sample) => heldText(sample, paint)).join(""),
      indexes.length > 0 ? resultsText(indexes, paint) : "",
      faultsText(faults, paint),
      notes.map((note) => paint("dim", `note    ${noteText(note)}\n`)).join(""),
      changed || !ready ? `\n${checks.map((check) => checkText(check, paint)).join("")}` : "",
      ready ? "" : "What is left, and what it takes: org-db plan.\n",
    ].join(""),
  };
};

function nothingText(ready: boolean, paint: Paint): string {
  return ready
    ? `${paint("green", "Nothing changed:")} the database was set up already.\n`
    : `${paint("yellow", "Nothing changed.")}\n`;
}

function setupExitCode(ready: boolean, ofSteps: ExitCode): ExitCode {
  return ready || ofSteps !== exitCodes.ok ? ofSteps : exitCodes.drift;
}

// Absent is not undefined, as options have it.
function validationOf(
  validation: ValidationAction | "off" | undefined,
): Pick<InitializeOptions, "validation"> {
  return validation === undefined ? {} : { validation };
}

function collectionText({ kind, collection }: CollectionStep, paint: Paint): string {
  return `${paint("green", "done   ")} ${stepVerb(kind)} ${collection}\n`;
}

function waitingText(step: CollectionStep, paint: Paint): string {
  const { kind, collection, reason, riskReason } = step;
  const consent = consentsOf(step).includes("allowExpiry") ? "--allow-expiry or --run" : "--run";
  return `${[
    `${paint("yellow", "waits  ")} ${stepVerb(kind)} ${collection}: ${reason}`,
    `${riskReason}: carry it out with ${consent}`,
  ].join("\n        ")}\n`;
}

function heldText({ collection, sampled, failing, paths }: SchemaSample, paint: Paint): string {
  const places = paths
    .slice(0, 5)
    .map(({ path, kind, documents }) => `${path || "(document)"} ${kind} (${documents})`);
  return [
    `${paint("yellow", "waits  ")} validator of ${collection} only warns: ${failing} of ${sampled} sampled documents would fail\n`,
    `        ${places.join(", ")}; fix them, or refuse such writes with --run\n`,
  ].join("");
}

function checkText({ name, ok, message }: SetupCheck, paint: Paint): string {
  return `${ok ? paint("green", "ok     ") : paint("yellow", "not yet")} ${name}: ${message}\n`;
}
