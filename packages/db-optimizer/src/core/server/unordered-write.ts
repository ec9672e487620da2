// Bulk writes of which one refused document stops no other.
import type { mongo } from "mongoose";
import { isDuplicate } from "../errors.js";
import { reasonOf } from "../reason.js";
import { majority } from "./own-collection.js";
import { isRecordFault } from "./transient.js";

/** Why the server refused one document: the unique index that did, or its words. */
export interface Refused {
  readonly index?: string;
  readonly reason?: string;
}

/**
 * A bulk write that goes on behind documents that are refused, and says by position which were.
 *
 * @throws anything else that the server or the driver says: what it says of the command as a whole, or of write concern
 */
export async function writeUnordered(
  target: mongo.Collection,
  operations: readonly mongo.AnyBulkWriteOperation[],
  writeConcern: mongo.WriteConcernSettings = majority,
): Promise<{ readonly result: mongo.BulkWriteResult; readonly refused: ReadonlyMap<number, Refused> }> {
  try {
    const options = { ordered: false, writeConcern } as const;
    return { result: await target.bulkWrite([...operations], options), refused: new Map() };
  } catch (error) {
    const { writeErrors, result } = error as Partial<mongo.MongoBulkWriteError>;
    const all = [writeErrors ?? []].flat();
    const onlyRecords = all.length > 0 && all.every(isRecordFault);
    if (!result || !onlyRecords || result.getWriteConcernError()) throw error;
    return { result, refused: new Map(all.map((one) => [one.index, refusalOf(one)])) };
  }
}

// "E11000 duplicate key error collection: db.things index: _id_ dup key: { … }"
function refusalOf(error: mongo.WriteError): Refused {
  const { errmsg = "" } = error;
  if (!isDuplicate(error)) return { reason: reasonOf(errmsg) };
  const name = /index: (.+?)(?: collation:| dup key|$)/.exec(errmsg)?.[1] ?? "unknown";
  return { index: name === "_id_" ? "_id" : name };
}
