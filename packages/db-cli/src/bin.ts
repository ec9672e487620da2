import { runCli } from "./cli.js";
import { endProcess, processIo } from "./process-io.js";

await endProcess(await runCli(process.argv.slice(2), processIo()));
