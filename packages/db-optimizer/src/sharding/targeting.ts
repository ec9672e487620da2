// The shards that a query asks by a shard key.
import { isPattern } from "../core/bson/exact.js";
import type { Document } from "../core/model.js";
import type { NamedQuery } from "../core/named-query.js";
import type { IndexKey } from "../indexes/spec.js";

/** Where a router sends a query: to one shard, to those that hold a range of the key, or to all. */
export type Target = "one_shard" | "some_shards" | "all_shards";

/** How a filter narrows a field down. */
type Constraint = "point" | "points" | "range";
type Constraints = ReadonlyMap<string, Constraint>;

const order: readonly Target[] = ["one_shard", "some_shards", "all_shards"];
const ranges = ["$gt", "$gte", "$lt", "$lte"];

/**
 * Where a query goes in a collection sharded by a key. Pure. A router targets by equality on the whole key (one shard), by
 * equality or a range on its first fields (some shards), and otherwise asks every shard.
 *
 * @param collated - whether the collection compares text otherwise than by bytes: a query without a collation then does too.
 */
export function targetOf(
  query: Pick<NamedQuery, "filter" | "collation">,
  key: readonly IndexKey[],
  collated = false,
): Target {
  // Equal under a collation is not equal in the key, which compares bytes.
  const byBytes = query.collation ? query.collation.locale === "simple" : !collated;
  return targetOfFilter(query.filter, new Map(), key, byBytes);
}

function targetOfFilter(
  filter: Document,
  outer: Constraints,
  key: readonly IndexKey[],
  byBytes: boolean,
): Target {
  const constraints = new Map(outer);
  const branches: Document[][] = [];
  const visit = (part: Document) => {
    for (const [field, condition] of Object.entries(part)) {
      if (field === "$and" && Array.isArray(condition)) for (const item of condition) visit(item as Document);
      else if (field === "$or" && Array.isArray(condition)) branches.push(condition as Document[]);
      else if (field === "$expr") narrowByExpression(constraints, condition, byBytes);
      else if (!field.startsWith("$")) narrow(constraints, field, condition, byBytes);
    }
  };
  visit(filter);
  const alone = targetOfConstraints(constraints, key);
  // Each alternative is asked for on its own, so the widest decides; several alternatives are several points.
  const wide = branches.map((of) =>
    widest([...of.map((branch) => targetOfFilter(branch, constraints, key, byBytes)), several(of)]),
  );
  return narrowest([alone, ...wide]);
}

function several(branches: readonly Document[]): Target {
  return branches.length > 1 ? "some_shards" : "one_shard";
}

function targetOfConstraints(constraints: Constraints, key: readonly IndexKey[]): Target {
  let exact = true;
  for (const [at, { field, kind }] of key.entries()) {
    const constraint = constraints.get(field);
    const usable = kind === "hashed" && constraint === "range" ? undefined : constraint;
    if (usable === undefined) return at === 0 ? "all_shards" : "some_shards";
    if (usable !== "point") exact = false;
    if (usable === "range") return "some_shards";
  }
  return exact ? "one_shard" : "some_shards";
}

function narrow(into: Map<string, Constraint>, field: string, condition: unknown, byBytes: boolean): void {
  const whole = wholeOf(condition);
  if (whole) narrowToValue(into, field, whole.value, byBytes);
  else tighten(into, field, constraintOf(condition, byBytes));
}

/** The one value that a condition asks for; the server takes a list of one for that one. */
function wholeOf(condition: unknown): { readonly value: unknown } | undefined {
  if (!isOperators(condition)) return isPattern(condition) ? undefined : { value: condition };
  if ("$eq" in condition) return { value: condition.$eq };
  const list = condition.$all ?? condition.$in;
  return Array.isArray(list) && list.length === 1 ? { value: list[0] } : undefined;
}

/** Narrows a field to a value, and its parts where that is a whole document. */
function narrowToValue(into: Map<string, Constraint>, field: string, value: unknown, byBytes: boolean): void {
  if (isPoint(value, byBytes)) tighten(into, field, "point");
  if (!isPlainDocument(value) || isOperators(value)) return;
  for (const [part, inner] of Object.entries(value)) {
    // Within a whole document an operator is a field like any other, and no value to be found by.
    if (!isOperators(inner)) narrowToValue(into, `${field}.${part}`, inner, byBytes);
  }
}

