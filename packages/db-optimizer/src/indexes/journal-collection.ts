// The collection of the journal, which runs and observations are written to.
import type { Connection, mongo } from "mongoose";
import { ownCollection } from "../core/server/own-collection.js";

/** Name of the collection that the journal is kept in. */
const journalCollection = "org_db_journal";

/** The collection that everything about changes to indexes is written to; each kind by a prefix of its ids. */
export function journalOf<Kind extends { readonly _id: string } = { _id: string }>(
  connection: Connection,
): mongo.Collection<Kind> {
  return ownCollection<Kind>(connection, journalCollection);
}

/** All ids that begin so. */
export function within(prefix: string): { $gte: string; $lt: string } {
  return { $gte: prefix, $lt: `${prefix}\uffff` };
}
