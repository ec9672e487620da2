// Rules of the data and of what is asked of it: collections, samples, joins, named queries, growth, checks of your own.
import { ratioText } from "../../core/figure-text.js";
import type { Found, Severity } from "../../core/finding.js";
import { collectionText, shellText } from "../../indexes/command.js";
import type { BrokenPath } from "../../setup/sample-schema.js";
import { manyCollections, shapeRules } from "../../storage/storage-rules.js";
import type { QueryProblem } from "../../workload/judge.js";
import { worthAnIndex } from "../../workload/limits.js";
import { unindexedJoins } from "../../workload/lookups.js";
import { projectGrowth } from "../facts/growth.js";
import { type HealthRule, known, listOf } from "./rule.js";

const ofProblem: Readonly<Record<QueryProblem, readonly [Severity, string, string]>> = {
  collection_scan: ["warning", "reads its whole collection", "org-db advise"],
  blocking_sort: ["warning", "sorts in memory", "org-db advise"],
  index_scan: ["warning", "reads far more of its index than it returns", "org-db optimize"],
  examines_too_much: ["info", "examines much more than it returns", "org-db advise"],
  other_index: ["info", "is served by another index than it names", "org-db optimize"],
};

const queryRules = (Object.keys(ofProblem) as QueryProblem[]).map((problem): HealthRule => {
  const [severity, what, command] = ofProblem[problem];
  return {
    code: `QUERY_${problem.toUpperCase()}`,
    part: "queries",
    severity,
    command,
    *find({ deep, collections }): Iterable<Found> {
      const counts = new Map(listOf(collections).map(({ collection, documents }) => [collection, documents]));
      for (const asked of listOf(deep.queries)) {
        const { query, collection, problems, indexes, failure } = asked;
        if (failure !== undefined || !problems.includes(problem)) continue;
        const read = `${ratioText(asked.examinedPerReturned)} documents and ${ratioText(asked.keysPerReturned)} keys`;
        const by = indexes.length > 0 ? `by ${indexes.join(", ")}` : "by no index";
        yield {
          subject: query,
          message: `The named query ${query} ${what}`,
          evidence: `on ${collection}, ${by}: ${read} examined for each document returned`,
          ...ofSmall(counts.get(collection)),
        };
      }
    },
  };
});

// Advice would answer that the collection is too small: it is worth a word, in case it is larger in production.
function ofSmall(documents: number | undefined): Partial<Found> {
  return documents !== undefined && documents < worthAnIndex
    ? { severity: "info", command: "org-db optimize" }
    : {};
}

