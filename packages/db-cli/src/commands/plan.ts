import { type CollectionStep, type PlanStep, planSetup, type SetupPlan } from "@org/db-optimizer";

import type { Command } from "../command.js";
import { exitCodes } from "../errors.js";
import { plural } from "../output/format.js";
import type { Paint } from "../output/style.js";

/** `org-db plan`: what `apply` or `setup` would do. Writes nothing. */
export const plan: Command = async ({ connection, models, config, paint }) => {
  const found = await planSetup(connection, models, config.validation);
  const inSync = found.collections.length === 0 && found.indexes.steps.length === 0;
  return {
    exitCode: inSync ? exitCodes.ok : exitCodes.drift,
    data: { inSync, ...planData(found) },
    text: inSync ? inSyncText(found, paint) : planText(found, paint),
  };
};

function planData({ collections, indexes, drift }: SetupPlan): object {
  return {
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

/** A step as data. */
export function stepData(step: PlanStep): object {
  const { expected: _expected, actual: _actual, collectionCollation: _collation, ...rest } = step;
  return rest;
}

function place({ collection, name }: { collection: string; name: string }): object {
  return { collection, index: name };
}

function inSyncText(found: SetupPlan, paint: Paint): string {
  return `${paint("green", "In sync:")} the database is as the models declare.\n${informationText(found, paint)}`;
}

function planText(found: SetupPlan, paint: Paint): string {
  const { collections, indexes } = found;
  const steps = collections.length + indexes.steps.length;
  return [
    `${paint("bold", plural(steps, "step"))} to bring the database in line:`,
    "",
    ...collections.map((step) => collectionText(step, paint)),
    ...indexes.steps.map((step) => stepText(step, paint)),
    "",
    informationText(found, paint) +
      `Carry it out with ${paint("bold", found.collections.length > 0 ? "org-db setup" : "org-db apply")}${needsRun(indexes.steps)}. Plan ${indexes.hash.slice(0, 12)}.`,
    "",
  ].join("\n");
}

function needsRun(steps: readonly PlanStep[]): string {
  return steps.some(({ destructive }) => destructive) ? "; what replaces an index waits for --run" : "";
}

function collectionText({ kind, collection, reason }: CollectionStep, paint: Paint): string {
  const verb = kind === "create" ? "create collection" : "set validator of";
  return `  ${paint("cyan", verb)} ${collection}: ${reason}`;
}

const colourOfRisk = { low: "green", medium: "yellow", high: "red" } as const;

function stepText(step: PlanStep, paint: Paint): string {
  const { kind, collection, index, reason, risk, riskReason, commands, destructive } = step;
  // That a new index is not there yet goes without saying.
  const why = kind === "create" ? "" : `: ${reason}`;
  return [
    "",
    `  ${paint("cyan", verbs[kind])} ${collection}.${index}${destructive ? paint("red", " (replaces it: --run)") : ""}${why}`,
    `      ${paint(colourOfRisk[risk], `${risk} risk`)}: ${riskReason}`,
    ...commands.map((command) => paint("dim", `      ${command}`)),
  ].join("\n");
}

/** What a kind of step does, for people. */
export const verbs: Readonly<Record<PlanStep["kind"], string>> = {
  create: "create index",
  setTtl: "set expiry of",
  setHidden: "set visibility of",
  setPrepareUnique: "set prepareUnique of",
  makeUnique: "make unique",
  rebuild: "rebuild",
  removeTwin: "remove leftover",
};

function informationText({ drift }: SetupPlan, paint: Paint): string {
  const lines = [
    ...drift.building.map(({ collection, name }) => `${collection}.${name} is being built`),
    ...drift.renamed.map(
      ({ expected, actual }) => `${actual.collection}.${actual.name} is declared as ${expected.name}`,
    ),
    ...drift.extra.map(({ collection, name }) => `${collection}.${name} is not declared; it is left alone`),
  ];
  return lines.map((line) => paint("dim", `  note: ${line}\n`)).join("");
}
