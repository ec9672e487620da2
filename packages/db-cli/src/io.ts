/** Where text goes: a process stream, or a test's. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** All that the command has to do with the process that runs it. */
export interface CliIo {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Calls back on each Ctrl-C; returns how to stop listening. */
  onInterrupt(listener: () => void): () => void;
  /** Calls back when nothing can happen any more although the command has not ended; returns how to stop listening. */
  onStall?(listener: () => void): () => void;
  /**
   * Calls back when the project's own code ends the process; what the listener returns is the exit code. Returns how to stop
   * listening.
   */
  onLeft?(listener: () => number): () => void;
  /** Calls back on each rejected promise that nothing handles, and each exception that nothing catches. */
  onUnhandled?(listener: (error: unknown, kind: "rejection" | "exception") => void): void;
  /** Calls back on each key, Ctrl-C among them; returns how to stop listening. Absent where there is no keyboard. */
  onKey?(listener: (key: string) => void): () => void;
  /** Lowers this process's CPU priority; absent where the process is not the command's own. */
  lowerPriority?(): void;
  /** Leaves at once, for the second Ctrl-C. */
  exit(code: number): void;
  now(): Date;
}
