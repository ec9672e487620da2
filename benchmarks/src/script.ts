import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Sources or what was built: whichever the process that starts it runs. */
const conditions = process.execArgv.filter((argument) => argument.startsWith("--conditions="));

/** Starts one of the benchmarks' scripts in a process of its own. What it prints on stdout can be read. */
export function startScript(
  script: URL,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const node = [...conditions, "--import", "tsx", fileURLToPath(script)];
  return spawn(process.execPath, [...node, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
}
