import { type ChildProcess, spawn } from "node:child_process";
import { bundleChild } from "@org/dev-kit/children";

import { fixtures } from "./support.js";

/** `org-db` from its source: the program, and its first arguments. */
export const orgDbCommand: readonly [string, ...string[]] = [
  process.execPath,
  "--conditions=@org/source",
  await bundleChild(new URL("../src/bin.ts", import.meta.url)),
];

/** How a process ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a process of its own, from its source. */
export function startOrgDb(
  args: readonly string[],
  env: Record<string, string>,
  onStderr?: (text: string, child: ChildProcess) => void,
  cwd = fixtures,
): Promise<Ended> {
  return startProgram([...orgDbCommand, ...args], env, onStderr, cwd);
}

/** Runs any program with both of its streams kept. */
export function startProgram(
  [program = "", ...args]: readonly string[],
  env: Record<string, string>,
  onStderr?: (text: string, child: ChildProcess) => void,
  cwd = fixtures,
): Promise<Ended> {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise<Ended>((resolve) => {
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      onStderr?.(stderr, child);
    });
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
