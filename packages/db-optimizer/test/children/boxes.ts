import type { Connection } from "mongoose";
import type { Document } from "../../src/core/model.js";
import type { Migration } from "../../src/index.js";

/** Boxes with things in them, to be things with the name of their box: a migration that needs nothing but the engine. */
export const boxesMigration = (phaseLeaseMs = 10): Migration => ({
  name: "boxes",
  source: "boxes",
  targets: ["box_labels", "things"],
  phaseLeaseMs,
  retentionMs: 0,
  contract: { unset: ["things"] },
  expand: ({ _id, label, at, things = [] }) => [
    { collection: "box_labels", document: { _id, label, at }, supersedes: { at: { $lt: at } } },
    ...(things as Document[]).map((thing) => ({
      collection: "things",
      document: { ...thing, box: _id },
      supersedes: { at: { $lt: thing.at } },
    })),
  ],
  belongTo: (collection, ids) =>
    collection === "box_labels" ? { _id: { $in: ids } } : { box: { $in: ids } },
  ownerOf: (collection, document) => (collection === "box_labels" ? document._id : document.box),
  canonical: (_collection, document) => document,
  collapse: (targets, source) => {
    const [box] = targets.get("box_labels") ?? [];
    if (!box) return [];
    const things = (targets.get("things") ?? []).map(({ box: _box, ...thing }) => thing);
    const known = new Map(((source?.things ?? []) as Document[]).map((thing) => [String(thing._id), thing]));
    for (const thing of things) known.set(String(thing._id), thing);
    const { _id, ...label } = box;
    return [{ filter: { _id }, update: { $set: { ...label, things: [...known.values()] } }, upsert: true }];
  },
});

/** So many boxes with three things each, and nothing that an earlier migration left. */
export async function fillBoxes(connection: Connection, count: number): Promise<void> {
  for (const name of ["boxes", "box_labels", "things", "org_db_migrations", "org_db_leases", "org_db_runs"])
    await connection.collection(name).deleteMany({});
  const at = new Date(0);
  const boxes = Array.from({ length: count }, (_, box) => ({
    _id: box as never,
    label: `box ${box}`,
    at,
    things: [0, 1, 2].map((thing) => ({ _id: box * 3 + thing, text: `thing ${thing}`, at })),
  }));
  await connection.collection("boxes").insertMany(boxes);
}
