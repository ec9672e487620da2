import type { ParsedThresholds } from "../../core/thresholds.js";
import { collectionText, shellText } from "../../indexes/command.js";
import { shapeProblems } from "../../storage/shape-problems.js";
import type { LookupFacts } from "../../workload/lookups.js";
import type { CollectionFacts, HealthFacts, IndexFacts, SampleFacts } from "../facts/facts.js";
import type { HealthFinding } from "./finding.js";

/** Where the layout of the data is what makes it slow: documents and arrays that grow, joins that come often. Pure. */
export function layoutFindings(
  { deep: { schemas, lookups }, collections, indexes }: HealthFacts,
  thresholds: ParsedThresholds,
): HealthFinding[] {
  const joined = lookups.known ? lookups.value : [];
  return [
    ...(schemas.known ? schemas.value.flatMap((sample) => shapeFindings(sample, thresholds)) : []),
    ...joined.flatMap((facts) => frequentJoins(facts, thresholds)),
    ...(collections.known && indexes.known ? unservedJoins(joined, collections.value, indexes.value) : []),
  ];
}

const ofShape = {
  oversized_document: ["DOCUMENT_LARGE", "has a document that is very large"],
  bloated_documents: ["DOCUMENTS_BLOATED", "has large documents, and every read brings all of one along"],
  unbounded_array: [
    "ARRAY_UNBOUNDED",
    "has an array that nothing bounds; give its elements a collection of their own",
  ],
} as const;

function shapeFindings({ collection, sampled, shape }: SampleFacts, thresholds: ParsedThresholds) {
  return shapeProblems(shape, thresholds).map(({ code, message, documentId }): HealthFinding => {
    const [name, what] = ofShape[code];
    return {
      code: name,
      part: "schema",
      severity: "info",
      message: `Collection ${collection} ${what}`,
      evidence: `${message}; ${sampled} sampled`,
      command: `${collectionText(collection)}.find(${shellText({ _id: documentId })})`,
    };
  });
}

function frequentJoins(
  { collection, operations, aggregations, totalMillis, mostJoins, joins, since }: LookupFacts,
  { lookupOperations, lookupStages }: ParsedThresholds,
): HealthFinding[] {
  if (operations < lookupOperations && mostJoins < lookupStages) return [];
  const others = [...new Set(joins.map(({ from }) => from))].join(", ");
  return [
    {
      code: "LOOKUPS_FREQUENT",
      part: "schema",
      severity: "info",
      message: `What is read of ${collection} is put together with $lookup; keep together what is read together`,
      evidence: `${operations} of ${aggregations} aggregations recorded since ${since.toISOString()} join ${others}: at most ${mostJoins} in one, ${Math.round(totalMillis)} ms in all`,
      command: `db.getCollection("system.profile").find(${shellText({ "command.aggregate": collection })})`,
    },
  ];
}

/** Joins that read the other collection from end to end, for every document that is joined. */
function unservedJoins(
  lookups: readonly LookupFacts[],
  collections: readonly CollectionFacts[],
  { use }: IndexFacts,
): HealthFinding[] {
  const known = new Set(collections.filter(({ exists }) => exists).map(({ collection }) => collection));
  const served = new Set(
    use
      .filter(({ index }) => !index.hidden && !index.building)
      .map(({ index }) => `${index.collection}.${index.keys[0]?.field}`),
  );
  const found = new Map<string, HealthFinding>();
  for (const { collection, operations, joins } of lookups)
    for (const { from, foreignField = "_id" } of joins) {
      const place = `${from}.${foreignField}`;
      if (foreignField === "_id" || !known.has(from) || served.has(place) || found.has(place)) continue;
      found.set(place, {
        code: "LOOKUP_UNINDEXED",
        part: "schema",
        severity: "warning",
        message: `A $lookup of ${collection} reads all of ${from} for each document that it joins`,
        evidence: `no index of ${from} begins with ${foreignField}; ${operations} recorded aggregations join`,
        command: `${collectionText(from)}.createIndex(${shellText({ [foreignField]: 1 })})`,
      });
    }
  return [...found.values()];
}
