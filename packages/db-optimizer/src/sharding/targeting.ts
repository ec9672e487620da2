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
 */
export function targetOf(query: Pick<NamedQuery, "filter" | "collation">, key: readonly IndexKey[]): Target {
  // Equal under a collation is not equal in the key, which compares bytes.
  const byBytes = !query.collation || query.collation.locale === "simple";
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

/** Narrows a field by a condition, and its parts where the condition is a whole document. */
function narrow(into: Map<string, Constraint>, field: string, condition: unknown, byBytes: boolean): void {
  tighten(into, field, constraintOf(condition, byBytes));
  if (!isPlainDocument(condition) || isOperators(condition)) return;
  for (const [part, value] of Object.entries(condition)) {
    // Within a whole document an operator is a field like any other, and no value to be found by.
    if (!isOperators(value)) narrow(into, `${field}.${part}`, value, byBytes);
  }
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
  if (!isOperators(condition)) return isPoint(condition, byBytes) ? "point" : undefined;
  if ("$eq" in condition) return isPoint(condition.$eq, byBytes) ? "point" : undefined;
  const { $all: all } = condition;
  if (Array.isArray(all)) return all.length === 1 && isPoint(all[0], byBytes) ? "point" : undefined;
  if (Array.isArray(condition.$in)) {
    if (!condition.$in.every((value) => isPoint(value, byBytes))) return undefined;
    return condition.$in.length === 1 ? "point" : "points";
  }
  const bounds = ranges.filter((operator) => operator in condition);
  const usable = bounds.length > 0 && bounds.every((operator) => isPoint(condition[operator], byBytes));
  return usable ? "range" : undefined;
}

function isPoint(value: unknown, byBytes: boolean): boolean {
  if (isPattern(value) || Array.isArray(value)) return false;
  return byBytes || typeof value !== "string";
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
