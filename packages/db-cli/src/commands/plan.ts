import {
  type CollectionStep,
  type IndexStep,
  type OptimizerError,
  type PlanNote,
  type PlanStep,
  planSetup,
  type SetupPlan,
} from "@org/db-optimizer";
import { dropPhaseOf, stepVerb } from "@org/db-optimizer/indexes";
import { leaseHeldUntil } from "@org/db-optimizer/jobs";

import type { Command } from "../command.js";
import { exitCodes } from "../errors.js";
import { type Next, nextOf } from "../next-command.js";
import { bytes, count, duration, plural } from "../output/format.js";
import { groupsOf, someNames } from "../output/groups.js";
import type { Paint } from "../output/style.js";
import { type SelectionOptions, selectModels } from "../select-models.js";

/** Options of `org-db plan`. */
export interface PlanOptions extends SelectionOptions {
  /** One line and an exit code, for CI. */
  readonly check?: boolean;
  /** `collection.index` of undeclared indexes that are to go. */
  readonly drop?: readonly string[];
}

/** `org-db plan`: what `apply` or `setup` would do. Writes nothing. */
export const plan: Command<PlanOptions> = async ({ connection, config, paint, ...context }, options) => {
  const { check = false, drop = [] } = options;
  const models = selectModels(context.models, options);
  // While another process applies, what is read here may be halfway.
  const busyUntil = check ? await leaseHeldUntil(connection, "setup") : undefined;
  const found = await planSetup(connection, models, leastValidation(config.validation), { drop });
  const status = statusOf(found, busyUntil);
  const empty = found.collections.length + found.indexes.steps.length + found.faults.length === 0;
  const text = empty
    ? inSyncText(found, connection.name, paint)
    : planText(found, connection.name, options, paint);
  return {
    exitCode: check || status === "drift" ? exitCodeOfStatus[status] : exitCodes.ok,
    data: { inSync: status === "in_sync", status, ...planData(found) },
    text: check ? checkText(found, status, paint) : text,
  };
};

/** The configured action of validators: `warn` weakens none that refuses already. */
export function leastValidation(validation: "warn" | "error" | "off"): "error" | "off" | undefined {
  return validation === "warn" ? undefined : validation;
}

type Status = "in_sync" | "drift" | "undecided" | "locked";

const exitCodeOfStatus = {
  in_sync: exitCodes.ok,
  drift: exitCodes.drift,
  undecided: exitCodes.undecidable,
  locked: exitCodes.locked,
} as const;

// An index that is hidden on its way out is no drift; one under construction may yet fail.
function statusOf({ collections, indexes, drift, faults }: SetupPlan, busyUntil: Date | undefined): Status {
  if (busyUntil) return "locked";
  const steps = indexes.steps.filter((step) => dropPhaseOf(step) !== "finish");
  if (collections.length + steps.length + faults.length > 0) return "drift";
  return drift.building.length > 0 ? "undecided" : "in_sync";
}

function checkText({ collections, indexes, drift, faults }: SetupPlan, status: Status, paint: Paint): string {
  if (status === "in_sync") return `${paint("green", "In sync.")}\n`;
  if (status === "locked") return `${paint("yellow", "Another process is applying a plan.")}\n`;
  if (status === "undecided")
    return `${paint("yellow", "Undecided:")} ${plural(drift.building.length, "index", "indexes")} under construction.\n`;
  const verbs = groupsOf([...collections, ...indexes.steps], ({ kind }) => stepVerb(kind), 0);
  const places = verbs.map(
    ({ kind, shown, rest }) => `${kind} ${someNames([...shown, ...rest].map(placeOf), 3)}`,
  );
  const wrong =
    faults.length > 0
      ? [plural(faults.length, "declaration that is at fault", "declarations that are at fault")]
      : [];
  return `${paint("red", "Drift:")} ${[...places, ...wrong].join("; ")}. See org-db plan.\n`;
}

function planData({ collections, indexes, drift, faults, notes }: SetupPlan): object {
  return {
    faults: faults.map(faultData),
    notes,
    hash: indexes.hash,
    collections,
    steps: indexes.steps.map(stepData),
    building: drift.building.map(place),
    extra: drift.extra.map(place),
    renamed: drift.renamed.map(({ expected, actual }) => ({
      ...place(actual),
      declaredAs: expected.name,
    })),
  };
}

