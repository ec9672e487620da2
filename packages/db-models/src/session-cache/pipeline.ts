// The filter of the stream, on the server: the rule of `changes.ts` as a pipeline.
import type { mongo } from "mongoose";
import type { HeartbeatOrigin } from "./changes.js";
import { type WatchedCollection, watchedCollections } from "./watched.js";

/** The pipeline of the stream: what can't matter stays on the server. What comes is decided on once more. */
export function pipelineOf({ collection, instance }: HeartbeatOrigin): mongo.Document[] {
  const names = Object.keys(watchedCollections);
  const ofWatched = Object.entries(watchedCollections).map(([name, watched]) => ({
    "ns.coll": name,
    operationType: { $ne: "insert" },
    $nor: [{ operationType: "update", $expr: harmlessOnServer(watched) }],
  }));
  return [
    {
      $match: {
        $or: [
          { "ns.coll": collection, "documentKey._id": instance },
          ...ofWatched,
          { "to.coll": { $in: names } },
          { operationType: { $in: ["dropDatabase", "invalidate"] } },
        ],
      },
    },
    { $project: { "fullDocument.beats": 1, ...kept } },
  ];
}

const kept = {
  operationType: 1,
  ns: 1,
  to: 1,
  documentKey: 1,
  clusterTime: 1,
  updateDescription: 1,
} as const;

/** The rule of `isHarmlessUpdate` as an aggregation expression. */
function harmlessOnServer({ harmless, read }: WatchedCollection): mongo.Document {
  const topLevel = (paths: unknown) => ({
    $map: { input: paths, in: { $arrayElemAt: [{ $split: ["$$this", "."] }, 0] } },
  });
  const updated = {
    $map: {
      input: { $objectToArray: { $ifNull: ["$updateDescription.updatedFields", {}] } },
      in: "$$this.k",
    },
  };
  const removed = { $ifNull: ["$updateDescription.removedFields", []] };
  const truncated = { $ifNull: ["$updateDescription.truncatedArrays", []] };
  if (read) {
    const all = topLevel({
      $concatArrays: [updated, removed, { $map: { input: truncated, in: "$$this.field" } }],
    });
    return { $eq: [{ $setIntersection: [all, [...read]] }, []] };
  }
  return {
    $and: [
      { $eq: [removed, []] },
      { $eq: [truncated, []] },
      { $setIsSubset: [topLevel(updated), [...(harmless ?? [])]] },
    ],
  };
}
