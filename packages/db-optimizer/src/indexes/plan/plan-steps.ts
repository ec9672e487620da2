import type { Collation } from "../collation.js";
import { collectionText, collModText, createIndexText } from "../command.js";
import type { ExpectedIndex } from "../declared.js";
import type { ActualIndex } from "../inspect.js";
import { keysText } from "../spec.js";
import { twinOf } from "../twin.js";
import type { ChangedIndex, ChangeKind } from "./diff.js";
import { type BuildEstimate, estimateBuild, type IndexedSize } from "./estimate.js";
import type { PlanStep } from "./plan-step.js";

/** What the steps on one collection are planned with. */
export interface StepBasis {
  readonly collation: Collation | null;
  readonly size?: IndexedSize | undefined;
  /** Keys of the shard key, as text. */
  readonly shardKey?: string | undefined;
}

export function createStep(expected: ExpectedIndex, basis: StepBasis): PlanStep {
  const ttl = expected.expireAfterSeconds !== undefined;
  return {
    kind: "create",
    collection: expected.collection,
    index: expected.name,
    reason: `declared by ${expected.models.join(", ")}, not on the server`,
    risk: ttl ? "high" : expected.unique ? "medium" : "low",
    riskReason: ttl
      ? expiryRisk(expected)
      : expected.unique
        ? "fails if values are duplicated; from then on duplicates are refused"
        : "reads the whole collection once",
    reversible: !ttl,
    destructive: false,
    commands: [createIndexText(expected, basis.collation)],
    expected,
    collectionCollation: basis.collation,
    ...estimated(basis, (size) => estimateBuild(expected, size)),
  };
}

function estimated(
  { size }: StepBasis,
  estimate: (size: IndexedSize) => BuildEstimate,
): Pick<PlanStep, "estimate"> {
  return size ? { estimate: estimate(size) } : {};
}

function expiryRisk({ expireAfterSeconds, keys }: ExpectedIndex): string {
  return `the server deletes documents whose ${keys[0]?.field} is over ${expireAfterSeconds} s old`;
}

export function changeSteps(change: ChangedIndex, basis: StepBasis): PlanStep[] {
  const { expected, actual } = change;
  const base = {
    collection: actual.collection,
    index: actual.name,
    expected,
    actual,
    collectionCollation: basis.collation,
  };
  const reason = `differs in ${change.differences
    .map(({ option, expected: wanted, actual: present }) => `${option} (${present} instead of ${wanted})`)
    .join(", ")}`;
  return change.how.map((kind) => ({ ...base, reason, ...details[kind](expected, actual, basis) }));
}

type StepDetails = Pick<
  PlanStep,
  "kind" | "risk" | "riskReason" | "reversible" | "destructive" | "commands" | "estimate"
>;

const details: Readonly<
  Record<ChangeKind, (expected: ExpectedIndex, actual: ActualIndex, basis: StepBasis) => StepDetails>
> = {
  ttl: ttlStep,
  hidden: hiddenStep,
  prepareUnique: prepareStep,
  unique: uniqueStep,
  rebuild: rebuildStep,
};

function ttlStep(expected: ExpectedIndex, actual: ActualIndex): StepDetails {
  const { expireAfterSeconds = 0 } = expected;
  // What the server holds for an expiry and is no number may stand for any.
  const sooner = !(expireAfterSeconds >= (actual.expireAfterSeconds ?? Number.POSITIVE_INFINITY));
  return {
    kind: "setTtl",
    risk: sooner ? "high" : "low",
    riskReason: sooner ? expiryRisk(expected) : "documents stay longer than before",
    reversible: !sooner,
    destructive: false,
    commands: [collModText(actual.collection, { name: actual.name, expireAfterSeconds })],
  };
}

function hiddenStep(expected: ExpectedIndex, actual: ActualIndex): StepDetails {
  return {
    kind: expected.hidden ? "hide" : "unhide",
    risk: expected.hidden ? "medium" : "low",
    riskReason: expected.hidden ? "queries stop using it" : "queries may use it again",
    reversible: true,
    destructive: false,
    commands: [collModText(actual.collection, { name: actual.name, hidden: expected.hidden })],
  };
}

function prepareStep(expected: ExpectedIndex, actual: ActualIndex): StepDetails {
  const { prepareUnique } = expected;
  return {
    kind: "setPrepareUnique",
    risk: prepareUnique ? "medium" : "low",
    riskReason: prepareUnique ? "new duplicates are refused" : "duplicates are accepted again",
    reversible: true,
    destructive: false,
    commands: [collModText(actual.collection, { name: actual.name, prepareUnique })],
  };
}

function uniqueStep(_expected: ExpectedIndex, { collection, name }: ActualIndex): StepDetails {
  return {
    kind: "makeUnique",
    risk: "medium",
    riskReason: "refused, and undone, if values are duplicated; from then on duplicates are refused",
    reversible: false,
    destructive: false,
    commands: [
      collModText(collection, { name, prepareUnique: true }),
      `db.runCommand({ collMod: ${JSON.stringify(collection)}, index: { name: ${JSON.stringify(name)}, unique: true }, dryRun: true })`,
      collModText(collection, { name, unique: true }),
    ],
  };
}

function rebuildStep(expected: ExpectedIndex, actual: ActualIndex, basis: StepBasis): StepDetails {
  const twin = twinOf(expected);
  const collection = collectionText(expected.collection);
  const drop = (name: string) => `${collection}.dropIndex(${JSON.stringify(name)})`;
  const loosens = actual.unique && !expected.unique;
  const sharded = basis.shardKey !== undefined && basis.shardKey === keysText(actual);
  return {
    kind: "rebuild",
    risk: loosens || sharded || !twin ? "high" : "medium",
    riskReason: rebuildRisk({ twin: twin !== undefined, loosens, sharded }),
    reversible: false,
    destructive: true,
    commands: [
      ...(twin ? [createIndexText(twin, basis.collation)] : []),
      drop(actual.name),
      createIndexText(expected, basis.collation),
      ...(twin ? [drop(twin.name)] : []),
    ],
    ...estimated(basis, (size) => twice(estimateBuild(expected, size, actual.name), twin !== undefined)),
  };
}

function rebuildRisk({
  twin,
  loosens,
  sharded,
}: {
  twin: boolean;
  loosens: boolean;
  sharded: boolean;
}): string {
  const gap = twin
    ? "builds it twice; a twin serves meanwhile"
    : "an index of this kind cannot have a twin: nothing serves until it is built";
  return [
    gap,
    ...(loosens ? ["duplicates are accepted afterwards"] : []),
    ...(sharded
      ? ["the server refuses to drop the only index of the shard key: build a longer one first"]
      : []),
  ].join("; ");
}

// The twin is read, sorted and stored beside the index that it stands in for.
function twice(estimate: BuildEstimate, twin: boolean): BuildEstimate {
  const { documents, bytes, buildMs } = estimate;
  return twin ? { documents: documents * 2, bytes: bytes * 2, buildMs: buildMs * 2 } : estimate;
}

export function removeTwinStep(twin: ActualIndex): PlanStep {
  return {
    kind: "removeTwin",
    collection: twin.collection,
    index: twin.name,
    reason: "left behind by a rebuild that was cut short",
    risk: "low",
    riskReason: "the index that it stood in for is looked for first",
    reversible: true,
    destructive: false,
    commands: [`${collectionText(twin.collection)}.dropIndex(${JSON.stringify(twin.name)})`],
    actual: twin,
    collectionCollation: null,
  };
}
