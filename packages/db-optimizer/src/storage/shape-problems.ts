import type { ParsedStorageLimits } from "./limits.js";
import type { SampleShape } from "./shape.js";

/** Something about sampled documents that is over its limit. */
export interface ShapeProblem {
  readonly code: "oversized_document" | "bloated_documents" | "unbounded_array";
  readonly message: string;
  /** `_id` of the document that shows it best. */
  readonly documentId: unknown;
}

type ShapeLimits = Pick<ParsedStorageLimits, "documentBytes" | "medianBytes" | "arrayLength" | "arrayGrowth">;

/** What of sampled documents is over its limit. Pure. */
export function shapeProblems(
  { largestBytes, largestId, medianBytes, arrays }: SampleShape,
  limits: ShapeLimits,
): ShapeProblem[] {
  const problems: ShapeProblem[] = [];
  if (largestBytes > limits.documentBytes)
    problems.push({
      code: "oversized_document",
      message: `document ${String(largestId)} has ${largestBytes} bytes`,
      documentId: largestId,
    });
  if (medianBytes > limits.medianBytes)
    problems.push({
      code: "bloated_documents",
      message: `the median document has ${medianBytes} bytes`,
      documentId: largestId,
    });
  for (const { path, longest, longestId, medianLength } of arrays) {
    if (longest <= limits.arrayLength || longest <= limits.arrayGrowth * medianLength) continue;
    const message = `${path} has ${longest} elements in document ${String(longestId)}, and ${medianLength} in the median one`;
    problems.push({ code: "unbounded_array", message, documentId: longestId });
  }
  return problems;
}
