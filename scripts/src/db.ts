import { join } from "node:path";
import { endProcess, processIo, runCli } from "@org/db-cli";
import { databaseUri, describeFailure, openEngine, root } from "./engine.js";

// `org-db` on this checkout's own db.config.ts, with an engine brought along when MONGODB_URI names none.
const [command = "help", ...given] = process.argv.slice(2);
const asksForHelp = command === "help" || given.some((word) => word === "--help" || word === "-h");
// Help needs no database, and an engine may take minutes to build.
if (asksForHelp) await endProcess(await runCli([command, ...given], processIo()));

let code = 1;
try {
  // The commands print plans, which have to be those of a real server.
  const engine = await openEngine("faithful");
  try {
    // The user's arguments come last and override these.
    const argv = [command, "--config", join(root, "db.config.ts"), "--uri", databaseUri(engine), ...given];
    code = await runCli(argv, processIo());
  } finally {
    await engine.stop();
  }
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
}
await endProcess(code);
