import { lowerCpuPriority } from "@org/db-optimizer";

import type { CliIo } from "./io.js";

/** What `org-db` has to do with this process: its streams, its environment, its signals, its clock. */
export function processIo(): CliIo {
  const { stdin, stdout, stderr, env } = process;
  return {
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    onInterrupt: (listener) => {
      process.on("SIGINT", listener).on("SIGTERM", listener);
      return () => {
        process.off("SIGINT", listener).off("SIGTERM", listener);
      };
    },
    ...(stdin.isTTY && { onKey: (listener) => listenForKeys(stdin, listener) }),
    lowerPriority: lowerCpuPriority,
    exit: (code) => process.exit(code),
    now: () => new Date(),
  };
}

function listenForKeys(stdin: NodeJS.ReadStream, listener: (key: string) => void): () => void {
  const onData = (data: Buffer) => listener(data.toString());
  // Raw: a key arrives at once, and is not shown.
  stdin.setRawMode(true).on("data", onData).resume();
  return () => {
    stdin.off("data", onData).setRawMode(false).pause();
  };
}
