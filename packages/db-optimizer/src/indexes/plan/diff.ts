// Drift: what the models declare, compared with what the server has.
import { optionText } from "../command.js";
import { type ExpectedIndex, serverIdentity } from "../declared.js";
import type { ActualCollection, ActualIndex } from "../inspect.js";
import { type IndexOption, type IndexSpec, keysText, optionTexts, resolveCollation } from "../spec.js";
import type { ToDeclared } from "../steps/kind.js";
import { type IndexStep, indexKindOf, indexKinds } from "../steps/steps.js";
import { twinSuffix } from "../steps/twin.js";

/** The kinds of steps that make a changed index as declared: in place, or (`rebuild`) by building it again. */
export type ChangeKind = Extract<IndexStep, ToDeclared<string>>["kind"];

/** One option that differs, as people write it. */
export interface IndexDifference {
  readonly option: IndexOption;
  readonly expected: string;
  readonly actual: string;
}

/** An index that exists, but not as declared. */
export interface ChangedIndex {
  readonly expected: ExpectedIndex;
  readonly actual: ActualIndex;
  readonly how: readonly ChangeKind[];
  readonly differences: readonly IndexDifference[];
}

/** Differences between the models' declarations and the server. Pure data. */
export interface DriftReport {
  /** Nothing is missing and nothing changed. */
  readonly inSync: boolean;
  readonly missing: readonly ExpectedIndex[];
  readonly changed: readonly ChangedIndex[];
  /** Declared, and under construction: neither missing nor usable. */
  readonly building: readonly ExpectedIndex[];
  /** Equal, under another name; told because hints name indexes. */
  readonly renamed: readonly { readonly expected: ExpectedIndex; readonly actual: ActualIndex }[];
  /** On the server and not declared: information, never a reason to act. */
  readonly extra: readonly ActualIndex[];
  /** Left behind by a rebuild of ours that was cut short. */
  readonly leftovers: readonly ActualIndex[];
  /** Collections of the models that do not exist yet. */
  readonly missingCollections: readonly string[];
}

/**
 * Holds declared indexes against those of the server. Pure.
 *
 * @param expected from {@link expectedIndexes}
 * @param actual from {@link inspectIndexes}, for at least the collections of the expected ones
 * @param contested indexes that models declare in contradictory ways: what may be one of them is not undeclared
 */
export function diffIndexes(
  expected: readonly ExpectedIndex[],
  actual: readonly ActualCollection[],
  contested: readonly IndexSpec[] = [],
): DriftReport {
  const report: Draft = {
    missing: [],
    changed: [],
    building: [],
    renamed: [],
    extra: [],
    leftovers: [],
    missingCollections: actual.filter(({ exists }) => !exists).map(({ collection }) => collection),
  };
  const known = new Set(actual.map(({ collection }) => collection));
  report.missing.push(...expected.filter(({ collection }) => !known.has(collection)));
  for (const collection of actual) diffCollection(expected, collection, report);
  const extra = report.extra.filter((index) => !contested.some((declared) => mayBe(index, declared)));
  return { inSync: report.missing.length === 0 && report.changed.length === 0, ...report, extra };
}

function mayBe(index: IndexSpec, declared: IndexSpec): boolean {
  if (index.collection !== declared.collection) return false;
  return index.name === declared.name || keysText(index) === keysText(declared);
}

type Findings = Omit<DriftReport, "inSync">;
type Draft = { [K in keyof Findings]: Findings[K][number][] };

function diffCollection(
  all: readonly ExpectedIndex[],
  { collection, collation, indexes }: ActualCollection,
  report: Draft,
): void {
  const expected = all
    .filter((index) => index.collection === collection)
    .map((index) => resolveCollation(index, collation));
  const leftovers = indexes.filter(({ name }) => name.endsWith(twinSuffix));
  const candidates = indexes.filter(({ name }) => !name.endsWith(twinSuffix));
  const pairs = match(expected, candidates);
  for (const index of expected) {
    const found = pairs.get(index);
    if (!found) report.missing.push(index);
    else classify(index, found, report);
  }
  const matched = new Set(pairs.values());
  report.leftovers.push(...leftovers);
  report.extra.push(...candidates.filter((index) => !index.serverMade && !matched.has(index)));
}

function classify(expected: ExpectedIndex, actual: ActualIndex, report: Draft): void {
  const differences = differencesOf(expected, actual);
  if (differences.length > 0) {
    report.changed.push({ expected, actual, differences, how: kindsOf(expected, actual, differences) });
    return;
  }
  if (actual.building) report.building.push(expected);
  if (expected.name !== actual.name) report.renamed.push({ expected, actual });
}

// The closest relation is looked for first over all, so that no index is taken from the one it fits better.
function match(
  expected: readonly ExpectedIndex[],
  actual: readonly ActualIndex[],
): Map<ExpectedIndex, ActualIndex> {
  const pairs = new Map<ExpectedIndex, ActualIndex>();
  const free = new Set(actual);
  const relations: ((a: ExpectedIndex, b: ActualIndex) => boolean)[] = [
    (a, b) => a.name === b.name && differencesOf(a, b).length === 0,
    (a, b) => differencesOf(a, b).length === 0,
    (a, b) => a.name === b.name,
    (a, b) => serverIdentity(a) === serverIdentity(b),
    (a, b) => !kindsOf(a, b, differencesOf(a, b)).includes("rebuild"),
  ];
  for (const related of relations) {
    for (const index of expected) {
      if (pairs.has(index)) continue;
      const found = [...free].find((candidate) => related(index, candidate));
      if (!found) continue;
      pairs.set(index, found);
      free.delete(found);
    }
  }
  return pairs;
}

function differencesOf(expected: ExpectedIndex, actual: ActualIndex): IndexDifference[] {
  const [wanted, present] = [optionTexts(expected), optionTexts(actual)];
  return (
    (Object.keys(wanted) as IndexOption[])
      .filter((option) => wanted[option] !== present[option])
      // A conversion to unique passes through prepareUnique, and a unique index has no use for it.
      .filter((option) => !(option === "prepareUnique" && expected.unique))
      .map((option) => ({
        option,
        expected: optionText(expected, option),
        actual: optionText(actual, option),
      }))
  );
}

function kindsOf(
  expected: ExpectedIndex,
  actual: ActualIndex,
  differences: readonly IndexDifference[],
): ChangeKind[] {
  const kinds = differences.map(({ option }) => kindOf(option, expected, actual));
  return kinds.includes("rebuild") ? ["rebuild"] : kinds;
}

// An option that no kind changes in place needs a rebuild.
function kindOf(option: IndexOption, expected: ExpectedIndex, actual: ActualIndex): ChangeKind {
  const kinds = Object.keys(indexKinds) as IndexStep["kind"][];
  const found = kinds.find((kind) => indexKindOf({ kind }).corrects?.(option, expected, actual));
  return (found as ChangeKind | undefined) ?? "rebuild";
}
