/**
 * Cleans up by the rules of `cleaning.ts` once a line on its input says how (JSON). Prints each batch, and at last what
 * became of it all. With `sleepMs` it does nothing at all for so long after its first batch, as a machine does that is
 * suspended. Argument: URI.
 */
import { writeSync } from "node:fs";
import { runCleanup, toOptimizerError } from "../../src/index.js";
import { awaitAssignment, suspension } from "./assignment.js";
import { cleaningRules, now } from "./cleaning.js";

/** The parent's instructions. */
export interface CleaningAssignment {
  archive: string;
  leaseMs?: number;
  sleepMs?: number;
}

const { connection, assignment } = await awaitAssignment<CleaningAssignment>();
const { archive, leaseMs = 60_000, sleepMs = 0 } = assignment;
const suspend = suspension(sleepMs);
try {
  const report = await runCleanup(connection, cleaningRules(archive), {
    now,
    run: true,
    leaseMs,
    limits: { maxBatch: 10, maxSlowdown: Number.POSITIVE_INFINITY },
    onProgress: ({ step, done, paused }) => {
      writeSync(1, `${paused ? "paused" : "batch"} ${step} ${done}\n`);
      suspend();
    },
  });
  writeSync(1, `ended ${report.stopReason ?? "done"}\n`);
} catch (error) {
  writeSync(1, `ended ${toOptimizerError(error).code}\n`);
}
await connection.close();
process.exit(0);
