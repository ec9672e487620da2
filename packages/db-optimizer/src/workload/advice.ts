// Rules of a workload: queries that no index serves, plans worth a look, indexes that others make superfluous.
import { countText, durationText, ratioText } from "../core/figure-text.js";
import { applyRules, type Finding, type Rule } from "../core/finding.js";
import type { Document } from "../core/model.js";
import type { NamedQuery } from "../core/named-query.js";
import { collectionText, findText, shellText } from "../indexes/command.js";
import { canonicalIndex, type IndexSpec } from "../indexes/spec.js";
import type { QueryPlan } from "../queries/explain.js";
import { fieldsOf } from "../queries/shape.js";
import type { SlowShape } from "../queries/slow.js";
import { servesAs } from "./candidates.js";
import { keysPerReturned, type QueryAnalysis } from "./judge.js";
import type { ParsedAdviceLimits } from "./limits.js";
import { isWorthwhile } from "./load.js";
import { unindexedJoins } from "./lookups.js";
import { placeOf, type Workload } from "./read.js";

type Facts = Pick<
  Workload,
  "analyses" | "failures" | "slow" | "collections" | "sizes" | "drift" | "declared" | "redundancy" | "lookups"
>;

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

const relations = {
  duplicate: "is the same as",
  mirror: "has the keys, each in the opposite direction, of",
  prefix: "is a prefix of",
} as const;

const rules: readonly Rule<Facts, ParsedAdviceLimits>[] = [
  {
    code: "LOOKUP_UNINDEXED",
    part: "schema",
    severity: "warning",
    find({ lookups, collections }) {
      const existing = collections.filter(({ exists }) => exists).map(({ collection }) => collection);
      return unindexedJoins(
        lookups,
        new Set(existing),
        collections.flatMap(({ indexes }) => indexes),
      );
    },
  },
  {
    code: "QUERY_FAILED",
    part: "queries",
    severity: "warning",
    find: ({ failures }) =>
      failures.map(({ query: { name }, reason }) => ({
        subject: name,
        message: `The named query ${name} cannot be explained`,
        evidence: reason,
      })),
  },
  {
    // One for a collection: a database that was never set up would otherwise get one for every query.
    code: "INDEX_MISSING",
    part: "indexes",
    severity: "critical",
    command: "org-db setup",
    *find(facts) {
      const wanting = lacking(facts);
      for (const collection of new Set(wanting.map((one) => one.collection))) {
        const own = wanting.filter((one) => one.collection === collection);
        const indexes = [...new Set(own.map(({ index }) => index))];
        const sum = (figure: "docsExamined" | "returned") =>
          own.reduce((all, { plan }) => all + plan[figure], 0);
        yield {
          subject: collection,
          message: `${collection} lacks declared indexes that its queries need: ${indexes.join(", ")}`,
          evidence: `${countText(sum("docsExamined"))} documents examined for ${countText(sum("returned"))} returned by ${own.map(({ name }) => name).join(", ")}`,
        };
      }
    },
  },
  {
    code: "INDEX_WANTED",
    part: "queries",
    severity: "warning",
    *find(facts, limits) {
      for (const { query, name, evidence } of unserved(facts, limits)) {
        const keys = candidateIndex(query.filter, query.sort);
        if (!keys || servingIndex(query, keys, facts)) continue;
        yield {
          subject: query.collection,
          message: `An index may serve ${name}; org-db advise measures it on a copy first`,
          evidence,
          command: `${collectionText(query.collection)}.createIndex(${shellText(keys)})`,
        };
      }
    },
  },
  {
    code: "PLAN_REVIEW",
    part: "queries",
    severity: "info",
    *find(facts, limits) {
      for (const { query, name, evidence } of unserved(facts, limits)) {
        const keys = candidateIndex(query.filter, query.sort);
        const present = keys && servingIndex(query, keys, facts);
        if (!present) continue;
        const why = present.hidden ? "is hidden" : "exists, and the planner uses another way";
        const message = `Index ${present.name} would serve ${name} and ${why}`;
        yield { subject: placeOf(present), message, evidence, command: "org-db advise" };
      }
      for (const analysis of judged(facts)) {
        const { query, plan } = analysis;
        if (isUnserved(plan)) continue;
        const explain = `${findText(query)}.explain("executionStats")`;
        const message = reviewText(analysis);
        yield { subject: query.name, message, evidence: evidenceOf(analysis), command: explain };
      }
    },
  },
  {
    code: "INDEX_REDUNDANT",
    part: "indexes",
    severity: "info",
    *find({ redundancy, declared }) {
      for (const { index, coveredBy, why } of redundancy.redundant) {
        const place = placeOf(index);
        // Hidden only, it would be drift, and the next apply would show it again.
        const first = declared.has(place) ? "; take it out of its schema first" : "";
        const keys = shellText(Object.fromEntries(index.keys.map(({ field, kind }) => [field, kind])));
        yield {
          subject: place,
          message: `Index ${index.name} ${relations[why]} ${coveredBy.name}, which serves all that it serves${first}`,
          evidence: `${keys} is covered by ${coveredBy.name}`,
          // Hides and observes it first.
          command: `org-db apply --drop ${place}`,
        };
      }
    },
  },
];

