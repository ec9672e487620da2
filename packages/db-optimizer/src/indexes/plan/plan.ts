// The plan: the steps that make the server as declared, in the order in which they are safe.
import { createHash } from "node:crypto";
import type { ActualCollection } from "../inspect.js";
import { keysText } from "../spec.js";
import type { IndexedSize } from "../steps/estimate.js";
import type { StepBasis } from "../steps/kind.js";
import { create } from "../steps/kinds/create.js";
import { removeTwin } from "../steps/kinds/remove-twin.js";
import { type IndexStep, indexKinds } from "../steps/steps.js";
import type { ChangedIndex, DriftReport } from "./diff.js";
import { type DropInput, dropSteps } from "./plan-drops.js";

/** Steps that make the server as declared. No step drops an index unless the caller asked for that very index. */
export interface Plan {
  readonly steps: readonly IndexStep[];
  /** SHA-256 of the steps: equal plans have equal hashes. */
  readonly hash: string;
}

/** Input of a plan besides the drift. */
export interface PlanInput extends DropInput {
  /** Sizes by collection, for estimates: see {@link inspectSizes}. */
  readonly sizes?: ReadonlyMap<string, IndexedSize> | undefined;
}

const order = Object.keys(indexKinds);

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
    ...drift.missing.map((index) => create.describe(index, basisOf(index.collection))),
    ...drift.changed.flatMap((change) => changeSteps(change, basisOf(change.expected.collection))),
    ...drift.leftovers.map((twin) => removeTwin.describe(twin)),
    ...dropSteps(drift, collections, input),
  ]);
}

function changeSteps({ expected, actual, how, differences }: ChangedIndex, basis: StepBasis): IndexStep[] {
  const reason = `differs in ${differences
    .map(({ option, expected: wanted, actual: present }) => `${option} (${present} instead of ${wanted})`)
    .join(", ")}`;
  return how.map((kind) => indexKinds[kind].describe({ expected, actual, reason }, basis));
}

/** Steps in the order in which they are safe, with their hash. Pure. */
export function planOf(steps: readonly IndexStep[]): Plan {
  const sorted = [...steps].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return { steps: sorted, hash: planHash(sorted) };
}

// Estimates and reasons change while the plan stays the same.
function planHash(steps: readonly IndexStep[]): string {
  const text = JSON.stringify(steps.map(({ kind, collection, commands }) => [kind, collection, commands]));
  return createHash("sha256").update(text).digest("hex");
}
