/** Every code that a {@link DevKitError} can carry. Codes are added, never renamed. */
export type DevKitErrorCode =
  /** `DB_ENGINE` names no engine that dev-kit knows. */
  | "ENGINE_KIND_UNKNOWN"
  /** No step produced a running engine; `attempts` says why, step by step. */
  | "ENGINE_UNAVAILABLE"
  /** The server that `MONGODB_URI` names does not answer. */
  | "ENGINE_EXTERNAL_UNREACHABLE"
  /** The storage folder, or the folder for temporary files, cannot be written. */
  | "ENGINE_STORAGE_NOT_WRITABLE"
  /** The folder of the engine cache cannot be written. */
  | "ENGINE_CACHE_NOT_WRITABLE"
  /** The engine works, but not with the data in this storage folder. */
  | "ENGINE_STORAGE_UNUSABLE"
  /** The engine's process ended, or did not answer in time, before it was ready. */
  | "ENGINE_START_FAILED"
  /** A program that the step needs is not on PATH. */
  | "ENGINE_TOOL_MISSING"
  /** Building, installing or downloading an engine failed. */
  | "ENGINE_BUILD_FAILED"
  /** An entry of the engine cache is incomplete or damaged. */
  | "ENGINE_CACHE_BROKEN"
  /** The caller's `signal` was aborted before the engine was ready. */
  | "ENGINE_ABORTED"
  /** The connection string cannot be parsed. */
  | "DATABASE_URI_INVALID"
  /** A temporary database was used outside the suite that owns it. */
  | "DATABASE_NOT_READY"
  /** A suite ended with connections to its temporary database still open. */
  | "DATABASE_CONNECTIONS_LEAKED";

/** One step that was tried on the way to an engine, and why it gave none. */
export interface EngineAttempt {
  /** Description of the step. */
  readonly step: string;
  readonly reason: string;
  /** A change that would make this step succeed. */
  readonly fix: string;
  readonly error: unknown;
}

export interface DevKitErrorOptions {
  readonly cause?: unknown;
  readonly fix?: string;
  readonly attempts?: readonly EngineAttempt[];
}

/** The one error class of this package. Decide on `code`, never on the message. */
export class DevKitError extends Error {
  override readonly name = "DevKitError";
  readonly code: DevKitErrorCode;
  /** The fix, if it is known. */
  readonly fix: string | undefined;
  /** Filled for `ENGINE_UNAVAILABLE`, otherwise empty. */
  readonly attempts: readonly EngineAttempt[];

  constructor(code: DevKitErrorCode, message: string, options: DevKitErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.fix = options.fix;
    this.attempts = options.attempts ?? [];
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
