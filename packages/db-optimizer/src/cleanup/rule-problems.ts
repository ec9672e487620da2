// Contradictions within a rule and between rules.
import { isWithin } from "../core/paths.js";
import type { ParsedCleanupRule } from "./rules.js";

/** Problems that span several fields or rules: contradictions within a rule or between rules. Pure. */
export function ruleProblems(rules: readonly ParsedCleanupRule[]): string[] {
  const names = rules.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return [
    ...(twice === undefined ? [] : [`Two cleanup rules are named "${twice}"`]),
    ...rules.flatMap((rule) => [...ownProblems(rule)].map((problem) => `Rule "${rule.name}": ${problem}`)),
    ...sharedArchives(rules),
  ];
}

function* ownProblems(rule: ParsedCleanupRule): Iterable<string> {
  // The driver would send it as null, or leave it out: then the condition would match more than it says.
  if (hasUndefined(rule.where)) yield "where holds a value that is undefined";
  const { action } = rule;
  if (typeof action === "string") return;
  if ("archiveToCollection" in action && action.archiveToCollection === rule.collection)
    yield "it would archive a collection into itself";
  if ("anonymise" in action) yield* anonymiseProblems(rule, action.anonymise);
}

function* anonymiseProblems(
  { field }: ParsedCleanupRule,
  { set, unset, mark }: { set: Record<string, unknown>; unset: readonly string[]; mark: string },
): Iterable<string> {
  const paths = [...Object.keys(set), ...unset];
  if (paths.length === 0) yield "anonymise names no field";
  if (hasUndefined(set)) yield "set holds a value that is undefined";
  const odd = paths.find((path) => path.startsWith("$") || path.split(".").includes(""));
  if (odd !== undefined) yield `"${odd}" is not a field`;
  // The date says when it is due, the mark that it is done: changed, the rule would name other documents.
  const fixed = ["_id", field, mark];
  for (const [at, path] of [...paths, ...fixed].entries()) {
    const clash = [...paths, ...fixed].slice(at + 1).find((other) => overlap(path, other));
    if (clash !== undefined && at < paths.length) yield `"${path}" and "${clash}" cannot both be changed`;
  }
}

function overlap(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}

// One archive of two collections could hold two documents of one _id.
function sharedArchives(rules: readonly ParsedCleanupRule[]): string[] {
  const sources = new Map<string, string>();
  return rules.flatMap(({ name, action, collection }) => {
    if (typeof action === "string" || "anonymise" in action) return [];
    const target = "archiveToFile" in action ? `file ${action.archiveToFile}` : action.archiveToCollection;
    const before = sources.get(target) ?? collection;
    sources.set(target, before);
    return before === collection ? [] : [`Rule "${name}": ${target} is the archive of ${before} already`];
  });
}

function hasUndefined(value: unknown): boolean {
  if (value === undefined || value === null || typeof value !== "object") return false;
  return Object.values(value).some((inner) => inner === undefined || hasUndefined(inner));
}
