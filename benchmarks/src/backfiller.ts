/** Backfills embedded sessions at the default throttle, and prints a line with each batch. Argument: URI. */
import { writeSync } from "node:fs";
import { migrateUp } from "@org/db-optimizer";
import { lowerCpuPriority } from "@org/db-optimizer/jobs";
import { createConnection } from "mongoose";
import { benchmarkMigration } from "./backfill.js";

// As `org-db` does.
lowerCpuPriority();
const connection = await createConnection(process.argv[2] ?? "", { autoIndex: false }).asPromise();
await migrateUp(
  connection,
  benchmarkMigration,
  { now: () => new Date(), onProgress: ({ done }) => void writeSync(1, `${done}\n`) },
  "backfill",
);
await connection.close();
