/**
 * Applies the plan of the drifting models once a line on its input says how (JSON). Prints each step that ends, and at
 * last what became of it all. With `sleepMs` it does nothing at all for so long after its first step, as a machine does
 * that is suspended. Argument: URI.
 */
import { once } from "node:events";
import { writeSync } from "node:fs";
import { createConnection } from "mongoose";
import { DatabaseOptimizer, toOptimizerError } from "../../src/index.js";
import { driftingModels, driftingPlan } from "./drifting.js";

/** What a parent asks of it. */
export interface Assignment {
  leaseMs?: number;
  sleepMs?: number;
  /** Declares one more index than its parent. */
  extra?: boolean;
}

const connection = await createConnection(process.argv[2] ?? "", {
  autoIndex: false,
  autoCreate: false,
}).asPromise();
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const { leaseMs = 60_000, sleepMs = 0, extra = false } = JSON.parse(String(line)) as Assignment;
const optimizer = new DatabaseOptimizer(connection, { models: driftingModels(connection, extra) });
let slept = false;
try {
  const result = await optimizer.apply(
    {
      rebuild: true,
      leaseMs,
      onProgress: ({ step, result: end }) => {
        if (!end) return;
        writeSync(1, `${end.outcome} ${step.kind} ${step.index}\n`);
        if (sleepMs === 0 || slept) return;
        slept = true;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, sleepMs);
      },
    },
    await driftingPlan(optimizer),
  );
  writeSync(1, `ended ${result.complete}\n`);
} catch (error) {
  writeSync(1, `ended ${toOptimizerError(error).code}\n`);
}
await connection.close();
process.exit(0);
