// A read that is timed as an application sees it, round trip included.
import type { mongo } from "mongoose";
import type { Document } from "../model.js";
import { primary } from "./own-collection.js";
import { ownWork } from "./own-work.js";

/**
 * Milliseconds from asking to the first batch, round trip included. No cursor stays open on the server, where it would
 * idle for ten minutes.
 */
export async function timedRead(db: mongo.Db, command: Document): Promise<number> {
  if ("aggregate" in command) return timedAggregate(db, command);
  const once = { ...command, ...ownWork, ...("find" in command && { singleBatch: true }) };
  const started = performance.now();
  await db.command(once, primary);
  return performance.now() - started;
}

// An aggregation knows no single batch; the driver closes its cursor on the server that has it.
async function timedAggregate(db: mongo.Db, command: Document): Promise<number> {
  const cursor = db.runCursorCommand({ ...command, ...ownWork, cursor: command.cursor ?? {} }, primary);
  try {
    const started = performance.now();
    await cursor.tryNext();
    return performance.now() - started;
  } finally {
    await cursor.close();
  }
}
