import { once } from "node:events";
import { writeSync } from "node:fs";
import { type Connection, createConnection } from "mongoose";

/** Connects to the URI of the first argument, says that it is ready, and waits for what the parent asks of it (JSON). */
export async function awaitAssignment<Assignment>(): Promise<{
  connection: Connection;
  assignment: Assignment;
}> {
  const options = { autoIndex: false, autoCreate: false };
  const connection = await createConnection(process.argv[2] ?? "", options).asPromise();
  writeSync(1, "ready\n");
  const [line] = await once(process.stdin, "data");
  return { connection, assignment: JSON.parse(String(line)) as Assignment };
}

/** Blocks for a time on its first call, as a suspended machine does. */
export function suspension(ms: number): () => void {
  let due = ms > 0;
  return () => {
    if (due) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    due = false;
  };
}
