import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { DevKitError } from "../errors.js";

const supervisorFile = fileURLToPath(new URL("./supervisor.mjs", import.meta.url));

/** A child that must not outlive this process. */
export interface SuperviseSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Takes the child's stdout and stderr, appended. */
  readonly logFile: string;
  /** Folders to remove when the child is stopped, or when this process dies. */
  readonly removeAtEnd: readonly string[];
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly graceMs: number;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Supervised {
  readonly pid: number;
  /** Resolves when the child has ended, by itself or stopped. */
  readonly exited: Promise<ChildExit>;
  /** Stops the child if it still runs, then removes the folders (unless `keepFiles`). Idempotent. */
  stop(options?: { keepFiles?: boolean }): Promise<void>;
  /** Lets this process end while the child runs; its end then stops the child. */
  unref(): void;
}

type Report = { pid: number } | { error: string } | { exit: ChildExit };

/**
 * Starts a child under a supervisor process that stops it when this process ends, also by SIGKILL.
 *
 * @throws {DevKitError} `ENGINE_START_FAILED` when the program cannot be started at all
 */
export async function supervise(spec: SuperviseSpec): Promise<Supervised> {
  const supervisor = spawn(process.execPath, [supervisorFile], {
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
    // a loader or inspector of this process is of no use there, and may not even be resolvable
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const { started, exited } = follow(supervisor, spec.command);
  supervisor.stdin.on("error", () => {});
  supervisor.stdin.write(`${JSON.stringify(spec)}\n`);
  let pid: number | undefined;
  const stop = stopper(supervisor, spec, () => pid);
  try {
    pid = await started;
    return { pid, exited, stop, unref: () => unref(supervisor) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function follow(supervisor: ChildProcess, command: string) {
  let ended: (exit: ChildExit) => void = () => {};
  const exited = new Promise<ChildExit>((resolve) => {
    ended = resolve;
  });
  const started = new Promise<number>((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new DevKitError("ENGINE_START_FAILED", `${command} cannot be started: ${reason}`));
    supervisor.once("error", (error) => fail(error.message));
    supervisor.once("exit", (code, signal) => {
      fail("its supervisor ended");
      ended({ code, signal });
    });
    createInterface({ input: supervisor.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const report = JSON.parse(line) as Report;
      if ("pid" in report) resolve(report.pid);
      else if ("error" in report) fail(report.error);
      else ended(report.exit);
    });
  });
  return { started, exited };
}

function stopper(
  supervisor: ChildProcess,
  spec: SuperviseSpec,
  pid: () => number | undefined,
): Supervised["stop"] {
  let stopped: Promise<void> | undefined;
  return (options) => {
    stopped ??= (async () => {
      await endSupervisor(supervisor, spec.graceMs, options?.keepFiles ? "keep\n" : undefined);
      if (supervisor.exitCode === 0) return;
      killGroup(pid());
      if (!options?.keepFiles) await removeAll(spec.removeAtEnd);
    })();
    return stopped;
  };
}

async function endSupervisor(supervisor: ChildProcess, graceMs: number, lastWord: string | undefined) {
  if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
  supervisor.ref();
  const gone = once(supervisor, "exit");
  supervisor.stdin?.end(lastWord);
  // The supervisor is bounded itself; this bound is for one that hangs.
  const timer = setTimeout(() => supervisor.kill("SIGKILL"), graceMs + 10_000);
  await gone;
  clearTimeout(timer);
}

// Does the supervisor's work if the supervisor itself was killed.
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function removeAll(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

function unref(supervisor: ChildProcess): void {
  supervisor.unref();
  for (const stream of [supervisor.stdin, supervisor.stdout]) {
    (stream as { unref?: () => void } | null)?.unref?.();
  }
}
