import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Starts one of the benchmarks' scripts in a process of its own. What it prints on stdout can be read. */
export function startScript(script: URL, args: readonly string[]) {
  const node = ["--conditions=@org/source", "--import", "tsx", fileURLToPath(script)];
  return spawn(process.execPath, [...node, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}
