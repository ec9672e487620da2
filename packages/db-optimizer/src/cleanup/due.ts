// Rules at a moment, and what the database has for them. Reads only.
import type { Connection } from "mongoose";
import type { Document } from "../core/model.js";
import { type CollectionSize, collectionSize } from "../core/server/collection-size.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { ownWork } from "../core/server/own-work.js";
import { isTransient, withRetries } from "../core/server/transient.js";
import type { RuleReport } from "./report.js";
import { type ParsedCleanupRule, ruleFilter } from "./rules.js";

/** A rule at its moment, with the index that it reads by. */
export interface DueRule {
  readonly rule: ParsedCleanupRule;
  readonly filter: Document;
  readonly index: string | null;
}

/** With how many documents it names. */
export interface Counted extends DueRule {
  readonly matched: number;
}

/** A rule at a moment. Pure. */
export function dueRule(
  rule: ParsedCleanupRule,
  indexes: ReadonlyMap<string, string | null>,
  now: Date,
): DueRule {
  return { rule, filter: ruleFilter(rule, now), index: indexes.get(rule.name) ?? null };
}

/** How many documents a rule names. */
export async function countOf(connection: Connection, due: DueRule, signal?: AbortSignal): Promise<number> {
  const collection = databaseOf(connection).collection(due.rule.collection, primary);
  const hint = due.index ? { hint: due.index } : {};
  return withRetries(() => collection.countDocuments(due.filter, hint), signal);
}

/** How many documents a rule never reaches. A text that looks like a date never expires, which nobody notices by what is deleted. */
export async function undated(
  connection: Connection,
  { rule }: DueRule,
): Promise<Pick<RuleReport, "withoutDate">> {
  const { collection, field, where = {} } = rule;
  const other = { [field]: { $exists: true, $ne: null, $not: { $type: "date" } } };
  try {
    const options = { maxTimeMS: 10_000, ...ownWork };
    const found = await databaseOf(connection)
      .collection(collection, primary)
      .countDocuments({ $and: [other, where as Document] }, options);
    return found > 0 ? { withoutDate: found } : {};
  } catch (error) {
    if (isTransient(error)) throw error;
    return {};
  }
}

/** Sizes of the collections that the rules work on. */
export async function sizesOf(
  connection: Connection,
  rules: readonly DueRule[],
  signal?: AbortSignal,
): Promise<Map<string, CollectionSize>> {
  const found = new Map<string, CollectionSize>();
  for (const { collection } of rules.map(({ rule }) => rule)) {
    if (found.has(collection)) continue;
    found.set(
      collection,
      await withRetries(() => collectionSize(databaseOf(connection), collection), signal),
    );
  }
  return found;
}
