import { createHash } from "node:crypto";

import type { Collation } from "./collation.js";
import { collectionText, collModText, createIndexText } from "./command.js";
import { type ChangedIndex, type ChangeKind, type DriftReport, twinSuffix } from "./diff.js";
import type { ExpectedIndex } from "./expected.js";
import type { ActualCollection, ActualIndex } from "./inspect.js";
import { type IndexKey, isWildcard } from "./spec.js";

/** What a step does. */
export type StepKind =
  | "create"
  | "setTtl"
  | "setHidden"
  | "setPrepareUnique"
  | "makeUnique"
  | "rebuild"
  | "removeTwin";

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
  /** Replaces an index: runs only on demand. */
  readonly destructive: boolean;
  /** What mongosh would run, line by line. */
  readonly commands: readonly string[];
  readonly expected?: ExpectedIndex;
  readonly actual?: ActualIndex;
  /** Default collation of the collection. */
  readonly collectionCollation: Collation | null;
}

/** What would bring the server in line. No step drops an index that the models do not themselves redefine. */
export interface Plan {
  readonly steps: readonly PlanStep[];
  /** SHA-256 of the steps: equal plans have equal hashes. */
  readonly hash: string;
}

const order: readonly StepKind[] = [
  "create",
  "setHidden",
  "setTtl",
  "setPrepareUnique",
  "makeUnique",
  "rebuild",
  "removeTwin",
];

/**
 * Turns drift into steps, creations first. Pure; building, renamed and undeclared indexes give no step.
 *
 * @param collections as inspected, for their default collations
 */
export function planIndexes(drift: DriftReport, collections: readonly ActualCollection[] = []): Plan {
  const collations = new Map(collections.map(({ collection, collation }) => [collection, collation]));
  const steps = [
    ...drift.missing.map((index) => createStep(index, collations.get(index.collection) ?? null)),
    ...drift.changed.flatMap((change) =>
      changeSteps(change, collations.get(change.expected.collection) ?? null),
    ),
    ...drift.leftovers.map(removeTwinStep),
  ].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return { steps, hash: planHash(steps) };
}

function planHash(steps: readonly PlanStep[]): string {
  const text = JSON.stringify(steps.map(({ kind, collection, commands }) => [kind, collection, commands]));
  return createHash("sha256").update(text).digest("hex");
}

function createStep(expected: ExpectedIndex, collectionCollation: Collation | null): PlanStep {
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
    commands: [createIndexText(expected, collectionCollation)],
    expected,
    collectionCollation,
  };
}

function expiryRisk({ expireAfterSeconds, keys }: ExpectedIndex): string {
  return `the server deletes documents whose ${keys[0]?.field} is over ${expireAfterSeconds} s old`;
}

function changeSteps(change: ChangedIndex, collectionCollation: Collation | null): PlanStep[] {
  const { expected, actual } = change;
  const base = { collection: actual.collection, index: actual.name, expected, actual, collectionCollation };
  const reason = `differs in ${change.differences
    .map(({ option, expected: wanted, actual: present }) => `${option} (${present} instead of ${wanted})`)
    .join(", ")}`;
  return change.how.map((kind) => ({
    ...base,
    reason,
    ...details[kind](expected, actual, collectionCollation),
  }));
}

type StepDetails = Pick<PlanStep, "kind" | "risk" | "riskReason" | "reversible" | "destructive" | "commands">;

const details: Readonly<
  Record<
    ChangeKind,
    (expected: ExpectedIndex, actual: ActualIndex, collation: Collation | null) => StepDetails
  >
> = {
  ttl: ttlStep,
  hidden: hiddenStep,
  prepareUnique: prepareStep,
  unique: uniqueStep,
  rebuild: rebuildStep,
};

function ttlStep(expected: ExpectedIndex, actual: ActualIndex): StepDetails {
  const { expireAfterSeconds = 0 } = expected;
  const sooner = expireAfterSeconds < (actual.expireAfterSeconds ?? Number.POSITIVE_INFINITY);
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
    kind: "setHidden",
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

function rebuildStep(
  expected: ExpectedIndex,
  actual: ActualIndex,
  collectionCollation: Collation | null,
): StepDetails {
  const twin = twinOf(expected);
  const collection = collectionText(expected.collection);
  const drop = (name: string) => `${collection}.dropIndex(${JSON.stringify(name)})`;
  const loosens = actual.unique && !expected.unique;
  return {
    kind: "rebuild",
    risk: loosens || !twin ? "high" : "medium",
    riskReason: twin
      ? `builds it twice; a twin serves meanwhile${loosens ? "; duplicates are accepted afterwards" : ""}`
      : "an index of this kind cannot have a twin: nothing serves until it is built",
    reversible: false,
    destructive: true,
    commands: [
      ...(twin ? [createIndexText(twin, collectionCollation)] : []),
      drop(actual.name),
      createIndexText(expected, collectionCollation),
      ...(twin ? [drop(twin.name)] : []),
    ],
  };
}

function removeTwinStep(twin: ActualIndex): PlanStep {
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

/**
 * An index that does all that the given one does, and that the server takes for another: the same keys in the opposite
 * direction, which is the same order read backwards. Keys without a direction get `_id` behind them. There is none for
 * text and wildcard indexes.
 */
export function twinOf(index: ExpectedIndex): ExpectedIndex | undefined {
  const kinds = index.keys.map(({ kind }) => kind);
  if (isWildcard(index.keys) || kinds.includes("text")) return undefined;
  const name = `${index.name}${twinSuffix}`;
  const mirrored = index.keys.map(mirror);
  if (mirrored.some((key, position) => key !== index.keys[position]))
    return { ...index, name, keys: mirrored };
  const { expireAfterSeconds: _expiry, ...rest } = index;
  return { ...rest, name, unique: false, keys: [...index.keys, { field: "_id", kind: 1 }] };
}

function mirror(key: IndexKey): IndexKey {
  if (key.kind === 1) return { ...key, kind: -1 };
  return key.kind === -1 ? { ...key, kind: 1 } : key;
}
