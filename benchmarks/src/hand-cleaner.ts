/** Removes what the cleaner does, in a loop by hand that rests for half as long as each batch took; prints a line with each batch. Argument: URI. */
import { writeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { createConnection } from "mongoose";
import { rawLoop } from "./cleanup.js";

const connection = await createConnection(process.argv[2] ?? "", { autoIndex: false }).asPromise();
await rawLoop(connection, async (done, batchMs) => {
  writeSync(1, `${done}\n`);
  await setTimeout(batchMs / 2);
});
await connection.close();