/** A declaration at fault as data. */
export function faultData({ code, message, details }: OptimizerError): object {
  return { code, message, details };
}

/** Declarations at fault, for people. */
export function faultsText(faults: readonly OptimizerError[], paint: Paint): string {
  return faults.map(({ code, message }) => `${paint("red", "fault  ")} ${message} (${code})\n`).join("");
}

/** The first digits of a plan's hash, enough for people to tell plans apart. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

/** The object of a step: a collection, or an index as `collection.index`. */
export function placeOf(step: PlanStep): string {
  return "index" in step ? `${step.collection}.${step.index}` : step.collection;
}

/** A step as data. */
export function stepData(step: IndexStep): object {
  const {
    expected: _expected,
    actual: _actual,
    collectionCollation: _collation,
    ...rest
  } = {
    expected: undefined,
    actual: undefined,
    ...step,
  };
  return rest;
}

function place({ collection, name }: { collection: string; name: string }): object {
  return { collection, index: name };
}

function inSyncText(found: SetupPlan, database: string, paint: Paint): string {
  return `${paint("green", "In sync:")} the database ${database} is as the models declare.\n${informationText(found, paint)}`;
}

function planText(found: SetupPlan, database: string, options: PlanOptions, paint: Paint): string {
  const { collections, indexes, faults } = found;
  const steps = collections.length + indexes.steps.length;
  if (steps === 0)
    return `${faultsText(faults, paint)}${informationText(found, paint)}${faultyText(faults, nextOf(found, options), paint)}`;
  return [
    ...(faults.length > 0 ? [faultsText(faults, paint)] : []),
    `${paint("bold", plural(steps, "step"))} to bring the database ${database} in line:`,
    "",
    ...stepsText(found, paint),
    "",
    `${informationText(found, paint)}${endText(found, nextOf(found, options), paint)} Plan ${shortHash(indexes.hash)}.`,
    "",
  ].join("\n");
}

function endText({ collections, indexes, faults }: SetupPlan, next: Next, paint: Paint): string {
  if (next.without) return faultyText(faults, next, paint).trimEnd();
  const rest = faults.length > 0 ? "the rest" : "it";
  return `Carry ${rest} out with ${commandsText(next, paint)}${needsRun([...collections, ...indexes.steps])}.`;
}

function commandsText({ commands }: Next, paint: Paint): string {
  return commands.map((command) => paint("bold", command)).join(", then ");
}

/** What to do about declarations at fault: with some of them nothing is set up. */
function faultyText(faults: readonly OptimizerError[], next: Next, paint: Paint): string {
  if (faults.length === 0) return "";
  const change = `Change the ${faults.length === 1 ? "declaration" : "declarations"} at fault`;
  return next.without
    ? `${change}: until then setup and apply write nothing. Without ${next.without.join(", ")}: ${commandsText(next, paint)}.\n`
    : `${change}.\n`;
}

/** More steps than this are counted by kind; what waits for consent is shown all the same. */
const mostSteps = 40;
const mostWaiting = 20;

function stepsText({ collections, indexes }: SetupPlan, paint: Paint): string[] {
  const { steps } = indexes;
  if (collections.length + steps.length <= mostSteps)
    return [
      ...collections.map((step) => collectionText(step, paint)),
      ...steps.map((step) => stepText(step, paint)),
    ];
  const ofCollections = collections.filter(({ destructive }) => destructive);
  const ofIndexes = steps.filter(({ destructive }) => destructive);
  const hidden = Math.max(0, ofIndexes.length - mostWaiting);
  return [
    ...groupsOf(collections, ({ kind }) => kind, 0).map(({ shown, rest }) => {
      const all = [...shown, ...rest];
      const verb = stepVerb((all[0] as CollectionStep).kind);
      return `  ${paint("cyan", verb)}: ${count(all.length)} (${someNames(all.map(({ collection }) => collection))})`;
    }),
    ...groupsOf(steps, ({ kind, risk }) => `${kind} ${risk}`, 0).map(({ shown, rest }) => {
      const all = [...shown, ...rest];
      const { kind, risk } = all[0] as IndexStep;
      const places = someNames(all.map(({ collection, index }) => `${collection}.${index}`));
      const reading = all.reduce((sum, { estimate }) => sum + (estimate?.documents ?? 0), 0);
      const cost = reading > 0 ? `; ${plural(reading, "document")} to read` : "";
      return `  ${paint("cyan", stepVerb(kind))}: ${count(all.length)}, ${paint(colourOfRisk[risk], `${risk} risk`)}${cost} (${places})`;
    }),
    ...ofCollections.map((step) => collectionText(step, paint)),
    ...ofIndexes.slice(0, mostWaiting).map((step) => stepText(step, paint)),
    ...(hidden > 0 ? [`  and ${hidden} more that wait for --run`] : []),
    "",
    `  Each step: org-db plan --only <collection>, or --json.`,
  ];
}

