/**
 * Takes the migration of the boxes up, back, or to its end, once a line on its input says how (JSON). Prints each phase
 * and batch as it is reached, and at last what became of it. With `sleepMs` it does nothing at all for so long after its
 * first batch, as a machine does that is suspended. Argument: URI.
 */
import { writeSync } from "node:fs";
import { contractMigration, migrateUp, rollbackMigration, toOptimizerError } from "../../src/index.js";
import { awaitAssignment, suspension } from "./assignment.js";
import { boxesMigration } from "./boxes.js";

/** The parent's instructions. */
export interface MigratorAssignment {
  way?: "up" | "back" | "end";
  leaseMs?: number;
  sleepMs?: number;
}

const { connection, assignment } = await awaitAssignment<MigratorAssignment>();
const { way = "up", leaseMs = 60_000, sleepMs = 0 } = assignment;
const suspend = suspension(sleepMs);
const options = {
  now: () => new Date(),
  leaseMs,
  limits: { maxBatch: 20, maxSlowdown: Number.POSITIVE_INFINITY },
  onProgress: ({ step, done }: { step: string; done: number }) => {
    writeSync(1, `reached ${step} ${done}\n`);
    suspend();
  },
};
const ways = { up: migrateUp, back: rollbackMigration, end: contractMigration };
try {
  const { phase } = await ways[way](connection, boxesMigration(), options);
  writeSync(1, `ended ${phase}\n`);
} catch (error) {
  writeSync(1, `ended ${toOptimizerError(error).code}\n`);
}
await connection.close();
process.exit(0);
