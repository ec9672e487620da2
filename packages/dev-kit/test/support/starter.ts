// A process of its own that starts an engine: argument 1 is JSON StartEngineOptions. It tells on stdout, line by
// line, what it does, and stops the engine when its stdin ends.
import { once } from "node:events";

import { startEngine } from "../../src/index.js";

const tell = (event: unknown) => process.stdout.write(`${JSON.stringify(event)}\n`);

try {
  const engine = await startEngine({ ...JSON.parse(process.argv[2]!), log: (log) => tell({ log }) });
  tell({ engine });
  if (process.argv[3] !== "forget") {
    process.stdin.resume();
    await once(process.stdin, "end");
    await engine.stop();
  }
} catch (error) {
  tell({ error: String(error) });
}
