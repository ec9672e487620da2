import { runCli } from "./cli.js";
import { processIo } from "./process-io.js";

// The code is set rather than the process ended, so that what is written to a pipe arrives.
process.exitCode = await runCli(process.argv.slice(2), processIo());
