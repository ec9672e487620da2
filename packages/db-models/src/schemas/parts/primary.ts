import type { Collection, mongo } from "mongoose";

type DriverCollection = mongo.Collection;

/**
 * Makes a collection read from the primary and write with `w: "majority"`, whatever the connection string asks for. Every
 * read here decides something: who may come in, what is left of a quota, what is written next.
 *
 * Mongoose opens the driver's collection again with each connection and takes no options for it, so the property that
 * holds it is replaced by one that opens it with ours. `wtimeoutMS` and `journal` stay as the connection has them.
 *
 * Source: MongoDB's manual, "Read Preference" (reads from secondaries may be stale) and "Write Concern".
 */
export function pinToPrimary(collection: Collection): void {
  let opened: { db: mongo.Db; collection: DriverCollection } | undefined;
  Object.defineProperty(collection, "collection", {
    configurable: true,
    get(): DriverCollection | null {
      const { db } = collection.conn;
      if (!db) return null;
      if (opened?.db !== db) opened = { db, collection: open(db, collection.name) };
      return opened.collection;
    },
    set() {
      opened = undefined;
    },
  });
}

function open(db: mongo.Db, name: string): DriverCollection {
  const { wtimeoutMS, journal } = db.writeConcern ?? {};
  const writeConcern = {
    w: "majority" as const,
    ...(wtimeoutMS !== undefined && { wtimeoutMS }),
    ...(journal !== undefined && { journal }),
  };
  return db.collection(name, {
    readPreference: "primary",
    writeConcern,
    // Hashes come as they are written: as buffers.
    promoteBuffers: true,
  });
}
