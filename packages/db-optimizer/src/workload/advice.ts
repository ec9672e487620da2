import type { Document } from "../core/model.js";
import type { NamedQuery } from "../core/named-query.js";
import { collectionText, shellText } from "../indexes/command.js";
import type { ActualIndex } from "../indexes/inspect.js";
import type { RedundantIndex } from "../indexes/plan/redundant.js";
import { canonicalIndex } from "../indexes/spec.js";
import type { QueryPlan } from "../queries/explain.js";
import { fieldsOf } from "../queries/shape.js";
import type { SlowShape } from "../queries/slow.js";
import { servesAs } from "./candidates.js";
import { keysPerReturned, type QueryAnalysis } from "./judge.js";

/** Something to do, why, and the command that does it. */
export interface Advice {
  readonly kind: "create_index" | "review_plan" | "drop_redundant";
  readonly collection: string;
  readonly message: string;
  /** What the advice rests on. */
  readonly evidence: string;
  /** For mongosh, or for `org-db` where that does it. */
  readonly command: string;
}

/** Keys of an index: equality first, then the sort, then the range. Pure; `undefined` when nothing could be served. */
export function candidateIndex(
  filter: Document,
  sort: Readonly<Record<string, 1 | -1>> = {},
): Record<string, 1 | -1> | undefined {
  const { equality, range } = fieldsOf(filter);
  const keys: Record<string, 1 | -1> = {};
  for (const field of equality) if (field !== "_id") keys[field] = 1;
  for (const [field, direction] of Object.entries(sort)) keys[field] ??= direction < 0 ? -1 : 1;
  for (const field of range) keys[field] ??= 1;
  return Object.keys(keys).length > 0 ? keys : undefined;
}

/** What the analyses add up to, the same index advised once. Pure. */
export function advise(input: {
  analyses: readonly QueryAnalysis[];
  slow: readonly SlowShape[];
  redundant: readonly RedundantIndex[];
  /** Indexes that the models declare, as `collection.index`. */
  declared: ReadonlySet<string>;
  /** Those of them that the server lacks: making them is `org-db apply`'s business. */
  missing: ReadonlySet<string>;
  /** Indexes that the server has. Default none. */
  present?: readonly ActualIndex[];
  /** Whether an index is worth measuring for a query: the same question that index advice begins with. Default always. */
  worthwhile?: (collection: string, plan: QueryPlan, executions: number) => boolean;
}): Advice[] {
  const { present = [], worthwhile = () => true } = input;
  const basis = { present, worthwhile };
  const wanting = input.analyses.filter((analysis) => lacksDeclared(analysis, input.missing));
  const found = [
    ...adviceOnMissing(wanting),
    ...input.analyses
      .filter((analysis) => !wanting.includes(analysis))
      .flatMap((analysis) => adviceOnQuery(analysis, basis)),
    ...input.slow.flatMap((shape) => adviceOnShape(shape, basis)),
    ...input.redundant.map((redundant) => adviceOnRedundant(redundant, input.declared)),
  ];
  return [...new Map(found.map((advice) => [advice.command + advice.message, advice])).values()];
}

function lacksDeclared({ query, problems }: QueryAnalysis, missing: ReadonlySet<string>): boolean {
  return problems.length > 0 && missing.has(`${query.collection}.${query.index}`);
}

// One piece of advice for a collection: a database that was never set up would otherwise get one for every query.
function adviceOnMissing(analyses: readonly QueryAnalysis[]): Advice[] {
  const collections = [...new Set(analyses.map(({ query }) => query.collection))];
  return collections.map((collection): Advice => {
    const own = analyses.filter(({ query }) => query.collection === collection);
    const indexes = [...new Set(own.map(({ query }) => query.index))];
    const examined = own.reduce((sum, { plan }) => sum + plan.docsExamined, 0);
    const returned = own.reduce((sum, { plan }) => sum + plan.returned, 0);
    return {
      kind: "create_index",
      collection,
      message: `${collection} lacks declared indexes that its named queries need: ${indexes.join(", ")}`,
      evidence: `${examined} documents examined for ${returned} returned by ${own.map(({ query }) => query.name).join(", ")}`,
      command: "org-db apply",
    };
  });
}

