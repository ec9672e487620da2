import { FreemanCounts } from "@org/risk-engine/freeman";
import type { Visit } from "../world.js";
import type { Model } from "./model.js";

/** The published reference model. */
export function referenceModel(): Model {
  const counts = new FreemanCounts();
  return {
    name: "reference",
    score: ({ reference }: Visit) => counts.score(reference),
    learn: ({ reference }) => counts.add(reference),
  };
}
