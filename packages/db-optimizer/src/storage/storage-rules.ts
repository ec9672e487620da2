// Rules of how collections are stored: the space of their files, and the documents of a sample.
import type { Found, Rule } from "../core/finding.js";
import { collectionText, shellText } from "../indexes/command.js";
import type { ParsedStorageLimits } from "./limits.js";
import type { SampleShape } from "./shape.js";

/** Sampled documents of a collection. */
interface ShapedCollection extends SampleShape {
  readonly collection: string;
}

type ShapeLimits = Pick<ParsedStorageLimits, "documentBytes" | "medianBytes" | "arrayLength" | "arrayGrowth">;

/** A rule that looks at sampled documents: what they are, and which one shows it best. */
interface ShapeRule extends Rule<ShapedCollection, ShapeLimits> {
  find(facts: ShapedCollection, limits: ShapeLimits): Iterable<Found>;
}

function shapeRule(
  code: string,
  what: string,
  seen: (
    facts: SampleShape,
    limits: ShapeLimits,
  ) => Iterable<readonly [evidence: string, documentId: unknown]>,
): ShapeRule {
  return {
    code,
    part: "schema",
    severity: "info",
    *find(facts, limits) {
      const { collection, sampled } = facts;
      for (const [evidence, documentId] of seen(facts, limits))
        yield {
          subject: collection,
          message: `Collection ${collection} ${what}`,
          evidence: `${evidence}; ${sampled} sampled`,
          command: `${collectionText(collection)}.find(${shellText({ _id: documentId })})`,
        };
    },
  };
}

/** Rules for sampled documents that exceed a limit. */
export const shapeRules: readonly ShapeRule[] = [
  shapeRule("DOCUMENT_LARGE", "has a document that is very large", function* (facts, limits) {
    const { largestBytes, largestId } = facts;
    if (largestBytes > limits.documentBytes)
      yield [`document ${String(largestId)} has ${largestBytes} bytes`, largestId];
  }),
  shapeRule(
    "DOCUMENTS_BLOATED",
    "has large documents, and every read brings all of one along",
    function* ({ medianBytes, largestId }, limits) {
      if (medianBytes > limits.medianBytes) yield [`the median document has ${medianBytes} bytes`, largestId];
    },
  ),
  shapeRule(
    "ARRAY_UNBOUNDED",
    "has an array that nothing bounds; give its elements a collection of their own",
    function* ({ arrays }, limits) {
      for (const { path, longest, longestId, medianLength } of arrays) {
        if (longest <= limits.arrayLength || longest <= limits.arrayGrowth * medianLength) continue;
        yield [
          `${path} has ${longest} elements in document ${String(longestId)}, and ${medianLength} in the median one`,
          longestId,
        ];
      }
    },
  ),
];

/** More indexes than a collection should have. */
export const manyIndexes = {
  code: "MANY_INDEXES",
  part: "indexes",
  severity: "info",
  command: "org-db optimize",
  find: (collection: string, count: number, most: number): Found[] =>
    count <= most
      ? []
      : [
          {
            subject: collection,
            message: `Every write to ${collection} pays for many indexes`,
            evidence: `${count} indexes, more than ${most}`,
          },
        ],
} as const;

/** More collections than a database should have. */
export const manyCollections = {
  code: "MANY_COLLECTIONS",
  part: "storage",
  severity: "info",
  find: (count: number, most: number): Found[] =>
    count <= most
      ? []
      : [
          {
            subject: "*",
            message: "So many collections cost files and memory each",
            evidence: `${count} collections, more than ${most}`,
          },
        ],
} as const;