interface Basis {
  readonly present: readonly ActualIndex[];
  readonly worthwhile: (collection: string, plan: QueryPlan, executions: number) => boolean;
}

function adviceOnQuery(analysis: QueryAnalysis, basis: Basis): Advice[] {
  const { query, plan, problems } = analysis;
  if (problems.length === 0) return [];
  const { collection, name } = query;
  const evidence = `${name}: ${plan.docsExamined} documents examined for ${plan.returned} returned, ${plan.stages.join(" < ")}`;
  if (plan.collectionScan || plan.blockingSort) {
    if (!basis.worthwhile(collection, plan, 1)) return [];
    return createAdvice(
      { collection, filter: query.filter, ...(query.sort && { sort: query.sort }) },
      name,
      evidence,
      basis,
    );
  }
  const message = reviewText(analysis);
  const command = `${collectionText(collection)}.find(${shellText(query.filter)}).explain("executionStats")`;
  return [{ kind: "review_plan", collection, message, evidence, command }];
}

function reviewText({ query: { name, index }, plan, problems, examinedPerReturned }: QueryAnalysis): string {
  if (problems.includes("other_index"))
    return `${name} is served by ${plan.indexes.join(", ")} instead of ${index}`;
  return problems.includes("index_scan")
    ? `${name} reads ${keysPerReturned(plan).toFixed(1)} keys of ${plan.indexes.join(", ")} for each document it returns`
    : `${name} examines ${examinedPerReturned.toFixed(1)} documents for each one it returns`;
}

function adviceOnShape({ shape, plan, count, maxMillis }: SlowShape, basis: Basis): Advice[] {
  if (!plan?.collectionScan && !plan?.blockingSort) return [];
  if (!basis.worthwhile(shape.collection, plan, count)) return [];
  const evidence = `${count} slow operations, up to ${maxMillis} ms: ${plan.docsExamined} documents examined for ${plan.returned} returned`;
  return createAdvice(shape, `slow shape ${shape.fingerprint}`, evidence, basis);
}

function createAdvice(
  { collection, filter, sort }: Pick<NamedQuery, "collection" | "filter" | "sort">,
  name: string,
  evidence: string,
  { present }: Basis,
): Advice[] {
  const keys = candidateIndex(filter, sort);
  if (!keys) return [];
  const wanted = canonicalIndex(collection, keys, {});
  const serving = present.find((index) => servesAs({ ...index, collation: wanted.collation }, wanted));
  if (serving) {
    const why = serving.hidden ? "is hidden" : "exists, and the planner uses another way";
    const message = `Index ${serving.name} would serve ${name} and ${why}`;
    return [{ kind: "review_plan", collection, message, evidence, command: "org-db advise" }];
  }
  const command = `${collectionText(collection)}.createIndex(${shellText(keys)})`;
  return [
    {
      kind: "create_index",
      collection,
      message: `An index would serve ${name}; org-db advise measures it on a copy first`,
      evidence,
      command,
    },
  ];
}

function adviceOnRedundant({ index, coveredBy, why }: RedundantIndex, declared: ReadonlySet<string>): Advice {
  const reason = why === "duplicate" ? "is the same as" : "is a prefix of";
  // Hidden only, it would be drift, and the next apply would show it again.
  const first = declared.has(`${index.collection}.${index.name}`) ? "; take it out of its schema first" : "";
  return {
    kind: "drop_redundant",
    collection: index.collection,
    message: `Index ${index.name} ${reason} ${coveredBy.name}, which serves all that it serves${first}`,
    evidence: `${shellText(Object.fromEntries(index.keys.map(({ field, kind }) => [field, kind])))} is covered by ${coveredBy.name}`,
    // Hides and observes it first.
    command: `org-db apply --drop ${index.collection}.${index.name}`,
  };
}