function needsRun(steps: readonly PlanStep[]): string {
  if (!steps.some(({ destructive }) => destructive)) return "";
  const expires = steps.some(({ destructive, expiring }) => destructive && expiring);
  return `; what replaces, weakens, drops or deletes needs --run${expires ? " (expiries alone: --allow-expiry)" : ""}`;
}

/** A step on a collection, for people. */
export function collectionText(step: CollectionStep, paint: Paint): string {
  const { kind, collection, reason, destructive, riskReason: risk } = step;
  return [
    `  ${paint("cyan", stepVerb(kind))} ${collection}${destructive ? paint("red", " (only with --run)") : ""}: ${reason}`,
    ...(risk ? [`      ${paint(destructive ? "red" : "yellow", "risk")}: ${risk}`] : []),
  ].join("\n");
}

const colourOfRisk = { low: "green", medium: "yellow", high: "red" } as const;

/** A step of a plan for people: what, why, what can go wrong, what it costs, the way back, the commands. */
export function stepText(step: IndexStep, paint: Paint): string {
  const { kind, collection, index, reason, risk, riskReason, commands, destructive, reversible } = step;
  // That a new index is not there yet goes without saying.
  const why = kind === "create" ? "" : `: ${reason}`;
  const back = reversible ? "reversible at once" : "not reversible without a build or a loss";
  return [
    "",
    `  ${paint("cyan", stepVerb(kind))} ${collection}.${index}${destructive ? paint("red", " (only with --run)") : ""}${why}`,
    `      ${paint(colourOfRisk[risk], `${risk} risk`)}: ${riskReason}; ${back}`,
    ...costText(step),
    ...commands.map((command) => paint("dim", `      ${command}`)),
  ].join("\n");
}

function costText({ estimate }: IndexStep): string[] {
  if (!estimate) return [];
  const { documents, bytes: size, buildMs } = estimate;
  if (documents === 0) return ["      costs nothing: the collection is empty"];
  return [`      about ${bytes(size)} and ${duration(buildMs)}: ${plural(documents, "document")} to read`];
}

/** A note, as one line. */
export function noteText({ collection, index, message }: PlanNote): string {
  return `${collection}${index === undefined ? "" : `.${index}`}: ${message}`;
}

function informationText({ drift, indexes, notes }: SetupPlan, paint: Paint): string {
  const going = new Set(indexes.steps.map(({ collection, index }) => `${collection}.${index}`));
  // An index that is being dropped is a step of the plan, not an undeclared index to mention.
  const strays = drift.extra
    .map(({ collection, name }) => `${collection}.${name}`)
    .filter((one) => !going.has(one));
  const lines = [
    ...drift.building.map(({ collection, name }) => `${collection}.${name} is being built`),
    ...drift.renamed.map(
      ({ expected, actual }) => `${actual.collection}.${actual.name} is declared as ${expected.name}`,
    ),
    ...notes.map(noteText),
    ...strays.map((one) => `${one} is not declared; it is left alone`),
  ];
  const rest = lines.length - mostSteps;
  const shown = rest > 1 ? [...lines.slice(0, mostSteps), `and ${rest} more, see --json`] : lines;
  return shown.map((line) => paint("dim", `  note: ${line}\n`)).join("");
}
