import { isDeepStrictEqual } from "node:util";
import type { Connection } from "mongoose";
import { OptimizerError } from "../errors.js";
import { collectionText, shellText } from "../indexes/command.js";
import { type ActualIndex, inspectIndexes } from "../indexes/inspect.js";
import type { ParsedCleanupRule } from "./rules.js";

/**
 * The index that each rule reads by, by the rule's name: `null` where a scan is allowed or there is no collection.
 *
 * @throws {OptimizerError} `RULE_NEEDS_INDEX`
 */
export async function ruleIndexes(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
  { allowCollectionScan = false }: { readonly allowCollectionScan?: boolean },
): Promise<Map<string, string | null>> {
  const inspected = await inspectIndexes(connection, [...new Set(rules.map(({ collection }) => collection))]);
  const byName = new Map(inspected.map((one) => [one.collection, one]));
  return new Map(
    rules.map((rule) => {
      const actual = byName.get(rule.collection);
      const usable = actual?.indexes.find((index) => serves(index, rule));
      if (!usable && actual?.exists && !allowCollectionScan) throw needsIndex(rule);
      return [rule.name, usable?.name ?? null];
    }),
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

function needsIndex({ name, collection, field }: ParsedCleanupRule): OptimizerError {
  return new OptimizerError(
    "RULE_NEEDS_INDEX",
    `Cleanup rule "${name}" would scan the whole collection ${collection}: no usable index leads with "${field}". ` +
      `Create one: ${collectionText(collection)}.createIndex(${shellText({ [field]: 1 })})`,
    { details: { rule: name, collection, field } },
  );
}