export const dataRules: readonly HealthRule[] = [
  {
    ...manyCollections,
    find: ({ collections }, limits) => manyCollections.find(listOf(collections).length, limits.collections),
  },
  {
    code: "COLLECTION_MISSING",
    part: "storage",
    severity: "warning",
    command: "org-db setup",
    find: ({ collections }) =>
      listOf(collections)
        .filter(({ exists }) => !exists)
        .map(({ collection }) => ({
          subject: collection,
          message: `Collection ${collection} is declared and missing`,
          evidence: "listCollections does not name it",
        })),
  },
  {
    code: "INDEXES_LARGE",
    part: "storage",
    severity: "info",
    command: "org-db optimize",
    find: ({ collections }, { indexToDataRatio }) =>
      listOf(collections)
        .filter(
          ({ dataBytes, indexBytes }) => dataBytes > 10_000_000 && indexBytes > dataBytes * indexToDataRatio,
        )
        .map(({ collection, dataBytes, indexBytes }) => ({
          subject: collection,
          message: `The indexes of ${collection} are much larger than its data`,
          evidence: `${(indexBytes / dataBytes).toFixed(1)} index bytes for each data byte`,
        })),
  },
  {
    code: "SCHEMA_BROKEN",
    part: "schema",
    severity: "info",
    *find({ deep }) {
      for (const { collection, sampled, failing, paths } of listOf(deep.schemas)) {
        const [first] = paths;
        if (!first) continue;
        const places = paths
          .slice(0, 5)
          .map(({ path, kind, documents }) => `${path || "(document)"} ${kind} (${documents})`);
        yield {
          subject: collection,
          // One in ten is no leftover: something writes such documents.
          severity: failing * 10 >= sampled ? "warning" : "info",
          message: `Documents of ${collection} are not as their model declares`,
          evidence: `${failing} of ${sampled} sampled: ${places.join(", ")}`,
          command: `${collectionText(collection)}.find(${shellText(searchFor(first))}).limit(10)`,
        };
      }
    },
  },
  {
    code: "QUERY_FAILED",
    part: "queries",
    severity: "warning",
    find: ({ deep }) =>
      listOf(deep.queries).flatMap(({ query, failure }) =>
        failure === undefined
          ? []
          : [{ subject: query, message: `The named query ${query} cannot be explained`, evidence: failure }],
      ),
  },
  ...queryRules,
  limitRule("LIMIT_REACHED", "critical", "has reached its limit", (days) => days === 0),
  limitRule("LIMIT_NEAR", "warning", "reaches its limit", (days, most) => days > 0 && days <= most),
  {
    code: "CHECK_FAILED",
    part: "security",
    severity: "warning",
    *find({ deep }) {
      for (const { name, part, result } of deep.checks) {
        const answer = known(result);
        if (!answer || answer.ok) continue;
        const { severity, message, evidence, command } = answer;
        yield {
          subject: name,
          part,
          severity,
          message,
          evidence: `${name}: ${evidence}`,
          ...(command && { command }),
        };
      }
    },
  },
  ...shapeRules.map(
    (rule): HealthRule => ({
      ...rule,
      *find({ deep }, limits) {
        for (const sample of listOf(deep.schemas))
          yield* rule.find(
            { ...sample.shape, collection: sample.collection, sampled: sample.sampled },
            limits,
          );
      },
    }),
  ),
  {
    code: "LOOKUPS_FREQUENT",
    part: "schema",
    severity: "info",
    *find({ deep }, { lookupOperations, lookupStages }) {
      for (const facts of listOf(deep.lookups)) {
        const { collection, operations, aggregations, totalMillis, mostJoins, joins, since } = facts;
        if (operations < lookupOperations && mostJoins < lookupStages) continue;
        const others = [...new Set(joins.map(({ from }) => from))].join(", ");
        yield {
          subject: collection,
          message: `What is read of ${collection} is put together with $lookup; keep together what is read together`,
          evidence: `${operations} of ${aggregations} aggregations recorded since ${since.toISOString()} join ${others}: at most ${mostJoins} in one, ${Math.round(totalMillis)} ms in all`,
          command: `db.getCollection("system.profile").find(${shellText({ "command.aggregate": collection })})`,
        };
      }
    },
  },
  {
    // Joins that read the other collection from end to end, for every document that is joined.
    code: "LOOKUP_UNINDEXED",
    part: "schema",
    severity: "warning",
    find({ deep, collections, indexes }) {
      const use = known(indexes)?.use;
      if (!use) return undefined;
      const existing = new Set(
        listOf(collections)
          .filter(({ exists }) => exists)
          .map(({ collection }) => collection),
      );
      return unindexedJoins(
        listOf(deep.lookups),
        existing,
        use.map(({ index }) => index),
      );
    },
  },
];

function limitRule(
  code: string,
  severity: Severity,
  what: string,
  isOver: (days: number, most: number) => boolean,
): HealthRule {
  return {
    code,
    part: "storage",
    severity,
    command: "org-db cleanup",
    *find({ deep }, { limits, limitDays }) {
      for (const { subject, measure, limit, now, perDay, days } of projectGrowth(
        listOf(deep.growth),
        limits,
      )) {
        if (days === null || !isOver(days, limitDays)) continue;
        const unit = measure === "documents" ? "documents" : "bytes of data";
        const where = subject === "*" ? "The database" : subject;
        yield {
          subject,
          message: `${where} ${what}${days === 0 ? "" : ` in ${Math.ceil(days)} days`}`,
          evidence: `${Math.round(now)} of ${limit} ${unit}, ${Math.round(perDay)} more per day`,
        };
      }
    },
  };
}

// As near as a filter comes without repeating the schema.
function searchFor({ path, kind }: BrokenPath): Record<string, unknown> {
  const field = path.replaceAll(".*", "");
  return { [field]: { $exists: kind !== "missing" } };
}
