/**
 * Applies the plan of the drifting models once a line on its input says how (JSON). Prints each step that ends, and at
 * last what became of it all. With `sleepMs` it does nothing at all for so long after its first step, as a machine does
 * that is suspended. Argument: URI.
 */
import { writeSync } from "node:fs";
import { DatabaseOptimizer, toOptimizerError } from "../../src/index.js";
import { awaitAssignment, suspension } from "./assignment.js";
import { driftingModels, driftingPlan } from "./drifting.js";

/** The parent's instructions. */
export interface Assignment {
  leaseMs?: number;
  sleepMs?: number;
  /** Declares one more index than its parent. */
  extra?: boolean;
}

const { connection, assignment } = await awaitAssignment<Assignment>();
const { leaseMs = 60_000, sleepMs = 0, extra = false } = assignment;
const optimizer = new DatabaseOptimizer(connection, { models: driftingModels(connection, extra) });
const suspend = suspension(sleepMs);
try {
  const result = await optimizer.apply(
    {
      rebuild: true,
      leaseMs,
      onProgress: ({ step, result: end }) => {
        if (!end) return;
        writeSync(1, `${end.outcome} ${step.kind} ${step.index}\n`);
        suspend();
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
