import type { Recording } from "@org/db-optimizer";
import type { ExitCode } from "./errors.js";
import type { Sink } from "./io.js";
import type { ProgressLine } from "./output/progress.js";
import type { Paint } from "./output/style.js";
import type { Reported, Session } from "./session.js";

/** The context of a command. */
export interface Context extends Session {
  /** Given by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly progress: ProgressLine;
  readonly paint: Paint;
  /** For commands that print while they run; what a command comes to is printed for it. */
  readonly stdout: Sink;
  /** Calls back on each key, where somebody sits at a keyboard; returns how to stop listening. */
  onKey(listener: (key: string) => void): () => void;
  /** For work that can wait: other processes go first from here on. */
  lowerPriority(): void;
  now(): Date;
}

/** How what a command does is recorded. */
export function recordingOf({ record, now }: Context): Recording {
  return { clock: now, ...(record && { record }) };
}

/** A command's result: data for machines, text for people. If one is absent, the other is printed. */
export type Outcome = {
  readonly exitCode: ExitCode;
  /** An error beside the result, printed to stderr after the result. */
  readonly shortcoming?: Reported;
} & ({ readonly data: object; readonly text?: string } | { readonly data?: object; readonly text: string });

/** One of the verbs of `org-db`. */
export type Command<Options = object> = (context: Context, options: Options) => Promise<Outcome>;
