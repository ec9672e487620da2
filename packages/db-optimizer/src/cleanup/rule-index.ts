// The index that each rule reads by.

import { isDeepStrictEqual } from "node:util";
import type { Connection } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import { isWithin } from "../core/paths.js";
import { collectionText, shellText } from "../indexes/command.js";
import { type ActualCollection, type ActualIndex, inspectIndexes } from "../indexes/inspect.js";
import type { ParsedCleanupRule } from "./rules.js";

/**
 * The index that each rule reads by, by the rule's name: `null` where a scan is allowed or there is no collection.
 *
 * @throws {OptimizerError} `RULE_NEEDS_INDEX` with every rule that lacks one; `INVALID_RULE` for rules on views and time
 * series, and for an anonymisation that a unique index would refuse from the second document on
 */
export async function ruleIndexes(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
  { allowCollectionScan = false }: { readonly allowCollectionScan?: boolean },
): Promise<Map<string, string | null>> {
  const inspected = await inspectIndexes(connection, [...new Set(rules.map(({ collection }) => collection))]);
  const byName = new Map(inspected.map((one) => [one.collection, one]));
  const found = rules.map((rule) => {
    const actual = byName.get(rule.collection);
    const usable = actual?.indexes.find((index) => serves(index, rule));
    const lacking = !usable && actual?.exists === true && !allowCollectionScan;
    return { rule, actual, usable: usable?.name ?? null, lacking };
  });
  const misplaced = found.flatMap(({ rule, actual }) => {
    const problem = actual && placeProblem(actual);
    return problem === undefined ? [] : [{ rule, problem }];
  });
  if (misplaced.length > 0) throw onOtherPlace(misplaced);
  const lacking = found.filter((one) => one.lacking).map(({ rule }) => rule);
  if (lacking.length > 0) throw needsIndex(lacking);
  for (const { rule, actual } of found) assertDistinct(rule, actual?.indexes ?? []);
  return new Map(found.map(({ rule, usable }) => [rule.name, usable]));
}

// All of them would get the same values, or none: a unique index holds one such document.
function assertDistinct({ name, action }: ParsedCleanupRule, indexes: readonly ActualIndex[]): void {
  if (typeof action === "string" || !("anonymise" in action)) return;
  const { set, unset } = action.anonymise;
  const covers = (paths: readonly string[], field: string) => paths.some((path) => isWithin(field, path));
  const refusing = indexes.find(
    ({ keys, unique, sparse, partialFilterExpression }) =>
      unique &&
      !partialFilterExpression &&
      keys.every(({ field }) => covers(Object.keys(set), field) || covers(unset, field)) &&
      !(sparse && keys.every(({ field }) => covers(unset, field))),
  );
  if (!refusing) return;
  throw new OptimizerError(
    "INVALID_RULE",
    `Cleanup rule "${name}" would give every document the same value in the unique index ${refusing.name}, which refuses ` +
      "the second: leave its fields out of the rule, or make the index sparse or partial",
    { details: { rule: name, index: refusing.name } },
  );
}

// A sparse index holds every document that has the date, which are all that a rule can match; a partial one does if
// the rule asks for the same.
function serves(index: ActualIndex, { field, where }: ParsedCleanupRule): boolean {
  const [first] = index.keys;
  const ordered = first?.kind === 1 || first?.kind === -1;
  const partial = index.partialFilterExpression;
  const whole = !partial || isDeepStrictEqual(partial, where);
  return ordered && first.field === field && !index.hidden && !index.building && whole;
}

/**
 * Why documents cannot be removed or changed by their `_id`, and how else.
 *
 * @see https://www.mongodb.com/docs/manual/core/timeseries/timeseries-limitations/
 */
function placeProblem({ type }: ActualCollection): string | undefined {
  if (type === "view") return "a view: name the collection that the view reads";
  // Before 7.0 a delete may name the meta field only; since then as well, an _id may be missing or stand twice.
  if (type === "timeseries")
    return "a time series, whose documents have no unique _id: let them expire, by expireAfterSeconds in the options of its schema";
  return undefined;
}

function onOtherPlace(
  misplaced: readonly { readonly rule: ParsedCleanupRule; readonly problem: string }[],
): OptimizerError {
  const lines = misplaced.map(
    ({ rule: { name, collection }, problem }) =>
      `Cleanup rule "${name}" is on ${collection}, which is ${problem}`,
  );
  const refused = misplaced.map(({ rule: { name, collection } }) => ({ rule: name, collection }));
  return new OptimizerError("INVALID_RULE", lines.join("\n"), { details: { ...refused[0], rules: refused } });
}

function needsIndex(rules: readonly ParsedCleanupRule[]): OptimizerError {
  const lines = rules.map(
    ({ name, collection, field }) =>
      `Cleanup rule "${name}" would scan the whole collection ${collection}: no usable index leads with "${field}". ` +
      `Create one: ${collectionText(collection)}.createIndex(${shellText({ [field]: 1 })})`,
  );
  const lacking = rules.map(({ name, collection, field }) => ({ rule: name, collection, field }));
  return new OptimizerError("RULE_NEEDS_INDEX", lines.join("\n"), {
    details: { ...lacking[0], rules: lacking },
  });
}
