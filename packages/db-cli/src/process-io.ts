import type { CliIo } from "./io.js";

/** What `org-db` has to do with this process: its streams, its environment, its signals, its clock. */
export function processIo(): CliIo {
  const { stdout, stderr, env } = process;
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
    exit: (code) => process.exit(code),
    now: () => new Date(),
  };
}