/** Narrows fields by the comparisons with constants that an expression makes; the server does it by indexes as well. */
function narrowByExpression(into: Map<string, Constraint>, expression: unknown, byBytes: boolean): void {
  if (!isPlainDocument(expression)) return;
  for (const [operator, operands] of Object.entries(expression)) {
    if (!Array.isArray(operands)) continue;
    if (operator === "$and") for (const operand of operands) narrowByExpression(into, operand, byBytes);
    const found = operator === "$eq" ? "point" : ranges.includes(operator) ? "range" : undefined;
    const field = operands.map(fieldOf).find((path) => path !== undefined);
    const constant = operands.map(constantOf).find((one) => one !== undefined);
    if (found && field && constant && isPoint(constant.value, byBytes)) tighten(into, field, found);
  }
}

function fieldOf(operand: unknown): string | undefined {
  return typeof operand === "string" && /^\$[^$]/.test(operand) ? operand.slice(1) : undefined;
}

function constantOf(operand: unknown): { readonly value: unknown } | undefined {
  if (isPlainDocument(operand)) return "$literal" in operand ? { value: operand.$literal } : undefined;
  const isPath = typeof operand === "string" && operand.startsWith("$");
  return isPath || operand === null || operand === undefined ? undefined : { value: operand };
}

function isPlainDocument(value: unknown): value is Document {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

function tighten(into: Map<string, Constraint>, field: string, found: Constraint | undefined): void {
  const strength = { point: 3, points: 2, range: 1 } as const;
  const before = into.get(field);
  if (found && (!before || strength[found] > strength[before])) into.set(field, found);
}

function constraintOf(condition: unknown, byBytes: boolean): Constraint | undefined {
  const prefixed = byBytes && hasPrefix(condition) ? "range" : undefined;
  if (!isOperators(condition)) return prefixed;
  if (Array.isArray(condition.$in))
    return condition.$in.every((value) => isPoint(value, byBytes)) ? "points" : undefined;
  const bounds = ranges.filter((operator) => operator in condition);
  const usable = bounds.length > 0 && bounds.every((operator) => isPoint(condition[operator], byBytes));
  return usable ? "range" : prefixed;
}

/** Whether a pattern matches only what begins with some text: those values lie together. */
function hasPrefix(condition: unknown): boolean {
  const { source, flags } = patternOf(condition);
  return !/[imx]/.test(flags) && !source.includes("|") && literalStart.test(source);
}

/** A character that stands for itself, and has to be there, after the beginning of the text. */
const literalStart = /^(?:\^|\\A)(?:[^\\^$.|?*+()[\]{}]|\\[^a-zA-Z0-9])(?![*?{])/;

function patternOf(condition: unknown): { readonly source: string; readonly flags: string } {
  if (isPattern(condition)) {
    if (condition instanceof RegExp) return condition;
    return { source: condition.pattern, flags: condition.options };
  }
  if (!isOperators(condition)) return { source: "", flags: "" };
  const { $regex, $options } = condition;
  const { source, flags } = isPattern($regex) ? patternOf($regex) : { source: String($regex), flags: "" };
  return { source, flags: typeof $options === "string" ? $options : flags };
}

/** Whether the key has one place for a value: a list, or text within a collation, may be in several. */
function isPoint(value: unknown, byBytes: boolean): boolean {
  if (isPattern(value) || Array.isArray(value)) return false;
  return byBytes || !(typeof value === "string" || isPlainDocument(value));
}

function isOperators(value: unknown): value is Document {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  return Object.keys(value).some((name) => name.startsWith("$"));
}

function widest(targets: readonly Target[]): Target {
  return order[Math.max(...targets.map((target) => order.indexOf(target)))] ?? "all_shards";
}

function narrowest(targets: readonly Target[]): Target {
  return order[Math.min(...targets.map((target) => order.indexOf(target)))] ?? "all_shards";
}
