import type { Migration } from "../../src/index.js";

/** Copies documents with a text from `old` to `fresh`, and back. */
export const textMigration: Migration = {
  name: "mixed",
  source: "old",
  targets: ["fresh"],
  phaseLeaseMs: 5,
  retentionMs: 0,
  expand: ({ _id, text, at }) => [
    { collection: "fresh", document: { _id, text, at }, supersedes: { at: { $lt: at } } },
  ],
  belongTo: (_collection, ids) => ({ _id: { $in: ids } }),
  ownerOf: (_collection, { _id }) => _id,
  canonical: (_collection, { _id, text }) => ({ _id, text }),
  collapse: (targets) =>
    (targets.get("fresh") ?? []).map(({ _id, ...fields }) => ({
      filter: { _id: { $eq: _id } },
      update: { $set: fields },
      upsert: true,
    })),
  contract: { unset: ["text"] },
};
