// The command to run next, which plan, health and doctor name in the same words.
import type { OptimizerError, PlanStep, SetupPlan } from "@org/db-optimizer";
import { consentsOf, dropPhaseOf } from "@org/db-optimizer/indexes";

import type { SelectionOptions } from "./select-models.js";

/** The parts of a plan that decide. */
type Found = Pick<SetupPlan, "collections" | "faults"> & {
  readonly indexes: Pick<SetupPlan["indexes"], "steps">;
};

/** What the command that planned was given, and the next one is given too. */
export interface Given extends SelectionOptions {
  /** `collection.index` of undeclared indexes that are to go. */
  readonly drop?: readonly string[];
}

/** Commands that bring a database in line. */
export interface Next {
  /** In their order; empty when there is nothing to do. */
  readonly commands: readonly string[];
  /** Models without which setup and apply write something; absent when they do so anyway. */
  readonly without?: readonly string[];
}

/** The commands that bring a database in line. Pure. */
export function nextOf({ collections, indexes, faults }: Found, given: Given): Next {
  const without = modelsOf(faults.filter(isBlocking));
  const selection = { ...given, ignore: [...(given.ignore ?? []), ...without] };
  const dropping = indexes.steps.filter((step) => dropPhaseOf(step) !== undefined);
  const declared = [...collections, ...indexes.steps.filter((step) => dropPhaseOf(step) === undefined)];
  return {
    commands: [
      ...(declared.length > 0 || without.length > 0
        ? [words("setup", selection, [], consent(declared))]
        : []),
      ...(dropping.length > 0 ? [words("apply", selection, given.drop ?? [], consent(dropping))] : []),
    ],
    ...(without.length > 0 && { without }),
  };
}

/** Whether a fault keeps setup and apply from writing anything. */
export function isBlocking({ details }: Pick<OptimizerError, "details">): boolean {
  return details.blocking === true;
}

/** Names of the models at fault, each once. */
export function modelsOf(faults: readonly Pick<OptimizerError, "details">[]): readonly string[] {
  return [
    ...new Set(faults.flatMap(({ details }) => (details.models as readonly string[] | undefined) ?? [])),
  ];
}

// Where nothing would be done without consent, the command asks for it; else it comes first without.
function consent(steps: readonly PlanStep[]): readonly string[] {
  if (steps.length === 0 || !steps.every(({ destructive }) => destructive)) return [];
  const expiriesAlone = steps.every((step) => consentsOf(step).every((one) => one === "allowExpiry"));
  return [expiriesAlone ? "--allow-expiry" : "--run"];
}

function words(
  command: string,
  { only = [], ignore = [] }: SelectionOptions,
  drop: readonly string[],
  flags: readonly string[],
): string {
  const option = (name: string, values: readonly string[]) =>
    values.length > 0 ? [name, ...values.map(shellWord)] : [];
  return [
    "org-db",
    command,
    ...flags,
    ...option("--only", only),
    ...option("--ignore", ignore),
    ...option("--drop", drop),
  ].join(" ");
}

// The collection `odd name` has an index too.
function shellWord(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
