import { createHash } from "node:crypto";

import type { Collation } from "./collation.js";
import type { ExpectedIndex } from "./declared.js";
import type { DriftReport } from "./diff.js";
import type { BuildEstimate, IndexedSize } from "./estimate.js";
import type { Expiring } from "./expiry.js";
import type { ActualCollection, ActualIndex } from "./inspect.js";
import { type DropInput, dropSteps } from "./plan-drops.js";
import { changeSteps, createStep, removeTwinStep, type StepBasis } from "./plan-steps.js";
import { keysText } from "./spec.js";

/** What a step does. */
export type StepKind =
  | "create"
  | "unhide"
  | "hide"
  | "setTtl"
  | "setPrepareUnique"
  | "makeUnique"
  | "rebuild"
  | "removeTwin"
  /** Hides an undeclared index and begins to observe who misses it. */
  | "startDrop"
  /** Drops an index that was hidden for long enough, or unhides one that is missed. */
  | "finishDrop"
  /** Of a rollback: drops an index that the run had made. */
  | "undoCreate";

/** How much can go wrong for those who use the database meanwhile. */
export type Risk = "low" | "medium" | "high";

/** One thing to do, with everything that a person needs for a decision. */
export interface PlanStep {
  readonly kind: StepKind;
  readonly collection: string;
  /** Name of the index as it is now, or will be. */
  readonly index: string;
  readonly reason: string;
  readonly risk: Risk;
  /** What the risk is. */
  readonly riskReason: string;
  /** Whether the former state can be had back without building an index or losing data. */
  readonly reversible: boolean;
  /** Replaces or drops an index, or deletes documents at once: runs only on demand. */
  readonly destructive: boolean;
  /** What mongosh would run, line by line. */
  readonly commands: readonly string[];
  readonly expected?: ExpectedIndex;
  readonly actual?: ActualIndex;
  /** Default collation of the collection. */
  readonly collectionCollation: Collation | null;
  /** What a build will cost, where the size of the collection is known. */
  readonly estimate?: BuildEstimate;
  /** Of a step that starts or shortens an expiry: what it deletes at once. */
  readonly expiring?: Expiring;
}

/** What would bring the server in line. No step drops an index unless somebody asked for that very index. */
export interface Plan {
  readonly steps: readonly PlanStep[];
  /** SHA-256 of the steps: equal plans have equal hashes. */
  readonly hash: string;
}

/** What a plan takes beyond the drift. */
export interface PlanInput extends DropInput {
  /** Sizes by collection, for estimates: see {@link inspectSizes}. */
  readonly sizes?: ReadonlyMap<string, IndexedSize> | undefined;
}

const order: readonly StepKind[] = [
  "create",
  "unhide",
  "hide",
  "setTtl",
  "setPrepareUnique",
  "makeUnique",
  "rebuild",
  "removeTwin",
  "startDrop",
  "finishDrop",
  "undoCreate",
];

/**
 * Turns drift into steps, creations first. Pure; building, renamed and undeclared indexes give no step, unless `drop`
 * names an undeclared one or an observation is open.
 *
 * @param collections as inspected, for their default collations
 * @throws {OptimizerError} `INVALID_OPTIONS` when `drop` names what must not be dropped
 */
export function planIndexes(
  drift: DriftReport,
  collections: readonly ActualCollection[] = [],
  input: PlanInput = {},
): Plan {
  const collations = new Map(collections.map(({ collection, collation }) => [collection, collation]));
  const basisOf = (collection: string): StepBasis => {
    const shardKey = input.shardKeys?.get(collection);
    return {
      collation: collations.get(collection) ?? null,
      size: input.sizes?.get(collection),
      ...(shardKey && { shardKey: keysText({ keys: shardKey }) }),
    };
  };
  return planOf([
    ...drift.missing.map((index) => createStep(index, basisOf(index.collection))),
    ...drift.changed.flatMap((change) => changeSteps(change, basisOf(change.expected.collection))),
    ...drift.leftovers.map(removeTwinStep),
    ...dropSteps(drift, collections, input),
  ]);
}

/** Steps in the order in which they are safe, with their hash. Pure. */
export function planOf(steps: readonly PlanStep[]): Plan {
  const sorted = [...steps].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return { steps: sorted, hash: planHash(sorted) };
}

// Estimates and reasons change while the plan stays the same.
function planHash(steps: readonly PlanStep[]): string {
  const text = JSON.stringify(steps.map(({ kind, collection, commands }) => [kind, collection, commands]));
  return createHash("sha256").update(text).digest("hex");
}
