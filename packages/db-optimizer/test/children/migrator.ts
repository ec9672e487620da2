/**
 * Takes the migration of the boxes up, or back, once a line on its input says how (JSON). Prints each phase and batch
 * as it is reached, and at last what became of it. With `sleepMs` it does nothing at all for so long after its first
 * batch, as a machine does that is suspended. Argument: URI.
 */
import { once } from "node:events";
import { writeSync } from "node:fs";
import { createConnection } from "mongoose";
import { migrateUp, rollbackMigration, toOptimizerError } from "../../src/index.js";
import { boxesMigration } from "./boxes.js";

/** What a parent asks of it. */
export interface MigratorAssignment {
  back?: boolean;
  leaseMs?: number;
  sleepMs?: number;
}

const connection = await createConnection(process.argv[2] ?? "").asPromise();
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const { back = false, leaseMs = 60_000, sleepMs = 0 } = JSON.parse(String(line)) as MigratorAssignment;
let slept = sleepMs === 0;
const options = {
  now: () => new Date(),
  leaseMs,
  limits: { minBatch: 20, maxBatch: 20, niceRatio: 0 },
  onProgress: ({ phase, done }: { phase: string; done: number }) => {
    writeSync(1, `reached ${phase} ${done}\n`);
    if (slept) return;
    slept = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, sleepMs);
  },
};
try {
  const run = back ? rollbackMigration : migrateUp;
  const { phase } = await run(connection, boxesMigration(), options);
  writeSync(1, `ended ${phase}\n`);
} catch (error) {
  writeSync(1, `ended ${toOptimizerError(error).code}\n`);
}
await connection.close();
process.exit(0);
