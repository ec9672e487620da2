import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A program that runs: what it prints, line by line. */
export interface Running {
  readonly lines: AsyncIterator<string>;
  /** The address that it printed first. */
  readonly origin: string;
  stop(): Promise<void>;
}

/** Starts a program of `src`. */
export function spawnProgram(file: string, env: Record<string, string>, args: readonly string[] = []) {
  const program = fileURLToPath(new URL(`../src/${file}`, import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", program, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/** Starts a program that serves, and waits for its address. */
export async function startProgram(file: string, env: Record<string, string>): Promise<Running> {
  const { child, lines } = spawnProgram(file, env);
  const first = await lines.next();
  if (first.done) throw new Error(`${file} did not start`);
  return { lines, origin: first.value, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill();
  await ended;
}
