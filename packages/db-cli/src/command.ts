import type { ExitCode } from "./errors.js";
import type { ProgressLine } from "./output/progress.js";
import type { Paint } from "./output/style.js";
import type { Session } from "./session.js";

/** What a command runs with. */
export interface Context extends Session {
  /** Given by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly progress: ProgressLine;
  readonly paint: Paint;
  now(): Date;
}

/** What a command came to: data for machines, text for people. */
export interface Outcome {
  readonly exitCode: ExitCode;
  readonly data: object;
  readonly text: string;
}

/** One of the verbs of `org-db`. */
export type Command<Options = object> = (context: Context, options: Options) => Promise<Outcome>;
