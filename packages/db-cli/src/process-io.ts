import { Writable } from "node:stream";

import { exitCodes } from "./errors.js";
import type { CliIo, Sink } from "./io.js";

/** The parts of this process that `org-db` uses: its streams, environment, signals and clock. */
export function processIo(): CliIo {
  const { stdin, stderr, env } = process;
  // Until the command has its result.
  process.exitCode = exitCodes.error;
  return {
    stdout: ownStdout(),
    stderr: quietWhenClosed(stderr),
    env,
    cwd: process.cwd(),
    onInterrupt: (listener) => {
      process.on("SIGINT", listener).on("SIGTERM", listener);
      return () => {
        process.off("SIGINT", listener).off("SIGTERM", listener);
      };
    },
    onStall: (listener) => {
      process.on("beforeExit", listener);
      return () => {
        process.off("beforeExit", listener);
      };
    },
    onLeft: (listener) => {
      const onExit = () => {
        if (!leaving) process.exitCode = listener();
      };
      process.on("exit", onExit);
      return () => {
        process.off("exit", onExit);
      };
    },
    onUnhandled: (listener) => {
      process.on("unhandledRejection", (error) => listener(error, "rejection"));
      process.on("uncaughtException", (error) => listener(error, "exception"));
    },
    ...(stdin.isTTY && { onKey: (listener) => listenForKeys(stdin, listener) }),
    lowerPriority: async () => (await import("@org/db-optimizer/jobs")).lowerCpuPriority(),
    exit: leave,
    now: () => new Date(),
  };
}

let leaving = false;

/** Ends this process on behalf of the command, not of the project's own code. */
function leave(code?: number): never {
  leaving = true;
  return process.exit(code);
}

/**
 * Ends this process once all that was written has arrived. Connections and timers of the project's own code would keep
 * it alive for ever.
 */
export async function endProcess(code: number): Promise<never> {
  const { stdout, stderr } = process;
  process.exitCode = code;
  // The prototype's own, as `write` of the standard output leads to standard error.
  const arrived = (stream: Writable) =>
    new Promise<void>((resolve) => Writable.prototype.write.call(stream, "", "utf8", () => resolve()));
  await Promise.all([stdout, stderr].map(arrived));
  return leave(code);
}

/**
 * Standard output for this program alone. What the project's own code prints while it is loaded and run goes to standard
 * error, so that JSON stays JSON.
 */
function ownStdout(): Sink {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
  quietWhenClosed(stdout);
  return {
    write: (text) => write(text),
    get isTTY() {
      return stdout.isTTY;
    },
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
  };
}

/**
 * A reader that has gone, as after `| head`, wants no more: the process ends without a word, as other programs do, and as a
 * failure if the command had no result yet.
 */
function quietWhenClosed(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    // Later, so that the exit code of what has been printed is set.
    setImmediate(() => leave());
  });
}

function listenForKeys(stdin: NodeJS.ReadStream, listener: (key: string) => void): () => void {
  const onData = (data: Buffer) => listener(data.toString());
  // Raw: a key arrives at once, and is not shown.
  stdin.setRawMode(true).on("data", onData).resume();
  return () => {
    stdin.off("data", onData).setRawMode(false).pause();
  };
}
