import { collectionText, shellText } from "../indexes/command.js";
import type { RedundantIndex } from "../indexes/redundant.js";
import type { Document } from "../model.js";
import { keysPerReturned, type QueryAnalysis } from "./analyse.js";
import { fieldsOf } from "./shape.js";
import type { SlowShape } from "./slow.js";

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
}): Advice[] {
  const wanting = input.analyses.filter((analysis) => lacksDeclared(analysis, input.missing));
  const found = [
    ...adviceOnMissing(wanting),
    ...input.analyses.filter((analysis) => !wanting.includes(analysis)).flatMap(adviceOnQuery),
    ...input.slow.flatMap(adviceOnShape),
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

function adviceOnQuery(analysis: QueryAnalysis): Advice[] {
  const { query, plan, problems } = analysis;
  if (problems.length === 0) return [];
  const { collection, name } = query;
  const evidence = `${name}: ${plan.docsExamined} documents examined for ${plan.returned} returned, ${plan.stages.join(" < ")}`;
  if (plan.collectionScan || plan.blockingSort)
    return createAdvice(collection, query.filter, query.sort, name, evidence);
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

function adviceOnShape({ shape, plan, count, maxMillis }: SlowShape): Advice[] {
  if (!plan?.collectionScan && !plan?.blockingSort) return [];
  const evidence = `${count} slow operations, up to ${maxMillis} ms: ${plan.docsExamined} documents examined for ${plan.returned} returned`;
  return createAdvice(
    shape.collection,
    shape.filter,
    shape.sort,
    `slow shape ${shape.fingerprint}`,
    evidence,
  );
}

function createAdvice(
  collection: string,
  filter: Document,
  sort: Readonly<Record<string, 1 | -1>> | undefined,
  name: string,
  evidence: string,
): Advice[] {
  const keys = candidateIndex(filter, sort);
  if (!keys) return [];
  const command = `${collectionText(collection)}.createIndex(${shellText(keys)})`;
  return [{ kind: "create_index", collection, message: `An index would serve ${name}`, evidence, command }];
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
