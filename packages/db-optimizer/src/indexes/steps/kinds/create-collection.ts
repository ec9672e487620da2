// createCollection: makes a collection that the models declare and the server lacks.
import { onCollection, sendOnCollection } from "../collection-state.js";
import type { CollectionKind, OnCollection } from "../kind.js";

export type CreateCollectionStep = OnCollection<"createCollection">;

export const createCollection: CollectionKind<CreateCollectionStep> = {
  progress: "create collection",
  consent: "none",
  // Dropping it would take its documents along.
  undo: "nothing",
  describe: (change) => onCollection("createCollection", "create", change),
  needed: (step) => step,
  async run(context, step) {
    try {
      return await sendOnCollection(context, step, "create", "create");
    } catch (error) {
      // Another process that made it first is no failure.
      const { cause } = error as { cause?: { code?: unknown } };
      if (cause?.code === 48) return { outcome: "done" };
      throw error;
    }
  },
};
