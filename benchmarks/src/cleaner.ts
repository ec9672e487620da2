/** Cleans up by the rule of the benchmark at the default throttle, and prints a line with each batch. Argument: URI. */
import { writeSync } from "node:fs";
import { runCleanup } from "@org/db-optimizer";
import { lowerCpuPriority } from "@org/db-optimizer/jobs";
import { createConnection } from "mongoose";
import { benchmarkRule } from "./cleanup.js";

// As `org-db` does.
lowerCpuPriority();
const connection = await createConnection(process.argv[2] ?? "", { autoIndex: false }).asPromise();
await runCleanup(connection, [benchmarkRule], {
  now: new Date(),
  run: true,
  onProgress: ({ done }) => void writeSync(1, `${done}\n`),
});
await connection.close();
