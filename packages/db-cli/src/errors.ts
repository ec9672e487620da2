/** Every code that a {@link CliError} can carry. */
export type CliErrorCode =
  | "USAGE"
  | "CONFIG_NOT_FOUND"
  | "CONFIG_FAILED"
  | "CONFIG_INVALID"
  | "URI_MISSING"
  | "DATABASE_MISSING";

/** Something wrong with how the command was called or configured. Decide on `code`, never on the message. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}

/** Exit codes of the process. */
export const exitCodes = {
  /** In sync, or done. */
  ok: 0,
  /** Something failed. */
  error: 1,
  /** The server is not as the models declare. */
  drift: 2,
  /** Could not find out: a privilege is missing or a member does not answer. */
  undecidable: 3,
  /** Locked by another process. */
  locked: 4,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
} as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
