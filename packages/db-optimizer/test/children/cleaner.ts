/**
 * Cleans up by the rules of `cleaning.ts` once a line on its input says how (JSON). Prints each batch, and at last what
 * became of it all. With `sleepMs` it does nothing at all for so long after its first batch, as a machine does that is
 * suspended. Argument: URI.
 */
import { once } from "node:events";
import { writeSync } from "node:fs";
import { createConnection } from "mongoose";
import { runCleanup, toOptimizerError } from "../../src/index.js";
import { cleaningRules, now } from "./cleaning.js";

/** What a parent asks of it. */
export interface CleaningAssignment {
  archive: string;
  leaseMs?: number;
  sleepMs?: number;
}

const connection = await createConnection(process.argv[2] ?? "", {
  autoIndex: false,
  autoCreate: false,
}).asPromise();
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const { archive, leaseMs = 60_000, sleepMs = 0 } = JSON.parse(String(line)) as CleaningAssignment;
let slept = false;
try {
  const report = await runCleanup(connection, cleaningRules(archive), {
    now,
    run: true,
    leaseMs,
    limits: { minBatch: 1, maxBatch: 10, niceRatio: 0 },
    onProgress: ({ rule, done, paused }) => {
      writeSync(1, `${paused ? "paused" : "batch"} ${rule} ${done}\n`);
      if (sleepMs === 0 || slept) return;
      slept = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, sleepMs);
    },
  });
  writeSync(1, `ended ${report.stopReason ?? "done"}\n`);
} catch (error) {
  writeSync(1, `ended ${toOptimizerError(error).code}\n`);
}
await connection.close();
process.exit(0);