/** Findings from a workload; an index that several queries want is one finding. Pure. */
export function workloadFindings(facts: Facts, limits: ParsedAdviceLimits): Finding[] {
  const found = applyRules(rules, facts, limits);
  return [...new Map(found.map((finding) => [`${finding.command}${finding.message}`, finding])).values()];
}

/** A query that a declared index would serve, which the server lacks. */
interface Lacking extends Pick<Unserved, "name"> {
  readonly collection: string;
  readonly index: string;
  readonly plan: QueryPlan;
}

function lacking(facts: Facts): Lacking[] {
  const named = facts.analyses.flatMap(({ query, plan, problems }) => {
    const index = problems.length > 0 ? missingIndex(query, plan, facts) : undefined;
    return index === undefined ? [] : [{ name: query.name, collection: query.collection, index, plan }];
  });
  const recorded = slowShapes(facts).flatMap(({ shape, plan }) => {
    const index = plan ? missingIndex(shape, plan, facts) : undefined;
    if (!plan || index === undefined) return [];
    return [{ name: shapeName(shape), collection: shape.collection, index, plan }];
  });
  return [...named, ...recorded];
}

/** The declared index, missing on the server, that a query names, or that would serve it where none does. */
function missingIndex(
  query: Unserved["query"] & Pick<NamedQuery, "index">,
  plan: QueryPlan,
  { drift }: Facts,
): string | undefined {
  const missing = drift.missing.filter(({ collection }) => collection === query.collection);
  const named = missing.find(({ name }) => name === query.index);
  if (named || !isUnserved(plan)) return named?.name;
  const keys = candidateIndex(query.filter, query.sort);
  return keys && serving(missing, query.collection, keys)?.name;
}

/** Named queries with problems that no declared index would solve. */
function judged(facts: Facts): QueryAnalysis[] {
  return facts.analyses.filter(
    ({ query, plan, problems }) => problems.length > 0 && missingIndex(query, plan, facts) === undefined,
  );
}

function slowShapes({ slow }: Facts): readonly SlowShape[] {
  return slow.known ? slow.shapes : [];
}

function shapeName({ fingerprint }: SlowShape["shape"]): string {
  return `slow shape ${fingerprint}`;
}

function isUnserved(plan: QueryPlan | null): plan is QueryPlan {
  return plan !== null && (plan.collectionScan || plan.blockingSort);
}

interface Unserved {
  readonly query: Pick<NamedQuery, "collection" | "filter" | "sort">;
  readonly name: string;
  readonly evidence: string;
}

/** Named queries and recorded shapes that no index serves, and that are worth one. */
function* unserved(facts: Facts, limits: ParsedAdviceLimits): Iterable<Unserved> {
  const { sizes } = facts;
  const isWorth = (collection: string, plan: QueryPlan, executions: number) =>
    isWorthwhile(plan, executions, sizes.get(collection)?.documents ?? Number.POSITIVE_INFINITY, limits);
  for (const analysis of judged(facts)) {
    const { query, plan } = analysis;
    if (isUnserved(plan) && isWorth(query.collection, plan, 1))
      yield { query, name: query.name, evidence: evidenceOf(analysis) };
  }
  for (const { shape, plan, count, maxMillis } of slowShapes(facts))
    if (
      isUnserved(plan) &&
      isWorth(shape.collection, plan, count) &&
      missingIndex(shape, plan, facts) === undefined
    )
      yield {
        query: shape,
        name: shapeName(shape),
        evidence: `${countText(count)} slow operations, up to ${durationText(maxMillis)}: ${countText(plan.docsExamined)} documents examined for ${countText(plan.returned)} returned`,
      };
}

function servingIndex(
  { collection }: Unserved["query"],
  keys: Record<string, 1 | -1>,
  { collections }: Facts,
) {
  return serving(
    collections.flatMap(({ indexes }) => indexes),
    collection,
    keys,
  );
}

function serving<I extends IndexSpec>(
  indexes: readonly I[],
  collection: string,
  keys: Record<string, 1 | -1>,
): I | undefined {
  const wanted = canonicalIndex(collection, keys, {});
  return indexes.find((index) => servesAs({ ...index, collation: wanted.collation }, wanted));
}

function evidenceOf({ query: { name }, plan }: QueryAnalysis): string {
  return `${name}: ${countText(plan.docsExamined)} documents examined for ${countText(plan.returned)} returned, ${plan.stages.join(" < ")}`;
}

function reviewText({ query: { name, index }, plan, problems, examinedPerReturned }: QueryAnalysis): string {
  if (problems.includes("other_index"))
    return `${name} is served by ${plan.indexes.join(", ")} instead of ${index}`;
  return problems.includes("index_scan")
    ? `${name} reads ${ratioText(keysPerReturned(plan))} keys of ${plan.indexes.join(", ")} for each document it returns`
    : `${name} examines ${ratioText(examinedPerReturned)} documents for each one it returns`;
}
