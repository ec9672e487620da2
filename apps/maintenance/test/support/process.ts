import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { bundleChild } from "@org/dev-kit/children";
import { onTestFinished } from "vitest";

const entry = await bundleChild(new URL("../../src/main.ts", import.meta.url), { whole: true });

/** A real maintenance process, behind a program that starts another where one is given; killed after the test. */
export function startProcess(
  args: readonly string[],
  env: Record<string, string>,
  behind: readonly string[] = [],
) {
  return startCommand([...behind, process.execPath, entry, ...args], env);
}

/** The processes that a process has started. Linux only. */
export function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

/** Any program; killed after the test if it still runs. */
export function startCommand(
  [program = "", ...args]: readonly string[],
  env: Record<string, string>,
  cwd?: string,
) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH ?? "", ...env }, cwd });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    output += String(chunk);
  });
  const exited = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  return {
    child,
    exited,
    output: () => output,
    /** Waits for a line that says so. */
    says: async (text: string) => {
      while (!output.includes(text)) {
        if (child.exitCode !== null)
          throw new Error(`ended with ${child.exitCode} before "${text}":\n${output}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}
