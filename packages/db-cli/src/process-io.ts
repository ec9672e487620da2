import { Writable } from "node:stream";

import type { CliIo, Sink } from "./io.js";

/** The parts of this process that `org-db` uses: its streams, environment, signals and clock. */
export function processIo(): CliIo {
  const { stdin, stderr, env } = process;
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
    onUnhandled: (listener) => {
      process.on("unhandledRejection", (error) => listener(error, "rejection"));
      process.on("uncaughtException", (error) => listener(error, "exception"));
    },
    ...(stdin.isTTY && { onKey: (listener) => listenForKeys(stdin, listener) }),
    lowerPriority: async () => (await import("@org/db-optimizer/jobs")).lowerCpuPriority(),
    exit: (code) => process.exit(code),
    now: () => new Date(),
  };
}

/**
 * Ends this process once all that was written has arrived. Connections and timers of the project's own code would keep
 * it alive for ever.
 */
export async function endProcess(code: number): Promise<never> {
  const { stdout, stderr } = process;
  // The prototype's own, as `write` of the standard output leads to standard error.
  const arrived = (stream: Writable) =>
    new Promise<void>((resolve) => Writable.prototype.write.call(stream, "", "utf8", () => resolve()));
  await Promise.all([stdout, stderr].map(arrived));
  return process.exit(code);
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

/** A reader that has gone, as after `| head`, wants no more: the process ends without a word, as other programs do. */
function quietWhenClosed(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    // Later, so that the exit code of what has been printed is set.
    setImmediate(() => process.exit());
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
