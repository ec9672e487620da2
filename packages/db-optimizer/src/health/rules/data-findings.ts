import type { ParsedThresholds } from "../../core/thresholds.js";
import { collectionText, shellText } from "../../indexes/command.js";
import type { BrokenPath, SchemaSample } from "../../setup/sample-schema.js";
import type { QueryProblem } from "../../workload/analyse.js";
import type { CheckFacts } from "../checks.js";
import type { DeepFacts, QueryFacts } from "../facts/facts.js";
import { type Projection, projectGrowth } from "../facts/growth.js";
import type { HealthFinding, Severity } from "./finding.js";

/** What samples, queries, growth and checks say. Pure. */
export function dataFindings(facts: DeepFacts, thresholds: ParsedThresholds): HealthFinding[] {
  const { schemas, queries, growth, checks } = facts;
  return [
    ...(schemas.known ? schemas.value.flatMap(schemaFinding) : []),
    ...(queries.known ? queries.value.flatMap(queryFindings) : []),
    ...(growth.known
      ? projectGrowth(growth.value, thresholds.limits).flatMap((projection) =>
          limitFinding(projection, thresholds.limitDays),
        )
      : []),
    ...checks.flatMap(checkFinding),
  ];
}

function schemaFinding({ collection, sampled, failing, paths }: SchemaSample): HealthFinding[] {
  const [first] = paths;
  if (!first) return [];
  const places = paths
    .slice(0, 5)
    .map(({ path, kind, documents }) => `${path || "(document)"} ${kind} (${documents})`);
  return [
    {
      code: "SCHEMA_BROKEN",
      part: "schema",
      // One in ten is no leftover: something writes such documents.
      severity: failing * 10 >= sampled ? "warning" : "info",
      message: `Documents of ${collection} are not as their model declares`,
      evidence: `${failing} of ${sampled} sampled: ${places.join(", ")}`,
      command: `${collectionText(collection)}.find(${shellText(searchFor(first))}).limit(10)`,
    },
  ];
}

// As near as a filter comes without repeating the schema.
function searchFor({ path, kind }: BrokenPath): Record<string, unknown> {
  const field = path.replaceAll(".*", "");
  return { [field]: { $exists: kind !== "missing" } };
}

const ofProblem: Readonly<Record<QueryProblem, readonly [Severity, string, string]>> = {
  collection_scan: ["warning", "reads its whole collection", "org-db advise"],
  blocking_sort: ["warning", "sorts in memory", "org-db advise"],
  index_scan: ["warning", "reads far more of its index than it returns", "org-db optimize"],
  examines_too_much: ["info", "examines much more than it returns", "org-db advise"],
  other_index: ["info", "is served by another index than it names", "org-db optimize"],
};

function queryFindings({
  query,
  collection,
  problems,
  examinedPerReturned,
  keysPerReturned,
  indexes,
  failure,
}: QueryFacts): HealthFinding[] {
  if (failure !== undefined) {
    const message = `The named query ${query} cannot be explained`;
    return [{ code: "QUERY_FAILED", part: "queries", severity: "warning", message, evidence: failure }];
  }
  // Of a collection that is not there, or a lookup by _id, no index serves the query, and none is the wrong one.
  const real = problems.filter((problem) => problem !== "other_index" || indexes.length > 0);
  return real.map((problem) => {
    const [severity, what, command] = ofProblem[problem];
    const read = `${examinedPerReturned.toFixed(1)} documents and ${keysPerReturned.toFixed(1)} keys`;
    const by = indexes.length > 0 ? `by ${indexes.join(", ")}` : "by no index";
    return {
      code: `QUERY_${problem.toUpperCase()}`,
      part: "queries",
      severity,
      message: `The named query ${query} ${what}`,
      evidence: `on ${collection}, ${by}: ${read} examined for each document returned`,
      command,
    };
  });
}

function limitFinding(projection: Projection, limitDays: number): HealthFinding[] {
  const { subject, measure, limit, now, perDay, days } = projection;
  if (days === null || days > limitDays) return [];
  const what = measure === "documents" ? "documents" : "bytes of data";
  const where = subject === "*" ? "The database" : subject;
  const evidence = `${Math.round(now)} of ${limit} ${what}, ${Math.round(perDay)} more per day`;
  return [
    days === 0
      ? {
          code: "LIMIT_REACHED",
          part: "storage",
          severity: "critical",
          message: `${where} has reached its limit`,
          evidence,
          command: "org-db cleanup",
        }
      : {
          code: "LIMIT_NEAR",
          part: "storage",
          severity: "warning",
          message: `${where} reaches its limit in ${Math.ceil(days)} days`,
          evidence,
          command: "org-db cleanup",
        },
  ];
}

function checkFinding({ name, part, result }: CheckFacts): HealthFinding[] {
  if (!result.known || result.value.ok) return [];
  const { severity, message, evidence, command } = result.value;
  return [
    {
      code: "CHECK_FAILED",
      part,
      severity,
      message,
      evidence: `${name}: ${evidence}`,
      ...(command && { command }),
    },
  ];
}
